"""One whole response from the chunks of a streamed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._types import (
    ChatCompletionAudioResponse,
    ChatCompletionCustomToolCallPayload,
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageToolCall,
    Choices,
    CompletionTokensDetailsWrapper,
    Function,
    FunctionCall,
    Message,
    ModelResponse,
    TextChoices,
    TextCompletionResponse,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Parts of a delta that make a stream more than text.
_MORE_THAN_TEXT = (
    "tool_calls",
    "function_call",
    "reasoning_content",
    "thinking_blocks",
    "annotations",
    "audio",
    "images",
    "provider_specific_fields",
)


def stream_chunk_builder(
    chunks: Optional[Sequence[Any]],
    messages: Optional[Sequence[Any]] = None,
    start_time: Any = None,
    end_time: Any = None,
    logging_obj: Any = None,
    count_prompt_tokens: Optional[Callable[[], int]] = None,
) -> Optional[Union[ModelResponse, TextCompletionResponse]]:
    """The response that the chunks of one stream add up to, or None for no chunks.

    `chunks` are the chunks in their order, as objects or as dicts. Each choice of the stream becomes a choice of the response.
    Token counts are those that the provider sent in the stream. Where it sent none, the prompt's are `count_prompt_tokens()`
    if that is given, and the others are 0.

    Raises APIError if `chunks` is None or holds something that is not a chunk.
    """
    from .exceptions import APIError

    if chunks is None:
        raise APIError(500, "there are no chunks to build a response from: chunks is None", llm_provider="", model="")
    if not chunks:
        return None
    try:
        for chunk in chunks:
            if not isinstance(chunk, dict) and not hasattr(chunk, "choices"):
                raise TypeError(f"an object of {type(chunk).__name__} is not a chunk")
        first = next((chunk for chunk in chunks if _get(chunk, "choices")), None)
        if first is not None and isinstance(_get(first, "choices")[0], TextChoices):
            return _text_completion(chunks)
        return _completion(chunks, count_prompt_tokens)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        message = f"the chunks do not add up to a response: {type(error).__name__}: {error}"
        raise APIError(500, message, llm_provider="", model="") from error


def _get(holder: Any, name: str, default: Any = None) -> Any:
    """A field of an object or of a dict."""
    return holder.get(name, default) if isinstance(holder, dict) else getattr(holder, name, default)


def _completion(chunks: Sequence[Any], count_prompt_tokens: Optional[Callable[[], int]]) -> ModelResponse:
    parts: dict[int, _Choice] = {}
    for chunk in chunks:
        for choice in _get(chunk, "choices") or ():
            index = _get(choice, "index") or 0
            parts.setdefault(index, _Choice()).add(choice)
    if not parts:
        parts[0] = _Choice()
    choices = [parts[index].build(index) for index in sorted(parts)]

    first = chunks[0]
    tiers = [tier for tier in (_get(chunk, "service_tier") for chunk in chunks) if tier]
    models = [model for model in (_get(chunk, "model") for chunk in chunks) if model]
    response = ModelResponse(
        id=next((found for found in (_get(chunk, "id") for chunk in chunks) if found), ""),
        created=_get(first, "created"),
        # Azure's model router names itself in the first chunk and the model that answered in the later ones.
        model=next((model for model in models if model != models[0]), models[0] if models else None),
        system_fingerprint=_get(first, "system_fingerprint"),
        choices=choices,
        **({"service_tier": tiers[-1]} if tiers else {}),
    )
    hidden = _get(chunks[-1], "_hidden_params")
    if hidden:
        response._hidden_params = {name: value for name, value in dict(hidden).items() if name != "usage"}
    only_text = not any(part.more_than_text for part in parts.values())
    response.usage = _usage(chunks, only_text, count_prompt_tokens)
    return response


class _Choice:
    """The pieces of one choice."""

    def __init__(self) -> None:
        self.role: Optional[str] = None
        self.finish_reason: Optional[str] = None
        self.texts: dict[str, list[str]] = {}
        self.lists: dict[str, list[Any]] = {}
        self.calls: dict[int, _ToolCall] = {}
        self.function: Optional[dict[str, str]] = None
        self.thinking = _Thinking()
        self.audio: list[Any] = []
        self.logprobs: dict[str, list[Any]] = {}
        self.provider_fields: dict[str, Any] = {}
        self.citations: list[Any] = []
        self.more_than_text = False

    def add(self, choice: Any) -> None:
        self.finish_reason = _get(choice, "finish_reason") or self.finish_reason
        logprobs = _get(choice, "logprobs")
        for name in ("content", "refusal"):
            self.logprobs.setdefault(name, []).extend(_get(logprobs, name) or ())
        delta = _get(choice, "delta")
        if delta is None:
            return
        self.role = self.role or _get(delta, "role")
        for name in ("content", "reasoning_content", "refusal"):
            text = _get(delta, name)
            if isinstance(text, str):
                self.texts.setdefault(name, []).append(text)
        for name in _MORE_THAN_TEXT:
            value = _get(delta, name)
            if value is not None:
                self.more_than_text = True
                self.add_part(name, value)

    def add_part(self, name: str, value: Any) -> None:
        if name == "tool_calls":
            for call in value:
                if call:
                    self.calls.setdefault(_get(call, "index") or 0, _ToolCall()).add(call)
        elif name == "function_call":
            self.function = self.function or {"name": "", "arguments": ""}
            self.function["name"] = self.function["name"] or _get(value, "name") or ""
            self.function["arguments"] += _get(value, "arguments") or ""
        elif name == "thinking_blocks":
            for block in value:
                self.thinking.add(block)
        elif name in ("annotations", "images"):
            self.lists.setdefault(name, []).extend(value)
        elif name == "audio":
            self.audio.append(value)
        elif name == "provider_specific_fields" and isinstance(value, dict):
            fields = dict(value)
            if fields.get("citation") is not None:
                self.citations.append(fields["citation"])
            fields.pop("citation", None)
            self.provider_fields.update(fields)

    def build(self, index: int) -> Choices:
        calls = [call for call in (self.calls[slot].build() for slot in sorted(self.calls)) if call is not None]
        content: Optional[str] = "".join(self.texts.get("content", ()))
        if "content" not in self.texts and (self.calls or self.function is not None):
            content = None
        fields = self.provider_fields
        if self.citations:
            lists = all(isinstance(citation, list) for citation in self.citations)
            fields = {"citations": self.citations if lists else [self.citations], **fields}
        if self.texts.get("refusal"):
            fields = {**fields, "refusal": "".join(self.texts["refusal"])}
        message = Message(
            content=content,
            role=self.role or "assistant",
            tool_calls=calls or None,
            function_call=None if self.function is None else FunctionCall(**self.function),
            audio=_audio(self.audio) if self.audio else None,
            images=self.lists.get("images"),
            provider_specific_fields=fields or None,
            reasoning_content="".join(self.texts["reasoning_content"]) if "reasoning_content" in self.texts else None,
            thinking_blocks=self.thinking.build(),
            annotations=self.lists.get("annotations"),
        )
        logprobs = {name: tokens for name, tokens in self.logprobs.items() if tokens}
        return Choices(
            finish_reason=self.finish_reason or "stop",
            index=index,
            message=message,
            logprobs={"content": None, **logprobs} if logprobs else None,
        )


class _ToolCall:
    """The pieces of one tool call."""

    def __init__(self) -> None:
        self.id: Optional[str] = None
        self.type: Optional[str] = None
        self.name: Optional[str] = None
        self.custom_name: Optional[str] = None
        self.arguments: list[str] = []
        self.input: list[str] = []
        self.provider_fields: dict[str, Any] = {}

    def add(self, call: Any) -> None:
        self.id = _get(call, "id") or self.id
        self.type = _get(call, "type") or self.type
        function, custom = _get(call, "function"), _get(call, "custom")
        self.name = _get(function, "name") or self.name
        self.arguments.append(_get(function, "arguments") or "")
        self.custom_name = _get(custom, "name") or self.custom_name
        self.input.append(_get(custom, "input") or "")
        fields = _get(call, "provider_specific_fields") or _get(function, "provider_specific_fields")
        if isinstance(fields, dict):
            self.provider_fields.update(fields)

    def build(self) -> Optional[Any]:
        """The whole call; None for pieces without an id or a name, which no program could answer."""
        if self.id and self.custom_name:
            payload = ChatCompletionCustomToolCallPayload(name=self.custom_name, input="".join(self.input))
            return ChatCompletionMessageCustomToolCall(id=self.id, custom=payload)
        if not self.id or not self.name:
            return None
        function = Function(arguments="".join(self.arguments) or "{}", name=self.name)
        extra = {"provider_specific_fields": self.provider_fields} if self.provider_fields else {}
        return ChatCompletionMessageToolCall(function=function, id=self.id, type=self.type or "function", **extra)


class _Thinking:
    """Thinking blocks from their pieces. A block ends with its signature; one that has none cannot be sent back."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.text: list[str] = []

    def add(self, block: Any) -> None:
        if _get(block, "type") == "redacted_thinking":
            self.text = []
            if _get(block, "data"):
                self.blocks.append({"type": "redacted_thinking", "data": _get(block, "data")})
            return
        self.text.append(_get(block, "thinking") or "")
        signature = _get(block, "signature")
        if signature:
            self.blocks.append({"type": "thinking", "thinking": "".join(self.text), "signature": signature})
            self.text = []

    def build(self) -> Optional[list[dict[str, Any]]]:
        return self.blocks or None


def _audio(pieces: list[Any]) -> ChatCompletionAudioResponse:
    from base64 import b64decode, b64encode
    from time import time

    def all_of(name: str, kind: type) -> Iterator[Any]:
        return (value for value in (_get(piece, name) for piece in pieces) if isinstance(value, kind))

    # Each piece is base64 of its own: joined as text they would end at the first padding.
    data = b"".join(b64decode(text) for text in all_of("data", str))
    return ChatCompletionAudioResponse(
        data=b64encode(data).decode("ascii"),
        expires_at=next(iter(list(all_of("expires_at", int))[-1:]), None) or int(time() + 3600),
        transcript="".join(all_of("transcript", str)),
        id=next(iter(list(all_of("id", str))[-1:]), None),
    )


def _usage_of(chunk: Any) -> Optional[Usage]:
    usage = _get(chunk, "usage")
    if usage is None:
        # A chunk's hidden params are made when asked for; only where somebody put something there is there a count in them.
        hidden = _get(chunk, "_hidden") if hasattr(type(chunk), "_hidden") else _get(chunk, "_hidden_params")
        usage = hidden.get("usage") if isinstance(hidden, dict) else None
    if usage is None or isinstance(usage, Usage):
        return usage
    return Usage(**(usage if isinstance(usage, dict) else usage.model_dump()))


def _usage(chunks: Sequence[Any], only_text: bool, count_prompt_tokens: Optional[Callable[[], int]]) -> Usage:
    counted = [usage for usage in map(_usage_of, chunks) if usage is not None]
    fields: dict[str, Any] = {}
    for usage in counted:
        # Providers that count in several chunks repeat or complete what they said; a later 0 takes nothing back.
        for name, value in usage._items():
            if value or name not in fields:
                fields[name] = value
    prompt = fields.pop("prompt_tokens", None)
    if prompt is None:
        prompt = count_prompt_tokens() if count_prompt_tokens is not None else 0
    completion = fields.pop("completion_tokens", None) or 0
    fields.pop("total_tokens", None)
    details = fields.pop("completion_tokens_details", None)
    if only_text:
        if details is None:
            details = CompletionTokensDetailsWrapper()
        if details.reasoning_tokens is None:
            details = details.model_copy()
            details.reasoning_tokens = 0
            if details.text_tokens is None:
                details.text_tokens = completion
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        completion_tokens_details=details,
        **fields,
    )


def _text_completion(chunks: Sequence[Any]) -> TextCompletionResponse:
    first = chunks[0]
    parts: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in _get(chunk, "choices") or ():
            part = parts.setdefault(_get(choice, "index") or 0, {"text": "", "finish_reason": None, "logprobs": None})
            part["text"] += _get(choice, "text") or ""
            part["finish_reason"] = _get(choice, "finish_reason") or part["finish_reason"]
            part["logprobs"] = _get(choice, "logprobs") or part["logprobs"]
    return TextCompletionResponse(
        id=_get(first, "id"),
        created=_get(first, "created"),
        model=_get(first, "model"),
        system_fingerprint=_get(first, "system_fingerprint"),
        choices=[TextChoices(index=index, **parts[index]) for index in sorted(parts)],
        usage=_usage(chunks, False, None),
    )
