"""Whole answers and the chunks of streamed ones."""

from __future__ import annotations

from time import time

from .base import Contains, DictJson, Forgiving, Items, Model, MutableItems
from .finish import map_finish_reason
from .ids import completion_id
from .message import Delta, Message, choice_logprobs
from .usage import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from .meta import Meta


class Hidden(Model):
    """Adds what litellm keeps beside a response's fields: `_hidden_params`, `_response_headers` and `_response_ms`.

    They come from the call's Meta, when first asked for; each can be set. None of them is dumped, compared or shown.
    """

    __slots__ = ("_headers", "_hidden", "_meta", "_ms")
    _private = ("_meta", "_hidden", "_headers", "_ms")
    _priced: ClassVar[bool] = True

    _meta: Meta
    _hidden: Any
    _headers: dict[str, str] | None
    _ms: float | None

    @property
    def _hidden_params(self) -> Any:
        try:
            return self._hidden
        except AttributeError:
            self._hidden = self._new_hidden_params()
            return self._hidden

    @_hidden_params.setter
    def _hidden_params(self, value: Any) -> None:
        self._hidden = value

    def _new_hidden_params(self) -> Any:
        meta = getattr(self, "_meta", None)
        if meta is None:
            return {}
        made = meta.hidden_params(self.__dict__.get("model"))
        if self._priced:
            made["response_cost"] = meta.cost(self.__dict__)
        return made

    @property
    def hidden_params(self) -> Any:
        """`_hidden_params` under a public name."""
        return self._hidden_params

    @hidden_params.setter
    def hidden_params(self, value: Any) -> None:
        self._hidden = value

    @property
    def _response_headers(self) -> dict[str, str] | None:
        try:
            return self._headers
        except AttributeError:
            meta = getattr(self, "_meta", None)
            self._headers = None if meta is None else meta.headers
            return self._headers

    @_response_headers.setter
    def _response_headers(self, value: dict[str, str] | None) -> None:
        self._headers = value

    @property
    def _response_ms(self) -> float | None:
        try:
            return self._ms
        except AttributeError:
            pass
        try:
            return self._meta.response_ms
        except AttributeError:
            return self._without_response_ms()

    @_response_ms.setter
    def _response_ms(self, value: float | None) -> None:
        self._ms = value

    def _without_response_ms(self) -> float | None:
        return None

    def _plain_private_state(self) -> dict[str, Any]:
        return {"_hidden_params": self._hidden_params, "_response_headers": self._response_headers}


class Choices(Forgiving, Contains, MutableItems):
    """One answer of a completion. `logprobs` and `provider_specific_fields` are absent where there are none."""

    __module__ = "litellm.types.utils"
    _fields = ("finish_reason", "index", "message", "logprobs", "provider_specific_fields")
    _required = ("finish_reason", "index", "message")

    if TYPE_CHECKING:
        finish_reason: str
        index: int
        message: Message
        logprobs: Any
        provider_specific_fields: dict[str, Any]

    def __init__(
        self,
        finish_reason: str | None = None,
        index: int | None = 0,
        message: Any = None,
        logprobs: Any = None,
        enhancements: Any = None,
        provider_specific_fields: dict[str, Any] | None = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own["finish_reason"] = reason = "stop" if finish_reason is None else map_finish_reason(finish_reason)
        if finish_reason is not None and reason != finish_reason:
            provider_specific_fields = {**(provider_specific_fields or {}), "native_finish_reason": finish_reason}
        own["index"] = index or 0
        own["message"] = _as(Message, message)
        if logprobs is not None:
            own["logprobs"] = choice_logprobs(logprobs)
        if provider_specific_fields is not None:
            own["provider_specific_fields"] = provider_specific_fields
        if params:
            own.update(params)
        if enhancements is not None:
            own["enhancements"] = enhancements


class StreamingChoices(Contains, MutableItems):
    """One choice of a chunk."""

    __module__ = "litellm.types.utils"

    if TYPE_CHECKING:
        finish_reason: str | None
        index: int
        delta: Delta
        logprobs: Any

    def __init__(
        self,
        finish_reason: str | None = None,
        index: int = 0,
        delta: Any = None,
        logprobs: Any = None,
        enhancements: Any = None,
        **params: Any,
    ) -> None:
        params.pop("message", None)  # Perplexity repeats the whole message in every chunk
        own = self.__dict__
        own.update(params)
        own["finish_reason"] = map_finish_reason(finish_reason) if finish_reason else None
        own["index"] = index
        own["delta"] = _as(Delta, delta)
        if enhancements is not None:
            own["enhancements"] = enhancements
        own["logprobs"] = choice_logprobs(logprobs)


class ModelResponseBase(Hidden):
    """What whole answers and chunks share."""

    __module__ = "litellm.types.utils"
    _fields: ClassVar[tuple[str, ...]] = ("id", "created", "model", "object", "system_fingerprint")
    _required: ClassVar[tuple[str, ...]] = ("id", "created", "object")
    _defaults: ClassVar[dict[str, Any]] = {"model": None, "system_fingerprint": None}

    if TYPE_CHECKING:
        id: str
        created: int
        model: str | None
        object: str
        system_fingerprint: str | None

    def model_dump(self, **kwargs: Any) -> dict[str, Any]:
        """As of every model, but fields that nobody set are left out unless the arguments say how to treat them."""
        if "exclude_unset" not in kwargs and "exclude_none" not in kwargs:
            kwargs["exclude_unset"] = True
        return super().model_dump(**kwargs)

    def model_dump_json(self, *, exclude_unset: bool = False, **kwargs: Any) -> str:
        return super().model_dump_json(exclude_unset=exclude_unset, **kwargs)

    def _without_response_ms(self) -> float | None:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '_response_ms'")


class ModelResponseStream(ModelResponseBase, Contains, DictJson, Items):
    """A chunk of a streamed completion. It has `usage` only where the stream ends with a count of tokens."""

    __module__ = "litellm.types.utils"
    _priced = False
    _fields = (*ModelResponseBase._fields, "choices", "provider_specific_fields")
    _required = (*ModelResponseBase._required, "choices")
    _defaults: ClassVar[dict[str, Any]] = {"model": None, "system_fingerprint": None, "provider_specific_fields": None}

    if TYPE_CHECKING:
        choices: list[StreamingChoices]
        provider_specific_fields: dict[str, Any] | None
        usage: Usage

    def __init__(
        self,
        choices: Any = None,
        id: str | None = None,
        created: int | None = None,
        provider_specific_fields: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        own = self.__dict__
        own["id"] = completion_id() if id is None else id
        own["created"] = int(time()) if created is None else created
        usage = kwargs.get("usage")
        if usage is not None:
            kwargs["usage"] = _as(Usage, usage)
        own.update(kwargs)
        own["object"] = "chat.completion.chunk"
        own["choices"] = _list_of(StreamingChoices, choices)
        own["provider_specific_fields"] = provider_specific_fields


class ModelResponse(ModelResponseBase, Contains, DictJson, Items):
    """The whole answer of a completion. Without arguments it is an empty answer with an id of its own."""

    __module__ = "litellm.types.utils"
    _fields = (*ModelResponseBase._fields, "choices")
    _required = (*ModelResponseBase._required, "choices")

    if TYPE_CHECKING:
        choices: list[Choices]
        usage: Usage

    def __init__(
        self,
        id: str | None = None,
        choices: Any = None,
        created: int | None = None,
        model: str | None = None,
        object: str | None = None,
        system_fingerprint: str | None = None,
        usage: Any = None,
        stream: bool | None = None,
        stream_options: Any = None,
        response_ms: float | None = None,
        hidden_params: Any = None,
        _response_headers: dict[str, str] | None = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own["id"] = completion_id() if id is None else id
        own["created"] = int(time()) if created is None else created
        own["model"] = model
        own["object"] = "chat.completion"
        own["system_fingerprint"] = system_fingerprint
        own["choices"] = _list_of(Choices, choices)
        if usage is not None:
            own["usage"] = _as(Usage, usage)
        own.update(params)
        if hidden_params:
            self._hidden = hidden_params
        if _response_headers:
            self._headers = _response_headers


class Embedding(MutableItems):
    """One vector, or its base64 text. What providers send stays dicts; mocks answer these."""

    __module__ = "litellm.types.utils"
    _fields = ("embedding", "index", "object")
    _required = ("index", "object")

    if TYPE_CHECKING:
        embedding: Any
        index: int
        object: str

    def __init__(self, **data: Any) -> None:
        data.setdefault("embedding", [])
        super().__init__(**data)


class EmbeddingResponse(Hidden, Contains, DictJson, MutableItems):
    """The vectors of an input. `data` is a list of dicts with `embedding`, `index` and `object`."""

    __module__ = "litellm.types.utils"
    _fields = ("model", "data", "object", "usage")
    _required = ("data", "object")

    if TYPE_CHECKING:
        model: str | None
        data: list[Any]
        object: str
        usage: Usage

    def __init__(
        self,
        model: str | None = None,
        usage: Usage | None = None,
        response_ms: float | None = None,
        data: Any = None,
        hidden_params: Any = None,
        _response_headers: dict[str, str] | None = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own["model"] = model
        own["data"] = data or []
        own["object"] = "list"
        own["usage"] = _as(Usage, usage)
        if hidden_params:
            self._hidden = hidden_params
        if _response_headers:
            self._headers = _response_headers


class Logprobs(Model):
    """The log probabilities of a text completion."""

    __module__ = "litellm.types.utils"
    _fields = ("text_offset", "token_logprobs", "tokens", "top_logprobs")
    _required = _fields

    if TYPE_CHECKING:
        text_offset: list[int] | None
        token_logprobs: list[float | None] | None
        tokens: list[str] | None
        top_logprobs: list[dict[str, float] | None] | None


class TextChoices(Contains, DictJson, MutableItems):
    """One answer of a text completion."""

    __module__ = "litellm.types.utils"

    if TYPE_CHECKING:
        finish_reason: str | None
        index: int
        text: str | None
        logprobs: Any

    def __init__(
        self,
        finish_reason: str | None = None,
        index: int = 0,
        text: str | None = None,
        logprobs: Any = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own.update(params)
        own["finish_reason"] = map_finish_reason(finish_reason) if finish_reason else None
        own["index"] = index
        own["text"] = text
        own["logprobs"] = Logprobs(**logprobs) if isinstance(logprobs, dict) else logprobs


class HiddenParams(MutableItems, DictJson):
    """The `_hidden_params` of a text completion: a dict's content with attributes."""

    __module__ = "litellm.types.llms.base"
    _fields = ("original_response", "model_id", "api_base", "response_cost")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)
    _response_ms: float | None = None

    def model_dump(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().model_dump(**kwargs), "_response_ms": self._response_ms}


class TextCompletionResponse(Hidden, Contains, DictJson, MutableItems):
    """The answer of a text completion."""

    __module__ = "litellm.types.utils"
    _fields = ("id", "object", "created", "model", "choices", "usage")
    _required = _fields

    if TYPE_CHECKING:
        id: str
        object: str
        created: int
        model: str | None
        choices: list[TextChoices]
        usage: Usage

    def __init__(
        self,
        id: str | None = None,
        choices: Any = None,
        created: int | None = None,
        model: str | None = None,
        usage: Any = None,
        stream: bool = False,
        response_ms: float | None = None,
        object: str | None = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own["id"] = completion_id() if id is None else id
        own["object"] = "text_completion.chunk" if stream else "text_completion"
        own["created"] = int(time()) if created is None else created
        own["model"] = model
        own["choices"] = _list_of(TextChoices, None if stream else choices)
        own["usage"] = _as(Usage, usage)
        own.update(params)
        if response_ms:
            self._ms = response_ms

    def _new_hidden_params(self) -> Any:
        return HiddenParams(**super()._new_hidden_params())


def _as(kind: Any, value: Any) -> Any:
    """`value` as an object of `kind`: from a dict or another library's model; an empty one for None."""
    if value is None:
        return kind()
    if isinstance(value, kind):
        return value
    if isinstance(value, dict):
        return kind(**value)
    dump = getattr(value, "model_dump", None) or getattr(value, "dict", None)
    return value if dump is None else kind(**dump())


def _list_of(kind: Any, value: Any) -> list[Any]:
    """The items of the list `value` as objects of `kind`; one empty one where there is no list."""
    return [_as(kind, item) for item in value] if isinstance(value, list) else [kind()]
