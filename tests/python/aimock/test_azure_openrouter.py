"""aimock's Azure and OpenRouter surfaces: OpenAI's protocol at other addresses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from . import behaviour
from .conftest import Aimock

# The address that each provider's calls have, and the path that they must arrive at.
SURFACES = {
    "azure/gpt-4o": ("", "/openai/deployments/gpt-4o/chat/completions"),
    "openrouter/openai/gpt-4o": ("/api/v1", "/api/v1/chat/completions"),
}
every_surface = pytest.mark.parametrize("model", SURFACES)


def call_of(aimock: Aimock, model: str, text: str, **more: Any) -> dict[str, Any]:
    return {**aimock.call(text, model, SURFACES[model][0]), **more}


@every_surface
def test_a_stream(aimock: Aimock, model: str) -> None:
    behaviour.streams(partial(call_of, aimock, model), least_chunks=1)
    (request,) = aimock.journal
    assert request["path"].split("?")[0] == SURFACES[model][1]


@every_surface
def test_a_stream_in_a_coroutine(aimock: Aimock, model: str) -> None:
    behaviour.streams_in_a_coroutine(partial(call_of, aimock, model))


@every_surface
def test_a_tool_is_called_and_its_result_answered(aimock: Aimock, model: str) -> None:
    behaviour.answers_with_a_tool(partial(call_of, aimock, model))


@every_surface
def test_tool_calls_in_a_stream(aimock: Aimock, model: str) -> None:
    behaviour.calls_tools_in_a_stream(partial(call_of, aimock, model), "How is the weather?", ["Paris"])
