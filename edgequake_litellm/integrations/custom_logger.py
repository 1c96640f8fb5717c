"""litellm.integrations.custom_logger: the base class of a program's loggers."""

from __future__ import annotations

from typing import Any


class CustomLogger:
    """What a program registers to be told of calls: `litellm.callbacks = [MyLogger()]`.

    Override what is of interest; a method that is not overridden costs nothing. `kwargs` is the call as a dict: `model`,
    `messages`, `input`, `optional_params`, `litellm_params` (with `metadata`), `custom_llm_provider`, `call_type`, `litellm_call_id`,
    `start_time`, `stream`, and at the end `response_cost` and `standard_logging_object`. It is the same dict for all methods of one
    call, and never holds the key.

    - A call that waits: `log_pre_api_call` and `log_post_api_call` in its thread, then `log_success_event` in a thread of the
      package's, or `log_failure_event` in its own.
    - A call of a coroutine: `log_pre_api_call` and `log_post_api_call`, then `async_log_success_event` in a task of the same loop, or
      `async_log_failure_event` in one.
    - A stream: its event of success comes once, when it has been read to its end, with the whole answer.

    An exception of a method is logged and goes no further.
    """

    def __init__(self, turn_off_message_logging: bool = False, message_logging: bool = True, **kwargs: Any) -> None:
        """With `turn_off_message_logging`, or without `message_logging`, this logger is not told what was asked and answered."""
        self.message_logging = message_logging
        self.turn_off_message_logging = turn_off_message_logging

    # What happens to a call -----------------------------------------------------------------------------------------------

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> Any:
        """Before a request is sent."""

    def log_post_api_call(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """After the provider has answered; `kwargs["original_response"]` is the answer, `response_obj` is None."""

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call that waits has its answer."""

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call failed; `kwargs["exception"]` says how, `response_obj` is None."""

    def log_stream_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """Never called, as in litellm: a stream tells of its whole answer by the event of success."""

    async def async_log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> Any:
        """Never called, as in litellm: calls of coroutines call `log_pre_api_call`."""

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call of a coroutine has its answer."""

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call of a coroutine failed."""

    async def async_log_stream_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """Never called: see `log_stream_event`."""

    # What may change a call -----------------------------------------------------------------------------------------------

    async def async_pre_call_deployment_hook(self, kwargs: Any, call_type: Any) -> Any:
        """Before a call of a coroutine. A dict that it returns holds the arguments to call with; None leaves them."""

    async def async_post_call_success_deployment_hook(self, request_data: Any, response: Any, call_type: Any) -> Any:
        """After a call of a coroutine. What it returns is the answer that the program gets; None leaves it."""

    def logging_hook(self, kwargs: Any, result: Any, call_type: Any) -> Any:
        """Before the events of success: what it returns is what this and later loggers are told, `(kwargs, result)`."""
        return kwargs, result

    async def async_logging_hook(self, kwargs: Any, result: Any, call_type: Any) -> Any:
        """`logging_hook` of calls of coroutines."""
        return kwargs, result
