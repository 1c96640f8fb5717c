"""Calls of a router as callbacks see them: which group was asked, and which deployment answered."""

from __future__ import annotations

from .. import _questions
from .._router.answers import retries, row_of
from .._router.engine import router_named
from .._router.own import metadata_of
from ..types.router import PRICES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Details = dict[str, Any]


class Routed:
    """What is told of one call of a router."""

    def __init__(self, given: Details) -> None:
        """`given` are the call's arguments, among them the router's name and the group as the `model`."""
        self._router: Any = router_named(given["router"])
        self._group: str = given["model"]
        # Where the call can go to but one deployment, that is known from the beginning.
        self._row: Details | None = None
        if self._router is not None:
            row = self._router._table.by_id.get(self._group)
            if row is not None:
                # Where Python has chosen the deployment, it says for which group.
                self._group = (given.get("metadata") or {}).get("model_group") or self._group
            rows = [row] if row is not None else self._router.get_model_list(self._group)
            self._row = rows[0] if len(rows) == 1 else None

    def target(self) -> tuple[str, str | None, str | None]:
        """The model, the provider and the address that the call goes to, as far as they are known before it is sent."""
        if self._row is None:
            return self._group, None, None
        params = self._row["litellm_params"]
        base = params.get("api_base") or params.get("base_url")
        model, provider, _, found = _questions.get_llm_provider(
            params["model"], params.get("custom_llm_provider"), base
        )
        return model, provider, base or found

    def asked(self, details: Details) -> None:
        """Notes in `details` that the call goes through a router, and to which deployment where that is known."""
        parameters = details["litellm_params"]
        # A dict of its own: the program's is its own too.
        metadata = parameters["metadata"] = {**parameters["metadata"], "model_group": self._group}
        if self._router is not None:
            metadata.update(self._router.default_litellm_params.get("metadata") or {})
        if self._row is not None:
            self._note(details, self._row, self._group)

    def answered(self, details: Details, response: Any) -> None:
        """Notes in `details` which deployment has answered."""
        meta = getattr(response, "_meta", None)
        data = {} if meta is None else meta.data
        row = row_of(data, self._router._table) if "router" in data and self._router is not None else None
        if row is None:
            return
        parameters = details["litellm_params"]
        details["model"] = data.get("model") or details["model"]
        details["custom_llm_provider"] = data.get("provider") or details["custom_llm_provider"]
        parameters["custom_llm_provider"] = details["custom_llm_provider"]
        parameters["api_base"] = details["additional_args"]["api_base"] = data.get("api_base")
        by_id = data["router"]["group"] == row["model_info"]["id"]
        self._note(details, row, self._group if by_id else data["router"]["group"])
        parameters["metadata"].update(
            attempted_fallbacks=data["router"]["fallbacks"], attempted_retries=retries(data["router"])
        )

    def _note(self, details: Details, row: Details, group: str) -> None:
        parameters = details["litellm_params"]
        parameters["model_info"] = row["model_info"]
        details["model_id"] = row["model_info"]["id"]
        for name in (*PRICES, "base_model"):
            value = row["litellm_params"].get(name, row["model_info"].get(name))
            if value is not None:
                parameters[name] = value
        parameters["metadata"].update(metadata_of(self._router, row, group))
