"""What an answer tells of the router that it came through: litellm's names for what the engine's `meta` says."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .table import Table

    Fields = dict[str, Any]


def row_of(meta: Fields, deployments: Table | None) -> Fields | None:
    """The deployment that answered; None where it is not known any more."""
    return None if deployments is None else deployments.by_id.get(meta["router"]["deployment"])


def tell(hidden: Fields, meta: Fields, deployments: Table | None) -> None:
    """Puts into `_hidden_params` which deployment answered, and what went before."""
    routed = meta["router"]
    row = row_of(meta, deployments)
    hidden["model_id"] = routed["deployment"]
    hidden["litellm_model_name"] = meta.get("model") if row is None else _model_of(row, meta)
    hidden["additional_headers"].update(
        {
            "x-litellm-model-group": routed["group"],
            "x-litellm-attempted-retries": retries(routed),
            "x-litellm-attempted-fallbacks": routed["fallbacks"],
        }
    )


def retries(routed: Fields) -> int:
    """How many calls the group that answered had made before."""
    return sum(failed["model"] == routed["group"] for failed in routed["failed"])


def _model_of(row: Fields, meta: Fields) -> Any:
    model = row["litellm_params"]["model"]
    return meta.get("model") if "*" in model else model


def prices(meta: Fields, deployments: Table | None) -> tuple[Any, Fields | None]:
    """The model by whose prices an answer is counted, and the deployment's own prices where it has both."""
    from ..types.router import PRICES

    row = row_of(meta, deployments)
    if row is None:
        return meta.get("model"), None
    params, info = row["litellm_params"], row["model_info"]
    own = {name: params[name] for name in PRICES if params.get(name) is not None}
    model = info.get("base_model") or params.get("base_model") or _model_of(row, meta)
    return model, own if len(own) == len(PRICES) else None
