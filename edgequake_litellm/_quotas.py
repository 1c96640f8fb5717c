"""Quotas: limits that the engine keeps for all calls that name them."""

from __future__ import annotations

from . import _facts, _request, _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def register_quota(
    name: str,
    limits: Sequence[Mapping[str, Any]] | None,
    *,
    store: Mapping[str, Any] | None = None,
    prices: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Sets the limits of the quota `name`, which calls are held to that pass `quota=name`; None removes it.

    Each limit is a dict: `per` (`"key"`, `"user"`, `"team"`, `"tag"`, `"model"`, `"provider"` or `"all"`) says what has a count of its
    own, and `rpm`, `tpm`, `parallel`, `budget` and `budget_duration` what is allowed. `store` says where it is counted: in this process,
    or with `{"type": "redis", "url": …}` in all that share that Redis. `prices` has entries of models that are in no table; those that
    `register_model` was given before are known. A call that meets a limit raises RateLimitError or BudgetExceededError, and sends nothing.
    Raises BadRequestError, which names what is wrong, for settings that cannot be.
    """
    if not isinstance(name, str) or not name:
        message = f"The name of a quota must be a string that calls can pass as `quota`, not {name!r}."
        raise _request.bad_request({"model": "", "custom_llm_provider": ""}, message)
    if limits is None:
        _runtime.configure("quotas", name, None)
        return
    if not isinstance(limits, (list, tuple)) or not all(hasattr(limit, "keys") for limit in limits):
        message = f'The limits of the quota {name!r} must be a list of dicts, as in [{{"per": "user", "rpm": 60}}].'
        raise _request.bad_request({"model": "", "custom_llm_provider": ""}, message)
    quota: dict[str, Any] = {"limits": [dict(limit) for limit in limits]}
    if store is not None:
        quota["store"] = dict(store)
    known = {**_facts.registered(), **(prices or {})}
    if known:
        quota["prices"] = known
    _runtime.configure("quotas", name, quota)
