"""LangChain with langchain-litellm."""

from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_litellm import ChatLiteLLM, LiteLLMEmbeddings
from pydantic import BaseModel

QUESTION = [SystemMessage("You answer in one sentence."), HumanMessage("How are you?")]


def chat(address, model="openai/gpt-4o", **options):
    return ChatLiteLLM(model=model, api_base=address, api_key="sk-nothing", **{"max_retries": 0, **options})


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


class Person(BaseModel):
    """A person of whom the text speaks."""

    name: str
    age: int


def told(message):
    calls = [[call["name"], call["args"]] for call in getattr(message, "tool_calls", ())]
    return [type(message).__name__, message.content, calls, message.usage_metadata, sorted(message.response_metadata)]


def flow_invoke(address):
    return told(chat(address).invoke(QUESTION))


def flow_parameters(address):
    model = chat(address, temperature=0.2, top_p=0.8, max_tokens=30, model_kwargs={"seed": 3})
    return told(model.invoke("How are you?", stop=["END"]))


def flow_several(address):
    result = chat(address, n=2).generate([[HumanMessage("How are you?")]])
    return [[generation.text for generation in result.generations[0]], result.llm_output["token_usage"]["total_tokens"]]


def flow_stream(address):
    return [
        told(part) for part in chat(address, streaming=True, stream_options={"include_usage": True}).stream(QUESTION)
    ]


def flow_stream_plain(address):
    return [told(part) for part in chat(address).stream(QUESTION)]


async def flow_async(address):
    return told(await chat(address).ainvoke(QUESTION))


async def flow_async_stream(address):
    return [told(part) async for part in chat(address).astream(QUESTION)]


def flow_batch(address):
    return [told(answer) for answer in chat(address).batch(["How are you?", "Who are you?"], {"max_concurrency": 1})]


def flow_tools(address):
    return told(chat(address).bind_tools([weather]).invoke("What is the weather in Paris?"))


def flow_tools_required(address):
    return told(chat(address).bind_tools([weather], tool_choice="any").invoke("Hello"))


def flow_tools_stream(address):
    parts = list(chat(address).bind_tools([weather]).stream("What is the weather in Paris?"))
    whole = parts[0]
    for part in parts[1:]:
        whole += part
    return told(whole)


def flow_tool_round_trip(address):
    call = {"name": "weather", "args": {"city": "Paris"}, "id": "call_1"}
    messages = [
        HumanMessage("What is the weather in Paris?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("It rains.", tool_call_id="call_1"),
    ]
    return told(chat(address).bind_tools([weather]).invoke(messages))


def flow_structured_output(address):
    return chat(address).with_structured_output(Person).invoke("Ada is 36 years old.").model_dump()


def flow_structured_output_schema(address):
    model = chat(address).with_structured_output(Person, method="json_schema")
    return model.invoke("Ada is 36 years old.").model_dump()


def flow_image(address):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    return told(chat(address).invoke([HumanMessage([{"type": "text", "text": "What is it?"}, image])]))


def flow_embeddings(address):
    embeddings = LiteLLMEmbeddings(model="openai/text-embedding-3-small", api_base=address, api_key="sk-nothing")
    return [len(embeddings.embed_query("one")), [len(vector) for vector in embeddings.embed_documents(["one", "two"])]]


async def flow_embeddings_async(address):
    embeddings = LiteLLMEmbeddings(
        model="openai/text-embedding-3-small", api_base=address, api_key="sk-nothing", dimensions=64
    )
    return len(await embeddings.aembed_query("one"))


def flow_error_rate_limit(address):
    return told(chat(address, "openai/fails-429").invoke(QUESTION))


def flow_error_context(address):
    return told(chat(address, "openai/fails-context").invoke(QUESTION))


def flow_error_stream(address):
    return [told(part) for part in chat(address, "openai/fails-401").stream(QUESTION)]


def routed(address, **options):
    from langchain_litellm import ChatLiteLLMRouter
    from litellm import Router

    params = {"model": "openai/gpt-4o", "api_base": address, "api_key": "sk-nothing"}
    router = Router(
        model_list=[{"model_name": "group", "litellm_params": params}],
        model_group_alias={"other": "group"},
        num_retries=0,
    )
    return ChatLiteLLMRouter(router=router, **options)


def flow_router(address):
    return told(routed(address, model_name="group", temperature=0.2).invoke(QUESTION))


def flow_router_stream(address):
    return [told(part) for part in routed(address, model_name="group").stream(QUESTION)]


def flow_router_tools(address):
    return told(routed(address, model_name="other").bind_tools([weather]).invoke("What is the weather in Paris?"))


async def flow_router_async(address):
    return told(await routed(address, model_name="group").ainvoke(QUESTION))


async def flow_router_async_stream(address):
    return [told(part) async for part in routed(address, model_name="group").astream(QUESTION)]
