"""A cache on disk: shared by processes, and a miss whatever happens to its files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import edgequake_litellm as litellm

from ..conftest import run_python, start_python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def use(folder: Path, **more: Any) -> Any:
    litellm.cache = made = litellm.Cache(type="disk", disk_cache_dir=str(folder), **more)
    return made


def test_answers_outlive_the_program(folder, local_provider, arguments):
    # The program ends with its last answer: that one is kept too.
    program = f"""
        import edgequake_litellm as litellm
        litellm.cache = litellm.Cache(type="disk", disk_cache_dir={str(folder)!r})
        messages = [{{"role": "user", "content": "Say hello"}}]
        print(litellm.completion("openai/gpt-4o", messages, api_base={local_provider.base_url!r}, api_key="k").id)
    """
    first, second = run_python(program), run_python(program)
    assert first == second
    assert len(local_provider.requests) == 1


def test_no_key_and_no_other_user_may_read_it(folder, arguments):
    use(folder)
    litellm.completion(**arguments)
    (file,) = files(folder)
    assert arguments["api_key"].encode() not in file.read_bytes()
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_damaged_file_is_a_miss(folder, local_provider, arguments):
    use(folder)
    litellm.completion(**arguments)
    (file,) = files(folder)
    good = file.read_bytes()
    places = range(0, len(good), max(1, len(good) // 60))
    for number, place in enumerate(places):
        bad = bytearray(good)
        bad[place] ^= 1 << (number % 8)
        file.write_bytes(bad)
        response = litellm.completion(**arguments)
        assert response._hidden_params["cache_hit"] is None, place
    file.write_bytes(good[: len(good) // 2])
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is None
    assert len(local_provider.requests) == 2 + len(places)
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is True


@pytest.mark.skipif(os.name != "posix", reason="limits on the size of files are POSIX's")
def test_a_full_disk_costs_no_answer(folder, local_provider):
    out = run_python(
        f"""
        import logging, resource, signal, threading
        import edgequake_litellm as litellm

        class Show(logging.Handler):
            def emit(self, record):
                warned.append(record.getMessage())
                came.set()

        warned, came = [], threading.Event()
        logging.getLogger("LiteLLM").addHandler(Show())
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        litellm.cache = litellm.Cache(type="disk", disk_cache_dir={str(folder)!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        messages = [{{"role": "user", "content": "Say hello"}}]
        for _ in range(3):
            answer = litellm.completion("openai/gpt-4o", messages, api_base={local_provider.base_url!r}, api_key="k")
            print(answer._hidden_params["cache_hit"])
        came.wait(20)
        print(warned[0])
        """
    )
    *hits, warning = out.splitlines()
    assert hits == ["None"] * 3
    assert "cannot be written" in warning
    assert len(local_provider.requests) == 3
    assert not files(folder)


@pytest.mark.parametrize("place", ["file", "missing"])
def test_a_place_that_cannot_be_written_costs_no_answer(tmp_path, local_provider, arguments, caplog, place):
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "cache" if place == "file" else Path("/proc/no-such-folder/cache")
    with pytest.warns(UserWarning, match="nothing can be kept in `disk_cache_dir`.*cache"):
        cache = use(folder)
    for _ in range(3):
        assert litellm.completion(**arguments).choices[0].message.content
    assert len(local_provider.requests) == 3
    with pytest.raises(litellm.ServiceUnavailableError, match="the cache does not work"):
        cache.cache.sync_ping()


_KILLER = """
import os, random, signal, sys, time
import edgequake_litellm as litellm
litellm.cache = litellm.Cache(type="disk", disk_cache_dir=sys.argv[1])
chance, killed = random.Random(7), 0

def write(told):
    number = 0
    while True:
        text = f"{number % 40}:" + str(number % 40) * 20000
        os.write(told, b"(")
        litellm.completion(
            "openai/gpt-4o", [{"role": "user", "content": f"{number % 40}"}], mock_response=text, cache={"no-cache": True}
        )
        os.write(told, b")")
        number += 1

while killed < int(sys.argv[2]):
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        write(told)
    os.close(told)
    # The first call makes the client; the second shows how long a write takes.
    assert [os.read(heard, 1) for _ in range(3)] == [b"(", b")", b"("]
    began = time.monotonic()
    assert [os.read(heard, 1) for _ in range(2)] == [b")", b"("]
    time.sleep(chance.random() * (time.monotonic() - began))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    killed += not os.read(heard, 1000)  # The write that it had begun has not ended.
    os.close(heard)
print(killed)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork, and no SIGKILL")
def test_200_kills_in_the_middle_of_a_write_leave_nothing_half(folder):
    use(folder)

    def hits() -> int:
        found = 0
        for number in range(40):
            # What the cache lacks is made here, with the same text. A hit is the writer's: it must be whole.
            text = f"{number}:" + str(number) * 20000
            answer = litellm.completion(
                "openai/gpt-4o",
                [{"role": "user", "content": f"{number}"}],
                mock_response=text,
                cache={"no-store": True},
            )
            assert answer.choices[0].message.content == text
            found += answer._hidden_params["cache_hit"] is True
        return found

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _KILLER, str(folder), "200"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as killer:
        read = 0
        # While writers die, and after the last one.
        while killer.poll() is None:
            read += hits()
        assert killer.stdout is not None
        assert killer.stdout.read() == "200\n"
    assert hits() > 1
    assert read > 200


def test_eight_processes_share_it(folder, local_provider):
    program = f"""
        import edgequake_litellm as litellm
        litellm.cache = litellm.Cache(type="disk", disk_cache_dir={str(folder)!r})
        for round in range(3):
            for number in range(20):
                answer = litellm.completion(
                    "openai/gpt-4o", [{{"role": "user", "content": f"question {{number}}"}}],
                    api_base={local_provider.base_url!r}, api_key="k",
                )
                assert answer.choices[0].message.content == f"You said: question {{number}}", answer
    """
    processes = [start_python(program) for _ in range(8)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")
    # In the first round some ask at the same time; from then on nobody needs the provider.
    assert 20 <= len(local_provider.requests) <= 160
    assert len(files(folder)) == 20


def test_what_does_not_fit_goes(folder, local_provider, arguments):
    use(folder, max_bytes=20000)
    for number in range(60):
        litellm.completion(**{**arguments, "messages": [{"role": "user", "content": f"{number} " + "x" * 300}]})
    assert sum(file.stat().st_size for file in files(folder)) <= 22000
    assert len(local_provider.requests) == 60


def test_only_its_own_files_are_removed(folder, arguments):
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"another library's")
    cache = use(folder)
    litellm.completion(**arguments)
    assert len(files(folder)) == 2
    cache.flushall()
    assert [file.name for file in files(folder)] == ["cache.db"]


def test_a_cache_of_another_format_is_a_miss(folder, local_provider, arguments):
    use(folder)
    litellm.completion(**arguments)
    (file,) = files(folder)
    file.write_bytes(b"EQCACHE9" + file.read_bytes()[8:])
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is None
    assert len(local_provider.requests) == 2
