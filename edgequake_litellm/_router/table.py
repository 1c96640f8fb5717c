"""The deployments of a router: in their order, by id and by group."""

from __future__ import annotations

import json
from hashlib import sha256

from .._helpers import get_secret
from .._logging import verbose_router_logger
from .._questions import get_llm_provider
from .._types.base import Model
from ..exceptions import BadRequestError
from ..types.router import PRICES, Deployment, is_active_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Fields = dict[str, Any]

_FROM_ENVIRONMENT = "os.environ/"


def generate_model_id(model_group: str, litellm_params: Fields) -> str:
    """The id of a deployment that was given none: litellm's, so that what programs have kept by id stays valid.

    A hash of the group and the arguments, from which no key can be read.
    """
    parts = [model_group]
    for name, value in litellm_params.items():
        parts.append(name)
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, dict):
            parts.append(json.dumps(value, default=_kind))
        else:
            # The text of any other object has its address, which the next process would not have again.
            plain = isinstance(value, (int, float, bool, list, tuple, type(None)))
            parts.append(str(value) if plain else _kind(value))
    return sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


class Table:
    """Deployments as litellm keeps them in `Router.model_list`: plain dicts.

    Not locked: the router changes it under its own lock, and replaces what readers hold instead of changing it where it matters.
    """

    def __init__(self) -> None:
        self.rows: list[Fields] = []
        self.by_id: dict[str, Fields] = {}
        self.by_group: dict[str, list[Fields]] = {}

    def __contains__(self, model_id: object) -> bool:
        return model_id in self.by_id

    def add(self, row: Fields) -> None:
        model_id = row["model_info"]["id"]
        self.rows.append(row)
        self.by_id[model_id] = row
        self.by_group.setdefault(row["model_name"], []).append(row)

    def remove(self, model_id: str) -> Fields | None:
        row = self.by_id.pop(model_id, None)
        if row is None:
            return None
        self.rows[:] = [other for other in self.rows if other is not row]
        group = row["model_name"]
        left = [other for other in self.by_group[group] if other is not row]
        if left:
            self.by_group[group] = left
        else:
            del self.by_group[group]
        return row

    def replace(self, row: Fields) -> None:
        """Puts `row` in the place of the deployment with its id, which keeps its position where the group is the same."""
        model_id = row["model_info"]["id"]
        old, group = self.by_id[model_id], row["model_name"]
        if old["model_name"] != group:
            self.remove(model_id)
            self.add(row)
            return
        self.by_id[model_id] = row
        self.rows[:] = [row if other is old else other for other in self.rows]
        self.by_group[group] = [row if other is old else other for other in self.by_group[group]]


# From what the program gives ------------------------------------------------------------------------------------------------


def rows_of(model_list: Iterable[Any], ignore_invalid: bool) -> Table:
    """The table of a `model_list`: dicts or Deployments.

    Raises BadRequestError for an entry that cannot be a deployment, with the number of it; with `ignore_invalid`, such an entry
    is logged and left out.
    """
    table = Table()
    if isinstance(model_list, (str, bytes, dict)):
        raise invalid("`model_list` must be a list of deployments, each a dict with `model_name` and `litellm_params`.")
    for number, entry in enumerate(model_list):
        for row in _valid_rows(entry, f"model_list[{number}]", table, ignore_invalid):
            table.add(row)
    return table


def _valid_rows(entry: Any, where: str, table: Table, ignore_invalid: bool) -> list[Fields]:
    try:
        return _rows(entry, where, table)
    except (BadRequestError, ValueError) as error:
        if not ignore_invalid:
            raise
        verbose_router_logger.error("%s This deployment is left out.", error)
        return []


def row_of(deployment: Any, table: Table | None = None) -> Fields | None:
    """The row of one Deployment; None where it is not for this environment."""
    for made in _rows(deployment, "the deployment", table or Table()):
        return made
    return None


def _rows(entry: Any, where: str, table: Table) -> list[Fields]:
    if isinstance(entry, Model):
        entry = entry.model_dump(exclude_none=True)
    if not isinstance(entry, dict):
        raise invalid(f"{where} must be a dict with `model_name` and `litellm_params`, not {type(entry).__name__}.")
    row: Fields = {name: value for name, value in entry.items() if value is not None}
    group, params, info = row.get("model_name"), row.get("litellm_params"), row.get("model_info", {})
    params = params.model_dump(exclude_none=True) if isinstance(params, Model) else params
    info = info.model_dump(exclude_none=True) if isinstance(info, Model) else info
    if not isinstance(group, str) or not group:
        raise invalid(f"{where} needs a `model_name`: the group that it serves.")
    if not isinstance(params, dict) or not isinstance(params.get("model"), str):
        raise invalid(f"{where} ({group!r}) needs `litellm_params`, a dict with at least a `model`.")
    if not isinstance(info, dict):
        raise invalid(f"`model_info` of {where} ({group!r}) must be a dict.")
    params = _resolved(params)
    for name in ("rpm", "tpm"):
        if row.get(name) is not None:
            params.setdefault(name, row[name])
    _refuse_what_is_not_done(params, info, f"{where} ({group!r})")
    _check_provider(params)
    if not is_active_here(info.get("supported_environments")):
        verbose_router_logger.warning("%s (%r) is left out: it is not for this environment.", where, group)
        return []
    made: list[Fields] = []
    organizations = params.get("organization")
    for organization in organizations if isinstance(organizations, list) else [organizations]:
        own = params if organization is None else {**params, "organization": organization}
        model_id = str(info["id"]) if info.get("id") is not None else generate_model_id(group, own)
        made.append(_row(row, group, own, info, _unused(model_id, info, table, len(made), where)))
    return made


def _check_provider(params: Fields) -> None:
    """Raises BadRequestError for a deployment whose provider nobody knows."""
    if "*" not in params["model"]:
        get_llm_provider(params["model"], params.get("custom_llm_provider"), params.get("api_base"))


def _row(row: Fields, group: str, params: Fields, info: Fields, model_id: str) -> Fields:
    others = {name: value for name, value in row.items() if name not in ("model_name", "litellm_params", "model_info")}
    priced = {name: params[name] for name in PRICES if params.get(name) is not None}
    return {
        "model_name": group,
        "litellm_params": params,
        "model_info": {**info, **priced, "id": model_id, "db_model": bool(info.get("db_model", False))},
        **others,
    }


def _unused(model_id: str, info: Fields, table: Table, twin: int, where: str) -> str:
    """`model_id`, or with a number where deployments are equal in everything: each counts for itself."""
    if info.get("id") is not None and not twin:
        if model_id in table:
            raise invalid(
                f"{where} has the id {model_id!r} of another deployment. Give each `model_info` an id of its own."
            )
        return model_id
    number, free = twin + 1, model_id if not twin else f"{model_id}-{twin + 1}"
    while free in table:
        number += 1
        free = f"{model_id}-{number}"
    return free


def _resolved(params: Fields) -> Fields:
    """`params` with the values of the environment variables that they name. One that is not set is left named: the engine
    then makes no call of the deployment, which without its key would be called with somebody else's."""
    made: Fields = {}
    for name, given in params.items():
        value = given
        if isinstance(given, str) and given.startswith(_FROM_ENVIRONMENT):
            value = get_secret(given, given)
        if value is not None:
            made[name] = dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
    return made


# What would make a deployment something else than it is here, with what to do instead.
_REFUSED_PARAMS = {
    "silent_model": "Traffic is not mirrored to a second model. Make the second call in the program.",
    "max_budget": "Bound what is spent by `register_quota`, with a limit per model, and pass `quota`.",
    "tag_regex": "Tags are compared as they are: use `tags`.",
}
_REFUSED_INFO = {
    "team_id": "Teams are known to litellm's proxy only. Use a router for each team.",
    "access_windows": "Leave the deployment out while it must not be used: `delete_deployment`, `add_deployment`.",
}


def _refuse_what_is_not_done(params: Fields, info: Fields, where: str) -> None:
    for given, refused, home in ((params, _REFUSED_PARAMS, "litellm_params"), (info, _REFUSED_INFO, "model_info")):
        for name, cure in refused.items():
            if given.get(name):
                raise invalid(f"`{home}.{name}` of {where} is not supported. {cure}")
    if params["model"].startswith("auto_router/"):
        raise invalid(f"{where} is one of litellm's routers by content ({params['model']!r}), which are not supported.")


def invalid(message: str) -> BadRequestError:
    return BadRequestError(message, model="", llm_provider="")


def deployment_of(row: Fields) -> Deployment:
    return Deployment(**row)
