"""litellm.llms.custom_llm: the base class of providers that a program writes itself."""

from __future__ import annotations

from typing import Any


class CustomLLMError(Exception):
    """What a provider raises: the program gets litellm's exception for `status_code`, with `message`."""

    def __init__(self, status_code: int, message: str) -> None:
        self.status_code = status_code
        self.message = message
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status_code, self.message)


class CustomLLM:
    """A provider in Python: `litellm.custom_provider_map = [{"provider": "mine", "custom_handler": MyLLM()}]` makes calls of
    `mine/<model>` calls of this.

    The methods are called with keywords only: `model` (without the provider), `messages` or `input`, `optional_params` (what
    else goes to the model), `model_response` (an empty response to fill), `api_key`, `api_base`, `headers`, `timeout`,
    `litellm_params`, `logging_obj`, `print_verbose`, `encoding`, `custom_prompt_dict`, `acompletion`, `logger_fn` and `client`. A
    method that is not overridden raises CustomLLMError.

    `streaming` is a generator, `astreaming` an asynchronous one. Both yield dicts of litellm's GenericStreamingChunk: `text`,
    `tool_use`, `is_finished`, `finish_reason`, `usage`, `index`; or chunks as litellm returns them.
    """

    def completion(self, *args: Any, **kwargs: Any) -> Any:
        """The whole answer: `model_response` filled, or a ModelResponse of its own."""
        raise _missing(self, "completion")

    def streaming(self, *args: Any, **kwargs: Any) -> Any:
        """The chunks of an answer, for `completion(stream=True)`."""
        raise _missing(self, "streaming")

    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        """What `completion` gives, for `acompletion`."""
        raise _missing(self, "acompletion")

    def astreaming(self, *args: Any, **kwargs: Any) -> Any:
        """What `streaming` gives, as an asynchronous generator, for `acompletion(stream=True)`."""
        raise _missing(self, "astreaming")

    def embedding(self, *args: Any, **kwargs: Any) -> Any:
        """The vectors of `input`: `model_response` filled, or an EmbeddingResponse of its own."""
        raise _missing(self, "embedding")

    async def aembedding(self, *args: Any, **kwargs: Any) -> Any:
        """What `embedding` gives, for `aembedding`."""
        raise _missing(self, "aembedding")


def _missing(handler: CustomLLM, method: str) -> CustomLLMError:
    return CustomLLMError(
        500, f"the provider {type(handler).__name__} has no method {method}: define it to support such calls"
    )
