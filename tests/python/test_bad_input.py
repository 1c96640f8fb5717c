"""What must not be sent, and what must not be believed: a typed exception with cause and cure, before any network where it can be."""

from __future__ import annotations

import decimal
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgequake_litellm as litellm
from edgequake_litellm import _request
from edgequake_litellm.testing import LocalProvider

from .conftest import KEY, MESSAGES, run_python

LONE = "\ud83e"


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


class Secretive:
    """An object that must not be shown."""

    def __repr__(self) -> str:
        return KEY


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a lone surrogate": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "ok " + LONE}]}]},
        r"messages\[0\]\.content\[0\]\.text",
        "U\\+D83E at index 3",
    ),
    "a lone surrogate in a key": ({"extra_body": {LONE: 1}}, "extra_body", "key with a lone surrogate"),
    "NaN": ({"temperature": float("nan")}, "temperature", "finite"),
    "infinity": ({"extra_body": {"a": [0.0, float("-inf")]}}, r"extra_body\.a\[1\]", "finite"),
    "a set": ({"stop": {"a"}}, "stop", "Make it a list"),
    "a generator": ({"stop": (text for text in "ab")}, "stop", "Make it a list"),
    "bytes": ({"messages": [{"role": "user", "content": b"abc"}]}, r"messages\[0\]\.content", "Decode it"),
    "a Decimal": ({"temperature": decimal.Decimal("0.5")}, "temperature", "Make it a float"),
    "a class": ({"tools": [dict]}, r"tools\[0\]", "not its class"),
    "an object": ({"metadata": {"a": Secretive()}, "extra_body": {"b": Secretive()}}, r"\.[ab]", "a Secretive"),
    "a tuple as key": ({"extra_body": {(1, 2): 3}}, "extra_body", "a tuple"),
    "a circle": ({"extra_body": {"a": circle()}}, "extra_body", "contains itself"),
    "a number without end": ({"seed": 10**5000}, "seed", "digits"),
    "a timeout in words": ({"timeout": "a while"}, "timeout", "number of seconds"),
    "a timeout that is a list": ({"timeout": [1]}, "timeout", "not a list"),
    "an unknown response_format": ({"response_format": dict}, "response_format", "pydantic model class"),
    "a response_format object": ({"response_format": Secretive()}, "response_format", "an object of Secretive"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_arguments_are_named(arguments: dict[str, Any], local_provider: LocalProvider, name: str) -> None:
    bad, place, cure = BAD_ARGUMENTS[name]
    with pytest.raises(litellm.BadRequestError, match=place) as raised:
        litellm.completion(**{**arguments, **bad})
    error = raised.value
    assert re.search(cure, str(error)), str(error)
    assert (error.status_code, error.llm_provider) == (400, "openai")
    assert error.model in ("openai/gpt-4o", "gpt-4o")
    assert KEY not in str(error)
    assert local_provider.requests == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
@pytest.mark.parametrize("name", ["api_key", "api_base", "extra_headers", "organization", "model"])
def test_h13_line_ends_and_nul_never_leave(
    arguments: dict[str, Any], local_provider: LocalProvider, name: str, value: str
) -> None:
    bad: Any = {"X-Mine": value} if name == "extra_headers" else arguments.get(name, "") + value
    if name == "model":
        # A model is text in a JSON body, where these are legal; it is in the address for Azure.
        bad = "azure/d" + value
        arguments = {**arguments, "api_version": "2024-10-21", "api_base": local_provider.origin}
    with pytest.raises(litellm.BadRequestError) as raised:
        litellm.completion(**{**arguments, name: bad})
    assert value not in str(raised.value)
    assert KEY not in str(raised.value)
    assert local_provider.requests == []


@pytest.mark.parametrize("name", ["X-Ünï", "X Y", "X:Y", "", "X\r\n"])
def test_h13_names_of_headers(arguments: dict[str, Any], local_provider: LocalProvider, name: str) -> None:
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**arguments, extra_headers={name: "v"})
    assert local_provider.requests == []


WRONG_TYPES: dict[str, list[Any]] = {
    "model": [None, 7, ["gpt-4o"], {}, ""],
    "messages": [None, "hi", 7, {"role": "user"}, [7], ["hi"], [None]],
    "api_key": [7, ["k"], {"a": 1}],
    "api_base": [7, ["k"], "no address", "ftp://host/v1"],
    "extra_headers": ["X: y", [1], {"X": {"a": 1}}],
    "num_retries": ["many", -1, 1.5, [1]],
    "stream": ["yes", 7, [1]],
    "timeout": [-1, {"connect": "x"}, [1]],
    "extra_body": ["text", [1], 7],
    "custom_llm_provider": [7, "nobody"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_TYPES.items() for value in values], ids=repr
)
def test_wrong_types_are_refused(
    arguments: dict[str, Any], local_provider: LocalProvider, name: str, value: Any
) -> None:
    with pytest.raises(litellm.BadRequestError) as raised:
        litellm.completion(**{**arguments, name: value})
    assert raised.value.status_code == 400
    assert KEY not in str(raised.value)
    assert local_provider.requests == []


def test_empty_messages_are_the_providers_to_judge(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**{**arguments, "messages": []})


def test_unknown_providers(local_provider: LocalProvider) -> None:
    with pytest.raises(litellm.BadRequestError, match="LLM Provider NOT provided"):
        litellm.completion("nobody-knows-this-model", MESSAGES, api_key=KEY)


def test_missing_keys_name_the_variable(local_provider: LocalProvider) -> None:
    with pytest.raises(litellm.AuthenticationError, match="OPENAI_API_KEY") as raised:
        litellm.completion("openai/gpt-4o", MESSAGES)
    assert (raised.value.status_code, raised.value.llm_provider) == (401, "openai")
    with pytest.raises(litellm.AuthenticationError, match="GROQ_API_KEY"):
        litellm.completion("groq/llama-3.3-70b-versatile", MESSAGES)


def test_unsupported_parameters(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    with pytest.raises(litellm.UnsupportedParamsError, match="thinking"):
        litellm.completion(**arguments, **thinking)
    assert local_provider.requests == []
    litellm.completion(**arguments, **thinking, drop_params=True)
    assert "thinking" not in local_provider.requests[-1].json
    litellm.completion(**arguments, **thinking, allowed_openai_params=["thinking"])
    assert local_provider.requests[-1].json["thinking"] == thinking["thinking"]


def test_too_many_positional_arguments() -> None:
    with pytest.raises(TypeError):
        litellm.completion(*range(60))
    with pytest.raises(TypeError):
        litellm.completion()  # type: ignore[call-arg]


# What comes back -----------------------------------------------------------------------------------------------------------

TYPED = (*litellm.LITELLM_EXCEPTION_TYPES, litellm.exceptions.MidStreamFallbackError)
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "a page of HTML": {"body": HTML, "content_type": "text/html"},
    "HTML that says it is JSON": {"body": HTML},
    "nothing": {"body": ""},
    "half of a JSON": {"body": '{"id": "chatcmpl-1", "choices": [{'},
    "a JSON that is no object": {"body": '["a"]'},
    "an object without choices": {"body": '{"id": "x"}'},
    "an error inside a 200": {"body": '{"error": {"message": "over capacity", "type": "server_error", "code": null}}'},
    "a number as choices": {"body": '{"choices": 7}'},
    "a choice that is none": {"body": '{"choices": [7]}'},
    "a choice without a message": {"body": '{"choices": [{"index": 0}]}'},
    "bytes that are no text": {"body": b'{"choices": "\xff\xfe"}'},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_s14_bad_answers_raise(
    arguments: dict[str, Any], local_provider: LocalProvider, name: str, stream: bool
) -> None:
    local_provider.raw(**BAD_ANSWERS[name], headers={"x-request-id": "req_13"})

    def ask() -> Any:
        answer = litellm.completion(**arguments, stream=stream, num_retries=0)
        return list(answer) if stream else answer

    with pytest.raises(TYPED) as raised:
        ask()
    error: Any = raised.value
    assert error.status_code >= 400
    assert (error.llm_provider, error.request_id) == ("openai", "req_13")
    if "502" in str(BAD_ANSWERS[name]["body"]):
        assert "502 Bad Gateway" in str(error), "what came is part of the message"
    if "over capacity" in str(BAD_ANSWERS[name]["body"]):
        assert "over capacity" in str(error)


def test_s11_an_event_of_60_mb_is_an_error_or_arrives(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    text = "x" * 60_000_000
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    first = {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}
    last = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in (first, last)) + "data: [DONE]\n\n"
    local_provider.raw(body, content_type="text/event-stream")
    chunks = list(litellm.completion(**arguments, stream=True))
    assert chunks[0].choices[0].delta.content == text
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_s11_an_event_beyond_the_cap_is_an_error(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.raw("data: " + "x" * 70_000_000, content_type="text/event-stream")
    with pytest.raises(TYPED, match="64 MiB"):
        list(litellm.completion(**arguments, stream=True))


# Anything at all -----------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values))
def test_what_json_has_is_encoded_as_python_does(fields: dict[str, Any]) -> None:
    try:
        encoded = _request.encode(fields)
    except litellm.BadRequestError as error:
        assert "lone surrogate" in str(error)  # noqa: PT017  # the other outcome is checked below
        with pytest.raises(UnicodeEncodeError):
            json.dumps(fields, ensure_ascii=False).encode()
    else:
        assert json.loads(encoded) == fields
        assert b"\n" not in encoded


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.builds(object)
    | st.builds(lambda: int)
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.sets(st.integers())
        | st.dictionaries(st.text() | st.tuples(st.integers()) | st.binary() | st.floats(), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["messages", "temperature", "tools", "extra_body", "timeout", "metadata"]), anything
    )
)
def test_any_argument_is_sent_or_refused(bad: dict[str, Any]) -> None:
    """A mock takes every argument through the whole of Python and the engine's checks, without a network."""
    arguments = {"model": "openai/gpt-4o", "messages": MESSAGES, "mock_response": "ok", **bad}
    try:
        assert litellm.completion(**arguments).choices[0].message.content == "ok"
    except litellm.BadRequestError as error:
        assert str(error)  # noqa: PT017  # either outcome is right


DEPLOYMENT = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o", "api_key": KEY}}


@pytest.mark.parametrize("name", ["timeout", "stream_timeout"])
@pytest.mark.parametrize("value", [-1, 0, float("nan"), float("inf")])
def test_time_limits_of_routers_and_deployments(name: str, value: float) -> None:
    """Not of each of their calls: whoever makes the router can mend it."""
    with pytest.raises(litellm.BadRequestError, match=name):
        litellm.Router(model_list=[DEPLOYMENT], **{name: value})  # type: ignore[arg-type]
    params = {**DEPLOYMENT["litellm_params"], name: value}  # type: ignore[dict-item]
    with pytest.raises(litellm.BadRequestError, match=name):
        litellm.Router(model_list=[{**DEPLOYMENT, "litellm_params": params}])


@pytest.mark.parametrize("name", ["ttl", "max_bytes"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "x"])
def test_numbers_of_caches(name: str, value: Any) -> None:
    with pytest.raises(litellm.BadRequestError, match=name):
        litellm.Cache(**{name: value})


@pytest.mark.parametrize("names", [["bogus"], "completion", [None]])
def test_functions_that_no_cache_knows(names: Any) -> None:
    with pytest.raises(litellm.BadRequestError, match="supported_call_types"):
        litellm.Cache(supported_call_types=names)


def test_functions_whose_answers_no_cache_keeps() -> None:
    with pytest.warns(UserWarning, match="image_generation"):
        litellm.Cache(supported_call_types=["completion", "image_generation"])


@pytest.mark.parametrize("value", [float("nan"), "x"])
def test_a_budget_that_is_no_number(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    monkeypatch.setattr(litellm, "max_budget", value)
    with pytest.raises(litellm.BadRequestError, match="max_budget"):
        litellm.completion(**arguments)


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("api_key", "os.environ/EDGEQUAKE_NOT_SET", "is not set"),
        ("api_base", "os.environ/EDGEQUAKE_NOT_SET", "is not set"),
        ("organization", "os.environ/PATH", "pass its value"),
    ],
)
def test_names_of_variables_are_not_sent_as_values(
    arguments: dict[str, Any], local_provider: LocalProvider, name: str, value: str, cure: str
) -> None:
    with pytest.raises(litellm.AuthenticationError, match=cure) as raised:
        litellm.completion(**{**arguments, name: value})
    assert (raised.value.llm_provider, name in raised.value.message) == ("openai", True)
    assert not local_provider.requests


@pytest.mark.parametrize("model", ["edgequake/openai/gpt-4o", "edgequake/anthropic/claude-sonnet-4-5"])
def test_names_of_variables_are_not_handed_to_the_crate(
    arguments: dict[str, Any], local_provider: LocalProvider, model: str
) -> None:
    with pytest.raises(litellm.AuthenticationError, match="EDGEQUAKE_NOT_SET, which is not set") as raised:
        litellm.completion(**{**arguments, "model": model, "api_key": "os.environ/EDGEQUAKE_NOT_SET"})
    assert raised.value.llm_provider == model.split("/")[1]
    assert not local_provider.requests


def test_modules_of_litellms_that_are_not_there() -> None:
    out = run_python(
        """
        import importlib.util
        import edgequake_litellm
        edgequake_litellm.install_as_litellm()
        for name in ("proxy.proxy_server", "integrations.langfuse", "llms.openai.openai", "assistants.main", "of_nobody"):
            try:
                __import__(f"litellm.{name}")
            except ModuleNotFoundError as error:
                print(error.name, "|", error)
        print(importlib.util.find_spec("litellm.proxy"), importlib.util.find_spec("litellm.types.utils").name)
        """
    )
    *errors, found = out.splitlines()
    assert found == "None litellm.types.utils"
    assert [line.split(" | ")[0] for line in errors] == [
        "litellm.proxy",
        "litellm.integrations.langfuse",
        "litellm.llms.openai",
        "litellm.assistants",
        "litellm.of_nobody",
    ]
    for line, cure in zip(errors, ["a Router has", "CustomLogger", "call the functions", "responses()", "No module"]):
        assert cure in line
