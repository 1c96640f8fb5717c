"""A provider that answers whatever a test tells it to, at any path: for protocols that the local provider does not speak."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

Self = TypeVar("Self", bound="CannedServer")


class Request:
    """What reached the server."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.method: str = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class CannedServer:
    """Gives each answer of `answer` once, in their order, unless a subclass has another `respond`. A context manager."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._answers: list[tuple[int, dict[str, str], bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = Request(self, self.rfile.read(int(self.headers.get("content-length", 0))))
                server.requests.append(request)
                status, headers, content = server.respond(request)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """A test's output is not a log."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # Each answer ends its connection and its thread, which closing the server waits for: nothing is left to warn of.
        self._http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, content: Any, status: int = 200, **headers: str) -> None:
        """`content` is bytes, or anything that JSON can hold. Names of headers are written with underscores."""
        headers.setdefault("content_type", "application/json")
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, body))

    def respond(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the body of the answer to a request."""
        return self._answers.pop(0)

    def __enter__(self: Self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
