"""Files and batches of a router's deployments."""

from __future__ import annotations

import json
from typing import Any, Optional

from .. import _files, _questions
from .._calls import araising
from .._operations.files import acreate_file, afile_content, afile_delete
from .._operations.jobs import acancel_batch, acreate_batch, alist_batches, aretrieve_batch
from . import making, settings
from .batches import Batches
from .table import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Fields = dict[str, Any]


class Kept(Batches):
    """The methods of a Router for what providers keep. A file and a batch are at one deployment: `model` is its id, or a group or
    alias that has no other. Nothing is asked of another one instead."""

    @araising
    async def acreate_file(self, model: str, **kwargs: Any) -> Any:
        """Uploads `file`. In the requests of a file for a batch (`purpose="batch"`) the deployment's model takes the place of the group."""
        return await self._kept(acreate_file, model, kwargs)

    @araising
    async def afile_content(self, model: Optional[str] = None, **kwargs: Any) -> Any:
        """The bytes of the file `file_id`, as the `content` of what this returns."""
        return await self._kept(afile_content, model, kwargs)

    @araising
    async def afile_delete(self, model: Optional[str] = None, **kwargs: Any) -> Any:
        """Deletes the file `file_id`."""
        return await self._kept(afile_delete, model, kwargs)

    @araising
    async def acreate_batch(self, model: str, **kwargs: Any) -> Any:
        """Has the requests of a file made within a day."""
        return await self._kept(acreate_batch, model, kwargs)

    @araising
    async def aretrieve_batch(self, model: Optional[str] = None, **kwargs: Any) -> Any:
        """How far a batch is."""
        return await self._kept(aretrieve_batch, model, kwargs)

    @araising
    async def acancel_batch(self, model: Optional[str] = None, **kwargs: Any) -> Any:
        """Ends a batch before it is done."""
        return await self._kept(acancel_batch, model, kwargs)

    @araising
    async def alist_batches(self, model: str, **kwargs: Any) -> Any:
        """The batches of a deployment."""
        return await self._kept(alist_batches, model, kwargs)

    async def _kept(self, function: Callable[..., Any], model: Optional[str], given: Fields) -> Any:
        try:
            row = self._only(model)
            params = settings.wire_params(row["litellm_params"])
            called, provider, _, _ = _questions.get_llm_provider(
                params.pop("model"), params.pop("custom_llm_provider", None), params.get("api_base")
            )
            if function is acreate_file and given.get("purpose") == "batch":
                given = {**given, "file": _with_model(given.get("file"), called)}
            where = {name: value for name, value in params.items() if name in _WHERE}
            return await function(**{**where, **given, "custom_llm_provider": provider})
        except Exception as error:
            return making.failure(error)

    def _only(self, model: Optional[str]) -> Fields:
        rows = self._table.rows if model is None else self.get_model_list(model)
        row = self._table.by_id.get(model or "")
        found = [row] if row is not None else rows
        if len(found) == 1:
            return found[0]
        several = (
            f"the group {model!r} has {len(found)} deployments"
            if model is not None
            else "a router has several deployments"
        )
        raise invalid(f"Files and batches are at one deployment, and {several}: give the id of one as the `model`.")


# Arguments of a deployment that say where it is, and as whom it is called. The others are for answers.
_WHERE = frozenset(
    "api_key api_base base_url api_version organization project azure_ad_token extra_headers headers timeout max_retries vertex_project "
    "vertex_location vertex_credentials aws_access_key_id aws_secret_access_key aws_session_token aws_region_name".split()
)


def _with_model(file: Any, model: str) -> Any:
    """A file of requests in which each asks for `model`."""
    arguments: Fields = {"file": file, "kwargs": {}}
    content = bytes(_files.read(arguments, ("file",))[0])
    lines = []
    for number, line in enumerate(content.splitlines()):
        if line.strip():
            try:
                request = json.loads(line)
                request["body"]["model"] = model
            except (ValueError, KeyError, TypeError):
                raise invalid(
                    f"Line {number + 1} of `file` is no request of a batch: an object with a `body`."
                ) from None
            lines.append(json.dumps(request, ensure_ascii=False))
    return arguments["file"].get("filename") or "batch.jsonl", "\n".join(lines).encode() + b"\n"
