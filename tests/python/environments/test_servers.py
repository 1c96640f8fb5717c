"""gunicorn's and Celery's workers: processes forked from one that may have made calls before."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from edgequake_litellm.testing import LocalProvider

from . import programs

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")

# The module makes calls while it is imported: with --preload in the master, before the workers are forked.
APPLICATION = (
    programs.PREAMBLE
    + """
first = ask()
kept = litellm.completion(**arguments, stream=True)
next(kept)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    path = environ["PATH_INFO"]
    streamed = text(litellm.completion(**{**arguments, "messages": [{"role": "user", "content": path}]}, stream=True))
    return [json.dumps([os.getpid(), first, ask(path), streamed]).encode()]
"""
)


def accepts(address: str) -> bool:
    """Whether somebody listens there."""
    host, port = address.removeprefix("http://").split(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Asks a server to end and returns its exit code and what it wrote on stderr."""
    process.send_signal(signal.SIGTERM)
    try:
        _, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"the server does not end: {process.communicate()}") from None
    return process.returncode, err


@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_gunicorn(tmp_path: Path, arguments: dict[str, Any], worker: str, preload: bool) -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is not installed; the package does not need it")
    if worker == "gevent":
        pytest.importorskip("gevent", reason="gevent is not installed; the package does not need it")
    (tmp_path / "application.py").write_text(APPLICATION, encoding="utf-8")
    log = tmp_path / "error.log"
    with LocalProvider(gap=0.02) as provider, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        address = "http://{}:{}".format(*listener.getsockname())
        bind, inherited = f"fd://{listener.fileno()}", [listener.fileno()]
        if sys.implementation.name == "pypy":
            # gunicorn asks a descriptor for the address of another kind of socket, and PyPy answers with chance bytes.
            bind, inherited = address.removeprefix("http://"), []
            listener.close()
        options = ["--bind", bind, "--workers", "2", "--worker-class", worker, "--threads", "4"]
        options += ["--error-logfile", str(log), "--chdir", str(tmp_path), "--worker-tmp-dir", str(tmp_path)]
        options += ["--preload"] if preload else []
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, "application:application"],
            env={**programs.environment({**arguments, "api_base": provider.base_url}), "HOME": str(tmp_path)},
            pass_fds=inherited,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

        def get(number: int) -> Any:
            with urlopen(f"{address}/{number}", timeout=30) as response:
                return json.load(response)

        workers = set()
        deadline = time.monotonic() + 30
        try:
            while not inherited and not accepts(address) and time.monotonic() < deadline:
                time.sleep(0.05)
            while len(workers) < 2 and time.monotonic() < deadline:
                with ThreadPoolExecutor(12) as pool:
                    for number, (pid, first, answered, streamed) in enumerate(pool.map(get, range(12))):
                        workers.add(pid)
                        assert first == "You said: Say hello"
                        assert (answered, streamed) == (f"You said: /{number}",) * 2
        finally:
            ended = end(process)
        assert ended == (0, ""), log.read_text(encoding="utf-8")
        assert len(workers) == 2
        for word in ("Traceback", "TIMEOUT", "SIGKILL"):
            assert word not in log.read_text(encoding="utf-8")
        assert provider.wait_idle()


CELERY = (
    programs.PREAMBLE
    + """
from celery import Celery

where = os.environ["FOLDER"]
folders = {"data_folder_in": where + "/messages", "data_folder_out": where + "/messages", "control_folder": where + "/control"}
app = Celery("tasks", broker="filesystem://", backend="file://" + where + "/results")
app.conf.update(broker_transport_options=folders, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
first = ask()

@app.task
def answer(content):
    streamed = text(litellm.completion(**{**arguments, "messages": [{"role": "user", "content": content}]}, stream=True))
    return os.getpid(), os.getppid(), ask(content), streamed

@app.task
def refused():
    litellm.completion(**{**arguments, "model": "openai/no-such-model"})
"""
)

CLIENT = """
import tasks
results = [tasks.answer.delay(f"number {number}") for number in range(12)]
failed = tasks.refused.delay()
print(json.dumps([result.get(timeout=60) for result in results]))
try:
    failed.get(timeout=60)
except Exception as error:
    print(type(error).__name__)
"""


def test_celery_prefork(tmp_path: Path, arguments: dict[str, Any]) -> None:
    pytest.importorskip("celery", reason="Celery is not installed; the package does not need it")
    for name in ("messages", "control", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "tasks.py").write_text(CELERY, encoding="utf-8")
    with LocalProvider(models=["gpt-4o"]) as provider:
        variables = programs.environment({**arguments, "api_base": provider.base_url})
        variables.update(FOLDER=str(tmp_path), PYTHONPATH=os.pathsep.join((str(tmp_path), variables["PYTHONPATH"])))
        options = ["--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"]
        options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "worker", *options],
            env={**variables, "C_FORCE_ROOT": "1"},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            client = subprocess.run(
                [sys.executable, "-c", programs.PREAMBLE + CLIENT],
                env=variables,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
        finally:
            code, err = end(worker)
        assert (client.returncode, client.stderr) == (0, ""), client.stderr + err
        answers, failure = client.stdout.splitlines()
        for number, (pid, parent, answered, streamed) in enumerate(json.loads(answers)):
            assert (pid != worker.pid, parent) == (True, worker.pid), "a forked child makes the calls"
            assert (answered, streamed) == (f"You said: number {number}",) * 2
        assert failure == "NotFoundError"
        assert code == 0
        assert provider.wait_idle()
