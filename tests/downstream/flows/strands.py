"""AWS's Strands Agents with its LiteLLMModel."""

from __future__ import annotations

from pydantic import BaseModel
from strands import Agent, tool
from strands.models.litellm import LiteLLMModel


class Mood(BaseModel):
    """How somebody feels."""

    mood: str


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


def model(address, name="openai/gpt-4o", **params):
    return LiteLLMModel(
        client_args={"api_key": "sk-nothing", "api_base": address, "num_retries": 0}, model_id=name, params=params
    )


def told(result):
    usage = result.metrics.accumulated_usage
    return [result.stop_reason, result.message["content"], usage["inputTokens"], usage["outputTokens"]]


def agent(made):
    return Agent(model=made, tools=[weather], system_prompt="Be kind.", callback_handler=None)


def ask(address, text, name="openai/gpt-4o", **params):
    return told(agent(model(address, name, **params))(text))


def flow_agent(address):
    return ask(address, "How are you?")


def flow_parameters(address):
    return ask(address, "How are you?", temperature=0.2, max_tokens=30)


def flow_tools(address):
    return ask(address, "What is the weather in Paris?")


async def flow_stream(address):
    events = agent(model(address)).stream_async("How are you?")
    return [event["data"] async for event in events if "data" in event]


def flow_structured(address):
    return agent(model(address)).structured_output(Mood, "How are you?").model_dump()


def flow_fails_400(address):
    return ask(address, "How are you?", "openai/fails-400")


def flow_fails_context(address):
    return ask(address, "How are you?", "openai/fails-context")
