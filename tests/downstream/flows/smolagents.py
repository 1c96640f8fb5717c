"""smolagents with its LiteLLMModel."""

from __future__ import annotations

import os

from smolagents import CodeAgent, LiteLLMModel, ToolCallingAgent, tool
from smolagents.models import ChatMessage


def model(address, name="openai/gpt-4o", **options):
    return LiteLLMModel(model_id=name, api_base=address, api_key="sk-nothing", **options)


@tool
def weather(city: str) -> str:
    """Tells the weather of a city.

    Args:
        city: the city's name
    """
    return f"It rains in {city}."


QUESTION = [ChatMessage(role="user", content=[{"type": "text", "text": "How are you?"}])]
ABOUT_WEATHER = [ChatMessage(role="user", content=[{"type": "text", "text": "What is the weather in Paris?"}])]


def told(message):
    calls = [[call.function.name, call.function.arguments] for call in message.tool_calls or ()]
    usage = message.token_usage
    return [message.role, message.content, calls, usage and [usage.input_tokens, usage.output_tokens]]


def flow_generate(address):
    return told(model(address).generate(QUESTION))


def flow_parameters(address):
    return told(model(address, temperature=0.2, max_tokens=30).generate(QUESTION, stop_sequences=["END"]))


def flow_tools(address):
    return told(model(address).generate(ABOUT_WEATHER, tools_to_call_from=[weather]))


def flow_response_format(address):
    schema = {
        "type": "object",
        "properties": {"mood": {"type": "string"}},
        "required": ["mood"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "mood", "schema": schema, "strict": True}}
    return told(model(address).generate(QUESTION, response_format=wanted))


def flow_stream(address):
    parts = model(address).generate_stream(QUESTION)
    return [[part.content, part.token_usage and part.token_usage.output_tokens] for part in parts]


def flow_stream_tools(address):
    parts = model(address).generate_stream(ABOUT_WEATHER, tools_to_call_from=[weather])
    return [
        [part.content, [[call.index, call.function.name, call.function.arguments] for call in part.tool_calls or ()]]
        for part in parts
    ]


def flow_agent(address):
    agent = ToolCallingAgent(tools=[weather], model=model(address), max_steps=2, verbosity_level=0)
    return agent.run("What is the weather in Paris?")


def flow_code_agent(address):
    agent = CodeAgent(
        tools=[], model=model(address), max_steps=1, verbosity_level=0, use_structured_outputs_internally=True
    )
    return agent.run("Write the code that prints how you are.")


def flow_error_key(address):
    return told(model(address, "openai/fails-401").generate(QUESTION))


def flow_error_model(address):
    return told(model(address, "openai/fails-404").generate(QUESTION))


def routed(address, **options):
    from smolagents import LiteLLMRouterModel

    # smolagents gives its own address with each call, which is None; in litellm that takes the deployment's away.
    os.environ["OPENAI_API_BASE"] = address
    params = {"model": "openai/gpt-4o"}
    entries = [{"model_name": "group", "litellm_params": params}, {"model_name": "group", "litellm_params": params}]
    return LiteLLMRouterModel(
        model_id="group", model_list=entries, client_kwargs={"routing_strategy": "simple-shuffle"}, **options
    )


def flow_router(address):
    return told(routed(address, temperature=0.2).generate(QUESTION, stop_sequences=["END"]))


def flow_router_tools(address):
    return told(routed(address).generate(ABOUT_WEATHER, tools_to_call_from=[weather]))


def flow_router_stream(address):
    parts = routed(address).generate_stream(QUESTION)
    return [[part.content, part.token_usage and part.token_usage.output_tokens] for part in parts]
