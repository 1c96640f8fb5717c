"""Google's Agent Development Kit with its LiteLlm."""

from __future__ import annotations

from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.runners import InMemoryRunner
from google.genai import types
from pydantic import BaseModel


class Mood(BaseModel):
    mood: str


def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


def model(address, name="openai/gpt-4o", **options):
    return LiteLlm(model=name, api_base=address, api_key="sk-nothing", **options)


def said(text, role="user"):
    return types.Content(role=role, parts=[types.Part(text=text)])


def plain(response):
    return response.model_dump(
        mode="json", exclude_none=True, include={"content", "usage_metadata", "finish_reason", "partial"}
    )


async def ask(llm, stream=False, contents=None, **config):
    request = LlmRequest(
        model=llm.model, contents=contents or [said("How are you?")], config=types.GenerateContentConfig(**config)
    )
    return [plain(response) async for response in llm.generate_content_async(request, stream=stream)]


async def run(address, text, run_config=None, **options):
    agent = Agent(name="forecaster", model=model(address), instruction="Be kind.", **options)
    runner = InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="ann")
    events = runner.run_async(
        user_id="ann", session_id=session.id, new_message=said(text), run_config=run_config or RunConfig()
    )
    return [plain(event) async for event in events]


async def flow_generate(address):
    return await ask(model(address))


async def flow_stream(address):
    return await ask(model(address), stream=True)


async def flow_parameters(address):
    return await ask(
        model(address, seed=7),
        system_instruction="Be kind.",
        temperature=0.2,
        max_output_tokens=30,
        top_p=0.5,
        stop_sequences=["END"],
    )


async def flow_conversation(address):
    turns = [said("How are you?"), said("Well.", role="model"), said("Good.")]
    return await ask(model(address), contents=turns)


async def flow_image(address):
    picture = types.Part(inline_data=types.Blob(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png"))
    return await ask(
        model(address), contents=[types.Content(role="user", parts=[types.Part(text="What is it?"), picture])]
    )


async def flow_response_schema(address):
    return await ask(model(address), response_schema=Mood, response_mime_type="application/json")


async def flow_agent(address):
    return await run(address, "How are you?")


async def flow_agent_with_tools(address):
    return await run(address, "What is the weather in Paris?", tools=[weather])


async def flow_agent_with_tools_streamed(address):
    config = RunConfig(streaming_mode=StreamingMode.SSE)
    return await run(address, "What is the weather in Paris?", run_config=config, tools=[weather])


async def flow_fails_400(address):
    return await ask(model(address, "openai/fails-400"))


async def flow_fails_429(address):
    return await ask(model(address, "openai/fails-429", num_retries=0), stream=True)
