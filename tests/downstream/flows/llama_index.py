"""LlamaIndex with llama-index-llms-litellm."""

from __future__ import annotations

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.litellm import LiteLLM
from pydantic import BaseModel

QUESTION = [
    ChatMessage(role="system", content="You answer in one sentence."),
    ChatMessage(role="user", content="How are you?"),
]


def chat(address, model="openai/gpt-4o", **options):
    return LiteLLM(model, api_key="sk-nothing", api_base=address, max_retries=0, **options)


def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


class Person(BaseModel):
    """A person of whom the text speaks."""

    name: str
    age: int


TOOL = FunctionTool.from_defaults(weather)


def told(answer):
    calls = [[call["function"]["name"], call["function"]["arguments"]] for call in _calls(answer)]
    return [answer.message.content, calls, sorted(answer.message.additional_kwargs)]


def _calls(answer):
    return [
        call if isinstance(call, dict) else call.model_dump()
        for call in answer.message.additional_kwargs.get("tool_calls") or ()
    ]


def flow_metadata(address):
    metadata = chat(address).metadata
    return [metadata.context_window, metadata.is_function_calling_model, metadata.model_name]


def flow_chat(address):
    return told(chat(address).chat(QUESTION))


def flow_parameters(address):
    return told(chat(address, temperature=0.2, max_tokens=30, additional_kwargs={"seed": 3}).chat(QUESTION))


def flow_complete(address):
    return chat(address).complete("How are you?").text


def flow_stream(address):
    return [part.delta for part in chat(address).stream_chat(QUESTION)]


async def flow_async(address):
    return told(await chat(address).achat(QUESTION))


async def flow_async_stream(address):
    return [part.delta async for part in await chat(address).astream_chat(QUESTION)]


def flow_tools(address):
    return told(chat(address).chat_with_tools([TOOL], "What is the weather in Paris?"))


def flow_tools_required(address):
    return told(chat(address).chat_with_tools([TOOL], "Hello", tool_required=True))


def flow_error_rate_limit(address):
    return told(chat(address, "openai/fails-429").chat(QUESTION))


def flow_error_context(address):
    return told(chat(address, "openai/fails-context").chat(QUESTION))
