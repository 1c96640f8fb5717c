"""instructor, which asks for objects of pydantic classes. It tells `completion` from `acompletion` by being a coroutine function."""

from __future__ import annotations

from typing import List

from instructor import Mode, from_litellm
from litellm import acompletion, completion
from pydantic import BaseModel, Field, field_validator


class Person(BaseModel):
    """A person of whom the text speaks."""

    name: str
    age: int = Field(description="in years")


class Never(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def refuse(cls, value: int) -> int:
        raise ValueError("no number is good enough")


QUESTION = [{"role": "user", "content": "The person Ada is 36 years old."}]


def create(address, call=completion, mode=Mode.TOOLS, model="openai/gpt-4o", **options):
    options = {"response_model": Person, "messages": QUESTION, "max_retries": 1, **options}
    return from_litellm(call, mode=mode).chat.completions.create(
        model=model, api_base=address, api_key="sk-nothing", **options
    )


def flow_tools(address):
    return create(address).model_dump()


def flow_json(address):
    return create(address, mode=Mode.JSON).model_dump()


def flow_json_schema(address):
    return create(address, mode=Mode.JSON_SCHEMA).model_dump()


def flow_markdown_json(address):
    return create(address, mode=Mode.MD_JSON).model_dump()


def flow_several(address):
    return [person.model_dump() for person in create(address, response_model=List[Person])]


def flow_parameters(address):
    return create(address, temperature=0.1, max_tokens=100, seed=3).model_dump()


def flow_raw_response(address):
    person, raw = from_litellm(completion).chat.completions.create_with_completion(
        model="openai/gpt-4o", api_base=address, api_key="sk-nothing", response_model=Person, messages=QUESTION
    )
    return [person.model_dump(), type(raw).__name__, type(raw).__module__, raw.usage.total_tokens, raw.model]


async def flow_async(address):
    return (await create(address, call=acompletion)).model_dump()


async def flow_async_json(address):
    return (await create(address, call=acompletion, mode=Mode.JSON)).model_dump()


async def flow_async_partial(address):
    stream = from_litellm(acompletion).chat.completions.create_partial(
        model="openai/gpt-4o", api_base=address, api_key="sk-nothing", response_model=Person, messages=QUESTION
    )
    return [part.model_dump() async for part in stream]


def flow_iterable(address):
    stream = from_litellm(completion).chat.completions.create_iterable(
        model="openai/gpt-4o", api_base=address, api_key="sk-nothing", response_model=Person, messages=QUESTION
    )
    return [person.model_dump() for person in stream]


def flow_refused_answer(address):
    return create(address, response_model=Never, max_retries=2).model_dump()


def flow_error_key(address):
    return create(address, model="openai/fails-401").model_dump()


def flow_hooks(address):
    seen = []
    client = from_litellm(completion)
    client.on("completion:kwargs", lambda *args, **kwargs: seen.append(sorted(kwargs)))
    client.on("completion:response", lambda response: seen.append(response.choices[0].finish_reason))
    client.chat.completions.create(
        model="openai/gpt-4o", api_base=address, api_key="sk-nothing", response_model=Person, messages=QUESTION
    )
    return seen
