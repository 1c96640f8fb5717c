"""The engine's half of a router: its name there, its configuration, and the questions that are asked about it."""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from itertools import count
from threading import RLock
from weakref import WeakValueDictionary, finalize

from .. import _request, _runtime
from . import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .base import RouterBase

    Fields = dict[str, Any]

_numbers = count(1)
_routers: WeakValueDictionary[str, Any] = WeakValueDictionary()
# Routers that are gone. A finalizer may run in the middle of anything, also of a call to the engine: it only notes the name.
_gone: deque[str] = deque()

# What programs change in place, as well as by assignment.
_MUTABLE = (
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "model_group_alias",
    "model_group_retry_policy",
    "routing_strategy_args",
    "default_litellm_params",
)


def router_named(name: Any) -> Any:
    """The Router that the engine knows as `name`; None where it is gone."""
    return _routers.get(name)


class Engine:
    """Keeps the engine's object of one Router equal to it. Any thread."""

    def __init__(self, router: RouterBase) -> None:
        self.name = f"router-{next(_numbers)}"
        self._lock = RLock()
        self._changes = 0
        self._sent = -1
        self._kept: list[Any] = []
        _routers[self.name] = router
        finalize(router, _gone.append, self.name)

    def changed(self) -> None:
        """The router is another than before: the engine is told before it is asked for anything."""
        self._changes += 1

    def ready(self, router: RouterBase) -> str:
        """The router's name, when the engine knows the router as it is now. Raises BadRequestError for settings that it refuses."""
        if self._sent != self._changes or self._kept != [getattr(router, name) for name in _MUTABLE]:
            with self._lock:
                self._send(router)
        return self.name

    def _send(self, router: RouterBase) -> None:
        # Before the router is read: what is changed meanwhile is sent the next time.
        changes = self._changes
        kept = deepcopy([getattr(router, name) for name in _MUTABLE])
        config, quota = settings.engine_config(router), settings.quota_config(router)
        if quota is not None:
            _runtime.configure("quotas", self.name, quota)
            config["quota"] = self.name
        _runtime.configure("routers", self.name, config)
        self._kept, self._sent = kept, changes
        while _gone:
            name = _gone.popleft()
            for kind in ("routers", "quotas"):
                _runtime.configure(kind, name, None)

    def began(self, router: RouterBase, model_id: str) -> None:
        """Counts a call of a deployment that the engine does not make itself; `ended` must follow."""
        self.ask(router, b"router_began", {"deployment": model_id})

    def ended(
        self, router: RouterBase, model_id: str, error: BaseException | None, seconds: float, usage: Any = None
    ) -> None:
        """Tells what has become of such a call. An error that is none of a provider's says nothing of the deployment."""
        told: Fields = {"deployment": model_id, "seconds": seconds}
        if error is not None:
            told["error"] = {"kind": type(error).__name__, "status_code": getattr(error, "status_code", None)}
        for name in ("prompt_tokens", "completion_tokens"):
            told[name] = getattr(usage, name, None)
        self.ask(router, b"router_ended", told)

    def ask(self, router: RouterBase, question: bytes, fields: Fields) -> Any:
        """The engine's answer to a question about the router."""
        given = {name: value for name, value in fields.items() if value is not None}
        return _runtime.query(question, _request.encode({"router": self.ready(router), **given}))


def _after_fork() -> None:
    # Another thread of the parent may have held a lock, and is not here to give it back.
    for router in list(_routers.values()):
        router._lock = RLock()
        router._engine._lock = RLock()


_runtime.on_fork(_after_fork)
