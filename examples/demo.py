"""The package in one sitting: a prompt, a stream, a tool and embeddings. ``make demo`` runs it.

Everything goes to a provider on this machine that ships with the package, so neither a key nor a network is needed. Where
``OPENAI_API_KEY`` is in the environment, the same code goes to OpenAI as well.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

import edgequake_litellm as litellm
from edgequake_litellm.testing import LocalProvider

MODEL = "openai/gpt-4o-mini"
EMBEDDING_MODEL = "openai/text-embedding-3-small"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city, now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def get_weather(city: str) -> str:
    return f"18 degrees and sunny in {city}"


def prompt(**where: Any) -> None:
    question = "Name the capital of France."
    response = litellm.completion(MODEL, [{"role": "user", "content": question}], **where)
    print(f"  {question}\n  > {response.choices[0].message.content}")
    print(f"    {response.usage.prompt_tokens} + {response.usage.completion_tokens} tokens, {response.model}")


def stream(**where: Any) -> None:
    question = "Describe the sea in one sentence."
    print(f"  {question}\n  > ", end="")
    for chunk in litellm.completion(MODEL, [{"role": "user", "content": question}], stream=True, **where):
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


def tools(**where: Any) -> None:
    question = "What is the weather in Paris?"
    messages: list[Any] = [{"role": "user", "content": question}]
    message = litellm.completion(MODEL, messages, tools=[WEATHER], **where).choices[0].message
    messages.append(message)
    print(f"  {question}")
    for call in message.tool_calls or []:
        answer = get_weather(**json.loads(call.function.arguments))
        print(f"    {call.function.name}({call.function.arguments}) = {answer}")
        messages.append({"role": "tool", "tool_call_id": call.id, "content": answer})
    response = litellm.completion(MODEL, messages, tools=[WEATHER], **where)
    print(f"  > {response.choices[0].message.content}")


def embeddings(**where: Any) -> None:
    texts = ["the cat sat on the mat", "a cat on a mat", "stock prices fell today"]
    response = litellm.embedding(EMBEDDING_MODEL, input=texts, **where)
    first, *others = (item["embedding"] for item in response.data)
    for text, vector in zip(texts[1:], others):
        print(f"  {texts[0]!r} is {cosine(first, vector):.2f} like {text!r}")


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b)) / (math.hypot(*a) * math.hypot(*b))


def tour(**where: Any) -> None:
    for part in (prompt, stream, tools, embeddings):
        print(f"\n{part.__name__}")
        part(**where)


def main() -> None:
    with LocalProvider() as provider:
        print(f"A provider on this machine: {provider.base_url}")
        tour(api_base=provider.base_url, api_key="any")
    if os.environ.get("OPENAI_API_KEY"):
        print("\n\nOpenAI, with the key of OPENAI_API_KEY")
        tour()
    else:
        print("\n(With OPENAI_API_KEY in the environment the same would go to OpenAI.)")


if __name__ == "__main__":
    main()
