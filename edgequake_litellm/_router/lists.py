"""What a router can be asked about its groups and deployments."""

from __future__ import annotations

import re
from typing import Any, Optional

from .. import _facts, _questions
from ..types.router import PRICES, ModelGroupInfo
from . import policies
from .base import RouterBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    Fields = dict[str, Any]

_SUPPORTS = (
    "supports_parallel_function_calling",
    "supports_vision",
    "supports_web_search",
    "supports_url_context",
    "supports_reasoning",
    "supports_function_calling",
)


class Lists(RouterBase):
    """The methods of a Router that list its groups and deployments. The dicts that they give are the router's own: read them."""

    def get_model_list(self, model_name: Optional[str] = None, team_id: Optional[str] = None) -> list[Any]:
        """The deployments, those of aliases under their names too; with `model_name`, those that serve it, be it a group, an
        alias or a name that a wildcard fits."""
        if model_name is None:
            return [*self.get_model_list_from_model_alias(), *self._table.rows]
        found = [*self.get_all_deployments(model_name), *self.get_model_list_from_model_alias(model_name)]
        return found or self._fitting(model_name)

    def get_all_deployments(
        self, model_name: str, model_alias: Optional[str] = None, team_id: Optional[str] = None
    ) -> list[Any]:
        """The deployments of a group; under the name `model_alias` where that is given."""
        rows = self._table.by_group.get(model_name, [])
        return list(rows) if model_alias is None else [{**row, "model_name": model_alias} for row in rows]

    def get_model_list_from_model_alias(self, model_name: Optional[str] = None) -> list[Any]:
        """The deployments of the aliases, or of the alias `model_name`, under their names. Hidden ones are not listed."""
        found: list[Any] = []
        for alias, target in self.model_group_alias.items():
            hidden = isinstance(target, dict) and target.get("hidden") and model_name is None
            if not hidden and model_name in (None, alias):
                found.extend(self.get_all_deployments(_group_of(target), alias))
        return found

    def get_model_from_alias(self, model: str) -> str | None:
        """The group that the alias `model` stands for; None where it is none."""
        target = self.model_group_alias.get(model)
        return None if target is None else _group_of(target)

    def _fitting(self, model_name: str) -> list[Any]:
        """The deployments of the wildcard that fits `model_name` best, as they would be called for it."""
        fitting = []
        for group, rows in self._table.by_group.items():
            if "*" in group:
                for name in (model_name, self._with_provider(model_name)):
                    match = name and re.match(re.escape(group).replace(r"\*", "(.*)"), name)
                    if match:
                        fitting.append((len(group), group.count("*"), rows, match))
                        break
        if not fitting:
            return []
        _, _, rows, match = max(fitting, key=lambda found: found[:2])
        return [
            {
                **row,
                "litellm_params": {**row["litellm_params"], "model": _filled(row["litellm_params"]["model"], match)},
            }
            for row in rows
        ]

    @staticmethod
    def _with_provider(model_name: str) -> str | None:
        try:
            model, provider, _, _ = _questions.get_llm_provider(model_name)
        except Exception:
            return None
        return f"{provider}/{model}"

    def get_model_names(self, team_id: Optional[str] = None) -> list[str]:
        """The name of the group of each deployment, and the aliases."""
        return [row["model_name"] for row in self.get_model_list()]

    @property
    def model_names(self) -> set[str]:
        """The groups."""
        return set(self._table.by_group)

    @property
    def deployment_names(self) -> list[str]:
        """The models that the deployments call."""
        return [row["litellm_params"]["model"] for row in self._table.rows]

    def get_model_ids(self, model_name: Optional[str] = None, exclude_team_models: bool = False) -> list[str]:
        """The ids of the deployments, or of those of one group."""
        rows = self._table.rows if model_name is None else self._table.by_group.get(model_name, [])
        return [row["model_info"]["id"] for row in rows]

    def get_model_info(self, id: str) -> Any:
        """The deployment of this id as a dict, with all its parts; None where there is none."""
        return self._table.by_id.get(id)

    def get_model_group(self, id: str) -> list[Any] | None:
        """All deployments of the group that the deployment of this id belongs to."""
        row = self._table.by_id.get(id)
        return None if row is None else self.get_model_list(row["model_name"])

    def resolve_model_name_from_model_id(self, model_id: Optional[str]) -> str | None:
        """The group of the deployment of this id; of the first that calls this model where it is no id."""
        row = self._table.by_id.get(model_id or "")
        if row is not None:
            return str(row["model_name"])
        for row in self._table.rows:
            if model_id in (row["model_name"], row["litellm_params"]["model"]):
                return str(row["model_name"])
        return None

    def get_router_model_info(self, deployment: Any, received_model_name: str, id: Optional[str] = None) -> Any:
        """What is known of the model that a deployment calls: prices and limits, with those that its `model_info` gives.

        An Azure deployment has a name of the program's own: `base_model` in its `model_info` says what model it is. Raises ValueError where
        there is no such deployment, and ModelNotMappedError where nobody knows the model.
        """
        row = self._table.by_id.get(id) if id is not None else None
        row = deployment if row is None else row
        if row is None:
            raise ValueError(f"The router has no deployment with the id {id!r}.")
        params, info = row["litellm_params"], row["model_info"]
        info = info.model_dump(exclude_none=True) if hasattr(info, "model_dump") else info or {}
        model = info.get("base_model") or params.get("base_model") or params["model"]
        if "*" in model:
            model = next((found["litellm_params"]["model"] for found in self._fitting(received_model_name)), model)
        facts = _facts.get_model_info(model, params.get("custom_llm_provider"))
        return {**facts, **{name: value for name, value in info.items() if value is not None}}

    def get_deployment_model_info(self, model_id: str, model_name: str) -> Any:
        """`get_router_model_info` of a deployment's id; None where nobody knows its model."""
        try:
            return self.get_router_model_info(None, model_name, model_id)
        except Exception:
            return None

    def get_model_group_info(self, model_group: str, *, include_hidden: bool = False) -> ModelGroupInfo | None:
        """What the deployments of a group are together: the largest limits, the highest prices, the sums of `rpm` and `tpm`, and
        what any of them supports. None where there is no such group."""
        target = self.model_group_alias.get(model_group)
        if isinstance(target, dict) and target.get("hidden") and not include_hidden:
            return None
        rows = self.get_model_list(model_group if target is None else _group_of(target))
        made: Fields = {"model_group": model_group, "providers": []}
        for row in rows:
            self._add(made, row, model_group)
        return ModelGroupInfo(**made) if rows else None

    def _add(self, made: Fields, row: Fields, model_group: str) -> None:
        params = row["litellm_params"]
        facts = self.get_deployment_model_info(row["model_info"]["id"], model_group)
        try:
            model, provider, _, _ = _questions.get_llm_provider(params["model"], params.get("custom_llm_provider"))
        except Exception:
            return
        if provider not in made["providers"]:
            made["providers"].append(provider)
        facts = {**row["model_info"], **params} if facts is None else {**facts, **_own_prices(params)}
        for name in ("max_input_tokens", "max_output_tokens", *PRICES):
            if facts.get(name) is not None:
                made[name] = max(float(facts[name]), made.get(name) or 0.0)
        for name in ("rpm", "tpm"):
            limit = params.get(name, row["model_info"].get(name))
            if limit is not None:
                made[name] = made.get(name, 0) + limit
        for name in _SUPPORTS:
            made[name] = bool(made.get(name) or facts.get(name))
        made.setdefault("mode", facts.get("mode") or "chat")
        supported = _questions.get_supported_openai_params(model, provider) or []
        made["supported_openai_params"] = list(dict.fromkeys([*made.get("supported_openai_params", []), *supported]))

    # Policies ----------------------------------------------------------------------------------------------------------

    def get_num_retries_from_retry_policy(self, exception: Exception, model_group: Optional[str] = None) -> int | None:
        """How often the retry policy, the group's or the router's, has a call tried again after `exception`; None where neither says."""
        own = self.model_group_retry_policy.get(model_group or "")
        return policies.number_for(exception, self.retry_policy if own is None else own, "Retries")

    def get_allowed_fails_from_policy(self, exception: Exception) -> int | None:
        """How many errors of the kind of `exception` a deployment may have in a minute; None where no policy says."""
        return policies.number_for(exception, self.allowed_fails_policy, "AllowedFails")


def _own_prices(params: Fields) -> Fields:
    return {name: params[name] for name in PRICES if name in params}


def _group_of(target: Any) -> str:
    return str(target["model"]) if isinstance(target, dict) else str(target)


def _filled(model: str, match: Any) -> str:
    """The model that a wildcard's deployment calls: what its stars stood for in the name that was asked for."""
    if len(match.groups()) > model.count("*"):
        return str(match.string) if "*" in model else model
    for part in match.groups():
        model = model.replace("*", part, 1)
    return model
