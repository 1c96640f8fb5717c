"""Installs aimock with npm and runs it. Its version is pinned in package.json."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Iterator

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
INSTALLED = REPOSITORY / ".cache" / "aimock"
PACKAGE = INSTALLED / "node_modules" / "@copilotkit" / "aimock"

OLDEST_NODE = (20, 15)
"""What aimock's package.json asks for."""


def what_is_missing() -> str | None:
    """Why aimock cannot run on this machine; None where it can."""
    node, npm = shutil.which("node"), shutil.which("npm")
    oldest = ".".join(map(str, OLDEST_NODE))
    if node is None or npm is None:
        return f"aimock needs Node.js {oldest} or later with npm, and this machine has none: install nodejs to run these tests"
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_NODE:
        return f"aimock needs Node.js {oldest} or later, and this machine has {version}: install a newer one to run these tests"
    return None


def install() -> None:
    """Installs the version of package-lock.json, unless it is there."""
    lock = (HERE / "package-lock.json").read_text(encoding="utf-8")
    done = INSTALLED / "installed-lock.json"
    if done.exists() and done.read_text(encoding="utf-8") == lock:
        return
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, INSTALLED / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    ran = subprocess.run(command, check=False, cwd=INSTALLED, capture_output=True, text=True, timeout=300)
    if ran.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` failed in {INSTALLED}:\n{ran.stdout}{ran.stderr}")
    # Written last: an installation that was interrupted is made again.
    done.write_text(lock, encoding="utf-8")


class Server:
    """A running aimock, on a port that the system chose."""

    def __init__(self) -> None:
        command = [
            *("node", str(PACKAGE / "dist" / "cli.js"), "--port", "0", "--chunk-size", "5"),
            *("--fixtures", str(HERE / "fixtures.json"), "--validate-on-load"),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            self.host, self.port = self._address()
        except BaseException:
            self.stop()
            raise
        self.url = f"http://{self.host}:{self.port}"

    def _address(self) -> tuple[str, int]:
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            found = re.search(r"listening on http://([^:/]+):(\d+)", line)
            if found:
                return found[1], int(found[2])
        raise RuntimeError("aimock did not start:\n" + "".join(said))

    def stop(self) -> None:
        # Not terminated: it would wait for the connections that the package keeps open, and has nothing to save.
        self.process.kill()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def journal(self, test_id: str) -> list[dict[str, Any]]:
        """The requests that carried `test_id`, as aimock saw them. Keys are hidden in them by aimock itself."""
        client = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            client.request("GET", f"/__aimock/journal?testId={test_id}")
            answer = client.getresponse()
            body = answer.read()
        finally:
            client.close()
        assert answer.status == 200, body
        entries: list[dict[str, Any]] = json.loads(body)
        return entries


def running() -> Iterator[Server]:
    """Installs and starts a server, and stops it at the end."""
    install()
    server = Server()
    try:
        yield server
    finally:
        server.stop()
