"""litellm.litellm_core_utils.streaming_handler: the path under which programs know the class of streams."""

from __future__ import annotations

from ..streaming import CustomStreamWrapper

__all__ = ["CustomStreamWrapper"]
