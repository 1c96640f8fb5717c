"""dspy with its engine of litellm."""

from __future__ import annotations

import dspy


def lm(address, model="openai/gpt-4o", **options):
    options = {"cache": False, "num_retries": 0, **options}
    return dspy.LM(model, api_base=address, api_key="sk-nothing", engine="litellm", **options)


def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"It rains in {city}."


def flow_messages(address):
    return lm(address)(messages=[{"role": "user", "content": "How are you?"}])


def flow_prompt(address):
    return lm(address, temperature=0.5, max_tokens=40)("How are you?")


def flow_several(address):
    return lm(address, temperature=0.9, n=2)("How are you?")


def flow_predict(address):
    with dspy.context(lm=lm(address)):
        return dspy.Predict("question -> answer")(question="How are you?").toDict()


def flow_predict_json(address):
    with dspy.context(lm=lm(address), adapter=dspy.JSONAdapter()):
        return dspy.Predict("question -> answer: str, score: float")(question="How are you?").toDict()


def flow_chain_of_thought(address):
    with dspy.context(lm=lm(address), adapter=dspy.JSONAdapter()):
        return dspy.ChainOfThought("question -> answer")(question="How are you?").toDict()


def flow_react(address):
    with dspy.context(lm=lm(address), adapter=dspy.JSONAdapter()):
        return dspy.ReAct("question -> answer", tools=[weather], max_iters=2)(question="The weather in Paris?").toDict()


def flow_tools(address):
    with dspy.context(lm=lm(address), adapter=dspy.JSONAdapter(use_native_function_calling=True)):
        signature = dspy.Signature("question: str, tools: list[dspy.Tool] -> calls: dspy.ToolCalls")
        made = dspy.Predict(signature)(question="The weather in Paris?", tools=[dspy.Tool(weather)])
        return [[call.name, call.args] for call in made.calls.tool_calls]


def flow_history(address):
    asked = lm(address)
    asked("How are you?")
    last = asked.history[-1]
    return [last["usage"], last["model"], last["response_model"], sorted(last["kwargs"])]


async def flow_async(address):
    return await lm(address).acall(messages=[{"role": "user", "content": "How are you?"}])


async def flow_async_predict(address):
    with dspy.context(lm=lm(address), adapter=dspy.JSONAdapter()):
        return (await dspy.Predict("question -> answer").acall(question="How are you?")).toDict()


async def flow_stream(address):
    with dspy.context(lm=lm(address), adapter=dspy.JSONAdapter()):
        program = dspy.streamify(dspy.Predict("question -> answer"))
        parts = [part async for part in program(question="How are you?")]
        return [[type(part).__name__, part.toDict() if isinstance(part, dspy.Prediction) else None] for part in parts]


def flow_embedding(address):
    embed = dspy.Embedder("openai/text-embedding-3-small", api_base=address, api_key="sk-nothing", caching=False)
    return embed(["one", "two"]).shape


def flow_cached(address):
    asked = lm(address, cache=True, rollout_id=1, temperature=0.7)
    return [asked("How are you?"), asked("How are you?")]


def flow_error_context(address):
    return lm(address, "openai/fails-context")("How are you?")


def flow_error_rate_limit(address):
    return lm(address, "openai/fails-429")("How are you?")
