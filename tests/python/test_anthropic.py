"""Claude: what comes back as Python objects, and what of it goes back to the provider in the next turn."""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm

from .canned import CannedServer

THINKING = {"type": "thinking", "thinking": "Six times seven.", "signature": "EqQBsig=="}
REDACTED = {"type": "redacted_thinking", "data": "EmwK"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://example.com", "title": "T", "encrypted_content": "x"}],
}
CITATION = {"type": "web_search_result_location", "url": "https://example.com", "title": "T", "cited_text": "c"}


@pytest.fixture
def provider() -> Iterator[CannedServer]:
    with CannedServer() as provider:
        yield provider


def where(provider: CannedServer, **more: Any) -> dict[str, Any]:
    return {
        "model": "anthropic/claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "x"}],
        "api_base": provider.url,
        "api_key": "sk-ant-test-a-key-that-no-error-may-show",
        "num_retries": 0,
        **more,
    }


def answers(provider: CannedServer, *content: dict[str, Any], stop: str = "end_turn", **usage: Any) -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": content,
        "stop_reason": stop,
        "usage": {"input_tokens": 10, "output_tokens": 9, **usage},
    }
    provider.answer(message)


def streams(provider: CannedServer, *content: dict[str, Any], stop: str = "end_turn") -> None:
    """The same as a stream, each block in one piece."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 10, "output_tokens": 1}}}
    ]
    for index, block in enumerate(content):
        deltas: list[dict[str, Any]] = []
        start = dict(block)
        if block["type"] == "text":
            start["text"] = ""
            deltas = [{"type": "citations_delta", "citation": citation} for citation in start.pop("citations", ())]
            deltas.append({"type": "text_delta", "text": block["text"]})
        elif block["type"] == "thinking":
            start.update(thinking="", signature="")
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif block["type"].endswith("tool_use"):
            start["input"] = {}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events.extend({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 9}})
    events.append({"type": "message_stop"})
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    provider.answer(text.encode(), content_type="text/event-stream")


def message_of(provider: CannedServer, streamed: bool, *content: dict[str, Any], stop: str = "end_turn") -> Any:
    """The message of an answer with this content, and that of a stream put together again."""
    if not streamed:
        answers(provider, *content, stop=stop)
        return litellm.completion(**where(provider)).choices[0].message
    streams(provider, *content, stop=stop)
    return litellm.stream_chunk_builder(list(litellm.completion(**where(provider), stream=True))).choices[0].message


def sent_back(provider: CannedServer, *messages: Any) -> list[dict[str, Any]]:
    """The turns that reach the provider when these messages follow the first one."""
    answers(provider, {"type": "text", "text": "ok"})
    litellm.completion(**where(provider, messages=[{"role": "user", "content": "x"}, *messages]))
    turns: list[dict[str, Any]] = provider.requests[-1].json["messages"]
    return turns[1:]


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking_comes_back_and_goes_back_byte_for_byte(provider: CannedServer, streamed: bool) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
    message = message_of(provider, streamed, THINKING, REDACTED, {"type": "text", "text": "42"}, call, stop="tool_use")
    assert (message.reasoning_content, message.content) == ("Six times seven.", "42")
    assert message.thinking_blocks == [THINKING, REDACTED]
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "done"}
    turns = sent_back(provider, message, result)
    assert turns == [
        {"role": "assistant", "content": [THINKING, REDACTED, {"type": "text", "text": "42"}, call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}]},
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_what_the_provider_searched_is_no_call_and_goes_back_in_its_order(
    provider: CannedServer, streamed: bool
) -> None:
    later = {**THINKING, "signature": "second=="}
    text = {"type": "text", "text": "so it is", "citations": [CITATION]}
    message = message_of(provider, streamed, THINKING, SEARCH, FOUND, later, text)
    assert message.tool_calls is None
    assert message.provider_specific_fields["web_search_results"] == [FOUND]
    (annotation,) = message.annotations
    assert annotation["url_citation"] == {"url": "https://example.com", "title": "T", "start_index": 0, "end_index": 8}
    assert sent_back(provider, message, {"role": "user", "content": "go on"})[0]["content"] == [
        THINKING,
        SEARCH,
        FOUND,
        later,
        text,
    ]


def test_usage_has_the_cache_under_both_names(provider: CannedServer) -> None:
    creation = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    answers(
        provider,
        {"type": "text", "text": "a"},
        cache_read_input_tokens=100,
        cache_creation_input_tokens=30,
        cache_creation=creation,
        service_tier="standard",
    )
    usage = litellm.completion(**where(provider)).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (140, 9, 149)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (100, 30)
    assert (usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens_details.cache_creation_tokens) == (100, 30)
    assert usage.completion_tokens_details.reasoning_tokens == 0
    assert usage.service_tier == "standard"


def test_a_pydantic_class_is_a_schema(provider: CannedServer) -> None:
    pydantic = pytest.importorskip(
        "pydantic", reason="pydantic is not installed: its classes cannot be passed as response_format"
    )

    class Person(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        name: str
        age: int

    answers(provider, {"type": "text", "text": '{"name": "Al", "age": 3}'})
    litellm.completion(**where(provider, response_format=Person))
    request = provider.requests[-1]
    schema = request.json["output_format"]["schema"]
    assert (schema["additionalProperties"], schema["required"]) == (False, ["name", "age"])
    assert request.headers["anthropic-beta"] == "structured-outputs-2025-11-13"


def test_questions_about_the_provider() -> None:
    assert litellm.get_llm_provider("claude-sonnet-4-5")[:2] == ("claude-sonnet-4-5", "anthropic")
    supported = litellm.get_supported_openai_params("claude-sonnet-4-5", "anthropic")
    assert supported[-6:] == [
        "web_search_options",
        "speed",
        "context_management",
        "cache_control",
        "thinking",
        "reasoning_effort",
    ]
    assert "thinking" not in litellm.get_supported_openai_params("claude-3-haiku-20240307", "anthropic")


def test_an_error_shows_no_key_and_says_what_the_provider_said(provider: CannedServer) -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    provider.answer(body, status=529, request_id="req_1")
    with pytest.raises(litellm.InternalServerError) as caught:
        litellm.completion(**where(provider))
    error = caught.value
    assert (error.status_code, error.llm_provider, error.request_id) == (500, "anthropic", "req_1")
    assert "Overloaded" in str(error)
    assert "sk-ant-test" not in str(error) + repr(error)


def test_a_key_is_needed(monkeypatch: pytest.MonkeyPatch, provider: CannedServer) -> None:
    call = where(provider)
    del call["api_key"]
    with pytest.raises(litellm.AuthenticationError, match="ANTHROPIC_API_KEY"):
        litellm.completion(**call)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token")
    answers(provider, {"type": "text", "text": "a"})
    litellm.completion(**call)
    headers = provider.requests[-1].headers
    assert headers["authorization"] == "Bearer a-token"
    assert "x-api-key" not in headers
