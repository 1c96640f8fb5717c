"""What the engine does beyond one call: routers and fallbacks, against servers that count what they are asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import _runtime
from edgequake_litellm.testing import Error, LocalProvider, Raw

from .conftest import KEY, MESSAGES
from .faults import FAULTS, matrix

# What ends a stream of which a part has come.
BROKEN = (litellm.exceptions.MidStreamFallbackError, litellm.Timeout)
MODES = ("sync", "async", "stream", "async stream")


@contextlib.contextmanager
def router(**config: Any) -> Iterator[str]:
    """The name of a router of the engine's."""
    name = "router-of-a-test"
    _runtime.configure("routers", name, config)
    try:
        yield name
    finally:
        _runtime.configure("routers", name, None)


def deployment(group: str, provider: LocalProvider | str, model: str, **params: Any) -> dict[str, Any]:
    base = provider if isinstance(provider, str) else provider.base_url
    own = {"model": f"openai/{model}", "api_base": base, "api_key": KEY, **params}
    return {"model_name": group, "litellm_params": own, "model_info": {"id": model}}


def ask(name: str, **question: Any) -> Any:
    return _runtime.query(name.encode(), json.dumps(question).encode())


def call(mode: str, **arguments: Any) -> str:
    """The text that a call in one of the modes comes to."""

    async def in_a_task() -> str:
        if mode == "async":
            return (await litellm.acompletion(**arguments)).choices[0].message.content or ""
        return "".join([piece(chunk) async for chunk in await litellm.acompletion(stream=True, **arguments)])

    def piece(chunk: Any) -> str:
        return (chunk.choices[0].delta.content or "") if chunk.choices else ""

    if mode.startswith("async"):
        return asyncio.run(in_a_task())
    if mode == "sync":
        return litellm.completion(**arguments).choices[0].message.content or ""
    return "".join(map(piece, litellm.completion(stream=True, **arguments)))


@pytest.fixture
def provider() -> Iterator[LocalProvider]:
    """Models whose name begins with a status fail with it; the others say their name."""

    def answer(request: Any) -> Any:
        body = request.json
        status, _, _ = body["model"].partition("-")
        if status == "long":
            return Error(400, "This model's maximum context length is 10 tokens.", code="context_length_exceeded")
        if status.isdigit():
            return Error(int(status), f"{body['model']} is down")
        if "prompt" in body:
            return Raw(json.dumps({"object": "text_completion", "choices": [{"index": 0, "text": "good"}]}).encode())
        return None if "input" in body else body["model"]

    with LocalProvider(responder=answer) as server:
        yield server


def counts(provider: LocalProvider) -> Counter[str]:
    return Counter(request.json["model"] for request in provider.requests)


@pytest.mark.parametrize("mode", MODES)
def test_a_router_finds_the_deployment_that_answers(provider: LocalProvider, mode: str) -> None:
    models = [deployment("g", provider, name) for name in ("500-a", "503-b", "good")]
    with router(model_list=models, num_retries=2) as name:
        assert call(mode, model="g", messages=MESSAGES, router=name) == "good"
        seen = counts(provider)
        assert seen["good"] == 1
        assert max(seen.values()) == 1
        states = ask("router_state", router=name)["deployments"]
        assert {state["id"]: state["failed"] for state in states} == {
            "500-a": seen["500-a"],
            "503-b": seen["503-b"],
            "good": 0,
        }
        assert sum(state["in_flight"] for state in states) == 0
        assert KEY not in json.dumps(states)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("retries", [0, 2])
def test_fallbacks_of_a_router_and_no_call_more_than_the_policy_says(
    provider: LocalProvider, mode: str, retries: int
) -> None:
    models = [deployment("g", provider, "500-a"), deployment("h", provider, "400-b"), deployment("i", provider, "good")]
    with router(model_list=models, fallbacks=[{"g": ["h", "i"]}], retry_after=0) as name:
        text = call(mode, model="g", messages=MESSAGES, router=name, num_retries=retries)
        assert (text, counts(provider)) == ("good", {"500-a": retries + 1, "400-b": 1, "good": 1})


def test_the_error_tells_what_was_tried(provider: LocalProvider) -> None:
    models = [deployment("g", provider, "429-a"), deployment("h", provider, "500-b")]
    with router(model_list=models, fallbacks=[{"g": ["h"]}], num_retries=0) as name:
        with pytest.raises(litellm.RateLimitError) as caught:
            litellm.completion(model="g", messages=MESSAGES, router=name)
        assert "Received Model Group=g" in str(caught.value)
        assert "['h']" in str(caught.value)
        assert KEY not in str(caught.value)


def test_every_operation_goes_through_a_router(provider: LocalProvider) -> None:
    models = [deployment("g", provider, "500-a", order=1), deployment("g", provider, "good", order=2)]
    with router(model_list=models) as name:
        assert len(litellm.embedding(model="g", input=["one", "two"], router=name, num_retries=1).data) == 2
        assert litellm.text_completion(model="g", prompt="hi", router=name, num_retries=1).choices[0].text == "good"


def test_a_part_that_was_handed_on_is_never_said_twice(provider: LocalProvider) -> None:
    with LocalProvider() as cut:
        cut.cut(after=3)
        models = [deployment("g", cut, "cut", order=1), deployment("g", provider, "good", order=2)]
        with router(model_list=models, num_retries=3) as name:
            stream = litellm.completion(model="g", messages=MESSAGES, router=name, stream=True)
            text = ""
            with pytest.raises(BROKEN):
                for chunk in stream:
                    text += chunk.choices[0].delta.content or ""
            assert text
            assert "You said: Say hello".startswith(text)
        assert (len(cut.requests), counts(provider)) == (1, {})


def test_a_key_that_is_refused_takes_its_deployment_out(provider: LocalProvider) -> None:
    models = [deployment("g", provider, "401-a", weight=1), deployment("g", provider, "good", weight=0)]
    with router(model_list=models) as name:
        assert [call("sync", model="g", messages=MESSAGES, router=name) for _ in range(5)] == ["good"] * 5
        assert counts(provider)["401-a"] == 1
        state = ask("router_state", router=name)["deployments"][0]
        assert (state["healthy"], state["failures"]) == (False, 1)
        assert ask("router_choose", router=name, model="g")["id"] == "good"


def test_routers_refuse_what_they_do_not_know() -> None:
    with pytest.raises(litellm.BadRequestError, match="routing_strategie"), router(routing_strategie="least-busy"):
        pass
    with pytest.raises(litellm.BadRequestError, match="no router"):
        litellm.completion(model="g", messages=MESSAGES, router="never-configured")
    with router(model_list=[]) as name, pytest.raises(litellm.BadRequestError, match="serves"):
        litellm.completion(model="g", messages=MESSAGES, router=name)


# -- the faults ---------------------------------------------------------------------------------------------------------------

# Those that end only with a limit of the deployment's own.
LIMITS: dict[str, Any] = {
    **{name: {"connect": 0.2, "total": 60} for name in matrix.NEVER_CONNECTED},
    **dict.fromkeys(matrix.ENDLESS, 1),
}
# What hangs in a name's lookup hangs in this process only with a library before libc.
APART = {"dns_hang"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in APART])
def test_no_fault_of_one_deployment_loses_or_doubles_an_answer(fault: str, mode: str) -> None:
    with FAULTS[fault].open(times=99) as target, LocalProvider() as well:
        well.reply("well")
        limits = {"timeout": LIMITS[fault]} if fault in LIMITS else {}
        models = [
            deployment("g", target.base_url, "ill", order=1, **limits),
            deployment("g", well, "well", order=2),
        ]
        with router(model_list=models, num_retries=1) as name:
            parts = matrix.PARTS.get(fault) or ("One two three, and" if fault in matrix.ENDLESS else None)
            if "stream" in mode and parts:
                with pytest.raises(BROKEN):
                    call(mode, model="g", messages=MESSAGES, router=name)
                assert well.requests == []
            elif fault in matrix.HARMLESS:
                assert call(mode, model="g", messages=MESSAGES, router=name) != "well"
                assert well.requests == []
            else:
                assert call(mode, model="g", messages=MESSAGES, router=name) == "well"
                assert len(well.requests) == 1
            if fault not in matrix.UNCOUNTED:
                assert len(target.server.exchanges) == 1


# -- fallbacks without a router -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("retries", [0, 1])
def test_fallbacks_of_a_call(provider: LocalProvider, mode: str, retries: int) -> None:
    own: dict[str, Any] = {"api_base": provider.base_url, "api_key": KEY, "messages": MESSAGES, "num_retries": retries}
    fallbacks: list[Any] = ["openai/400-b", {"model": "openai/good", "temperature": 0.5}, "openai/never"]
    assert call(mode, model="openai/401-a", fallbacks=fallbacks, **own) == "good"
    assert [request.json["model"] for request in provider.requests] == ["401-a", "400-b", "good"]
    assert [request.json.get("temperature") for request in provider.requests] == [None, None, 0.5]
    assert "fallbacks" not in provider.requests[0].json


def test_an_answer_tells_of_the_fallback_that_gave_it(provider: LocalProvider) -> None:
    own: dict[str, Any] = {"api_base": provider.base_url, "api_key": KEY, "messages": MESSAGES}
    answer = litellm.completion(model="openai/400-a", fallbacks=["openai/500-b", "openai/gpt-4o"], num_retries=0, **own)
    hidden = answer._hidden_params
    assert hidden["litellm_model_name"] == "openai/gpt-4o"
    assert hidden["additional_headers"]["x-litellm-attempted-fallbacks"] == 2
    assert hidden["response_cost"] == litellm.completion_cost(answer, model="openai/gpt-4o") > 0


def test_all_fallbacks_fail_with_the_error_of_what_was_asked_for(provider: LocalProvider) -> None:
    with pytest.raises(litellm.RateLimitError, match="429-a is down") as caught:
        litellm.completion(
            model="openai/429-a",
            messages=MESSAGES,
            api_base=provider.base_url,
            api_key=KEY,
            fallbacks=["openai/500-b", "openai/429-a"],
            num_retries=1,
        )
    assert "500-b" in str(caught.value)
    assert KEY not in str(caught.value)
    assert counts(provider) == {"429-a": 2, "500-b": 2}


def test_windows_have_fallbacks_of_their_own(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    own: dict[str, Any] = {"api_base": provider.base_url, "api_key": KEY, "messages": MESSAGES}
    windows = {"openai/long-a": "openai/good"}
    assert call("sync", model="openai/long-a", context_window_fallback_dict=windows, **own) == "good"
    with pytest.raises(litellm.AuthenticationError):
        call("sync", model="openai/401-a", context_window_fallback_dict={"openai/401-a": "openai/good"}, **own)
    monkeypatch.setattr(litellm, "context_window_fallbacks", [{"openai/long-a": ["openai/set"]}])
    assert call("stream", model="openai/long-a", **own) == "set"
    monkeypatch.setattr(litellm, "default_fallbacks", ["openai/any"])
    assert call("async", model="openai/500-a", num_retries=0, **own) == "any"


def test_a_key_does_not_travel_to_another_provider(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalProvider() as other:
        monkeypatch.setenv("GROQ_API_KEY", "gsk-of-the-other")
        monkeypatch.setenv("GROQ_API_BASE", other.base_url)
        answer = litellm.completion(
            model="openai/401-a",
            messages=MESSAGES,
            api_base=provider.base_url,
            api_key=KEY,
            extra_headers={"x-of-openai": "1"},
            fallbacks=["groq/llama"],
        )
        assert answer.choices[0].message.content
        assert other.requests[0].headers["authorization"] == "Bearer gsk-of-the-other"
        assert "x-of-openai" not in other.requests[0].headers


def test_a_part_of_a_stream_is_not_said_again_by_a_fallback(provider: LocalProvider) -> None:
    with LocalProvider() as cut:
        cut.cut(after=3)
        stream = litellm.completion(
            model="openai/cut",
            messages=MESSAGES,
            api_base=cut.base_url,
            api_key=KEY,
            stream=True,
            fallbacks=[{"model": "openai/good", "api_base": provider.base_url}],
        )
        with pytest.raises(BROKEN):
            list(stream)
        assert provider.requests == []
