"""``python -m edgequake_litellm.testing``: serves the local provider until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from typing import List, Optional

from ._provider import LocalProvider


def parse_arguments(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m edgequake_litellm.testing",
        description="Serves OpenAI's API with made-up answers on this machine, until Ctrl-C.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    parser.add_argument("--port-file", metavar="FILE", help="write the port to FILE when the server is ready")
    parser.add_argument("--api-key", metavar="KEY", help="accept only this key (default: any)")
    parser.add_argument("--no-key", action="store_true", help="accept requests without a key")
    parser.add_argument("--model", action="append", metavar="NAME", help="know only this model; may be repeated")
    parser.add_argument("--gap", type=float, default=0.0, metavar="SECONDS", help="wait before each chunk of a stream")
    return parser.parse_args(arguments)


def write_port(path: str, port: int) -> None:
    """Writes the file in one step, so that a reader who sees it sees the whole number."""
    part = f"{path}.{os.getpid()}"
    with open(part, "w", encoding="ascii") as file:
        file.write(f"{port}\n")
    os.replace(part, path)


def main(arguments: Optional[List[str]] = None) -> int:
    given = parse_arguments(arguments)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    provider = LocalProvider(
        host=given.host,
        port=given.port,
        api_key=given.api_key,
        require_key=not given.no_key,
        models=given.model,
        gap=given.gap,
        keep_requests=1,
    )
    try:
        provider.start()
    except OSError as error:
        print(f"cannot listen on {given.host}:{given.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    try:
        if given.port_file is not None:
            write_port(given.port_file, provider.port)
        print(provider.base_url, flush=True)
        # In slices, because on Windows a wait without end keeps the signal's handler from running.
        while not stop.wait(0.5):
            pass
    finally:
        provider.close()
        if given.port_file is not None and os.path.exists(given.port_file):
            os.remove(given.port_file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
