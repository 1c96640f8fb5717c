"""litellm's API on a native core: change the import, keep the code.

::

    import edgequake_litellm as litellm

    response = litellm.completion("openai/gpt-4o", [{"role": "user", "content": "Hello"}])
    print(response.choices[0].message.content)

Functions, response classes, exceptions, settings and module paths have litellm's names. :func:`install_as_litellm` makes
`import litellm` itself give this package.

Everything loads when it is first used: importing the package opens no library, no socket and no thread.
"""

from __future__ import annotations

import sys

from . import config as _config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from . import exceptions as exceptions
    from . import main as main
    from . import types as types
    from . import utils as utils
    from ._compat import install_as_litellm as install_as_litellm
    from ._completion import acompletion as acompletion
    from ._completion import astream as astream
    from ._completion import completion as completion
    from ._completion import mock_completion as mock_completion
    from ._completion import stream as stream
    from ._embedding import aembedding as aembedding
    from ._embedding import embedding as embedding
    from ._questions import get_llm_provider as get_llm_provider
    from ._questions import get_supported_openai_params as get_supported_openai_params
    from .exceptions import LITELLM_EXCEPTION_TYPES as LITELLM_EXCEPTION_TYPES
    from .exceptions import APIConnectionError as APIConnectionError
    from .exceptions import APIError as APIError
    from .exceptions import APIResponseValidationError as APIResponseValidationError
    from .exceptions import AuthenticationError as AuthenticationError
    from .exceptions import BadGatewayError as BadGatewayError
    from .exceptions import BadRequestError as BadRequestError
    from .exceptions import BudgetExceededError as BudgetExceededError
    from .exceptions import ContentPolicyViolationError as ContentPolicyViolationError
    from .exceptions import ContextWindowExceededError as ContextWindowExceededError
    from .exceptions import ImageFetchError as ImageFetchError
    from .exceptions import InternalServerError as InternalServerError
    from .exceptions import InvalidRequestError as InvalidRequestError
    from .exceptions import JSONSchemaValidationError as JSONSchemaValidationError
    from .exceptions import LiteLLMUnknownProvider as LiteLLMUnknownProvider
    from .exceptions import MockException as MockException
    from .exceptions import ModelNotMappedError as ModelNotMappedError
    from .exceptions import NotFoundError as NotFoundError
    from .exceptions import OpenAIError as OpenAIError
    from .exceptions import PaymentRequiredError as PaymentRequiredError
    from .exceptions import PermissionDeniedError as PermissionDeniedError
    from .exceptions import RateLimitError as RateLimitError
    from .exceptions import RateLimitErrorCategory as RateLimitErrorCategory
    from .exceptions import RateLimitType as RateLimitType
    from .exceptions import ServiceUnavailableError as ServiceUnavailableError
    from .exceptions import Timeout as Timeout
    from .exceptions import UnprocessableEntityError as UnprocessableEntityError
    from .exceptions import UnsupportedParamsError as UnsupportedParamsError
    from .exceptions import VectorStoreSearchError as VectorStoreSearchError
    from .stream_builder import stream_chunk_builder as stream_chunk_builder
    from .streaming import CustomStreamWrapper as CustomStreamWrapper
    from .types.utils import ChatCompletionMessageToolCall as ChatCompletionMessageToolCall
    from .types.utils import Choices as Choices
    from .types.utils import Delta as Delta
    from .types.utils import Embedding as Embedding
    from .types.utils import EmbeddingResponse as EmbeddingResponse
    from .types.utils import Function as Function
    from .types.utils import HiddenParams as HiddenParams
    from .types.utils import Message as Message
    from .types.utils import ModelResponse as ModelResponse
    from .types.utils import ModelResponseStream as ModelResponseStream
    from .types.utils import StreamingChoices as StreamingChoices
    from .types.utils import TextChoices as TextChoices
    from .types.utils import TextCompletionResponse as TextCompletionResponse
    from .types.utils import Usage as Usage

    __version__: str

# The module of each name that is loaded when it is first used. A test keeps it equal to the list above.
_HOMES = {
    name: module
    for module, names in {
        "._compat": "install_as_litellm",
        "._completion": "completion acompletion stream astream mock_completion",
        "._embedding": "embedding aembedding",
        "._logging": "_turn_on_debug verbose_logger",
        "._questions": "get_llm_provider get_supported_openai_params",
        ".exceptions": (
            "LITELLM_EXCEPTION_TYPES APIConnectionError APIError APIResponseValidationError AuthenticationError BadGatewayError "
            "BadRequestError BudgetExceededError ContentPolicyViolationError ContextWindowExceededError ImageFetchError "
            "InternalServerError InvalidRequestError JSONSchemaValidationError LiteLLMUnknownProvider MockException "
            "ModelNotMappedError NotFoundError OpenAIError PaymentRequiredError PermissionDeniedError RateLimitError "
            "RateLimitErrorCategory RateLimitType ServiceUnavailableError Timeout UnprocessableEntityError "
            "UnsupportedParamsError VectorStoreSearchError"
        ),
        ".stream_builder": "stream_chunk_builder",
        ".streaming": "CustomStreamWrapper",
        ".types.utils": (
            "ChatCompletionMessageToolCall Choices Delta Embedding EmbeddingResponse Function HiddenParams Message "
            "ModelResponse ModelResponseStream StreamingChoices TextChoices TextCompletionResponse Usage"
        ),
    }.items()
    for name in names.split()
}
_SUBMODULES = frozenset(("_logging", "exceptions", "litellm_core_utils", "main", "testing", "types", "utils"))

# Exceptions that dir() leaves out: programs such as aider go through the names that end in "Error" and stop at one that is
# newer than they are.
_HIDDEN = frozenset(
    (
        "ImageFetchError",
        "ModelNotMappedError",
        "PaymentRequiredError",
        "PermissionDeniedError",
        "VectorStoreSearchError",
    )
)


def __getattr__(name: str) -> Any:
    # Python asks here only while the module has no such attribute.
    home = _HOMES.get(name)
    if home is not None:
        from importlib import import_module

        from . import _loading

        with _loading.lock:
            value = getattr(import_module(home, __name__), name)
    elif name in _SUBMODULES:
        from importlib import import_module

        from . import _loading

        with _loading.lock:
            return import_module("." + name, __name__)
    elif name in _config.DEFAULTS:
        return _config.DEFAULTS[name]
    elif name == "__version__":
        from ._native import library_version

        value = library_version()
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    names = globals().keys() | _HOMES.keys() | _SUBMODULES | _config.DEFAULTS.keys() | {"__version__"}
    return sorted(name for name in names - _HIDDEN if not name.startswith("_") or name.startswith("__"))


class _Package(type(sys)):  # type: ignore[misc]  # the type of modules, without an import
    """This module's class: it notices when the program assigns a setting."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _config.assigned(name, value)

    def __delattr__(self, name: str) -> None:
        # A setting that was never assigned has its default; to delete it leaves it so.
        if name in self.__dict__ or name not in _config.DEFAULTS:
            super().__delattr__(name)
        _config.deleted(name)


_module: ModuleType = sys.modules[__name__]
_module.__class__ = _Package
del _module
