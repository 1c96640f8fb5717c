"""A program with types, which type checkers read and the tests run: what litellm's users write, as this package declares it."""

from __future__ import annotations

import asyncio
from typing import Any

import edgequake_litellm as litellm
from edgequake_litellm.types.llms.openai import AllMessageValues, ChatCompletionUserMessage
from edgequake_litellm.types.utils import Choices, EmbeddingResponse, Message, ModelResponse, ModelResponseStream, Usage


def question(text: str) -> list[AllMessageValues]:
    message: ChatCompletionUserMessage = {"role": "user", "content": text}
    return [message]


def text_of(response: ModelResponse) -> str:
    choice = response.choices[0]
    assert isinstance(choice, Choices)
    message: Message = choice.message
    return message.content or ""


def ask(model: str, **where: Any) -> tuple[str, int]:
    response = litellm.completion(model=model, messages=question("Say hello"), temperature=0.2, max_tokens=20, **where)
    assert isinstance(response, ModelResponse)
    usage: Usage = response.usage
    return text_of(response), usage.total_tokens


def stream(model: str, **where: Any) -> str:
    answer = litellm.completion(model=model, messages=question("Say hello"), stream=True, **where)
    assert isinstance(answer, litellm.CustomStreamWrapper)
    chunks: list[ModelResponseStream] = list(answer)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def ask_in_a_coroutine(model: str, **where: Any) -> str:
    response = await litellm.acompletion(model=model, messages=question("Say hello"), **where)
    assert isinstance(response, ModelResponse)
    return text_of(response)


def embed(model: str, **where: Any) -> int:
    response: EmbeddingResponse = litellm.embedding(model=model, input=["hello"], **where)
    return len(response.data[0]["embedding"])


def cost(model: str) -> float:
    paid_in, paid_out = litellm.cost_per_token(model=model, prompt_tokens=10, completion_tokens=10)
    return paid_in + paid_out


def tokens(model: str) -> int:
    counted: int = litellm.token_counter(model=model, text="hello world")
    return counted


def fails(model: str, **where: Any) -> str:
    try:
        litellm.completion(model=model, messages=question("Say hello"), **where)
    except litellm.RateLimitError as error:
        return f"{error.status_code} {error.llm_provider}"
    except (litellm.AuthenticationError, litellm.Timeout) as error:
        return error.message
    return ""


def main(**where: Any) -> list[object]:
    model = "openai/gpt-4o"
    return [
        ask(model, **where),
        stream(model, **where),
        asyncio.run(ask_in_a_coroutine(model, **where)),
        embed("openai/text-embedding-3-small", **where),
        cost(model),
        tokens(model),
        fails(model, **where),
    ]
