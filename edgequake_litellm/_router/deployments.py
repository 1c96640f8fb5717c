"""A router's deployments: set, added, changed, taken away."""

from __future__ import annotations

from .._calls import Failure
from .._logging import verbose_router_logger
from ..exceptions import BadRequestError
from ..types.router import Deployment
from . import making
from .lists import Lists
from .table import Table, deployment_of, generate_model_id, row_of, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Deployments(Lists):
    """The methods of a Router that change its deployments. What is changed is in force from the next call on; calls on their way
    are not disturbed."""

    generate_model_id = staticmethod(generate_model_id)

    @property
    def model_list(self) -> list[Any]:
        """The deployments as dicts. Change them by the methods: what is changed in the list itself is not noticed."""
        return self._table.rows

    @model_list.setter
    def model_list(self, value: Any) -> None:
        self.set_model_list(value)

    @property
    def healthy_deployments(self) -> list[Any]:
        """:attr:`model_list`, healthy or not, as in litellm. `async_get_healthy_deployments` leaves out those that have failed."""
        return self._table.rows

    def set_model_list(self, model_list: list[Any]) -> None:
        """Serves these deployments instead of those that it had.

        Raises BadRequestError for one that is wrong, and then keeps what it had.
        """
        table = _checked(model_list, self.ignore_invalid_deployments)
        if isinstance(table, Failure):
            del model_list
            raise table.pop()
        with self._lock:
            self._table = table
            self._changed()

    def add_deployment(self, deployment: Deployment) -> Deployment | None:
        """Serves one more deployment and returns it; None where it has one of this id, or is not for this environment.

        Raises BadRequestError for one that is wrong.
        """
        with self._lock:
            outcome = None if str(deployment.model_info.id) in self._table else self._put(deployment)
        if isinstance(outcome, Failure):
            del deployment
            raise outcome.pop()
        return outcome

    def upsert_deployment(self, deployment: Deployment) -> Deployment | None:
        """Serves the deployment, instead of the one of its id where it has that; None where nothing has changed."""
        with self._lock:
            outcome = self._put(deployment)
        if isinstance(outcome, Failure):
            del deployment
            raise outcome.pop()
        return outcome

    def _put(self, deployment: Deployment) -> Deployment | Failure | None:
        try:
            row = row_of(deployment)
            if row is None:
                return None
            old = self._table.by_id.get(row["model_info"]["id"])
            if old == row:
                return None
        except (BadRequestError, ValueError) as error:
            if not self.ignore_invalid_deployments:
                return making.failure(error)
            verbose_router_logger.error("%s The deployment is left out.", error)
            return None
        if old is None:
            self._table.add(row)
        else:
            self._table.replace(row)
        self._changed()
        return deployment

    def delete_deployment(self, id: str) -> Any:
        """Serves the deployment no more and returns it, a dict; None where it has none of this id."""
        with self._lock:
            row = self._table.remove(id)
            if row is not None:
                self._changed()
            return row

    def get_deployment(self, model_id: str) -> Deployment | None:
        """The deployment of this id."""
        row = self._table.by_id.get(model_id)
        return None if row is None else deployment_of(row)

    def get_deployment_by_model_group_name(self, model_group_name: str) -> Deployment | None:
        """The first deployment of a group."""
        rows = self._table.by_group.get(model_group_name)
        return deployment_of(rows[0]) if rows else None

    def get_deployment_credentials(self, model_id: str) -> dict[str, Any] | None:
        """The address and the keys of a deployment; None where there is no such deployment, or it is blocked."""
        from ..types.router import CredentialLiteLLMParams

        row = self._table.by_id.get(model_id)
        if row is None or row.get("blocked") or row["model_info"].get("blocked"):
            return None
        return {
            name: row["litellm_params"][name]
            for name in CredentialLiteLLMParams._fields
            if name in row["litellm_params"]
        }

    def has_model_id(self, candidate_id: str) -> bool:
        """Whether it has a deployment of this id."""
        return candidate_id in self._table


def _checked(model_list: Any, ignore_invalid: bool) -> Table | Failure:
    try:
        return rows_of(model_list, ignore_invalid)
    except Exception as error:
        return making.failure(error)
