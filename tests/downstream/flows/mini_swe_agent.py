"""mini-swe-agent: its models, and an agent that has a shell."""

from __future__ import annotations

import os

# It asks for no set-up, and does not wait between calls that fail.
os.environ.update(MSWEA_CONFIGURED="true", MSWEA_SILENT_STARTUP="1", MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT="1")

from minisweagent.models.litellm_model import LitellmModel
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModel

QUESTION = [
    {"role": "system", "content": "You have a shell."},
    {"role": "user", "content": "```mswea_bash_command\nls\n```"},
]


def options(address):
    return {"api_base": address, "api_key": "sk-nothing", "num_retries": 0, "max_tokens": 40}


def told(message):
    extra = message["extra"]
    return [
        message["role"],
        message["content"],
        [action["command"] for action in extra["actions"]],
        round(extra["cost"], 9),
    ]


def flow_text(address):
    return told(LitellmTextbasedModel(model_name="openai/gpt-4o", model_kwargs=options(address)).query(QUESTION))


def flow_tools(address):
    return told(LitellmModel(model_name="openai/gpt-4o", model_kwargs=options(address)).query(QUESTION))


def flow_unknown_price(address):
    model = LitellmTextbasedModel(
        model_name="openai/unknown", model_kwargs=options(address), cost_tracking="ignore_errors"
    )
    return told(model.query(QUESTION))


def flow_error_context(address):
    return told(LitellmTextbasedModel(model_name="openai/fails-context", model_kwargs=options(address)).query(QUESTION))


def flow_error_key(address):
    return told(LitellmTextbasedModel(model_name="openai/fails-401", model_kwargs=options(address)).query(QUESTION))
