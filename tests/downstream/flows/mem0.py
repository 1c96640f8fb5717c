"""mem0 with its LLM over litellm."""

from __future__ import annotations

import os

from mem0.configs.llms.base import BaseLlmConfig
from mem0.llms.litellm import LiteLLM

QUESTION = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "How are you?"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "remember",
            "description": "Keeps a fact.",
            "parameters": {"type": "object", "properties": {"fact": {"type": "string"}}, "required": ["fact"]},
        },
    }
]


def model(address, name="openai/gpt-4o", **options):
    # litellm is told where to call by the environment alone.
    os.environ["OPENAI_API_BASE"] = address
    return LiteLLM(BaseLlmConfig(model=name, api_key="sk-nothing", **options))


def flow_generate(address):
    return model(address).generate_response(QUESTION)


def flow_parameters(address):
    return model(address, temperature=0.7, max_tokens=50, top_p=0.9).generate_response(QUESTION)


def flow_json(address):
    return model(address).generate_response(QUESTION, response_format={"type": "json_object"})


def flow_tools(address):
    return model(address).generate_response(QUESTION, tools=TOOLS)


def flow_tools_of_a_model_without_them(address):
    return model(address, "openai/gpt-3.5-turbo-instruct").generate_response(QUESTION, tools=TOOLS)


def flow_fails_401(address):
    return model(address, "openai/fails-401").generate_response(QUESTION)


def flow_fails_400(address):
    return model(address, "openai/fails-400").generate_response(QUESTION)
