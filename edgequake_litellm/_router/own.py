"""Calls of routers in which the program itself has a part: a provider that it has written, tokens that it fetches, an answer that it
makes up, or a strategy of its own.

The engine calls nothing of Python's. So here Python goes through the attempts, with one call of the engine for each: the engine
chooses (unless the program does), and counts what becomes of it. What is tried again and what is asked instead is the same as
there, in fewer words.
"""

from __future__ import annotations

from random import uniform
from time import monotonic, sleep

from .. import config
from .._calls import Failure
from .._types.response import ModelResponse
from ..streaming import CustomStreamWrapper
from .table import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .calls import Calls

    Fields = dict[str, Any]

# What tests of programs ask for: that the group which was asked for fails, so that another answers.
MOCKED = {
    "mock_testing_fallbacks": "InternalServerError",
    "mock_testing_context_fallbacks": "ContextWindowExceededError",
    "mock_testing_content_policy_fallbacks": "ContentPolicyViolationError",
    "mock_testing_rate_limit_error": "RateLimitError",
}

_TOKENS = "azure_ad_token_provider"
_RETRIED = frozenset((408, 409, 429))
# Another deployment may have a key that is right, or the model.
_RETRIED_ELSEWHERE = frozenset((401, 403, 404))
_FIRST_WAIT_S, _LONGEST_WAIT_S, _LONGEST_ASKED_WAIT_S = 0.5, 8.0, 120.0


def has_part(row: Fields) -> bool:
    """Whether the program has a part in the calls of a deployment."""
    return callable(row["litellm_params"].get(_TOKENS)) or answers(row)


def answers(row: Fields) -> bool:
    """Whether the program itself answers the calls of a deployment: the engine could not."""
    params = row["litellm_params"]
    return isinstance(params.get("mock_response"), (BaseException, ModelResponse)) or provider_of(params) is not None


def provider_of(params: Fields) -> str | None:
    """The provider of the program's own that a deployment calls."""
    own = providers()
    if not own:
        return None
    prefix, slash, _ = params["model"].partition("/")
    named = params.get("custom_llm_provider") or (prefix if slash else None)
    return named if named in own else None


def providers() -> tuple[str, ...]:
    """The providers that the program has written."""
    return tuple(entry["provider"] for entry in config.hooks["custom_provider_map"])


def call(router: Calls, function: Callable[..., Any], arguments: Fields) -> Any:
    """Makes a call. Raises the exception of the first group where all have failed."""
    course = _Course(router, arguments)
    while True:
        outcome = _once(router, function, course)
        if not isinstance(outcome, Failure):
            return course.finished(outcome)
        sleep(course.failed(outcome.pop()))


def _once(router: Calls, function: Callable[..., Any], course: _Course) -> Any:
    try:
        attempt = course.begin(router.get_available_deployment(**course.question()))
        response = router._told(function(**attempt))
        if isinstance(response, CustomStreamWrapper):
            _begin(response)
    except Exception as error:
        return Failure(error)
    except BaseException as error:
        course.report(error)
        raise
    return response


async def acall(router: Calls, function: Callable[..., Any], arguments: Fields) -> Any:
    """:func:`call` for coroutines."""
    course = _Course(router, arguments)
    while True:
        outcome = await _aonce(router, function, course)
        if not isinstance(outcome, Failure):
            return course.finished(outcome)
        await _asleep(course.failed(outcome.pop()))


async def _aonce(router: Calls, function: Callable[..., Any], course: _Course) -> Any:
    try:
        attempt = course.begin(await router.async_get_available_deployment(**course.question()))
        response = router._told(await function(**attempt))
        if isinstance(response, CustomStreamWrapper):
            await _abegin(response)
    except Exception as error:
        return Failure(error)
    except BaseException as error:
        course.report(error)
        raise
    return response


def _begin(stream: CustomStreamWrapper) -> None:
    """Waits for a stream's first chunk: until it is there, another deployment may answer instead."""
    source = stream.completion_stream
    source.wait()
    _fail_if_nothing_came(source)


async def _abegin(stream: CustomStreamWrapper) -> None:
    source = stream.completion_stream
    await source.more()
    _fail_if_nothing_came(source)


def _fail_if_nothing_came(source: Any) -> None:
    if source.position >= len(source.items) and source.failure is not None:
        from ..exceptions import from_wire

        raise from_wire({**source.failure, "mid_stream": False})


async def _asleep(seconds: float) -> None:
    if seconds:
        from .._async import running_loop

        await running_loop().run_in_executor(None, lambda: sleep(seconds))


class _Course:
    """The attempts of one call, one after another."""

    def __init__(self, router: Calls, arguments: Fields) -> None:
        self._router = router
        self._given = {name: value for name, value in arguments.items() if name not in (*_POLICY, *MOCKED)}
        self._policy = {name: arguments.get(name) for name in _POLICY}
        self._mocked = next((kind for name, kind in MOCKED.items() if arguments.get(name)), None)
        # Groups that are still to be asked, after the first has failed; None until then.
        self._next: list[Any] | None = None
        self._asked = arguments["model"]
        self._group = self._asked
        self._over: Fields = {}
        self._failure: Exception | None = None
        self._tried: list[str] = []
        self._retries = 0
        self._all_retries = 0
        self._fallbacks = 0
        self._row: Fields = {}
        self._started = monotonic()
        # A router's own time limit is for each attempt, a call's for all of them.
        limit = arguments.get("timeout")
        self._deadline = self._started + limit if isinstance(limit, (int, float)) else None
        # The deployment of a call that the engine does not make itself, while that runs.
        self._begun: str | None = None

    def question(self) -> Fields:
        """The arguments of `get_available_deployment` for the next attempt."""
        self._row = {}
        if self._mocked is not None and self._next is None:
            from ..exceptions import from_wire

            message = f"This is a mock exception for model={self._asked}, to trigger a fallback."
            raise from_wire(
                {"kind": self._mocked, "message": message, "status_code": 500, "provider": "", "model": self._asked}
            )
        given = {**self._given, **self._over}
        return {
            "model": self._group,
            "messages": given.get("messages"),
            "input": given.get("input"),
            "request_kwargs": {**given, "without": self._tried} if self._tried else given,
        }

    def begin(self, row: Any) -> Fields:
        """The arguments of the attempt at the deployment `row`."""
        if row is None:
            raise invalid(f"The program's own routing strategy chose no deployment for the model {self._group!r}.")
        self._row, self._started = row, monotonic()
        params = row["litellm_params"]
        made = {**self._given, **self._over}
        name = made.pop("router")
        if not answers(row):
            made.update(router=name, model=self._engines(row), num_retries=0, disable_fallbacks=True)
            made["metadata"] = {**(made.get("metadata") or {}), "model_group": self._group}
            if callable(params.get(_TOKENS)):
                made["azure_ad_token"] = params[_TOKENS]()
            return made
        defaults = {name: value for name, value in self._router.default_litellm_params.items() if name != "metadata"}
        kept = {name: value for name, value in params.items() if name not in _CHOOSING}
        metadata = {**(made.get("metadata") or {}), **metadata_of(self._router, row, self._group)}
        self._begun = row["model_info"]["id"]
        self._router._engine.began(self._router, self._begun)
        if self._router._explicit_timeout is not None:
            defaults.setdefault("timeout", self._router._explicit_timeout)
        return {**defaults, **kept, **made, "model": params["model"], "metadata": metadata, "num_retries": 0}

    def _engines(self, row: Fields) -> str:
        """The name by which the engine calls the deployment `row`: of one for many models the name that was asked for, which tells
        it the model, though it then may take another one of them."""
        known = self._router._table.by_id.get(row["model_info"]["id"], row)
        return str(self._group if "*" in known["litellm_params"]["model"] else row["model_info"]["id"])

    def failed(self, error: Exception) -> float:
        """Takes note of a failure: how many seconds to wait before the next attempt. Raises where there is none."""
        self.report(error)
        if not hasattr(error, "status_code"):
            raise error  # A defect of the program's own, or of this package.
        model_id = (self._row.get("model_info") or {}).get("id")
        if model_id is not None and model_id not in self._tried:
            self._tried.append(model_id)
        if self._deadline is not None and monotonic() >= self._deadline:
            raise self._failure or error
        others = len(self._router.get_model_list(self._group)) > len(self._tried)
        wanted = self._retries_after(error)
        if self._mocked is None or self._next is not None:
            status = getattr(error, "status_code", None)
            again = status in _RETRIED or (isinstance(status, int) and status >= 500) or wanted is not None
            if (again or (others and status in _RETRIED_ELSEWHERE)) and self._retries < self._limit(wanted):
                wait = 0.0 if others else self._wait(error)
                if wait <= _LONGEST_ASKED_WAIT_S:
                    self._retries += 1
                    self._all_retries += 1
                    return wait
        return self._fall_back(error)

    def _limit(self, wanted: int | None) -> int:
        given = self._policy["num_retries"]
        if given is not None:
            return int(given)
        own = self._row.get("litellm_params", {}).get("num_retries") if self._row else None
        return wanted if wanted is not None else own if own is not None else self._router.num_retries

    def _retries_after(self, error: Exception) -> int | None:
        return self._router.get_num_retries_from_retry_policy(error, self._group)

    def _wait(self, error: Exception) -> float:
        asked = getattr(error, "retry_after_ms", None)
        if isinstance(asked, (int, float)):
            return max(asked / 1000, float(self._router.retry_after))
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**self._retries)
        return max(uniform(0.0, longest), float(self._router.retry_after))

    def _fall_back(self, error: Exception) -> float:
        if self._next is None:
            self._failure = error
            self._next = self._groups_after(error)
        limit = self._policy["max_fallbacks"]
        if not self._next or self._fallbacks >= (self._router.max_fallbacks if limit is None else limit):
            failure, self._failure = self._failure, None
            assert failure is not None
            failure.num_retries, failure.max_retries = self._all_retries, self._limit(None)  # type: ignore[attr-defined]
            raise failure
        target = self._next.pop(0)
        self._over = dict(target) if isinstance(target, dict) else {"model": target}
        self._group = self._over["model"]
        self._fallbacks += 1
        self._retries, self._tried, self._row = 0, [], {}
        return 0.0

    def _groups_after(self, error: Exception) -> list[Any]:
        """The groups, or arguments of calls, that are asked after the first has failed with `error`."""
        from ..exceptions import ContentPolicyViolationError, ContextWindowExceededError

        if self._policy["disable_fallbacks"]:
            return []
        for kind, name in (
            (ContextWindowExceededError, "context_window_fallbacks"),
            (ContentPolicyViolationError, "content_policy_fallbacks"),
        ):
            found = self._listed(name) if isinstance(error, kind) else None
            if found:
                return found
        return self._listed("fallbacks")

    def _listed(self, name: str) -> list[Any]:
        given = self._policy[name]
        entries = getattr(self._router, name) if given is None else given
        if any(not isinstance(entry, dict) or "model" in entry for entry in entries or ()):
            return list(entries)  # Groups, or arguments of calls: the form of one call's own fallbacks.
        for group in (self._asked, self._router.get_model_from_alias(self._asked), "*"):
            for entry in entries or ():
                if group in entry:
                    found = entry[group]
                    return [found] if isinstance(found, str) else list(found)
        return []

    def finished(self, response: Any) -> Any:
        """The answer, which says how it came about."""
        self.report(None, getattr(response, "usage", None))
        hidden = getattr(response, "_hidden_params", None)
        if isinstance(hidden, dict):
            hidden["model_id"] = self._row["model_info"]["id"]
            hidden["additional_headers"] = {
                **(hidden.get("additional_headers") or {}),
                "x-litellm-model-group": self._group,
                "x-litellm-attempted-retries": self._retries,
                "x-litellm-max-retries": self._limit(None),
                "x-litellm-attempted-fallbacks": self._fallbacks,
            }
        return response

    def report(self, error: BaseException | None, usage: Any = None) -> None:
        """Tells the engine what became of a call that it did not make itself. A stream has answered when its first piece is there."""
        model_id, self._begun = self._begun, None
        if model_id is not None:
            self._router._engine.ended(self._router, model_id, error, monotonic() - self._started, usage)


_POLICY = (
    "num_retries",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "max_fallbacks",
    "disable_fallbacks",
)
_CHOOSING = ("rpm", "tpm", "weight", "order", "tags", "max_parallel_requests", "num_retries")


def metadata_of(router: Calls, row: Fields, group: Any) -> Fields:
    """What callbacks find in the `metadata` of a call of the deployment `row`."""
    alias = router.get_model_from_alias(group)
    return {
        **(router.default_litellm_params.get("metadata") or {}),
        "model_group": group,
        "model_group_alias": group if alias is not None else None,
        "model_group_size": len(router.get_model_list(group)),
        "deployment": row["litellm_params"]["model"],
        "model_info": row["model_info"],
        "api_base": row["litellm_params"].get("api_base"),
        "deployment_model_name": row["model_name"],
    }
