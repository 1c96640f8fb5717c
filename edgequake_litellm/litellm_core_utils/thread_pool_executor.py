"""litellm.litellm_core_utils.thread_pool_executor: the threads that programs' callbacks run in."""

from __future__ import annotations

from .._callbacks.threads import executor

__all__ = ["executor"]
