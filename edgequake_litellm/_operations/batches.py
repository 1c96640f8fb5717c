"""Many chats at once, in threads: `batch_completion` and its kin."""

from __future__ import annotations

from .._completion import completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def batch_completion(
    model: str,
    messages: list[Any] = [],  # noqa: B006  # litellm's signature; never changed here
    functions: list[Any] | None = None,
    function_call: Any = None,
    temperature: float | None = None,
    top_p: float | None = None,
    n: int | None = None,
    stream: bool | None = None,
    stop: Any = None,
    max_tokens: int | None = None,
    presence_penalty: float | None = None,
    frequency_penalty: float | None = None,
    logit_bias: dict[Any, float] | None = None,
    user: str | None = None,
    deployment_id: str | None = None,
    request_timeout: float | None = None,
    timeout: Any = 600,
    max_workers: int | None = 100,
    **kwargs: Any,
) -> list[Any]:
    """The answers to many conversations, in their order; an exception stands where a call has failed.

    `messages` is a list of conversations. At most `max_workers` are asked at once. `timeout` is for each of them.
    """
    arguments = locals()
    for name in ("messages", "max_workers", "kwargs"):
        del arguments[name]
    arguments = {name: value for name, value in arguments.items() if value is not None}
    calls = [{**arguments, **kwargs, "messages": conversation} for conversation in messages]
    return _all(calls, max_workers)


def batch_completion_models(*args: Any, **kwargs: Any) -> Any:
    """Asks several `models` (or `deployments`, dicts of arguments) the same, and returns the answer that comes first.

    A model that fails is out of the race; the last one's exception is raised when all have failed.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    calls = _calls_of(args, kwargs)
    if not calls:
        return None
    pool = ThreadPoolExecutor(len(calls))
    failure: BaseException | None = None
    try:
        for future in as_completed([pool.submit(completion, *args, **call) for call in calls]):
            failure = future.exception()
            if failure is None:
                return future.result()
    finally:
        # The others run on by themselves: their answers are not waited for.
        pool.shutdown(wait=False, cancel_futures=True)
    assert failure is not None
    raise failure


def batch_completion_models_all_responses(*args: Any, **kwargs: Any) -> list[Any]:
    """Asks several `models` the same, and returns the answers of those that gave one, in their order."""
    calls = _calls_of(args, kwargs)
    return [answer for answer in _all(calls, len(calls), args) if not isinstance(answer, BaseException)]


def _calls_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[dict[str, Any]]:
    """The arguments of each of the calls that `models` or `deployments` ask for."""
    if args:
        # The first of `completion` is the model, which differs here.
        raise TypeError("give `messages` and the other arguments by their names")
    kwargs = dict(kwargs)
    kwargs.pop("model", None)
    models, deployments = kwargs.pop("models", None), kwargs.pop("deployments", None)
    if models is not None:
        return [{**kwargs, "model": model} for model in ([models] if isinstance(models, str) else models)]
    if deployments is not None:
        kwargs.pop("model_list", None)
        return [{**kwargs, **deployment} for deployment in deployments]
    raise TypeError("give `models`, a list of models to ask")


def _all(calls: list[dict[str, Any]], max_workers: int | None, args: tuple[Any, ...] = ()) -> list[Any]:
    from concurrent.futures import ThreadPoolExecutor

    if not calls:
        return []
    with ThreadPoolExecutor(min(max_workers or 100, len(calls))) as pool:
        futures = [pool.submit(completion, *args, **call) for call in calls]
        return [_outcome(future) for future in futures]


def _outcome(future: Any) -> Any:
    try:
        return future.result()
    except Exception as error:
        return error
