"""Providers that a program writes itself."""

from __future__ import annotations

import asyncio

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.llms.custom_llm import CustomLLM, CustomLLMError

MESSAGES = [{"role": "user", "content": "How are you?"}]


def piece(text, **more):
    return {
        "text": text,
        "is_finished": False,
        "finish_reason": "",
        "usage": None,
        "index": 0,
        "tool_use": None,
        **more,
    }


class Mine(CustomLLM):
    def __init__(self):
        self.asked = []

    def completion(self, *args, **kwargs):
        assert not args
        self.asked.append(kwargs)
        if kwargs["model"].isdigit():
            raise CustomLLMError(status_code=int(kwargs["model"]), message="not today")
        if kwargs["model"] == "broken":
            raise ValueError("a bug")
        if kwargs["model"] == "wrong":
            return "text"
        response = kwargs["model_response"]
        response.choices[0].message.content = "Fine."
        return response

    async def acompletion(self, *args, **kwargs):
        await asyncio.sleep(0)
        return self.completion(*args, **kwargs)

    def streaming(self, *args, **kwargs):
        self.asked.append(kwargs)
        yield piece("I am ")
        yield piece("fine.")
        if kwargs["model"] == "cut":
            raise CustomLLMError(status_code=503, message="gone")
        counts = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        yield piece("", is_finished=True, finish_reason="stop", usage=counts)

    async def astreaming(self, *args, **kwargs):
        call = {"id": "c1", "type": "function", "index": 0, "function": {"name": "look", "arguments": "{}"}}
        yield piece("", tool_use=call)
        yield piece("", is_finished=True, finish_reason="stop")

    def embedding(self, *args, **kwargs):
        self.asked.append(kwargs)
        response = kwargs["model_response"]
        response.data = [{"object": "embedding", "index": n, "embedding": [0.5]} for n in range(len(kwargs["input"]))]
        return response


@pytest.fixture
def mine(monkeypatch):
    handler = Mine()
    monkeypatch.setattr(litellm, "custom_provider_map", [{"provider": "mine", "custom_handler": handler}])
    return handler


def test_a_completion(mine):
    response = litellm.completion(
        "mine/m1",
        MESSAGES,
        temperature=0.5,
        top_k=3,
        api_key="k",
        api_base="http://b",
        timeout=3,
        extra_headers={"x": "y"},
    )
    assert response.choices[0].message.content == "Fine."
    assert (response.model, response.usage.total_tokens) == ("m1", 0)
    assert response._hidden_params["custom_llm_provider"] == "mine"
    asked = mine.asked[0]
    assert (asked["model"], asked["messages"], asked["acompletion"]) == ("m1", MESSAGES, False)
    assert asked["optional_params"] == {"temperature": 0.5, "top_k": 3}
    assert (asked["api_key"], asked["api_base"], asked["timeout"], asked["headers"]) == ("k", "http://b", 3, {"x": "y"})


def test_by_the_name_of_the_provider(mine):
    assert litellm.completion("m1", MESSAGES, custom_llm_provider="mine").model == "m1"
    assert litellm.get_llm_provider("mine/m1")[:2] == ("m1", "mine")
    assert "temperature" in litellm.get_supported_openai_params("mine/m1")


def test_a_coroutine(mine):
    response = asyncio.run(litellm.acompletion("mine/m1", MESSAGES))
    assert response.choices[0].message.content == "Fine."
    assert mine.asked[0]["acompletion"] is True


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, litellm.BadRequestError),
        (401, litellm.AuthenticationError),
        (404, litellm.NotFoundError),
        (429, litellm.RateLimitError),
        (500, litellm.InternalServerError),
        (503, litellm.ServiceUnavailableError),
        (418, litellm.APIError),
    ],
)
def test_its_errors_are_litellms(mine, status, kind):
    with pytest.raises(kind, match="MineException - not today") as raised:
        litellm.completion(f"mine/{status}", MESSAGES)
    assert raised.value.status_code == status
    assert raised.value.llm_provider == "mine"
    assert isinstance(raised.value.__cause__, CustomLLMError)


def test_a_bug_of_it_is_a_failed_connection(mine):
    with pytest.raises(litellm.APIConnectionError, match="a bug") as raised:
        litellm.completion("mine/broken", MESSAGES)
    assert isinstance(raised.value.__cause__, ValueError)


def test_an_answer_that_is_none_says_what_it_should_be(mine):
    with pytest.raises(litellm.APIConnectionError, match="must return a ModelResponse"):
        litellm.completion("mine/wrong", MESSAGES)


def test_a_stream(mine):
    stream = litellm.completion("mine/m1", MESSAGES, stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    chunks = list(stream)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["I am ", "fine.", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, "stop"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    assert not any(hasattr(chunk, "usage") for chunk in chunks)
    assert mine.asked[0]["optional_params"] == {"stream": True}


def test_a_stream_with_its_usage(mine):
    chunks = list(litellm.completion("mine/m1", MESSAGES, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.total_tokens == 3
    assert litellm.stream_chunk_builder(chunks).choices[0].message.content == "I am fine."


def test_a_stream_that_breaks(mine):
    stream = litellm.completion("mine/cut", MESSAGES, stream=True)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="gone") as raised:
        list(stream)
    assert raised.value.generated_content == "I am fine."


def test_a_stream_that_is_closed_closes_the_generator(mine):
    closed = []

    class Endless(Mine):
        def streaming(self, *args, **kwargs):
            try:
                while True:
                    yield piece("on ")
            finally:
                closed.append(True)

    litellm.custom_provider_map = [{"provider": "mine", "custom_handler": Endless()}]
    with litellm.completion("mine/m1", MESSAGES, stream=True) as stream:
        next(stream)
    assert closed == [True]


def test_a_stream_of_a_coroutine(mine):
    async def main():
        return [chunk async for chunk in await litellm.acompletion("mine/m1", MESSAGES, stream=True)]

    chunks = asyncio.run(main())
    assert chunks[0].choices[0].delta.tool_calls[0].function.name == "look"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_embeddings(mine):
    response = litellm.embedding("mine/e1", ["one", "two"], dimensions=1)
    assert [item["index"] for item in response.data] == [0, 1]
    assert response.model == "e1"
    assert mine.asked[0]["optional_params"] == {"dimensions": 1}


def test_a_method_that_it_lacks(mine):
    with pytest.raises(litellm.InternalServerError, match="has no method aembedding"):
        asyncio.run(litellm.aembedding("mine/e1", ["one"]))


def test_a_mock_asks_nobody(mine):
    assert litellm.completion("mine/m1", MESSAGES, mock_response="made up").choices[0].message.content == "made up"
    assert mine.asked == []


def test_other_providers_are_not_concerned(mine, arguments, local_provider):
    assert litellm.completion(**arguments).choices[0].message.content
    assert mine.asked == []
    with pytest.raises(litellm.BadRequestError, match="LLM Provider NOT provided"):
        litellm.completion("yours/m1", MESSAGES)


def test_callbacks_are_told(mine, monkeypatch):
    told = []
    monkeypatch.setattr(litellm, "input_callback", [lambda kwargs: told.append(kwargs["custom_llm_provider"])])
    litellm.completion("mine/m1", MESSAGES)
    assert told == ["mine"]
