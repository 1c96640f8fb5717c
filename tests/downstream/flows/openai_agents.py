"""OpenAI's Agents SDK with its LitellmModel."""

from __future__ import annotations

from agents import Agent, ModelSettings, Runner, function_tool, handoff, set_tracing_disabled
from agents.extensions.models.litellm_model import LitellmModel
from pydantic import BaseModel

set_tracing_disabled(True)


def agent(address, model="openai/gpt-4o", **options):
    return Agent(
        name="helper",
        instructions="You answer in one sentence.",
        model=LitellmModel(model=model, base_url=address, api_key="sk-nothing"),
        **options,
    )


@function_tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


class Person(BaseModel):
    name: str
    age: int


async def flow_answer(address):
    result = await Runner.run(agent(address), "How are you?")
    usage = result.context_wrapper.usage
    return [result.final_output, usage.requests, usage.input_tokens, usage.output_tokens]


def flow_answer_sync(address):
    return Runner.run_sync(agent(address), "How are you?").final_output


async def flow_settings(address):
    settings = ModelSettings(
        temperature=0.3, top_p=0.9, max_tokens=50, extra_args={"seed": 4}, extra_headers={"x-a": "b"}
    )
    return (await Runner.run(agent(address, model_settings=settings), "How are you?")).final_output


async def flow_tool(address):
    result = await Runner.run(agent(address, tools=[weather]), "What is the weather in Paris?")
    return [result.final_output, [type(item).__name__ for item in result.new_items], result.to_input_list()]


async def flow_tool_required(address):
    settings = ModelSettings(tool_choice="required", parallel_tool_calls=False)
    result = await Runner.run(agent(address, tools=[weather], model_settings=settings), "What is the weather in Paris?")
    return result.final_output


async def flow_structured_output(address):
    return (await Runner.run(agent(address, output_type=Person), "Ada is 36 years old.")).final_output.model_dump()


async def flow_stream(address):
    result = Runner.run_streamed(agent(address), "How are you?")
    raw = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
    events = [[data.type, getattr(data, "delta", None)] for data in raw]
    return [events, result.final_output]


async def flow_stream_tool(address):
    result = Runner.run_streamed(agent(address, tools=[weather]), "What is the weather in Paris?")
    events = [event.type async for event in result.stream_events()]
    return [events, result.final_output]


async def flow_handoff(address):
    other = agent(address)
    other.name = "poet"
    result = await Runner.run(agent(address, handoffs=[handoff(other)]), "Please transfer to the poet.")
    return [result.final_output, result.last_agent.name]


async def flow_error_rate_limit(address):
    settings = ModelSettings(extra_args={"max_retries": 0})
    return (await Runner.run(agent(address, "openai/fails-429", model_settings=settings), "Hello")).final_output


async def flow_error_context(address):
    return (await Runner.run(agent(address, "openai/fails-context"), "Hello")).final_output


async def flow_error_in_stream(address):
    result = Runner.run_streamed(agent(address, "openai/fails-404"), "Hello")
    return [event.type async for event in result.stream_events()]
