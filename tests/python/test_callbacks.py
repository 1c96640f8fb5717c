"""Callbacks: who is told what, in which order and from where, and that nobody's mistake ends a call."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import config
from edgequake_litellm.integrations.custom_logger import CustomLogger

from .conftest import KEY, run_python, wait_until


@pytest.fixture(autouse=True)
def no_callbacks_left(monkeypatch):
    """Each test registers its own; the lists of the package are empty again after it."""
    yield
    for name in config.CALLBACKS:
        if name in vars(litellm):
            delattr(litellm, name)
        getattr(litellm, name).clear()


class Recorder(CustomLogger):
    """Keeps what it is told, as (event, thread's name, kwargs, response)."""

    def __init__(self, **options):
        super().__init__(**options)
        self.told = []

    def keep(self, event, kwargs, response=None):
        self.told.append((event, threading.current_thread().name, dict(kwargs), response))

    @property
    def events(self):
        return [event for event, *_ in self.told]

    def log_pre_api_call(self, model, messages, kwargs):
        self.keep("pre", kwargs)

    def log_post_api_call(self, kwargs, response_obj, start_time, end_time):
        self.keep("post", kwargs, response_obj)

    def log_success_event(self, kwargs, response_obj, start_time, end_time):
        assert start_time <= end_time
        self.keep("success", kwargs, response_obj)

    def log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.keep("failure", kwargs, response_obj)

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.keep("async_success", kwargs, response_obj)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.keep("async_failure", kwargs, response_obj)


@pytest.fixture
def recorder():
    made = Recorder()
    litellm.callbacks = [made]
    return made


def last(recorder, event):
    assert wait_until(lambda: event in recorder.events), recorder.events
    return next(entry for entry in reversed(recorder.told) if entry[0] == event)


def test_a_call_that_waits(recorder, arguments):
    answer = litellm.completion(**arguments, temperature=0.5, metadata={"trace": 1}, user="ann")
    _, thread, kwargs, response = last(recorder, "success")
    assert recorder.events == ["pre", "post", "success"]
    assert {entry[1] for entry in recorder.told[:2]} == {threading.current_thread().name}
    assert thread != threading.current_thread().name
    assert response is answer
    assert kwargs["model"] == "gpt-4o"
    assert kwargs["messages"] == arguments["messages"] == kwargs["input"]
    assert kwargs["optional_params"] == {"temperature": 0.5, "user": "ann"}
    assert kwargs["temperature"] == 0.5
    assert (kwargs["call_type"], kwargs["custom_llm_provider"], kwargs["stream"]) == ("completion", "openai", False)
    assert kwargs["litellm_params"]["metadata"] == {"trace": 1}
    assert kwargs["litellm_params"]["api_base"] == arguments["api_base"]
    assert kwargs["litellm_call_id"] == answer._hidden_params["litellm_call_id"]
    assert kwargs["response_cost"] == answer._hidden_params["response_cost"] > 0
    assert kwargs["log_event_type"] == "successful_api_call"
    assert (
        kwargs["start_time"] <= kwargs["api_call_start_time"] <= kwargs["completion_start_time"] <= kwargs["end_time"]
    )


def test_the_standard_logging_object(recorder, arguments):
    answer = litellm.completion(**arguments, metadata={"tags": ["a"]})
    told = last(recorder, "success")[2]["standard_logging_object"]
    types = litellm.types.utils
    assert set(told) == set(types.StandardLoggingPayload.__annotations__)
    assert set(told["cost_breakdown"]) == set(types.CostBreakdown.__annotations__)
    assert set(told["hidden_params"]) == set(types.StandardLoggingHiddenParams.__annotations__)
    assert told["id"] == answer.id
    assert told["status"] == "success"
    assert told["response"] == answer.model_dump()
    assert told["messages"] == arguments["messages"]
    assert told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"] == answer.usage.total_tokens
    assert told["response_cost"] == pytest.approx(
        told["cost_breakdown"]["input_cost"] + told["cost_breakdown"]["output_cost"]
    )
    assert told["request_tags"] == ["a"]
    assert told["endTime"] >= told["startTime"]
    assert told["model_map_information"]["model_map_value"]["max_input_tokens"] > 0
    assert told["error_str"] is None


def test_the_key_is_told_to_nobody(recorder, arguments):
    litellm.completion(**arguments, extra_headers={"authorization": f"Bearer {KEY}"})
    last(recorder, "success")
    assert KEY not in repr(recorder.told)


def test_a_stream_tells_of_its_whole_answer(recorder, arguments):
    chunks = list(litellm.completion(**arguments, stream=True))
    _, _, kwargs, response = last(recorder, "success")
    assert recorder.events == ["pre", "post", "success"]
    assert response.choices[0].message.content == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert kwargs["complete_streaming_response"] is response
    assert kwargs["stream"] is True


def test_a_stream_that_is_dropped_tells_of_no_success(recorder, arguments):
    stream = litellm.completion(**arguments, stream=True)
    next(stream)
    stream.close()
    del stream
    time.sleep(0.05)
    assert recorder.events == ["pre", "post"]


def test_a_stream_is_still_the_same_class(recorder, arguments):
    stream = litellm.completion(**arguments, stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    assert type(stream).__name__ == "CustomStreamWrapper"
    assert type(stream).__module__ == litellm.CustomStreamWrapper.__module__


def test_a_failure(recorder, arguments, local_provider):
    local_provider.error(429, "slow down")
    with pytest.raises(litellm.RateLimitError) as raised:
        litellm.completion(**arguments, num_retries=0)
    assert recorder.events == ["pre", "post", "failure"]
    _, thread, kwargs, response = last(recorder, "failure")
    assert thread == threading.current_thread().name
    assert response is None
    assert kwargs["exception"] is raised.value
    told = kwargs["standard_logging_object"]
    assert told["status"] == "failure"
    assert told["error_information"]["error_class"] == "RateLimitError"
    assert told["error_information"]["error_code"] == "429"
    assert "slow down" in told["error_str"]


def test_a_stream_that_breaks(recorder, arguments, local_provider):
    local_provider.cut(after=3)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        list(litellm.completion(**arguments, stream=True))
    assert isinstance(last(recorder, "failure")[2]["exception"], litellm.exceptions.MidStreamFallbackError)
    assert "success" not in recorder.events


def test_a_model_of_nobody_is_not_announced(recorder):
    with pytest.raises(litellm.BadRequestError):
        litellm.completion("nobody-knows-this", [{"role": "user", "content": "x"}])
    assert recorder.events == ["failure"]


def test_a_coroutine(recorder, arguments):
    async def main():
        answer = await litellm.acompletion(**arguments)
        await asyncio.sleep(0.05)
        return answer

    answer = asyncio.run(main())
    assert recorder.events == ["pre", "post", "async_success"]
    assert last(recorder, "async_success")[3] is answer
    assert last(recorder, "async_success")[2]["call_type"] == "acompletion"


def test_a_loop_that_ends_at_once_loses_no_event(recorder, arguments):
    answer = asyncio.run(litellm.acompletion(**arguments))
    assert last(recorder, "async_success")[3] is answer


def test_a_stream_of_a_coroutine(recorder, arguments):
    async def main():
        parts = [chunk async for chunk in await litellm.acompletion(**arguments, stream=True)]
        await asyncio.sleep(0.05)
        return parts

    parts = asyncio.run(main())
    _, _, kwargs, response = last(recorder, "async_success")
    assert recorder.events == ["pre", "post", "async_success"]
    assert response.choices[0].message.content == "".join(part.choices[0].delta.content or "" for part in parts)
    assert kwargs["async_complete_streaming_response"] is response


def test_a_failure_of_a_coroutine(recorder, arguments, local_provider):
    local_provider.error(401, "no")

    async def main():
        with pytest.raises(litellm.AuthenticationError):
            await litellm.acompletion(**arguments)
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert recorder.events == ["pre", "async_failure"]


def test_under_trio(recorder, arguments):
    trio = pytest.importorskip("trio")

    async def main():
        return await litellm.acompletion(**arguments)

    answer = trio.run(main)
    assert last(recorder, "async_success")[3] is answer


def test_embeddings(recorder, embed):
    answer = litellm.embedding(input=["one", "two"], **embed)
    _, _, kwargs, response = last(recorder, "success")
    assert response is answer
    assert kwargs["input"] == ["one", "two"]
    assert kwargs["messages"] == [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
    assert kwargs["call_type"] == "embedding"
    answer = asyncio.run(litellm.aembedding(input=["one"], **embed))
    assert last(recorder, "async_success")[3] is answer


def test_other_operations(recorder, local_provider):
    common = {"api_base": local_provider.base_url, "api_key": KEY}
    answer = litellm.text_completion(model="groq/llama-3.3-70b-versatile", prompt="Hello", **common)
    _, _, kwargs, response = last(recorder, "success")
    assert response is answer
    assert (kwargs["call_type"], kwargs["input"]) == ("text_completion", "Hello")
    with pytest.raises(litellm.NotFoundError):
        litellm.image_generation("a cat", model="openai/dall-e-3", num_retries=0, **common)
    assert last(recorder, "failure")[2]["call_type"] == "image_generation"


def test_mocks(recorder):
    litellm.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="made up")
    assert last(recorder, "success")[3].choices[0].message.content == "made up"


def test_functions(arguments, local_provider):
    told = []
    litellm.input_callback = [lambda kwargs: told.append(("input", kwargs["model"]))]
    litellm.success_callback.append(lambda kwargs, response, start, end: told.append(("success", response.object)))
    litellm.failure_callback = [
        lambda kwargs, response, start, end: told.append(("failure", type(kwargs["exception"])))
    ]
    litellm.completion(**arguments)
    assert wait_until(lambda: len(told) == 2)
    local_provider.error(404, "gone")
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**arguments)
    assert told == [
        ("input", "gpt-4o"),
        ("success", "chat.completion"),
        ("input", "gpt-4o"),
        ("failure", litellm.NotFoundError),
    ]


def test_coroutine_functions_are_for_coroutines(arguments):
    told = []

    async def success(kwargs, response, start, end):
        told.append(response.object)

    litellm.success_callback = [success]

    async def main():
        await litellm.acompletion(**arguments)
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert told == ["chat.completion"]


def test_callbacks_of_one_call(arguments, local_provider):
    told = []
    litellm.completion(
        **arguments, success_callback=[lambda kwargs, response, start, end: told.append(response.object)]
    )
    assert wait_until(lambda: told)
    own = Recorder()
    litellm.completion(**arguments, callbacks=[own])
    last(own, "success")
    litellm.completion(**arguments)
    assert len(own.told) == 3
    assert all(set(request.json) == {"model", "messages"} for request in local_provider.requests)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_callback_raises_ends_nothing(arguments, caplog):
    class Broken(CustomLogger):
        def log_pre_api_call(self, model, messages, kwargs):
            raise RuntimeError("before")

        def log_success_event(self, kwargs, response_obj, start_time, end_time):
            raise RuntimeError("after")

    after = Recorder()
    litellm.callbacks = [Broken(), after]
    assert litellm.completion(**arguments).choices[0].message.content
    last(after, "success")
    texts = [record.exc_info[1].args[0] for record in caplog.records if record.exc_info]
    assert texts == ["before", "after"]


def test_no_log(recorder, arguments):
    litellm.completion(**arguments, **{"no-log": True})
    time.sleep(0.05)
    assert recorder.events == ["pre", "post"]


@pytest.mark.parametrize("how", ["program", "logger", "call"])
def test_what_was_said_can_be_kept_from_logs(how, arguments, monkeypatch):
    recorder = Recorder(turn_off_message_logging=how == "logger")
    litellm.callbacks = [recorder]
    if how == "program":
        monkeypatch.setattr(litellm, "turn_off_message_logging", True)
    more = {"turn_off_message_logging": True} if how == "call" else {}
    arguments["messages"][0]["content"] = "the secret of the day"
    answer = litellm.completion(**arguments, **more)
    _, _, kwargs, response = last(recorder, "success")
    assert "the secret of the day" in answer.choices[0].message.content
    assert "the secret of the day" not in repr(recorder.told)
    assert response.choices[0].message.content == "redacted-by-litellm"
    assert kwargs["standard_logging_object"]["total_tokens"] == answer.usage.total_tokens


def test_hooks_may_change_a_call_of_a_coroutine(arguments, local_provider):
    class Changing(CustomLogger):
        async def async_pre_call_deployment_hook(self, kwargs, call_type):
            assert call_type == "acompletion"
            return {**kwargs, "temperature": 0.25, "seed": 3}

        async def async_post_call_success_deployment_hook(self, request_data, response, call_type):
            response.choices[0].message.content = "changed"
            return response

    litellm.callbacks = [Changing()]
    answer = asyncio.run(litellm.acompletion(**arguments))
    assert answer.choices[0].message.content == "changed"
    body = local_provider.requests[-1].json
    assert (body["temperature"], body["seed"]) == (0.25, 3)


def test_a_logging_hook_changes_what_is_told(arguments):
    class Changing(Recorder):
        def logging_hook(self, kwargs, result, call_type):
            return {**kwargs, "added": True}, result

    litellm.callbacks = [changing := Changing()]
    litellm.completion(**arguments)
    assert last(changing, "success")[2]["added"] is True


def test_the_name_of_a_service_warns(arguments, monkeypatch):
    from edgequake_litellm._callbacks import registered

    monkeypatch.setattr(registered, "_named", set())
    litellm.success_callback = ["langfuse"]
    with pytest.warns(UserWarning, match="has no logger 'langfuse'") as told:
        litellm.completion(**arguments)
    assert told[0].filename == __file__


def test_metadata_may_hold_objects(recorder, arguments):
    span = object()
    litellm.completion(**arguments, metadata={"span": span})
    assert last(recorder, "success")[2]["litellm_params"]["metadata"]["span"] is span


def test_lists_that_are_taken_back(arguments):
    recorder = Recorder()
    litellm.callbacks = [recorder]
    litellm.callbacks = []
    litellm.completion(**arguments)
    assert not config.hooked({})
    assert recorder.told == []


def test_without_callbacks_nothing_of_them_is_loaded():
    out = run_python(
        """
        import sys, threading
        import edgequake_litellm as litellm
        litellm.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hello")
        print([name for name in sys.modules if "_callbacks" in name or "_hooked" in name], threading.active_count())
        """
    )
    assert out.split() == ["[]", "1"]


def test_a_program_that_ends_is_told_of_all_its_calls():
    out = run_python(
        """
        import time
        import edgequake_litellm as litellm

        def slow(kwargs, response, start, end):
            time.sleep(0.3)
            print("told", flush=True)

        litellm.success_callback = [slow]
        litellm.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hello")
        """
    )
    assert out == "told\n"


def test_a_forked_child_tells_too():
    out = run_python(
        """
        import os, sys
        import edgequake_litellm as litellm

        def told(kwargs, response, start, end):
            os.write(1, (kwargs["user"] + " ").encode())

        def call(user):
            litellm.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hello", user=user)

        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        litellm.success_callback = [told]
        call("parent")
        child = os.fork()
        if child == 0:
            call("child")
            sys.exit(0)
        os.waitpid(child, 0)
        """
    )
    assert sorted(out.split()) == ["child", "parent"]


def test_what_cannot_be_called_is_passed_over_and_told_of_once(
    arguments: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handler:
        def log_success_event(self, *_: object) -> None:
            raise AssertionError("it is no logger")

    told: list[Any] = []
    monkeypatch.setattr(litellm, "success_callback", [Handler(), lambda *given: told.append(given)])
    with caplog.at_level("WARNING"):
        for _ in range(2):
            litellm.completion(**arguments)
    assert wait_until(lambda: len(told) == 2)
    warnings = [record for record in caplog.records if "is no function and no CustomLogger" in record.getMessage()]
    assert len(warnings) == 1


def test_the_keys_of_calls_within_a_call_are_not_told(arguments):
    recorder = Recorder()
    litellm.callbacks = [recorder]
    other = {"model": "openai/gpt-4o-mini", "api_key": "key-of-another", "metadata": {"team": "red"}}
    named = [{"gpt-4o": [{"model": "openai/gpt-4.1", "aws_secret_access_key": "secret-of-another"}]}]
    litellm.completion(
        **arguments,
        fallbacks=[other],
        context_window_fallbacks=named,
        extra_body={"deep": [{"api_key": "key-in-body"}]},
    )
    assert wait_until(lambda: "success" in recorder.events)
    for _, _, kwargs, _ in recorder.told:
        assert not [word for word in ("key-of-another", "secret-of-another", "key-in-body") if word in repr(kwargs)]
    told = recorder.told[0][2]["litellm_params"]
    assert told["fallbacks"] == [{**other, "api_key": "***"}]
    assert told["context_window_fallbacks"] == [
        {"gpt-4o": [{"model": "openai/gpt-4.1", "aws_secret_access_key": "***"}]}
    ]
    # What the call itself does with them has not changed.
    assert other["api_key"] == "key-of-another"
