"""`edgequake-litellm chat`."""

from __future__ import annotations

import base64
import sys

from .. import _completion, _costs
from ..streaming import CustomStreamWrapper
from . import output
from .arguments import UsageError, model_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any


def chat(given: Namespace) -> int:
    model = model_of(given)
    text = text_of(given.prompt)
    if not text and not given.image:
        raise UsageError('say something, as in: chat "Hello"')
    content: Any = text
    if given.image:
        images = [{"type": "image_url", "image_url": {"url": _image(name)}} for name in given.image]
        content = [{"type": "text", "text": text}, *images] if text else images
    messages = [{"role": "user", "content": content}]
    if given.system is not None:
        messages.insert(0, {"role": "system", "content": given.system})
    # Several answers come at the same time: they are printed one after another, when all of them are there.
    streams = not (given.no_stream or given.json) and dict(given.param).get("n") in (None, 1)
    arguments: dict[str, Any] = {
        "temperature": given.temperature,
        "top_p": given.top_p,
        "max_tokens": given.max_tokens,
        "stop": given.stop,
        "seed": given.seed,
        "reasoning_effort": given.reasoning_effort,
        "api_base": given.api_base,
        "timeout": given.timeout,
        "num_retries": given.retries,
    }
    arguments = {name: value for name, value in arguments.items() if value is not None}
    arguments.update(given.param)
    if streams:
        arguments["stream"] = True
        if given.usage:
            arguments["stream_options"] = {"include_usage": True}
    answer: Any = _completion.completion(model=model, messages=messages, **arguments)
    if isinstance(answer, CustomStreamWrapper):
        _stream(answer, given)
    else:
        _whole(answer, given)
    return 0


def _image(name: str) -> str:
    """An image's address: its own, or one that holds the file."""
    if name.startswith(("https://", "http://", "data:", "gs://", "s3://")):
        return name
    from mimetypes import guess_type

    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"the image {name} cannot be read: {error.strerror or error}") from None
    return f"data:{guess_type(name)[0] or 'image/png'};base64,{base64.b64encode(data).decode()}"


def _stream(stream: Any, given: Namespace) -> None:
    said, usage = "", None
    try:
        with stream:
            for chunk in stream:
                usage = getattr(chunk, "usage", None) or usage
                delta = chunk.choices[0].delta if chunk.choices else None
                reasoning = getattr(delta, "reasoning_content", None)
                if reasoning and given.reasoning:
                    print(reasoning, end="", file=sys.stderr, flush=True)
                text = getattr(delta, "content", None)
                if text:
                    said = text
                    print(text, end="", flush=True)
                _calls(getattr(delta, "tool_calls", None))
    finally:
        # Also where it breaks off: what follows begins a line.
        if said and not said.endswith("\n"):
            print(flush=True)
    if given.usage and usage is not None:
        _usage(usage, _priced(stream.model, usage))


def _whole(answer: Any, given: Namespace) -> None:
    cost = (answer._hidden_params or {}).get("response_cost")
    if given.json:
        output.as_json({**answer.model_dump(mode="json"), "response_cost": cost})
        return
    for choice in answer.choices:
        message = choice.message
        reasoning = getattr(message, "reasoning_content", None)
        if reasoning and given.reasoning:
            print(reasoning, file=sys.stderr)
        if message.content:
            print(message.content)
        _calls(message.tool_calls)
    if given.usage:
        _usage(answer.usage, cost)


def _calls(calls: Any) -> None:
    """Tools can be given by --param; nobody calls them here."""
    for call in calls or ():
        if call.function.name:
            print(f"(the model calls {call.function.name})", file=sys.stderr)


def _priced(model: Any, usage: Any) -> float | None:
    try:
        return sum(_costs.cost_per_token(model=model, usage_object=usage))
    except Exception as error:
        if not hasattr(error, "llm_provider"):
            return None  # No table knows the model.
        raise


def _usage(usage: Any, cost: float | None) -> None:
    print(
        f"{usage.prompt_tokens} + {usage.completion_tokens} = {usage.total_tokens} tokens, {output.money(cost)}",
        file=sys.stderr,
    )
