"""Which deployment a router would take, and how its deployments are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Optional

from ..types.router import CustomRoutingStrategyBase
from .deployments import Deployments

TYPE_CHECKING = False
if TYPE_CHECKING:
    Fields = dict[str, Any]

# Of the arguments of a call, those that a choice looks at.
_LOOKED_AT = ("metadata", "tags", "max_tokens", "max_completion_tokens", "tools", "user", "without")


class Choices(Deployments):
    """The methods of a Router that choose without calling. What they give are elements of `model_list`, to be read only; for a
    wildcard, copies with the model that was asked for."""

    def get_available_deployment(
        self,
        model: str,
        messages: Optional[list[Any]] = None,
        input: Any = None,
        specific_deployment: Optional[bool] = False,
        request_kwargs: Optional[Fields] = None,
    ) -> Any:
        """The deployment that a call of `model` would go to now.

        Raises BadRequestError where there is none, RouterRateLimitError where all are over their limits.
        """
        if self._strategy is not None:
            return self._strategy.get_available_deployment(
                model=model,
                messages=messages,
                input=input,
                specific_deployment=specific_deployment,
                request_kwargs=request_kwargs,
            )
        return self._choose(model, messages, input, request_kwargs)

    async def async_get_available_deployment(
        self,
        model: str,
        request_kwargs: Optional[Fields] = None,
        messages: Optional[list[Any]] = None,
        input: Any = None,
        specific_deployment: Optional[bool] = False,
    ) -> Any:
        """:meth:`get_available_deployment` for coroutines. It does not wait, unless a strategy of the program's own does."""
        if self._strategy is not None:
            return await self._strategy.async_get_available_deployment(
                model=model,
                messages=messages,
                input=input,
                specific_deployment=specific_deployment,
                request_kwargs=request_kwargs,
            )
        return self._choose(model, messages, input, request_kwargs)

    def _choose(
        self,
        model: str,
        messages: Any = None,
        input: Any = None,
        request_kwargs: Optional[Fields] = None,
    ) -> Any:
        given = {name: value for name, value in (request_kwargs or {}).items() if name in _LOOKED_AT}
        answer = self._engine.ask(
            self,
            b"router_choose",
            {"model": model, "messages": messages, "input": input, **given},
        )
        row = self._table.by_id[answer["id"]]
        if "*" in row["litellm_params"]["model"]:
            return {**row, "litellm_params": {**row["litellm_params"], "model": answer["model"]}}
        return row

    def set_custom_routing_strategy(self, CustomRoutingStrategy: CustomRoutingStrategyBase) -> None:  # noqa: N803
        """Has the program choose the deployment for each attempt of a call."""
        with self._lock:
            self._strategy = CustomRoutingStrategy
            self._changed()

    # How they are --------------------------------------------------------------------------------------------------------

    def deployment_states(self) -> dict[str, Fields]:
        """How each deployment is, by its id: `healthy`, `cooldown_until`, `in_flight`, `requests` and `tokens` in this minute,
        `latency`, `failures`. litellm does not have it."""
        answer = self._engine.ask(self, b"router_state", {})
        return {state["id"]: state for state in answer["deployments"]}

    @property
    def success_calls(self) -> dict[str, int]:
        """How many calls of each model were answered."""
        return self._counted("answered")

    @property
    def fail_calls(self) -> dict[str, int]:
        """How many calls of each model failed."""
        return self._counted("failed")

    @property
    def total_calls(self) -> dict[str, int]:
        """How many calls of each model have ended."""
        return self._counted("answered", "failed")

    def _counted(self, *names: str) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for state in self.deployment_states().values():
            counts[state["model"]] += sum(state[name] for name in names)
        return counts

    async def async_get_healthy_deployments(
        self,
        model: str,
        request_kwargs: Optional[Fields] = None,
        messages: Optional[list[Any]] = None,
        input: Any = None,
        specific_deployment: Optional[bool] = False,
        parent_otel_span: Any = None,
        health_check_probe: bool = False,
    ) -> Any:
        """The deployments of `model` that are not left alone after failures; the deployment itself where `model` is an id."""
        if model in self._table:
            return self._table.by_id[model]
        states = self.deployment_states()
        rows = self.get_model_list(model)
        return [row for row in rows if states.get(row["model_info"]["id"], {}).get("healthy")]

    async def get_model_group_usage(self, model_group: str) -> tuple[Optional[int], Optional[int]]:
        """The tokens and the requests of a group in this minute; None where there is no such group."""
        ids = {row["model_info"]["id"] for row in self.get_model_list(model_group)}
        states = [state for model_id, state in self.deployment_states().items() if model_id in ids]
        if not states:
            return None, None
        return sum(state["tokens"] for state in states), sum(state["requests"] for state in states)

    async def get_remaining_model_group_usage(self, model_group: str) -> dict[str, int]:
        """What is left of the limits of a group in this minute, under the names of OpenAI's headers."""
        info = self.get_model_group_info(model_group, include_hidden=True)
        if info is None:
            return {}
        tokens, requests = await self.get_model_group_usage(model_group)
        made: dict[str, int] = {}
        for name, limit, used in (("tokens", info.tpm, tokens), ("requests", info.rpm, requests)):
            if limit is not None:
                made[f"x-ratelimit-remaining-{name}"] = limit - (used or 0)
                made[f"x-ratelimit-limit-{name}"] = limit
        return made
