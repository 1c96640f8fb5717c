"""Several calls of a router at once."""

from __future__ import annotations

from typing import Any

from .calls import Calls


class Batches(Calls):
    """The methods of a Router that make several calls at once. Where a call fails, its exception stands in the place of its answer."""

    async def abatch_completion(self, models: list[str], messages: list[Any], **kwargs: Any) -> list[Any]:
        """Asks all `models` the same and gives their answers in order. With several conversations as `messages`, a list of lists,
        it gives for each of them the answers of all models."""
        if messages and isinstance(messages[0], list):
            conversations: list[Any] = messages
            answers = await _all(
                self._tried(model, conversation, kwargs) for conversation in conversations for model in models
            )
            size = len(models)
            return [answers[start : start + size] for start in range(0, len(answers), size)]
        return await _all(self._tried(model, messages, kwargs) for model in models)

    async def abatch_completion_one_model_multiple_requests(
        self, model: str, messages: list[list[Any]], **kwargs: Any
    ) -> list[Any]:
        """The answers of one model to several conversations, in order."""
        return await _all(self._tried(model, conversation, kwargs) for conversation in messages)

    async def abatch_completion_fastest_response(
        self, model: str, messages: list[Any], stream: bool = False, **kwargs: Any
    ) -> Any:
        """Asks several models, named in `model` with commas between, and gives the first answer; the other calls are cancelled.

        Raises the exception of the last one where all have failed.
        """
        from asyncio import FIRST_COMPLETED, ensure_future, wait

        names = [name.strip() for name in model.split(",")]
        kwargs["stream"] = stream
        pending = {ensure_future(self._tried(name, messages, kwargs)) for name in names}
        error: Any = None
        try:
            while pending:
                done, pending = await wait(pending, return_when=FIRST_COMPLETED)
                for task in done:
                    outcome = task.result()
                    if not isinstance(outcome, Exception):
                        for other in done - {task}:
                            _close(other.result())
                        outcome._hidden_params["fastest_response_batch_completion"] = True
                        return outcome
                    error = outcome
        finally:
            for task in pending:
                task.cancel()
                task.add_done_callback(_close_late)
        raise error

    async def _tried(self, model: str, messages: Any, kwargs: dict[str, Any]) -> Any:
        try:
            return await self.acompletion(model, messages, **kwargs)
        except Exception as error:
            return error


async def _all(calls: Any) -> list[Any]:
    from asyncio import gather

    return list(await gather(*calls))


def _close(outcome: Any) -> None:
    """Ends a stream that nobody will read."""
    close = getattr(outcome, "close", None)
    if close is not None:
        close()


def _close_late(task: Any) -> None:
    if not task.cancelled():
        _close(task.result())
