"""The package as a module: what importing it costs, its settings, its names, and standing in for litellm."""

from __future__ import annotations

import ast
import importlib
import json
import logging
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import config
from edgequake_litellm.testing import LocalProvider

from .conftest import KEY, MESSAGES, run_python, wait_until

PACKAGE = Path(litellm.__file__).parent


@pytest.fixture(autouse=True)
def settings_end_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Any:
    before = {name: value for name, value in vars(litellm).items() if name in config.DEFAULTS}
    warned = set(config._warned)
    config._warned.clear()
    yield
    monkeypatch.undo()
    for name in config.DEFAULTS:
        if name in vars(litellm) and name not in before:
            delattr(litellm, name)
    config._warned.clear()
    config._warned.update(warned)
    assert config.changed == {}


def set_(name: str, value: Any) -> None:
    setattr(litellm, name, value)


# Settings ------------------------------------------------------------------------------------------------------------------


def test_key_and_address_from_settings(local_provider: LocalProvider) -> None:
    set_("api_base", local_provider.base_url)
    set_("api_key", "sk-from-settings")
    litellm.completion("openai/gpt-4o", MESSAGES)
    assert local_provider.requests[-1].headers["authorization"] == "Bearer sk-from-settings"
    set_("openai_key", "sk-of-openai")
    litellm.completion("openai/gpt-4o", MESSAGES, api_key="sk-argument")
    assert local_provider.requests[-1].headers["authorization"] == "Bearer sk-argument"
    del litellm.api_key
    litellm.completion("openai/gpt-4o", MESSAGES)
    assert local_provider.requests[-1].headers["authorization"] == "Bearer sk-of-openai"
    del litellm.openai_key, litellm.api_base


def test_settings_win_over_the_environment(local_provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("OPENAI_API_BASE", local_provider.base_url)
    litellm.completion("openai/gpt-4o", MESSAGES)
    assert local_provider.requests[-1].headers["authorization"] == "Bearer sk-environment"
    monkeypatch.setattr(litellm, "openai_key", "sk-settings")
    litellm.completion("openai/gpt-4o", MESSAGES)
    assert local_provider.requests[-1].headers["authorization"] == "Bearer sk-settings"


def test_drop_params(arguments: dict[str, Any], local_provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    with pytest.raises(litellm.UnsupportedParamsError):
        litellm.completion(**arguments, thinking=thinking)
    monkeypatch.setattr(litellm, "drop_params", True)
    litellm.completion(**arguments, thinking=thinking)
    assert "thinking" not in local_provider.requests[-1].json


def test_num_retries(arguments: dict[str, Any], local_provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "num_retries", 1)
    for _ in range(4):
        local_provider.error(503, retry_after=0)
    with pytest.raises(litellm.ServiceUnavailableError):
        litellm.completion(**arguments)
    assert len(local_provider.requests) == 2


def test_request_timeout(
    arguments: dict[str, Any], embed: dict[str, Any], local_provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "request_timeout", 0.2)
    local_provider.delay(30)
    with pytest.raises(litellm.Timeout):
        litellm.completion(**arguments, max_retries=0)
    local_provider.reset()
    local_provider.delay(30)
    with pytest.raises(litellm.Timeout):
        litellm.embedding(input="x", **embed, max_retries=0)


def test_headers(arguments: dict[str, Any], local_provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"X-Team": "a"}
    monkeypatch.setattr(litellm, "headers", headers)
    litellm.completion(**arguments)
    assert local_provider.requests[-1].headers["x-team"] == "a"
    headers["X-Team"] = "b"  # Read anew by each call.
    litellm.completion(**arguments)
    assert local_provider.requests[-1].headers["x-team"] == "b"


def test_a_setting_that_cannot_be_sent_is_named(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "ssl_verify", object())
    with pytest.raises(litellm.BadRequestError, match=r"settings\.ssl_verify"):
        litellm.completion(**arguments)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program makes the certificate")
def test_ssl_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate, both = (tmp_path / name for name in ("key.pem", "certificate.pem", "both.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=client"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    both.write_text(certificate.read_text() + key.read_text())
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(str(certificate), str(key))
    served.load_verify_locations(str(certificate))
    served.verify_mode = ssl.CERT_REQUIRED
    with LocalProvider(ssl_context=served) as provider:
        arguments = {"api_base": provider.base_url, "api_key": KEY, "ssl_verify": False, "num_retries": 0}
        with pytest.raises(litellm.APIConnectionError):
            litellm.completion("openai/gpt-4o", MESSAGES, **arguments)
        monkeypatch.setenv("SSL_CERTIFICATE", str(both))
        litellm.completion("openai/gpt-4o", MESSAGES, **arguments)
        monkeypatch.setenv("SSL_CERTIFICATE", "/no/such/file.pem")
        monkeypatch.setattr(litellm, "ssl_certificate", str(both))
        litellm.completion("openai/gpt-4o", MESSAGES, **arguments)
        assert len(provider.requests) == 2
        for path in (str(key), str(certificate), str(tmp_path / "none.pem")):
            monkeypatch.setattr(litellm, "ssl_certificate", path)
            with pytest.raises(litellm.BadRequestError, match="ssl_certificate") as raised:
                litellm.completion("openai/gpt-4o", MESSAGES, **arguments)
            assert "PRIVATE KEY" not in str(raised.value)


def test_model_alias_map(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    litellm.model_alias_map["fast"] = "openai/gpt-4o-mini"
    try:
        litellm.completion(**{**arguments, "model": "fast"})
    finally:
        litellm.model_alias_map.clear()
    assert local_provider.requests[-1].json["model"] == "gpt-4o-mini"
    set_("model_alias_map", {"slow": "openai/o3"})
    litellm.completion(**{**arguments, "model": "slow"})
    assert local_provider.requests[-1].json["model"] == "o3"
    del litellm.model_alias_map


def test_defaults_are_litellms_and_come_back() -> None:
    assert (litellm.api_key, litellm.drop_params, litellm.num_retries, litellm.request_timeout) == (
        None,
        False,
        None,
        6000,
    )
    set_("num_retries", 5)
    assert (litellm.num_retries, config.changed) == (5, {"num_retries": 5})
    del litellm.num_retries
    assert (litellm.num_retries, config.changed) == (None, {})
    before = litellm.drop_params
    set_("drop_params", True)
    assert config.changed == {"drop_params": True}
    set_("drop_params", before)
    assert config.changed == {}
    del litellm.drop_params
    del litellm.drop_params
    assert litellm.drop_params is False


def test_mock_patch_restores_settings() -> None:
    with mock.patch.object(litellm, "api_key", "sk-patched"):
        assert config.changed == {"api_key": "sk-patched"}
    assert litellm.api_key is None


def test_any_attribute_may_be_assigned(arguments: dict[str, Any]) -> None:
    set_("telemetry", False)
    set_("some_setting_of_tomorrow", {"a": object()})
    assert litellm.telemetry is False
    litellm.completion(**arguments)
    del litellm.telemetry, litellm.some_setting_of_tomorrow
    with pytest.raises(AttributeError, match="telemetry"):
        _ = litellm.telemetry


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("service_callback", ["otel"]),
        ("pre_call_rules", [print]),
        ("model_fallbacks", [{"a": ["b"]}]),
        ("provider_url_destination_allowed_hosts", ["h"]),
    ],
)
def test_what_is_not_done_is_said_once(name: str, value: Any) -> None:
    with pytest.warns(UserWarning, match=f"`{name}` is kept, but nothing acts on it") as caught:
        set_(name, value)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        set_(name, value)
        set_(name, type(value)() if isinstance(value, list) else None)


def test_lists_of_what_is_not_done_say_it_when_they_grow() -> None:
    assert litellm.pre_call_rules == []
    with pytest.warns(UserWarning, match="rules"):
        litellm.pre_call_rules.append(print)
    assert litellm.pre_call_rules == [print]
    litellm.pre_call_rules.clear()
    config._warned.clear()
    with pytest.warns(UserWarning, match="rules"):
        litellm.post_call_rules += [print]
    litellm.post_call_rules.clear()


def test_a_list_that_grows_counts_as_assigned() -> None:
    assert (litellm.user_url_validation, litellm.user_url_allowed_hosts) == (True, [])
    litellm.user_url_allowed_hosts.append("files.internal")
    assert config.changed == {"user_url_allowed_hosts": ["files.internal"]}
    with mock.patch.object(litellm, "user_url_allowed_hosts", ["other"]):
        assert config.changed == {"user_url_allowed_hosts": ["other"]}
    assert config.changed == {"user_url_allowed_hosts": ["files.internal"]}
    litellm.user_url_allowed_hosts.clear()
    del litellm.user_url_allowed_hosts
    assert config.changed == {}
    with pytest.warns(UserWarning, match="proxy"):
        litellm.provider_url_destination_allowed_hosts.append("h")
    litellm.provider_url_destination_allowed_hosts.clear()


def test_set_verbose_logs_and_shows_no_secret(
    arguments: dict[str, Any], local_provider: LocalProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="LiteLLM")
    set_("set_verbose", True)
    try:
        local_provider.error(503, retry_after=0)
        litellm.completion(
            **{**arguments, "messages": [{"role": "user", "content": "a private matter"}]}, num_retries=1
        )
        assert wait_until(lambda: "attempt 2 succeeded" in caplog.text)
    finally:
        del litellm.set_verbose
    assert KEY not in caplog.text
    assert "a private matter" not in caplog.text
    told = len(caplog.records)
    litellm.completion(**arguments)
    time.sleep(0.1)
    assert len(caplog.records) == told, "the call is told of in records of debugging alone"


_UNPRICED = """
import logging, os, threading
import edgequake_litellm as litellm

class Show(logging.Handler):
    def emit(self, record):
        os.write(1, (record.levelname + " " + record.getMessage() + "\\n").encode())
        came.set()

came = threading.Event()
logging.getLogger("LiteLLM").addHandler(Show())
litellm.register_quota("purse", [{"budget": 1}])

def ask(model):
    # Nobody knows what it costs, so that no budget counts it: a warning.
    litellm.completion(model, [{"role": "user", "content": "a secret question"}], mock_response="hi", quota="purse")
    came.wait(20)
    came.clear()

ask("openai/no-such-model")
if hasattr(os, "fork"):
    if os.fork() == 0:
        ask("openai/of-the-child")
        os._exit(0)
    os.wait()
"""


def test_warnings_are_logged_without_being_asked_for() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LITELLM_LOG"}
    command = [sys.executable, "-c", _UNPRICED]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    models = ["no-such-model", "of-the-child"] if hasattr(os, "fork") else ["no-such-model"]
    lines = run.stdout.splitlines()
    assert len(lines) == len(models)
    for model, line in zip(models, lines):
        assert line.startswith(f'WARNING the price of "{model}" is not known')
    assert "secret" not in run.stdout


def test_warnings_go_to_the_programs_own_handlers(caplog: pytest.LogCaptureFixture) -> None:
    threads = threading.active_count()
    litellm.register_quota("purse", [{"budget": 1}])
    try:
        messages = [{"role": "user", "content": "hi"}]
        litellm.completion("openai/no-such-model", messages, mock_response="hi", quota="purse")
        assert wait_until(lambda: caplog.records)
    finally:
        litellm.register_quota("purse", None)
    record = caplog.records[0]
    assert (record.name, record.levelname) == ("LiteLLM", "WARNING")
    assert 'the price of "no-such-model" is not known' in record.getMessage()
    assert threading.active_count() <= threads + 1


def test_a_filter_that_raises_ends_neither_the_records_nor_the_program() -> None:
    program = """
import logging, sys, time, edgequake_litellm as litellm
litellm.set_verbose = False
told = []
def filter(record):
    told.append(record.getMessage())
    raise ZeroDivisionError("the filter's own")
logging.getLogger("LiteLLM").addFilter(filter)
for number in range(3):
    name = f"purse-{number}"
    litellm.register_quota(name, [{"budget": 1}])
    litellm.completion(f"openai/no-such-{number}", [{"role": "user", "content": "hi"}], mock_response="hi", quota=name)
    until = time.monotonic() + 10
    while len(told) <= number and time.monotonic() < until:
        time.sleep(0.01)
print(len(told))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "3\n"
    assert "ZeroDivisionError: the filter's own" in run.stderr


# Names ---------------------------------------------------------------------------------------------------------------------


def test_a_debug_record_for_each_attempt() -> None:
    """What somebody who waits wants to know: who was asked, how often, what came of it and how long it took."""
    program = """
import os, edgequake_litellm as litellm
litellm.completion("openai/gpt-4o", [{"role": "user", "content": "a secret question"}], num_retries=1)
import logging, time
time.sleep(1.5)
"""
    with LocalProvider() as provider:
        provider.error(503, "overloaded", retry_after=0)
        environment = {
            "LITELLM_LOG": "DEBUG",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": provider.base_url + "?token=hidden",
        }
        command = [sys.executable, "-c", program]
        run = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr
    lines = [line for line in run.stderr.splitlines() if "DEBUG: attempt" in line]
    told = [json.loads(line[line.index("{") :]) for line in lines]
    assert [record.pop("ms") >= 0 for record in told] == [True, True]
    # The program gave the call no id: one is made up, by which the records of one call are told from others.
    assert len({record.pop("call_id") for record in told}) == 1
    common = {"provider": "openai", "model": "gpt-4o", "host": f"127.0.0.1:{provider.port}"}
    assert told == [
        {**common, "attempt": 1, "status": 503, "kind": "ServiceUnavailableError"},
        {**common, "attempt": 2, "status": 200, "kind": None},
    ]
    assert ["attempt 1 failed" in lines[0], "attempt 2 succeeded" in lines[1]] == [True, True]
    assert not any(secret in run.stderr for secret in (KEY, "hidden", "secret question"))


def test_every_listed_name_can_be_had_and_is_declared_for_type_checkers() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    homes = {name for name in litellm._HOMES if not name.startswith("_") and name != "verbose_logger"}
    assert declared == homes | {"anthropic_interface", "exceptions", "main", "types", "utils"}
    for name in litellm._HOMES:
        assert getattr(litellm, name) is not None


def test_unknown_names_are_named() -> None:
    for name in ("no_such_name", "no_such_thing"):
        with pytest.raises(AttributeError, match=name):
            getattr(litellm, name)
    with pytest.raises(ImportError):
        exec("from edgequake_litellm import no_such_thing")


def test_dir_is_what_programs_walk_through() -> None:
    names = dir(litellm)
    assert {"completion", "acompletion", "api_key", "RateLimitError", "ModelResponse", "utils", "__version__"} <= set(
        names
    )
    # aider takes each name that ends in "Error" for an exception that it must know.
    assert not {"PaymentRequiredError", "PermissionDeniedError", "ModelNotMappedError", "VectorStoreSearchError"} & set(
        names
    )
    assert all(hasattr(litellm, name) for name in names)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (
            "main",
            ["completion", "acompletion", "embedding", "stream_chunk_builder", "CustomStreamWrapper", "ModelResponse"],
        ),
        (
            "utils",
            ["get_llm_provider", "ModelResponse", "Message", "CustomStreamWrapper", "get_supported_openai_params"],
        ),
        ("exceptions", ["RateLimitError", "ContextWindowExceededError"]),
        ("types.utils", ["ModelResponse", "Delta", "ChatCompletionDeltaToolCall", "ModelResponseBase"]),
        ("types.llms.openai", ["ChatCompletionAnnotation"]),
        ("litellm_core_utils.streaming_handler", ["CustomStreamWrapper"]),
        ("litellm_core_utils.get_supported_openai_params", ["get_supported_openai_params"]),
        ("litellm_core_utils.get_llm_provider_logic", ["get_llm_provider"]),
    ],
)
def test_module_paths_have_the_same_objects(module: str, names: list[str]) -> None:
    found = importlib.import_module(f"edgequake_litellm.{module}")
    for name in names:
        assert getattr(found, name) is getattr(litellm, name, getattr(found, name))


def test_get_llm_provider() -> None:
    assert litellm.get_llm_provider("gpt-4o")[:2] == ("gpt-4o", "openai")
    model, provider, _, address = litellm.get_llm_provider("groq/llama-3.3-70b-versatile")
    assert (model, provider, address) == ("llama-3.3-70b-versatile", "groq", "https://api.groq.com/openai/v1")
    with pytest.raises(litellm.BadRequestError, match="LLM Provider NOT provided"):
        litellm.get_llm_provider("nobody-knows-this-model")


def test_get_supported_openai_params() -> None:
    chat = litellm.get_supported_openai_params("gpt-4o")
    assert chat is not None
    assert {"temperature", "tools", "response_format"} <= set(chat)
    assert "reasoning_effort" in (litellm.get_supported_openai_params("o3-mini", "openai") or [])
    embeddings = litellm.get_supported_openai_params("text-embedding-3-small", request_type="embeddings") or []
    assert "dimensions" in embeddings
    assert litellm.get_supported_openai_params("m", custom_llm_provider="nobody") is None


# Importing -----------------------------------------------------------------------------------------------------------------


def test_importing_starts_nothing_and_loads_little() -> None:
    out = run_python(
        """
        import json, sys
        before = set(sys.modules)
        import edgequake_litellm
        loaded = sorted(set(sys.modules) - before)
        import os, threading
        sockets = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit()
                   and os.path.exists(f"/proc/self/fd/{fd}")] if os.path.isdir("/proc/self/fd") else []
        print(json.dumps({"loaded": loaded, "threads": threading.active_count(),
                          "sockets": [name for name in sockets if "socket" in name or "eventfd" in name]}))
        """
    )
    found = json.loads(out)
    assert set(found["loaded"]) <= {"__future__", "edgequake_litellm", "edgequake_litellm.config"}
    assert (found["threads"], found["sockets"]) == (1, [])


def test_a_call_loads_neither_pydantic_nor_openai(arguments: dict[str, Any]) -> None:
    run_python(
        f"""
        import sys
        import edgequake_litellm as litellm
        litellm.completion(**{arguments!r})
        list(litellm.completion(**{arguments!r}, stream=True))
        heavy = {{"pydantic", "openai", "httpx", "asyncio", "requests", "aiohttp", "typing_extensions"}} & set(sys.modules)
        assert not heavy, heavy
        """
    )


def test_version_is_the_librarys() -> None:
    from edgequake_litellm._native import library_version

    assert litellm.__version__ == library_version()


def test_type_checkers_see_the_package(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed: `make test` installs it, but there is none for PyPy")
    program = tmp_path / "program.py"
    program.write_text(
        "import edgequake_litellm as litellm\n"
        "litellm.api_key = 'k'\n"
        "litellm.drop_params = True\n"
        "reveal_type(litellm.completion)\n"
        "reveal_type(litellm.RateLimitError)\n"
        "litellm.completion(7)\n"
    )
    # mypy finds an installed package by itself, and refuses to be shown the way to it.
    path = {} if "site-packages" in PACKAGE.parts else {"MYPYPATH": str(PACKAGE.parent)}
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **path},
        check=False,
    )
    errors = [line for line in checked.stdout.splitlines() if "program.py" in line and "error" in line]
    assert len(errors) == 1, checked.stdout
    assert 'incompatible type "int"; expected "str"' in errors[0]
    assert "ModelResponse" in checked.stdout


# In litellm's place --------------------------------------------------------------------------------------------------------


def test_install_as_litellm(arguments: dict[str, Any]) -> None:
    run_python(
        f"""
        import importlib.metadata, importlib.util, sys
        import edgequake_litellm

        edgequake_litellm.install_as_litellm()
        edgequake_litellm.install_as_litellm()
        import litellm
        from litellm import completion, RateLimitError
        from litellm.types.utils import ModelResponse
        from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
        import litellm.exceptions, litellm.utils

        assert litellm is edgequake_litellm
        assert completion is edgequake_litellm.completion
        assert sys.modules["litellm.types.utils"] is sys.modules["edgequake_litellm.types.utils"]
        assert litellm.types.utils.ModelResponse is ModelResponse is edgequake_litellm.ModelResponse
        assert litellm.exceptions.RateLimitError is RateLimitError
        assert CustomStreamWrapper is litellm.CustomStreamWrapper
        assert edgequake_litellm.types.__spec__.name == "edgequake_litellm.types"
        assert importlib.util.find_spec("litellm") is not None
        assert importlib.util.find_spec("litellm.no_such_module") is None
        assert importlib.metadata.version("litellm").split(".")[0] == "1"
        assert importlib.metadata.metadata("litellm")["Name"] == "litellm"
        try:
            import litellm.no_such_module
        except ModuleNotFoundError as error:
            assert "litellm.no_such_module" in str(error)
        else:
            raise AssertionError("a module that nobody wrote")

        litellm.api_key = "sk-through-the-alias"
        assert edgequake_litellm.config.changed == {{"api_key": "sk-through-the-alias"}}
        response = litellm.completion(**{arguments!r})
        assert isinstance(response, ModelResponse)
        """
    )


def test_install_as_litellm_beside_litellm() -> None:
    run_python(
        """
        import sys, types
        import edgequake_litellm

        sys.modules["litellm"] = types.ModuleType("litellm")
        try:
            edgequake_litellm.install_as_litellm()
        except RuntimeError as error:
            assert "before the first" in str(error)
        else:
            raise AssertionError("two packages of one name")
        """
    )


def test_by_hand_as_programs_do_it() -> None:
    run_python(
        """
        import sys
        import edgequake_litellm

        sys.modules["litellm"] = edgequake_litellm
        import litellm
        import litellm.types.utils
        from litellm.exceptions import RateLimitError

        litellm.drop_params = True
        assert edgequake_litellm.config.changed == {"drop_params": True}
        """
    )
