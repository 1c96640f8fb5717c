"""`max_budget`: what the whole program may spend. Loaded once it is set."""

from __future__ import annotations

import sys
from threading import Lock

from . import config
from ._callbacks import standard
from ._costs import completion_cost
from ._logging import verbose_logger
from .exceptions import BadRequestError, BudgetExceededError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PACKAGE = __package__
_lock = Lock()


def refusal() -> Exception | None:
    """The error of a call that begins after the budget is spent."""
    limit, spent = config.hooks["max_budget"], sys.modules[_PACKAGE]._current_cost
    if not isinstance(limit, (int, float)) or limit != limit:
        return BadRequestError(f"`max_budget` must be a number of US dollars, not {limit!r}", model="", llm_provider="")
    return BudgetExceededError(current_cost=spent, max_budget=limit) if spent > limit else None


def add(response: Any, details: dict[str, Any]) -> None:
    """Counts what a call has cost whose answer is `response`; None where it was too long to be kept."""
    if (getattr(response, "_hidden_params", None) or {}).get("cache_hit"):
        return
    cost = _cost(response, details)
    if cost is None:
        verbose_logger.warning("the price of %s is not known: max_budget does not count it", details.get("model"))
        return
    package: Any = sys.modules[_PACKAGE]
    with _lock:
        package._current_cost += cost


def _cost(response: Any, details: dict[str, Any]) -> float | None:
    usage = getattr(response, "usage", None)
    if not details["stream"] or getattr(usage, "total_tokens", None) != 0:
        return None if response is None else standard.cost_of(response, details)
    # A stream whose provider told no counts is no free one.
    texts = [choice.message.content or "" for choice in response.choices]
    try:
        return completion_cost(
            model=details["model"],
            custom_llm_provider=details["custom_llm_provider"],
            messages=details["messages"] or (),
            completion="".join(texts),
        )
    except Exception:
        return None
