"""One call as its callbacks see it: from the arguments to the event that ends it."""

from __future__ import annotations

from datetime import datetime
from inspect import isawaitable
from traceback import format_exception_only

from .. import _questions, _types, config
from .._logging import verbose_logger
from .._types.provider_answer import ProviderAnswer
from ..integrations.custom_logger import CustomLogger
from . import redaction, standard, threads
from .registered import Registered, overrides
from .stream import is_stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any

    Details = dict[str, Any]

OWN = ("callbacks", "input_callback", "success_callback", "failure_callback")
"""The arguments of a call that are callbacks."""

# What a call is about. It stands in `input` and `messages`, not among the parameters.
_CONTENT = frozenset(("messages", "input", "prompt", "query", "contents", "file", "image", "mask"))


class Call:
    """The callbacks of one call, and the dict that they share. One thread at a time, as the call itself."""

    def __init__(self, function: str, arguments: Details, *, is_async: bool) -> None:
        """`arguments` are those of the call of `function`, among them `kwargs`; the callbacks are taken out of them, and the call gets
        its id."""
        extra = arguments["kwargs"]
        self.registered = Registered({name: extra.pop(name, None) for name in OWN})
        self.is_async = is_async
        self.call_type = call_type = _call_type(function, arguments)
        self.silent = bool(extra.pop("no-log", False))
        given = {name: value for name, value in arguments.items() if value is not None and name != "kwargs"}
        given.update(extra)
        home = arguments if "litellm_call_id" in arguments else extra
        home["litellm_call_id"] = given["litellm_call_id"] = given.get("litellm_call_id") or _types.uuid4()
        # A call that cannot be sent, since nobody knows where to, is not announced.
        self.known = True
        model, provider, base = given.get("model"), given.get("custom_llm_provider"), None
        self.routed: Any = None
        if "router" in given:
            from .routed import Routed

            self.routed = Routed(given)
            model, provider, base = self.routed.target()
        elif model is not None:
            try:
                model, provider, _, base = _questions.get_llm_provider(
                    model, provider, given.get("api_base") or given.get("base_url")
                )
            except Exception:
                self.known = False
        base = given.get("api_base") or given.get("base_url") or base
        self.details = _details(call_type, given, model, provider, base, is_async=is_async)
        if self.routed is not None:
            self.routed.asked(self.details)

    # Events ------------------------------------------------------------------------------------------------------------

    def before(self) -> None:
        """The call is about to be sent."""
        if not self.known:
            return
        details = self.details
        details["api_call_start_time"] = details["first_api_call_start_time"] = datetime.now()
        details["log_event_type"] = "pre_api_call"
        for item in self.registered.input:
            if isinstance(item, CustomLogger):
                if overrides(item, "log_pre_api_call"):
                    told, _ = self._told(item)
                    _guarded(item.log_pre_api_call, details["model"], told["messages"], told)
            else:
                _guarded(item, self._told(item)[0])

    async def before_awaited(self) -> None:
        """`before`, with the callbacks that must be awaited."""
        self.before()
        for item in self.registered.async_input if self.known else ():
            if not isinstance(item, CustomLogger):
                await _awaited(item, self._told(item)[0])

    def answered(self, response: Any) -> None:
        """The provider has answered; `response` is the answer, or the stream that it begins with."""
        details = self.details
        now = datetime.now()
        details["log_event_type"] = "post_api_call"
        if self.routed is not None:
            self.routed.answered(details, response)
        details["llm_api_duration_ms"] = (now - details["api_call_start_time"]).total_seconds() * 1000
        details["response_headers"] = getattr(response, "_response_headers", None)
        self._keep(response)
        for item in self.registered.input:
            if isinstance(item, CustomLogger) and overrides(item, "log_post_api_call"):
                _guarded(item.log_post_api_call, self._told(item)[0], None, details["start_time"], now)

    def _keep(self, response: Any) -> None:
        """Notes the answer as the provider's, unless there is one already. A stream is none: it would be kept by what it keeps."""
        if self.details["original_response"] is None and not is_stream(response):
            dump = getattr(response, "model_dump_json", None)
            self.details["original_response"] = response if dump is None else dump()

    def succeeded(self, response: Any) -> None:
        """A call that waited has its answer."""
        response = _as_chat(response)
        self._spend(response)
        if self._finish() and self.registered.success:
            threads.executor.submit(self._tell_success, response)

    def succeeded_awaited(self, response: Any) -> Awaitable[None] | None:
        """A coroutine's call has its answer. What this gives must be awaited; mostly it is a task already, and this gives None."""
        response = _as_chat(response)
        self._spend(response)
        if self._finish() and self.registered.async_success:
            return threads.spawn(lambda: self._await_success(response))
        return None

    def failed(self, error: BaseException) -> Awaitable[None] | None:
        """The call failed. What a coroutine's call gives must be awaited, as with `succeeded_awaited`."""
        details, registered = self.details, self.registered
        if self.known and not self.is_async:
            details["original_response"] = str(error)
            self.answered(None)
        details["exception"] = error
        details["traceback_exception"] = "".join(format_exception_only(type(error), error))
        details["log_event_type"] = "failed_api_call"
        details["response_cost"] = 0
        if not self._finish():
            return None
        details["standard_logging_object"] = standard.logging_object(details, None)
        for item in registered.failure:
            if not isinstance(item, CustomLogger):
                _guarded(item, *self._ending(item, None))
            elif not self.is_async and overrides(item, "log_failure_event"):
                self._tell(item.log_failure_event, item, None)
        if self.is_async and registered.async_failure:
            return threads.spawn(self._await_failure)
        return None

    def _spend(self, response: Any) -> None:
        if config.hooks["max_budget"]:
            from .. import _spending

            _spending.add(response, self.details)

    # What may change a call ----------------------------------------------------------------------------------------------

    async def changed_arguments(self, arguments: Details) -> Details:
        """The arguments after `async_pre_call_deployment_hook` of the loggers."""
        for item in self.registered.loggers():
            if overrides(item, "async_pre_call_deployment_hook"):
                flat = {name: value for name, value in arguments.items() if value is not None and name != "kwargs"}
                flat.update(arguments["kwargs"])
                made = await _awaited(item.async_pre_call_deployment_hook, flat, standard.call_type(self.call_type))
                if isinstance(made, dict):
                    named = {name: made.pop(name, None) for name in arguments if name != "kwargs"}
                    arguments = {**named, "kwargs": made}
        return arguments

    async def changed_response(self, response: Any) -> Any:
        """The answer after `async_post_call_success_deployment_hook` of the loggers."""
        for item in self.registered.loggers():
            if overrides(item, "async_post_call_success_deployment_hook"):
                made = await _awaited(
                    item.async_post_call_success_deployment_hook,
                    dict(self.details),
                    response,
                    standard.call_type(self.call_type),
                )
                response = response if made is None else made
        return response

    # Telling -------------------------------------------------------------------------------------------------------------

    def _finish(self) -> bool:
        """Notes the end of the call; whether anybody is to be told of it."""
        details = self.details
        details["end_time"] = datetime.now()
        details["completion_start_time"] = details["completion_start_time"] or details["end_time"]
        return not self.silent

    def _complete(self, response: Any) -> None:
        """What is told of a success only, and takes some time to find out."""
        details = self.details
        self._keep(response)
        details["log_event_type"] = "successful_api_call"
        hidden = getattr(response, "_hidden_params", None)
        kept = hidden.get("cache_hit") if isinstance(hidden, dict) else None
        details["cache_hit"] = kept
        details["response_cost"] = None if response is None else 0.0 if kept else standard.cost_of(response, details)
        if details["stream"]:
            details["complete_streaming_response"] = response
            if self.is_async:
                details["async_complete_streaming_response"] = response
        details["standard_logging_object"] = standard.logging_object(details, response)

    def _told(self, item: Any, response: Any = None) -> tuple[Details, Any]:
        """The dict and the answer as one callback may see them."""
        return redaction.apply(item, self.details, response)

    def _ending(self, item: Any, response: Any) -> tuple[Any, ...]:
        told, seen = self._told(item, response)
        return told, seen, told["start_time"], told["end_time"]

    def _tell(self, method: Callable[..., Any], item: Any, response: Any) -> None:
        told, seen, start, end = self._ending(item, response)
        _guarded(method, kwargs=told, response_obj=seen, start_time=start, end_time=end)

    def _tell_success(self, response: Any) -> None:
        self._complete(response)
        for item in self.registered.success:
            if isinstance(item, CustomLogger) and overrides(item, "logging_hook"):
                changed = _guarded(item.logging_hook, kwargs=self.details, result=response, call_type=self.call_type)
                response = self._replaced(changed, response)
        for item in self.registered.success:
            if not isinstance(item, CustomLogger):
                _guarded(item, *self._ending(item, response))
            elif overrides(item, "log_success_event"):
                self._tell(item.log_success_event, item, response)

    async def _await_success(self, response: Any) -> None:
        self._complete(response)
        for item in self.registered.async_success:
            if isinstance(item, CustomLogger) and overrides(item, "async_logging_hook"):
                changed = await _awaited(
                    item.async_logging_hook, kwargs=self.details, result=response, call_type=self.call_type
                )
                response = self._replaced(changed, response)
        await self._await_events(self.registered.async_success, "async_log_success_event", response)

    async def _await_failure(self) -> None:
        await self._await_events(self.registered.async_failure, "async_log_failure_event", None)

    async def _await_events(self, items: Iterable[Any], method: str, response: Any) -> None:
        for item in items:
            told, seen, start, end = self._ending(item, response)
            if not isinstance(item, CustomLogger):
                await _awaited(item, told, seen, start, end)
            elif overrides(item, method):
                await _awaited(getattr(item, method), kwargs=told, response_obj=seen, start_time=start, end_time=end)

    def _replaced(self, changed: Any, response: Any) -> Any:
        if isinstance(changed, tuple) and len(changed) == 2:
            self.details, response = changed
        return response


def _call_type(function: str, arguments: Details) -> str:
    """litellm's name of a call of `function`."""
    if function == "aanthropic_messages":
        return "anthropic_messages"
    if function.endswith("generate_content") and arguments.get("stream"):
        return function + "_stream"
    return function


def _details(
    call_type: str, given: Details, model: str | None, provider: str | None, base: str | None, *, is_async: bool
) -> Details:
    """litellm's `model_call_details` at the beginning of a call."""
    # A credential may also be a parameter that only one provider takes as such.
    inner = {name: given[name] for name in _NESTED if given.get(name)}
    secret = set(_questions.ask(b"secret_names", {"names": [*{*given, *_names_in(list(inner.values()))}]}))
    given = {**given, **{name: _without(secret, value) for name, value in inner.items()}}
    control = set(_questions.ask(b"control_names", {"names": list(given)})) | secret
    parameters = {name: value for name, value in given.items() if name not in control and name not in _CONTENT}
    if given.get("extra_body"):
        parameters["extra_body"] = given["extra_body"]
    asked = next((given[name] for name in ("input", "prompt", "query", "contents") if name in given), None)
    messages = _messages_of(asked) if "contents" in given else given.get("messages")
    if messages is None and asked is not None:
        # The call's own check has a word to say about what is neither.
        parts = asked if isinstance(asked, (list, tuple)) else [asked]
        messages = [{"role": "user", "content": part} for part in parts]
    metadata = given.get("metadata")
    trace = given.get("litellm_trace_id") or _types.uuid4()
    shown = {name: value for name, value in given.items() if name in control and name not in secret}
    return {
        **parameters,
        "model": model,
        "messages": messages,
        "input": messages if asked is None else asked,
        "optional_params": parameters,
        "litellm_params": {
            **dict.fromkeys(_LITELLM_PARAMS),
            **{name: value for name, value in shown.items() if name not in ("model", "stream")},
            "acompletion": is_async,
            "api_base": base,
            "custom_llm_provider": provider,
            "litellm_call_id": given["litellm_call_id"],
            "litellm_trace_id": trace,
            "metadata": metadata if isinstance(metadata, dict) else {},
            "model_alias_map": {},
            "stream_response": {},
        },
        "custom_llm_provider": provider,
        "call_type": call_type,
        "litellm_call_id": given["litellm_call_id"],
        "litellm_trace_id": trace,
        "stream": bool(given.get("stream")),
        "stream_options": given.get("stream_options"),
        "user": given.get("user"),
        "api_key": "***" if given.get("api_key") else None,
        "additional_args": {
            "complete_input_dict": {
                "model": model,
                **({"messages": messages} if "messages" in given else {"input": asked}),
                **parameters,
            },
            "api_base": base,
            "headers": None,
        },
        "start_time": datetime.now(),
        "end_time": None,
        "api_call_start_time": None,
        "completion_start_time": None,
        "original_response": None,
        "standard_callback_dynamic_params": {},
        "applied_guardrails": [],
        "model_id": None,
        "log_event_type": None,
        "requested_model": given.get("model"),
    }


# Arguments that hold those of other calls, keys among them.
_NESTED = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "extra_body")


def _names_in(value: Any) -> set[str]:
    """Every name in dicts within `value`, at any depth."""
    if isinstance(value, dict):
        return {name for name in value if isinstance(name, str)} | _names_in(list(value.values()))
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in _names_in(item)}
    return set()


def _without(secret: set[str], value: Any) -> Any:
    """`value` with `***` in the place of what has a name in `secret`, at any depth."""
    if isinstance(value, dict):
        return {name: "***" if name in secret and inner else _without(secret, inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without(secret, item) for item in value]
    return value


def _messages_of(contents: Any) -> list[Details]:
    """Google's contents as messages, as far as they are texts; other parts stay what they are."""
    messages: list[Details] = []
    for content in contents if isinstance(contents, (list, tuple)) else [contents]:
        told = content if isinstance(content, dict) else {"parts": content}
        parts = told.get("parts")
        if isinstance(parts, (list, tuple)) and all(
            isinstance(part, dict) and part.keys() == {"text"} for part in parts
        ):
            parts = "".join(str(part["text"]) for part in parts)
        messages.append({"role": "assistant" if told.get("role") == "model" else "user", "content": parts})
    return messages


# What programs look up in `litellm_params`; None where a call does not say.
_LITELLM_PARAMS = (
    "api_base metadata litellm_metadata model_info proxy_server_request preset_cache_key no-log litellm_session_id "
    "base_model drop_params max_retries timeout prompt_id prompt_variables text_completion cooldown_time "
    "input_cost_per_token output_cost_per_token input_cost_per_second output_cost_per_second logger_fn verbose"
).split()


def _as_chat(response: Any) -> Any:
    """An answer as callbacks are told of it: what is in a provider's own words is told in a chat's."""
    if not isinstance(response, ProviderAnswer):
        return response
    # Here, not where it is needed: the dict is the program's to change from now on.
    return _guarded(response.as_chat) or response


def _guarded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls a callback. Its exceptions are the program's to read in the log, and end nothing."""
    try:
        return function(*args, **kwargs)
    except Exception:
        _log(function)
        return None


async def _awaited(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        made = function(*args, **kwargs)
        return await made if isawaitable(made) else made
    except Exception:
        _log(function)
        return None


def _log(function: Any) -> None:
    name = getattr(function, "__qualname__", None) or type(function).__name__
    verbose_logger.error("the callback %s raised an exception", name, exc_info=True)
