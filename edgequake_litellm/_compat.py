"""What programs written for litellm pass or expect and only Python can have: classes, exceptions and clients as arguments,
and the module name ``litellm`` itself."""

from __future__ import annotations

import sys
from weakref import WeakKeyDictionary

from . import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType
    from typing import Any

    Fields = dict[str, Any]

LITELLM_VERSION = "1.106.2"
"""The version of litellm whose API this package has."""


# Arguments -----------------------------------------------------------------------------------------------------------------


def mocked(error: BaseException, fields: Fields) -> BaseException:
    """What a call with `mock_response=error` raises: an exception of an API as it is, anything else as a failed call."""
    openai = sys.modules.get("openai")
    if hasattr(error, "llm_provider") or (openai is not None and isinstance(error, openai.APIError)):
        return error
    if not isinstance(error, Exception):
        return error  # KeyboardInterrupt and its like are not for `except Exception`.
    from . import _runtime, exceptions

    model = fields.get("model")
    made: Exception = exceptions.from_wire(
        {
            "kind": "InternalServerError",
            "message": getattr(error, "text", None) or str(error),
            "status_code": getattr(error, "status_code", 500),
            "provider": fields.get("custom_llm_provider") or _runtime.provider_of(model),
            "model": model,
        }
    )
    made.__cause__ = error
    return made


# What no call needs, and what would call back into the program.
_IGNORED = ("shared_session", "logger_fn", "litellm_logging_obj", "logging_obj")


def read_objects(fields: Fields) -> None:
    """Takes out of `fields` what is a Python object and no value, and puts in what can be read from it."""
    for name in _IGNORED:
        fields.pop(name, None)
    if fields.get("litellm_credential_name"):
        from ._helpers import load_credentials_from_list

        load_credentials_from_list(fields)
    for name, feature in config.FEATURES.items():
        if fields.pop(name, None):
            config.unsupported(name, feature)
    token = fields.pop("azure_ad_token_provider", None)
    if token is not None:
        if not callable(token):
            raise TypeError("`azure_ad_token_provider` must be a function that returns a token")
        fields["azure_ad_token"] = token()
    client = fields.pop("client", None)
    if client is not None:
        _use_client(client, fields)


def _use_client(client: Any, fields: Fields) -> None:
    """Reads where and as whom an openai client calls. The engine calls over connections of its own."""
    key, address = getattr(client, "api_key", None), getattr(client, "base_url", None)
    if address is None:
        config.unsupported("client", "HTTP clients of the program")
        return
    fields["api_base"] = str(address)
    if isinstance(key, str) and key:
        fields["api_key"] = key
    for name in ("organization", "project"):
        value = getattr(client, name, None)
        if isinstance(value, str):
            fields.setdefault(name, value)


# By class; a class has two forms, see `response_format`.
_schemas: dict[bool, WeakKeyDictionary[type, Fields]] = {True: WeakKeyDictionary(), False: WeakKeyDictionary()}


def response_format(value: Any, strict: bool = True) -> Any:
    """`value` as OpenAI's API has it: a pydantic class becomes its JSON Schema, in the strict form or (`strict=False`) as pydantic
    writes it, which Gemini reads as it stands.

    Raises TypeError, with a sentence for the user, for what is neither that nor a dict.
    """
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, type):
        schema = _schemas[strict].get(value)
        if schema is None:
            make = getattr(value, "model_json_schema", None) or getattr(value, "schema", None)  # pydantic 2, pydantic 1
            if callable(make):
                from . import _schema

                schema = _schemas[strict][value] = _schema.strict(make()) if strict else make()
        if schema is not None:
            return {"type": "json_schema", "json_schema": {"schema": schema, "name": value.__name__, "strict": True}}
    kind = f"the class {value.__name__}" if isinstance(value, type) else f"an object of {type(value).__name__}"
    raise TypeError(f"`response_format` must be a dict or a pydantic model class, not {kind}")


# The name litellm ----------------------------------------------------------------------------------------------------------


def install_as_litellm() -> None:
    """Makes `import litellm` give this package in the whole program, submodules such as `litellm.types.utils` included.

    Call it before anything imports litellm; a second call does nothing. `importlib.metadata.version("litellm")` is then the
    version of litellm whose API this package has. Raises RuntimeError where litellm itself has been imported already:
    some modules would hold the one and some the other.
    """
    package = sys.modules[__package__]
    present = sys.modules.get("litellm")
    if present is package:
        return
    if present is not None:
        raise RuntimeError("litellm is imported already: call install_as_litellm() before the first `import litellm`")
    sys.modules["litellm"] = package
    sys.meta_path.insert(0, _LitellmFinder())


class _LitellmFinder:
    """Finds `litellm.x` as `edgequake_litellm.x`."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        if not name.startswith("litellm."):
            return None
        from importlib.util import find_spec, spec_from_loader

        try:
            real = find_spec(__package__ + name[len("litellm") :])
        except ModuleNotFoundError:
            real = None
        if real is not None:
            return spec_from_loader(name, _AliasLoader(real.name))  # type: ignore[arg-type]  # a loader by its methods
        from ._absent import module_message

        message = module_message(name)
        # Who only asks whether it is there, by importlib.util.find_spec, is told so.
        if message is not None and sys._getframe(2).f_code.co_name != "find_spec":
            raise ModuleNotFoundError(message, name=name)
        return None

    def find_distributions(self, context: Any = None) -> Iterator[Any]:
        if getattr(context, "name", None) != "litellm":
            return
        from importlib.metadata import Distribution

        class Litellm(Distribution):
            def read_text(self, filename: str) -> str | None:
                if filename != "METADATA":
                    return None
                return f"Metadata-Version: 2.1\nName: litellm\nVersion: {LITELLM_VERSION}\n"

            def locate_file(self, path: Any) -> Any:
                raise FileNotFoundError(f"litellm's name is provided by {__package__}, which has no file {path}")

        yield Litellm()


class _AliasLoader:
    """Loads a module by importing another and putting it in its place, as a module may do itself while it is loaded."""

    def __init__(self, real: str) -> None:
        self.real = real

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from importlib import import_module

        sys.modules[module.__name__] = import_module(self.real)
