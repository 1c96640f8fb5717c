"""`completion` and `embedding`: what is sent, what comes back, how long it may take and how often it is tried."""

from __future__ import annotations

import dataclasses
import gc
import inspect
import json
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Any, Callable, Optional

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.testing import LocalProvider

from .conftest import KEY, MESSAGES

Sent = Callable[..., dict[str, Any]]

TOOLS = [
    {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"answer": {"type": "string"}},
            "required": ["answer"],
            "additionalProperties": False,
        },
    },
}

# Every parameter that an OpenAI model takes, with a value that is easily damaged: 0, false, empty, Unicode.
PARAMETERS: dict[str, Any] = {
    "temperature": 0,
    "top_p": 0.1,
    "n": 2,
    "stop": ["\n", "Ende"],
    "max_tokens": 7,
    "max_completion_tokens": 8,
    "presence_penalty": -0.5,
    "frequency_penalty": 0.25,
    "logit_bias": {"50256": -100},
    "user": "Jürgen 🦆",
    "seed": 0,
    "logprobs": True,
    "top_logprobs": 2,
    "tools": TOOLS,
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
    "service_tier": "flex",
    "store": False,
    "prompt_cache_key": "tenant-7",
    "safety_identifier": "user-9",
    "modalities": ["text"],
    "audio": {"voice": "alloy", "format": "wav"},
    "prediction": {"type": "content", "content": "Hello"},
    "web_search_options": {"search_context_size": "low"},
    "functions": [{"name": "weather", "parameters": {"type": "object", "properties": {}}}],
    "function_call": "auto",
}
NEEDED_WITH = {
    "tool_choice": {"tools": TOOLS},
    "parallel_tool_calls": {"tools": TOOLS},
    "top_logprobs": {"logprobs": True},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_sent_as_it_was_given(sent: Sent, name: str) -> None:
    value = PARAMETERS[name]
    if name == "function_call":
        needed: dict[str, Any] = {"functions": PARAMETERS["functions"]}
    else:
        needed = NEEDED_WITH.get(name, {})
    body = sent(**{name: value}, **needed)
    assert body[name] == value
    assert type(body[name]) is type(value)
    assert body.keys() == {"model", "messages", name, *needed}


def test_only_what_was_given_is_sent(sent: Sent) -> None:
    assert sent(temperature=None, stream=None, tools=None, my_flag=None) == {"model": "gpt-4o", "messages": MESSAGES}


@pytest.mark.parametrize("name", ["reasoning_effort", "verbosity"])
def test_parameters_of_reasoning_models(sent: Sent, name: str) -> None:
    assert sent(model="openai/gpt-5", **{name: "low"})[name] == "low"


def test_positional_arguments_have_litellms_order(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    server = {"api_base": arguments["api_base"], "api_key": KEY}
    litellm.completion("openai/gpt-4o", MESSAGES, 30, 0.5, 0.75, **server)
    body = local_provider.requests[-1].json
    assert (body["temperature"], body["top_p"]) == (0.5, 0.75)
    names = list(inspect.signature(litellm.completion).parameters)
    assert names[:9] == [
        "model",
        "messages",
        "timeout",
        "temperature",
        "top_p",
        "n",
        "stream",
        "stream_options",
        "stop",
    ]
    assert list(inspect.signature(litellm.acompletion).parameters)[2:5] == ["functions", "function_call", "timeout"]
    assert inspect.signature(litellm.completion).parameters["messages"].default == []


def test_what_openai_does_not_name_goes_into_the_body(sent: Sent) -> None:
    body = sent(top_k=40, my_flag={"a": [1, None]}, extra_body={"deep": {"b": False}})
    assert (body["top_k"], body["my_flag"], body["deep"]) == (40, {"a": [1, None]}, {"b": False})
    assert "extra_body" not in body


def test_headers(sent: Sent, local_provider: LocalProvider) -> None:
    sent(extra_headers={"X-Trace": "t-1"}, organization="org-1", headers={"X-Other": "o-1"})
    headers = local_provider.requests[-1].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (headers["x-trace"], headers["x-other"], headers["openai-organization"]) == ("t-1", "o-1", "org-1")


def test_base_url_is_api_base(local_provider: LocalProvider) -> None:
    litellm.completion("openai/gpt-4o", MESSAGES, base_url=local_provider.base_url, api_key=KEY)
    assert local_provider.requests[-1].path == "/v1/chat/completions"


def test_azure(local_provider: LocalProvider) -> None:
    litellm.completion(
        "azure/my-deployment", MESSAGES, api_base=local_provider.origin, api_key=KEY, api_version="2024-10-21"
    )
    request = local_provider.requests[-1]
    assert (request.path, request.query) == (
        "/openai/deployments/my-deployment/chat/completions",
        {"api-version": "2024-10-21"},
    )
    assert request.headers["api-key"] == KEY


def test_azure_token_from_a_function(local_provider: LocalProvider) -> None:
    litellm.completion(
        "azure/d",
        MESSAGES,
        api_base=local_provider.origin,
        api_version="2024-10-21",
        azure_ad_token_provider=lambda: "fresh-token",
    )
    assert local_provider.requests[-1].headers["authorization"] == "Bearer fresh-token"


@pytest.mark.parametrize("number", [10**30, -0.0, 1e-300, 0.1, 2**53 + 1])
def test_f2_numbers_arrive_as_they_are(sent: Sent, local_provider: LocalProvider, number: float) -> None:
    sent(extra_body={"number": number})
    assert f'"number":{json.dumps(number)}'.encode() in local_provider.requests[-1].body


def test_text_arrives_byte_for_byte(sent: Sent) -> None:
    text = 'NUL \0, tab \t, quotes " \\ \u2028, 日本語, \U0001f986, \x7f'
    assert sent(messages=[{"role": "user", "content": text}])["messages"][0]["content"] == text


def test_f4_a_large_image_arrives_whole(sent: Sent) -> None:
    image = "data:image/png;base64," + "QUJD" * 2_000_000
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": image}}]}
    assert sent(messages=[message])["messages"] == [message]


# Objects in the place of dicts ---------------------------------------------------------------------------------------------


def test_a_responses_message_may_be_sent_back(
    arguments: dict[str, Any], local_provider: LocalProvider, sent: Sent
) -> None:
    local_provider.reply(tool_calls=[("weather", {"city": "Köln"})])
    said = litellm.completion(**arguments, tools=TOOLS).choices[0].message
    call = said.tool_calls[0]
    answer = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    body = sent(messages=[*MESSAGES, said, answer], tools=TOOLS)
    assert body["messages"][1]["role"] == "assistant"
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": call.function.arguments}
    assert body["messages"][2] == answer
    assert not any(value is None for value in body["messages"][1].values())


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="pydantic is not installed for PyPy")
def test_pydantic_models_may_be_messages_and_tools(sent: Sent) -> None:
    import pydantic

    class Said(pydantic.BaseModel):
        role: str
        content: str
        name: Optional[str] = None

    class Tool(pydantic.BaseModel):
        type: str = "function"
        function: dict[str, Any]

    body = sent(messages=[Said(role="user", content="hi")], tools=[Tool(function=TOOLS[0]["function"])])
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert body["tools"] == TOOLS


def test_other_objects_that_have_a_form_in_json(sent: Sent) -> None:
    from collections import OrderedDict, deque
    from collections.abc import Mapping
    from datetime import datetime
    from enum import Enum
    from types import MappingProxyType

    class Color(Enum):
        RED = "red"

    @dataclasses.dataclass
    class Said:
        role: str
        content: str
        name: Any = None

    frozen: Mapping[str, Any] = MappingProxyType({"a": 1})
    body = sent(
        messages=(Said("user", "hi"), OrderedDict(role="user", content="there")),
        stop=("a", "b"),
        extra_body={
            "enum": Color.RED,
            "deque": deque([1, 2]),
            "when": datetime(2026, 1, 2, 3, 4, 5),
            "frozen": frozen,
            "keys": {1: "one", False: "no", None: "none", 0.5: "half"},
        },
    )
    assert body["messages"] == [{"role": "user", "content": "hi"}, {"role": "user", "content": "there"}]
    assert body["stop"] == ["a", "b"]
    assert (body["enum"], body["deque"], body["when"]) == ("red", [1, 2], "2026-01-02T03:04:05")
    assert body["frozen"] == {"a": 1}
    assert body["keys"] == json.loads(json.dumps({1: "one", False: "no", None: "none", 0.5: "half"}))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="pydantic is not installed for PyPy")
def test_a_pydantic_class_as_response_format(sent: Sent) -> None:
    import pydantic
    from openai.lib._pydantic import to_strict_json_schema

    class Place(pydantic.BaseModel):
        """Where."""

        city: str
        zip: Optional[str] = None

    class Node(pydantic.BaseModel):
        value: int = pydantic.Field(3, description="how much")
        place: Place = pydantic.Field(description="where it is")
        children: list[Node] = []
        best: Optional[Node] = None

    Node.model_rebuild(_types_namespace={"Node": Node, "Place": Place, "Optional": Optional})
    format_sent = sent(response_format=Place)["response_format"]
    assert format_sent == {
        "type": "json_schema",
        "json_schema": {"name": "Place", "strict": True, "schema": to_strict_json_schema(Place)},
    }
    schema = sent(response_format=Node)["response_format"]["json_schema"]["schema"]
    assert schema == to_strict_json_schema(Node)
    # It is made once for a class, and asking for it changes nothing about the class.
    assert sent(response_format=Node)["response_format"]["json_schema"]["schema"] == schema
    assert "additionalProperties" not in Node.model_json_schema()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="pydantic is not installed for PyPy")
def test_a_schema_that_holds_itself_beside_a_remark(sent: Sent, local_provider: LocalProvider) -> None:
    import pydantic

    class Tree(pydantic.BaseModel):
        left: Optional[Tree] = pydantic.Field(None, description="smaller")
        twin: Tree = pydantic.Field(description="the same")

    Tree.model_rebuild(_types_namespace={"Tree": Tree, "Optional": Optional})
    local_provider.reply("{}")
    schema = sent(response_format=Tree)["response_format"]["json_schema"]["schema"]
    twin = schema["$defs"]["Tree"]["properties"]["twin"]
    assert twin["description"] == "the same"
    assert twin["additionalProperties"] is False
    assert twin["properties"]["twin"] == {"$ref": "#/$defs/Tree"}


def test_an_openai_client_gives_key_and_address(local_provider: LocalProvider) -> None:
    class Client:
        api_key = "sk-of-the-client"
        base_url = local_provider.base_url + "/"
        organization = "org-7"

    litellm.completion("openai/gpt-4o", MESSAGES, client=Client(), api_base="http://127.0.0.1:1", api_key="other")
    headers = local_provider.requests[-1].headers
    assert headers["authorization"] == "Bearer sk-of-the-client"
    assert headers["openai-organization"] == "org-7"


def test_python_objects_do_not_reach_the_provider(sent: Sent) -> None:
    body = sent(logger_fn=print, shared_session=object(), litellm_logging_obj=object(), client=None, callbacks=[])
    assert body == {"model": "gpt-4o", "messages": MESSAGES}


# Answers -------------------------------------------------------------------------------------------------------------------


def test_the_answer(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.reply(
        "Grüße",
        finish_reason="length",
        headers={"x-request-id": "req_1"},
        usage={"prompt_tokens": 5, "completion_tokens": 6},
    )
    response = litellm.completion(**arguments)
    assert type(response).__module__ == "litellm.types.utils"
    assert response.choices[0].message.content == response["choices"][0]["message"]["content"] == "Grüße"
    assert response.choices[0].finish_reason == "length"
    assert (response.usage.prompt_tokens, response.usage.total_tokens) == (5, 11)
    hidden = response._hidden_params
    assert (hidden["custom_llm_provider"], hidden["api_base"]) == ("openai", arguments["api_base"])
    assert hidden["additional_headers"]["llm_provider-x-request-id"] == "req_1"
    assert 0 < response._response_ms < 60_000


def test_choices_and_tool_calls(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.reply(choices=["a", {"tool_calls": [("weather", {"city": "Köln"}), ("time", {})]}])
    first, second = litellm.completion(**arguments, n=2).choices
    assert (first.index, first.message.content, first.finish_reason) == (0, "a", "stop")
    assert [call.function.name for call in second.message.tool_calls] == ["weather", "time"]
    assert json.loads(second.message.tool_calls[0].function.arguments) == {"city": "Köln"}
    assert second.finish_reason == "tool_calls"


def test_embedding(embed: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.embeddings([[0.5, -1.0], [0.0, 1e-9]], usage={"prompt_tokens": 4, "total_tokens": 4})
    response = litellm.embedding(input=["a", "b"], dimensions=2, user="u", **embed)
    assert [item["embedding"] for item in response.data] == [[0.5, -1.0], [0.0, 1e-9]]
    assert response.usage.prompt_tokens == 4
    assert local_provider.requests[-1].json == {
        "model": "text-embedding-3-small",
        "input": ["a", "b"],
        "dimensions": 2,
        "user": "u",
    }


@pytest.mark.parametrize("value", ["text", ["one", "two"], [1, 2, 3], [[1], [2, 3]], ("a",)])
def test_inputs_of_embedding(embed: dict[str, Any], local_provider: LocalProvider, value: Any) -> None:
    litellm.embedding(input=value, **embed)
    assert local_provider.requests[-1].json["input"] == (list(value) if isinstance(value, tuple) else value)


# Mocks ---------------------------------------------------------------------------------------------------------------------


def test_mock_response_needs_no_key_and_no_network() -> None:
    response = litellm.completion("openai/gpt-4o", MESSAGES, mock_response="It is simple")
    assert response.choices[0].message.content == "It is simple"
    chunks = list(litellm.completion("openai/gpt-4o", MESSAGES, mock_response="streamed", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "streamed"
    assert litellm.mock_completion("gpt-4o", MESSAGES).choices[0].message.content == "This is a mock request"
    made = litellm.ModelResponse(choices=[{"message": {"role": "assistant", "content": "whole"}}], model="m")
    assert litellm.completion("openai/gpt-4o", MESSAGES, mock_response=made).choices[0].message.content == "whole"


def test_mock_response_may_be_an_exception() -> None:
    given = litellm.RateLimitError("slow", llm_provider="openai", model="gpt-4o")
    with pytest.raises(litellm.RateLimitError) as raised:
        litellm.completion("openai/gpt-4o", MESSAGES, mock_response=given)
    assert raised.value is given
    cause = ValueError("boom")
    with pytest.raises(litellm.InternalServerError, match="boom") as failed:
        litellm.completion("openai/gpt-4o", MESSAGES, mock_response=cause)
    assert failed.value.__cause__ is cause


# Time and retries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0.3, "0.3", {"read": 0.3}])
def test_timeout(arguments: dict[str, Any], local_provider: LocalProvider, timeout: Any) -> None:
    local_provider.delay(30)
    started = time.monotonic()
    with pytest.raises(litellm.Timeout):
        litellm.completion(**arguments, timeout=timeout, max_retries=0)
    assert 0.25 < time.monotonic() - started < 3
    assert local_provider.wait_disconnected()


def test_timeout_as_httpx_has_it(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    class Timeout:
        connect, read, write, pool = 5.0, 0.3, None, None

    local_provider.delay(30)
    with pytest.raises(litellm.Timeout):
        litellm.completion(**arguments, timeout=Timeout(), max_retries=0)


def test_one_deadline_spans_all_attempts(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    for _ in range(10):
        local_provider.error(503)
    started = time.monotonic()
    with pytest.raises((litellm.Timeout, litellm.ServiceUnavailableError)):
        litellm.completion(**arguments, timeout=1.0, num_retries=9)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.parametrize("name", ["num_retries", "max_retries"])
def test_retries_are_counted_at_the_server(
    arguments: dict[str, Any], local_provider: LocalProvider, name: str, retries: int
) -> None:
    for _ in range(5):
        local_provider.error(503, "overloaded", retry_after=0)
    with pytest.raises(litellm.ServiceUnavailableError, match="overloaded"):
        litellm.completion(**arguments, **{name: retries})
    assert len(local_provider.requests) == 1 + retries


def test_a_retry_that_succeeds_is_an_answer(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.error(429, "slow down", retry_after=0)
    assert litellm.completion(**arguments, num_retries=1).choices[0].message.content
    assert len(local_provider.requests) == 2


def test_what_is_wrong_is_not_tried_again(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.error(400, "nonsense")
    with pytest.raises(litellm.BadRequestError, match="nonsense"):
        litellm.completion(**arguments, num_retries=5)
    assert len(local_provider.requests) == 1


# Errors --------------------------------------------------------------------------------------------------------------------

STATUSES = {
    400: litellm.BadRequestError,
    401: litellm.AuthenticationError,
    404: litellm.NotFoundError,
    408: litellm.Timeout,
    429: litellm.RateLimitError,
    500: litellm.InternalServerError,
    502: litellm.BadGatewayError,
    503: litellm.ServiceUnavailableError,
}


@pytest.mark.parametrize("status", STATUSES)
def test_statuses_have_litellms_classes(arguments: dict[str, Any], local_provider: LocalProvider, status: int) -> None:
    local_provider.error(status, "it went wrong", type="some_type", code="some_code", headers={"x-request-id": "req_9"})
    with pytest.raises(STATUSES[status], match="it went wrong") as raised:
        litellm.completion(**arguments, num_retries=0, max_retries=0)
    error: Any = raised.value
    assert (error.status_code, error.llm_provider, error.request_id) == (status, "openai", "req_9")
    assert "gpt-4o" in error.model
    assert error.body["message"] == "it went wrong"
    assert KEY not in f"{error} {error!r} {vars(error)}"


def test_a_context_that_is_too_long(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    local_provider.error(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded")
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(**arguments)


def frames(error: BaseException) -> list[FrameType]:
    return [
        frame for frame, _ in traceback.walk_tb(error.__traceback__) if "edgequake_litellm" in frame.f_code.co_filename
    ]


@pytest.mark.parametrize("call", ["completion", "stream", "embedding"])
@pytest.mark.parametrize("bad", [{}, {"user": "\ud800"}, {"timeout": "soon"}])
def test_no_frame_of_ours_holds_the_key(
    arguments: dict[str, Any], embed: dict[str, Any], local_provider: LocalProvider, call: str, bad: dict[str, Any]
) -> None:
    """Whoever reports a traceback with its variables reports no secret of ours."""
    local_provider.error(401, "no")
    given = {**embed, "input": "x"} if call == "embedding" else arguments
    secrets = {**given, "extra_headers": {"X-Secret": KEY}, "extra_body": {"secret": KEY}, **bad}
    with pytest.raises((litellm.AuthenticationError, litellm.BadRequestError)) as raised:
        getattr(litellm, call)(**secrets)
    seen = frames(raised.value)
    assert seen
    assert not [frame.f_code.co_name for frame in seen if KEY in repr(frame.f_locals)]
    assert raised.value.__context__ is None


def test_an_exception_hangs_on_nothing(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    """It goes when it is handled, without waiting for the garbage collector."""
    if sys.implementation.name != "cpython":
        pytest.skip("only CPython frees objects at once")
    local_provider.error(400, "no")
    gc.collect()
    gc.disable()
    try:
        try:
            litellm.completion(**arguments)
        except litellm.BadRequestError as error:
            known = id(error)
        assert not any(id(found) == known for found in gc.get_objects() if isinstance(found, litellm.BadRequestError))
    finally:
        gc.enable()


# Threads -------------------------------------------------------------------------------------------------------------------


def test_threads_each_get_their_own_answer(arguments: dict[str, Any]) -> None:
    said: dict[int, list[str]] = {}

    def work(number: int) -> None:
        message = {"role": "user", "content": f"number {number}"}
        said[number] = [
            litellm.completion(**{**arguments, "messages": [message]}).choices[0].message.content for _ in range(5)
        ]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == {number: [f"You said: number {number}"] * 5 for number in range(40)}


def test_connections_are_used_again(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    for _ in range(10):
        litellm.completion(**arguments)
    assert local_provider.connections == 1
