"""litellm.types.caching: the words of a cache's configuration."""

from __future__ import annotations

from enum import Enum
from typing import Literal, Optional, TypedDict


class LiteLLMCacheType(str, Enum):
    """Where a cache keeps its answers."""

    LOCAL = "local"
    REDIS = "redis"
    REDIS_SEMANTIC = "redis-semantic"
    VALKEY_SEMANTIC = "valkey-semantic"
    S3 = "s3"
    DISK = "disk"
    QDRANT_SEMANTIC = "qdrant-semantic"
    AZURE_BLOB = "azure-blob"
    GCS = "gcs"


class CacheMode(str, Enum):
    """Whether calls are cached unless they say otherwise, or only those that ask for it by `cache={"use-cache": True}`."""

    default_on = "default_on"
    default_off = "default_off"


CachingSupportedCallTypes = Literal[
    "completion",
    "acompletion",
    "embedding",
    "aembedding",
    "atranscription",
    "transcription",
    "atext_completion",
    "text_completion",
    "arerank",
    "rerank",
    "responses",
    "aresponses",
    "anthropic_messages",
    "aanthropic_messages",
]
"""The functions whose answers can be kept."""

DEFAULT_CACHING_SUPPORTED_CALL_TYPES: tuple[str, ...] = tuple(CachingSupportedCallTypes.__args__)  # type: ignore[attr-defined]

DynamicCacheControl = TypedDict(
    "DynamicCacheControl",
    {
        "ttl": Optional[float],
        "namespace": Optional[str],
        "s-maxage": Optional[float],
        "s-max-age": Optional[float],
        "no-cache": Optional[bool],
        "no-store": Optional[bool],
        "use-cache": Optional[bool],
    },
    total=False,
)
"""What a call may say of the cache by its argument `cache`; times are in seconds."""

__all__ = [
    "DEFAULT_CACHING_SUPPORTED_CALL_TYPES",
    "CacheMode",
    "CachingSupportedCallTypes",
    "DynamicCacheControl",
    "LiteLLMCacheType",
]
