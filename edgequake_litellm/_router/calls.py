"""A router's calls: litellm's functions, with a group in the place of the model."""

from __future__ import annotations

from random import choice
from typing import Any, Optional

from .. import _compat, _request
from .._calls import araising, raising
from .._completion import acompletion, completion
from .._embedding import aembedding, embedding
from .._operations.audio import aspeech, atranscription, speech, transcription
from .._operations.contents import (
    agenerate_content,
    agenerate_content_stream,
    generate_content,
    generate_content_stream,
)
from .._operations.images import aimage_edit, aimage_generation, image_edit, image_generation
from .._operations.messages import acreate
from .._operations.moderations import amoderation, moderation
from .._operations.rankings import arerank, rerank
from .._operations.responses import aresponses, responses
from .._operations.texts import atext_completion, text_completion
from . import making, own, settings
from .choices import Choices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Fields = dict[str, Any]

# Arguments by which litellm's router talks to itself.
_INTERNAL = ("original_function", "is_retry", "is_fallback", "is_async", "specific_deployment", "caching_groups")
_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


class Calls(Choices):
    """The methods of a Router that call models. `model` is a group, an alias, a name that a wildcard fits, or a deployment's id.

    The other arguments are those of the function of the same name, and win over the deployment's. The router's own are `num_retries`,
    `timeout`, `fallbacks`, `context_window_fallbacks`, `content_policy_fallbacks`, `max_fallbacks`, `disable_fallbacks` and
    `metadata={"tags": […]}`. Exceptions are those of the last deployment that was asked.
    """

    @raising
    def completion(self, model: str, messages: list[Any], **kwargs: Any) -> Any:
        """The answer to `messages`, or with `stream=True` its chunks."""
        return self._call(completion, model, {"messages": messages, **kwargs})

    @araising
    async def acompletion(self, model: str, messages: list[Any], stream: bool = False, **kwargs: Any) -> Any:
        """:meth:`completion` for coroutines."""
        return await self._acall(acompletion, model, {"messages": messages, "stream": stream or None, **kwargs})

    @araising
    async def schedule_acompletion(
        self, model: str, messages: list[Any], priority: int, stream: bool = False, **kwargs: Any
    ) -> Any:
        """:meth:`acompletion`: the engine starts every call at once, so that none waits for one of a higher `priority`."""
        kwargs["priority"] = priority
        return await self._acall(acompletion, model, {"messages": messages, "stream": stream or None, **kwargs})

    @raising
    def text_completion(self, model: str, prompt: Any, **kwargs: Any) -> Any:
        """The text that continues `prompt`."""
        return self._call(text_completion, model, {"prompt": prompt, **kwargs})

    @araising
    async def atext_completion(self, model: str, prompt: Any, **kwargs: Any) -> Any:
        """:meth:`text_completion` for coroutines."""
        return await self._acall(atext_completion, model, {"prompt": prompt, **kwargs})

    @raising
    def embedding(self, model: str, input: Any, **kwargs: Any) -> Any:
        """The vectors of `input`."""
        return self._call(embedding, model, {"input": input, **kwargs})

    @araising
    async def aembedding(self, model: str, input: Any, **kwargs: Any) -> Any:
        """:meth:`embedding` for coroutines."""
        return await self._acall(aembedding, model, {"input": input, **kwargs})

    @raising
    def image_generation(self, prompt: str, model: str, **kwargs: Any) -> Any:
        """Images of what `prompt` says."""
        return self._call(image_generation, model, {"prompt": prompt, **kwargs})

    @araising
    async def aimage_generation(self, prompt: str, model: str, **kwargs: Any) -> Any:
        """:meth:`image_generation` for coroutines."""
        return await self._acall(aimage_generation, model, {"prompt": prompt, **kwargs})

    @raising
    def image_edit(self, model: str, image: Any, prompt: Optional[str] = None, **kwargs: Any) -> Any:
        """`image`, changed as `prompt` says."""
        return self._call(image_edit, model, {"image": image, "prompt": prompt, **kwargs})

    @araising
    async def aimage_edit(self, model: str, image: Any, prompt: Optional[str] = None, **kwargs: Any) -> Any:
        """:meth:`image_edit` for coroutines."""
        return await self._acall(aimage_edit, model, {"image": image, "prompt": prompt, **kwargs})

    @raising
    def transcription(self, file: Any, model: str, **kwargs: Any) -> Any:
        """The words that are spoken in `file`."""
        return self._call(transcription, model, {"file": file, **kwargs})

    @araising
    async def atranscription(self, file: Any, model: str, **kwargs: Any) -> Any:
        """:meth:`transcription` for coroutines."""
        return await self._acall(atranscription, model, {"file": file, **kwargs})

    @raising
    def speech(self, model: str, input: str, voice: Optional[str] = None, **kwargs: Any) -> Any:
        """`input` as sound."""
        return self._call(speech, model, {"input": input, "voice": voice, **kwargs})

    @araising
    async def aspeech(self, model: str, input: str, voice: Optional[str] = None, **kwargs: Any) -> Any:
        """:meth:`speech` for coroutines."""
        return await self._acall(aspeech, model, {"input": input, "voice": voice, **kwargs})

    @raising
    def rerank(self, model: str, **kwargs: Any) -> Any:
        """`documents` in the order of how well they fit `query`."""
        return self._call(rerank, model, kwargs)

    @araising
    async def arerank(self, model: str, **kwargs: Any) -> Any:
        """:meth:`rerank` for coroutines."""
        return await self._acall(arerank, model, kwargs)

    @raising
    def moderation(self, input: Any, model: Optional[str] = None, **kwargs: Any) -> Any:
        """What of `input` is against the provider's rules. A `model` that is no group, or none at all, is asked past the router."""
        return self._call(moderation, model, {"input": input, **kwargs})

    @araising
    async def amoderation(self, input: Any, model: Optional[str] = None, **kwargs: Any) -> Any:
        """:meth:`moderation` for coroutines."""
        return await self._acall(amoderation, model, {"input": input, **kwargs})

    @raising
    def responses(self, model: str, input: Any, **kwargs: Any) -> Any:
        """The answer to `input` by the Responses API, or with `stream=True` its events."""
        return self._call(responses, model, {"input": input, **kwargs})

    @araising
    async def aresponses(self, model: str, input: Any, **kwargs: Any) -> Any:
        """:meth:`responses` for coroutines."""
        return await self._acall(aresponses, model, {"input": input, **kwargs})

    @araising
    async def anthropic_messages(self, model: str, messages: list[Any], max_tokens: int, **kwargs: Any) -> Any:
        """The answer to `messages` in the words of Anthropic's Messages API, whatever the deployment's provider."""
        return await self._acall(acreate, model, {"messages": messages, "max_tokens": max_tokens, **kwargs})

    aanthropic_messages = anthropic_messages

    @raising
    def generate_content(self, model: str, contents: Any, **kwargs: Any) -> Any:
        """The answer to `contents` in the words of Google's API, whatever the deployment's provider."""
        return self._call(generate_content, model, {"contents": contents, **kwargs})

    @araising
    async def agenerate_content(self, model: str, contents: Any, **kwargs: Any) -> Any:
        """:meth:`generate_content` for coroutines."""
        return await self._acall(agenerate_content, model, {"contents": contents, **kwargs})

    @raising
    def generate_content_stream(self, model: str, contents: Any, **kwargs: Any) -> Any:
        """:meth:`generate_content` while the answer comes: the bytes of server-sent events."""
        return self._call(generate_content_stream, model, {"contents": contents, **kwargs})

    @araising
    async def agenerate_content_stream(self, model: str, contents: Any, **kwargs: Any) -> Any:
        """:meth:`generate_content_stream` for coroutines."""
        return await self._acall(agenerate_content_stream, model, {"contents": contents, **kwargs})

    @property
    def chat(self) -> Chat:
        """`router.chat.completions.create(…)`, as a client of OpenAI's has it."""
        return Chat(self)

    # How they are made -------------------------------------------------------------------------------------------------

    def _call(self, function: Callable[..., Any], model: Optional[str], given: Fields) -> Any:
        try:
            arguments = self._arguments(function, model, given)
            if self._is_programs(arguments):
                return own.call(self, function, arguments)
            return self._told(function(**arguments))
        except Exception as error:
            return making.failure(error)

    async def _acall(self, function: Callable[..., Any], model: Optional[str], given: Fields) -> Any:
        try:
            arguments = self._arguments(function, model, given)
            if self._is_programs(arguments):
                return await own.acall(self, function, arguments)
            return self._told(await function(**arguments))
        except Exception as error:
            return making.failure(error)

    def _told(self, response: Any) -> Any:
        """`response`, which can tell of the deployment that gave it also when the router is gone."""
        meta = getattr(response, "_meta", None)
        if meta is not None:
            meta.deployments = self._table
        return response

    def _arguments(self, function: Callable[..., Any], model: Optional[str], given: Fields) -> Fields:
        """The arguments of the function that makes the call, with the router's name for the engine."""
        arguments = {name: value for name, value in given.items() if name not in _INTERNAL}
        if model is not None and given.get("specific_deployment"):
            model = self._calling(model)
        if model is None or self._passes(function, model):
            return {"model": model, **arguments}
        for name in _FALLBACKS:
            if name in arguments:
                arguments[name] = settings.listed(arguments[name])
        if self.cache_responses:
            arguments.setdefault("caching", True)
        wanted = arguments.get("response_format")
        if isinstance(wanted, type):
            strict = not self._is_google(model)
            try:
                arguments["response_format"] = _compat.response_format(wanted, strict=strict)
            except TypeError as error:
                raise _request.bad_request({"model": model, "custom_llm_provider": ""}, str(error)) from None
        return {"model": model, **arguments, "router": self._engine.ready(self)}

    def _is_programs(self, arguments: Fields) -> bool:
        """Whether the program itself has a part in the call, so that Python goes through its attempts."""
        if self._strategy is not None:
            return "router" in arguments
        if "router" not in arguments:
            return False
        providers = own.providers()
        if self._has_own is None or self._has_own[0] != providers:
            self._has_own = providers, any(own.has_part(row) for row in self._table.rows)
        return self._has_own[1]

    def _passes(self, function: Callable[..., Any], model: str) -> bool:
        """Whether a call of `model` goes past the router, which does not know it."""
        may = self.router_general_settings.pass_through_all_models or function in (moderation, amoderation)
        return bool(may) and model not in self._table and not self.get_model_list(model)

    def _calling(self, model: str) -> str:
        """The id of a deployment that calls `model`; `model` itself where none does."""
        ids = [row["model_info"]["id"] for row in self._table.rows if row["litellm_params"]["model"] == model]
        return choice(ids) if ids else model

    def _is_google(self, model: str) -> bool:
        """Whether every deployment of a group is one of Google's, which read a JSON Schema as pydantic writes it."""
        rows = self.get_model_list(model) or [row for row in [self._table.by_id.get(model)] if row is not None]
        return bool(rows) and all(_request.is_google(row["litellm_params"]) for row in rows)


class Chat:
    """OpenAI's way to a router's completions."""

    def __init__(self, router: Calls) -> None:
        self._router = router

    @property
    def completions(self) -> Chat:
        return self

    def create(self, messages: list[Any], model: Optional[str] = None, **kwargs: Any) -> Any:
        """`router.completion` with the arguments in OpenAI's order; the router's `default_litellm_params` may name the model."""
        model = model or self._router.default_litellm_params.get("model")
        if model is None:
            raise TypeError("give a `model`, or one in the router's `default_litellm_params`")
        return self._router.completion(model, messages, **kwargs)
