"""crewai with its LLM over litellm."""

from __future__ import annotations

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from pydantic import BaseModel

QUESTION = [{"role": "user", "content": "How are you?"}]
ABOUT_WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


class Mood(BaseModel):
    mood: str


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


def model(address, name="openai/gpt-4o", **options):
    return LLM(model=name, base_url=address, api_key="sk-nothing", is_litellm=True, **options)


def crew(description, llm, **options):
    agent = Agent(
        role="Forecaster",
        goal="Tell the weather",
        backstory="You know all.",
        llm=llm,
        max_iter=2,
        verbose=False,
        **options,
    )
    task = Task(description=description, expected_output="One sentence.", agent=agent)
    return Crew(agents=[agent], tasks=[task], verbose=False)


def told(output):
    usage = output.token_usage
    return [output.raw, usage.prompt_tokens, usage.completion_tokens, usage.successful_requests]


def flow_call(address):
    made = model(address)
    return [made.call(QUESTION), made.get_token_usage_summary().model_dump()]


def flow_parameters(address):
    return model(address, temperature=0.2, max_tokens=30, stop=["END"], seed=7, top_p=0.5).call("How are you?")


def flow_stream(address):
    made = model(address, stream=True)
    return [made.call(QUESTION), made.get_token_usage_summary().model_dump()]


async def flow_acall(address):
    return await model(address).acall(QUESTION)


async def flow_astream(address):
    return await model(address, stream=True).acall(QUESTION)


def flow_response_format(address):
    return model(address, response_format=Mood).call(QUESTION)


def flow_tools(address):
    rain = {"weather": lambda city: f"rain in {city}"}
    return model(address).call(ABOUT_WEATHER, tools=TOOLS, available_functions=rain)


def flow_tools_stream(address):
    rain = {"weather": lambda city: f"rain in {city}"}
    return model(address, stream=True).call(ABOUT_WEATHER, tools=TOOLS, available_functions=rain)


def flow_crew(address):
    return told(crew("Say how the weather is.", model(address)).kickoff())


def flow_crew_with_tools(address):
    return told(crew("What is the weather in Paris?", model(address), tools=[weather]).kickoff())


async def flow_crew_awaited(address):
    return told(await crew("Say how the weather is.", model(address)).akickoff())


def flow_what_models_can(address):
    return [
        [made.supports_function_calling(), made.supports_stop_words(), made.get_context_window_size()]
        for made in (model(address), model(address, "openai/o3-mini"), model(address, "groq/llama-3.3-70b-versatile"))
    ]


def flow_fails_context(address):
    return model(address, "openai/fails-context").call(QUESTION)


def flow_fails_401(address):
    return model(address, "openai/fails-401").call(QUESTION)


async def flow_fails_429(address):
    return await model(address, "openai/fails-429", max_retries=0).acall(QUESTION)


def flow_fails_500(address):
    return model(address, "openai/fails-500", max_retries=0, stream=True).call(QUESTION)
