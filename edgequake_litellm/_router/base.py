"""What all parts of a Router share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..types.router import AllowedFailsPolicy, RetryPolicy, RouterGeneralSettings
    from .engine import Engine
    from .table import Table


class RouterBase:
    """The attributes of a Router. Its methods are in the classes that it is put together from."""

    if TYPE_CHECKING:
        _lock: Any
        _engine: Engine
        _table: Table
        _strategy: Any
        _redis: dict[str, Any]
        _explicit_timeout: Any
        timeout: Any
        allowed_fails: int | None
        allowed_fails_policy: AllowedFailsPolicy | None
        cache_responses: bool | None
        content_policy_fallbacks: Any
        context_window_fallbacks: Any
        cooldown_time: float | None
        default_litellm_params: dict[str, Any]
        default_max_parallel_requests: int | None
        disable_cooldowns: bool | None
        enable_pre_call_checks: bool
        enable_tag_filtering: bool
        fallbacks: Any
        ignore_invalid_deployments: bool
        max_fallbacks: int
        model_group_alias: dict[str, Any]
        model_group_retry_policy: dict[str, Any]
        num_retries: int
        optional_pre_call_checks: list[str] | None
        retry_after: float
        retry_policy: RetryPolicy | None
        router_general_settings: RouterGeneralSettings
        routing_strategy: str
        routing_strategy_args: dict[str, Any]
        stream_timeout: Any
        tag_filtering_match_any: bool
        tag_routing_prefix: str

    _has_own: tuple[tuple[str, ...], bool] | None = None
    """Whether the program has a part in the calls of any deployment, and the providers that it had when that was asked."""

    def _changed(self) -> None:
        """The router is another than before."""
        self._has_own = None
        self._engine.changed()
