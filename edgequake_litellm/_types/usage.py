"""Token counts."""

from __future__ import annotations

from .base import Contains, Forgiving, Model, MutableItems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class CompletionTokensDetailsWrapper(Model):
    """What the completion's tokens were spent on."""

    __module__ = "litellm.types.utils"
    _fields = (
        "accepted_prediction_tokens",
        "audio_tokens",
        "reasoning_tokens",
        "rejected_prediction_tokens",
        "text_tokens",
        "image_tokens",
        "video_tokens",
    )
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        accepted_prediction_tokens: int | None
        audio_tokens: int | None
        reasoning_tokens: int | None
        rejected_prediction_tokens: int | None
        text_tokens: int | None
        image_tokens: int | None
        video_tokens: int | None


class CacheCreationTokenDetails(Model):
    """Tokens written to the prompt cache, by their time to live."""

    __module__ = "litellm.types.utils"
    _fields = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        ephemeral_5m_input_tokens: int | None
        ephemeral_1h_input_tokens: int | None


class PromptTokensDetailsWrapper(Forgiving):
    """What the prompt's tokens were.

    `cache_write_tokens` (OpenAI's name) and `cache_creation_tokens` (Anthropic's) are one number: setting one sets both.
    """

    __module__ = "litellm.types.utils"
    _fields = (
        "audio_tokens",
        "cache_write_tokens",
        "cached_tokens",
        "text_tokens",
        "image_tokens",
        "video_tokens",
        "web_search_requests",
        "google_maps_grounding_requests",
        "tool_use_tokens",
        "character_count",
        "image_count",
        "video_length_seconds",
        "audio_length_seconds",
        "query_count",
        "cache_creation_tokens",
        "cache_creation_token_details",
        "cached_tokens_details",
    )
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("audio_tokens", "cached_tokens", "text_tokens", "image_tokens", "video_tokens")
    )
    _nested: ClassVar[dict[str, Any]] = {"cache_creation_token_details": CacheCreationTokenDetails}
    _twins: ClassVar[dict[str, Any]] = {
        "cache_write_tokens": "cache_creation_tokens",
        "cache_creation_tokens": "cache_write_tokens",
    }

    if TYPE_CHECKING:
        audio_tokens: int | None
        cached_tokens: int | None
        text_tokens: int | None
        image_tokens: int | None
        video_tokens: int | None
        cache_write_tokens: int
        cache_creation_tokens: int

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        own = self.__dict__
        written = own.get("cache_write_tokens")
        if written is None:
            written = own.get("cache_creation_tokens")
        if written is None and isinstance(own.get("cache_creation_input_tokens"), int):
            written = own["cache_creation_input_tokens"]
        if written is not None:
            self.cache_write_tokens = written
        if None in own.values():  # a field that is None by nobody's default is absent
            for name in self._fields:
                if name not in self._defaults and name in own and own[name] is None:
                    del own[name]

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        own[name] = value
        if name in self._twins:
            own[self._twins[name]] = value


class ServerToolUse(Model):
    """How often the provider used tools of its own."""

    __module__ = "litellm.types.utils"
    _fields = ("web_search_requests", "tool_search_requests", "browser_open_requests")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        web_search_requests: int | None
        tool_search_requests: int | None
        browser_open_requests: int | None

    def __getitem__(self, key: str) -> int | None:
        if key not in self._fields:
            raise KeyError(key)
        found: int | None = getattr(self, key)
        return found


class Usage(Forgiving, Contains, MutableItems):
    """The tokens of one call.

    Cache counts are understood under the names of OpenAI (in `prompt_tokens_details`), Anthropic
    (`cache_read_input_tokens`, `cache_creation_input_tokens`) and DeepSeek (`prompt_cache_hit_tokens`), and can be read as
    `prompt_tokens_details.cached_tokens` and `.cache_write_tokens` whatever the provider called them.
    """

    __module__ = "litellm.types.utils"
    _fields = (
        "completion_tokens",
        "prompt_tokens",
        "total_tokens",
        "completion_tokens_details",
        "prompt_tokens_details",
        "server_tool_use",
        "cost",
    )
    _required = ("completion_tokens", "prompt_tokens", "total_tokens")

    if TYPE_CHECKING:
        prompt_tokens: int
        completion_tokens: int
        total_tokens: int
        completion_tokens_details: CompletionTokensDetailsWrapper | None
        prompt_tokens_details: PromptTokensDetailsWrapper | None
        server_tool_use: ServerToolUse
        cost: float

    def __init__(
        self,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        total_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        prompt_tokens_details: Any = None,
        completion_tokens_details: Any = None,
        server_tool_use: Any = None,
        cost: float | None = None,
        **params: Any,
    ) -> None:
        completed = _details(CompletionTokensDetailsWrapper, completion_tokens_details)
        if reasoning_tokens:
            if completed is None:
                completed = CompletionTokensDetailsWrapper()
            if completed.reasoning_tokens is None:
                completed.reasoning_tokens = reasoning_tokens
            if completed.text_tokens is None and completion_tokens is not None:
                other = (completed.image_tokens or 0) + (completed.audio_tokens or 0)
                completed.text_tokens = max(0, completion_tokens - reasoning_tokens - other)
        prompted = _details(PromptTokensDetailsWrapper, prompt_tokens_details)
        for theirs, ours in _CACHE_NAMES:
            count = params.get(theirs)
            if isinstance(count, int):
                if prompted is None:
                    prompted = PromptTokensDetailsWrapper()
                setattr(prompted, ours, count)
        own = self.__dict__
        own["completion_tokens"] = completion_tokens or 0
        own["prompt_tokens"] = prompt_tokens or 0
        own["total_tokens"] = total_tokens or 0
        own["completion_tokens_details"] = completed
        own["prompt_tokens_details"] = prompted
        if server_tool_use is not None:
            own["server_tool_use"] = _details(ServerToolUse, server_tool_use) or ServerToolUse()
        if cost is not None:
            own["cost"] = cost
        own.update(params)

    @property
    def _cache_read_input_tokens(self) -> int:
        return _count(self.__dict__, "prompt_cache_hit_tokens", "cache_read_input_tokens")

    @property
    def _cache_creation_input_tokens(self) -> int:
        return _count(self.__dict__, "cache_creation_input_tokens")


_CACHE_NAMES = (
    ("prompt_cache_hit_tokens", "cached_tokens"),
    ("cache_read_input_tokens", "cached_tokens"),
    ("cache_creation_input_tokens", "cache_write_tokens"),
)


def _count(own: dict[str, Any], *names: str) -> int:
    return next((own[name] for name in names if isinstance(own.get(name), int)), 0)


def _details(kind: Any, value: Any) -> Any:
    """`value`, as a dict, an object of `kind` or a like object of openai's, as an object of `kind`; None where it is empty."""
    if not value:
        return None
    if isinstance(value, dict):
        return kind(**value)
    if isinstance(value, kind):
        return value
    dump = getattr(value, "model_dump", None)
    return None if dump is None else kind(**dump())
