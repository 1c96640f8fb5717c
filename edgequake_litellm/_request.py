"""From the arguments of a call to the engine's request: one JSON object with what was given and nothing else.

Most calls hold only what JSON has, and then this is one pass of the C encoder. What JSON lacks is made JSON here
(response objects and pydantic models among the messages, a pydantic class as ``response_format``, httpx timeouts), and what
cannot be made JSON is a `BadRequestError` that says where it is and what to do. The place is searched for only then.
"""

from __future__ import annotations

from json import JSONEncoder

from . import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Fields = dict[str, Any]

# The engine reads up to 128 levels; the search for a flaw must itself not run out of stack.
_MAX_DEPTH = 130


def request(arguments: Fields) -> bytes:
    """The request of a call whose parameters and their values are `arguments`: the `locals()` of a function with `**kwargs`.

    Raises BadRequestError for what cannot be sent, and the program's own exception where `mock_response` is one.
    """
    extra = arguments.pop("kwargs")
    fields = {name: value for name, value in arguments.items() if value is not None}
    if extra:
        fields.update(extra)
    if not _SPECIAL.isdisjoint(fields):
        translate(fields)
    if config.traced:
        from ._telemetry import add_context

        add_context(fields)
    if config.changed:
        fields["settings"] = config.changed
    if config.aliases():
        fields["settings"] = {**config.changed, "model_alias_map": config.aliases()}
    try:
        return _encode(fields).encode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        # What a program tells its own loggers may be any object, and is no part of the request.
        if not config.changed.get("enable_preview_features"):
            fields.pop("metadata", None)
        fields.pop("litellm_metadata", None)
        return encode(fields)


def encode(fields: Fields) -> bytes:
    """`fields` as compact JSON in UTF-8. Raises BadRequestError, which names the argument at fault."""
    try:
        return _encode(fields).encode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _refusal(fields, error) from None


def to_json(value: Any) -> Any:
    """What the encoder sends for an object that JSON does not have. Raises TypeError for what cannot be sent."""
    if isinstance(value, type):
        raise TypeError("a class")
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        try:
            # None is left out as litellm leaves it out of messages: providers refuse a null where a field is optional.
            return dump(mode="json", by_alias=True, exclude_none=True)
        except TypeError:
            return dump()
    for kind, convert in _conversions():
        if isinstance(value, kind):
            return convert(value)
    if hasattr(type(value), "__dataclass_fields__"):
        names = type(value).__dataclass_fields__
        return {name: item for name in names if (item := getattr(value, name)) is not None}
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    dump = getattr(value, "dict", None)
    if callable(dump):
        return dump()
    raise TypeError("of a type without a form in JSON")


_encode = JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), default=to_json
).encode

_conversions_made: list[tuple[Any, Callable[[Any], Any]]] = []


def _conversions() -> list[tuple[Any, Callable[[Any], Any]]]:
    if not _conversions_made:
        from collections.abc import Mapping, Sequence
        from datetime import date, datetime
        from enum import Enum

        made: list[tuple[Any, Callable[[Any], Any]]] = [
            (Enum, lambda value: value.value),
            ((datetime, date), lambda value: value.isoformat()),
            (Mapping, dict),
            (Sequence, _listed),
        ]
        _conversions_made.extend(made)
    return _conversions_made


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError("bytes")
    return list(value)


# Arguments that need a look ------------------------------------------------------------------------------------------------


def _timeout(argument: str, value: Any) -> Any:
    """Seconds, or the four limits of an httpx.Timeout, whose class is not imported for this."""
    if isinstance(value, (int, float, dict)):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise TypeError(f"`{argument}` must be a number of seconds or an httpx.Timeout, not other text") from None
    limits = ("connect", "read", "write", "pool")
    if all(hasattr(value, name) for name in limits):
        return {name: getattr(value, name) for name in limits}
    if isinstance(value, tuple) and len(value) == len(limits):
        return dict(zip(limits, value))
    raise TypeError(f"`{argument}` must be a number of seconds or an httpx.Timeout, not {_named(value)}")


def translate(fields: Fields) -> None:
    """Makes of the arguments that JSON cannot carry what the engine understands, or takes them away."""
    from . import _compat

    mock = fields.get("mock_response")
    if isinstance(mock, BaseException):
        raise _compat.mocked(mock, fields)
    try:
        _compat.read_objects(fields)
        translate_times(fields)
        # Of sounds and images it is a word.
        if "response_format" in fields and "messages" in fields:
            fields["response_format"] = _compat.response_format(fields["response_format"], strict=not is_google(fields))
    except TypeError as error:
        raise bad_request(fields, str(error)) from None


def translate_times(fields: Fields) -> None:
    """Makes of the time limits in `fields` what the engine understands. Raises TypeError for what is none."""
    for name in ("timeout", "stream_timeout"):
        if fields.get(name) is not None:
            fields[name] = _timeout(name, fields[name])


def is_google(fields: Fields) -> bool:
    """Does the call go to Gemini, by the provider that the caller names or by the model's name?"""
    model = fields.get("model")
    model = model if isinstance(model, str) else ""
    provider, slash, _ = model.partition("/")
    named = fields.get("custom_llm_provider") or (provider if slash else "")
    if named == "vertex_ai":
        # Claude and others are there too.
        return "gemini" in model
    return named == "gemini" or (not named and provider.startswith("gemini-"))


_SPECIAL = frozenset(
    (
        "mock_response",
        "timeout",
        "stream_timeout",
        "response_format",
        "client",
        "azure_ad_token_provider",
        "litellm_credential_name",
        "shared_session",
        "logger_fn",
        "litellm_logging_obj",
        "logging_obj",
        *config.FEATURES,
    )
)


# What cannot be sent -------------------------------------------------------------------------------------------------------


def bad_request(fields: Fields, message: str) -> Exception:
    """The exception for a request that is refused before the engine sees it."""
    from . import _runtime, exceptions

    model = fields.get("model")
    provider = fields.get("custom_llm_provider")
    if not isinstance(provider, str):
        provider = _runtime.provider_of(model)
    return exceptions.from_wire(
        {
            "kind": "BadRequestError",
            "message": message,
            "status_code": 400,
            "provider": provider,
            "model": model if isinstance(model, str) else "",
        }
    )


def _refusal(fields: Fields, error: BaseException) -> Exception:
    for name, value in fields.items():
        flaw = _flaw(value, str(name), 0)
        if flaw is not None:
            return bad_request(fields, flaw)
    return bad_request(fields, f"the request cannot be written as JSON: {error}")


def _flaw(value: Any, path: str, depth: int) -> str | None:
    """Says where in `value` something stands that cannot be sent, why, and what to do. Never shows the value."""
    if isinstance(value, str):
        at = _lone_surrogate(value)
        if at is None:
            return None
        return (
            f"`{path}` has a lone surrogate (U+{ord(value[at]):04X} at index {at}), which no UTF-8 text can hold. "
            'Replace it, for example with text.encode("utf-8", "replace").decode().'
        )
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        if value - value == 0:
            return None
        return f"`{path}` is {value!r}, which JSON does not have. Give a finite number."
    if isinstance(value, int):
        try:
            int.__repr__(value)
        except ValueError:
            return f"`{path}` is a number of too many digits. Give a smaller one."
        return None
    if depth > _MAX_DEPTH:
        return f"`{path[:80]}…` is nested more than {_MAX_DEPTH} levels deep, or contains itself."
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                return f"`{path}` has a key that is {_named(key)}. Make every key a str."
            if isinstance(key, str) and _lone_surrogate(key) is not None:
                return f"`{path}` has a key with a lone surrogate, which no UTF-8 text can hold."
            flaw = _flaw(item, f"{path}.{key}", depth + 1)
            if flaw is not None:
                return flaw
        return None
    if isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            flaw = _flaw(item, f"{path}[{number}]", depth + 1)
            if flaw is not None:
                return flaw
        return None
    try:
        made = to_json(value)
    except Exception as error:
        cure = _CURES.get(type(value).__name__)
        if isinstance(value, type):
            cure = "Give an object, not its class."
        elif cure is None:
            why = "" if isinstance(error, TypeError) else f" ({type(error).__name__} while it was read)"
            cure = f"Give a str, number, bool, list, dict or pydantic model{why}."
        return f"`{path}` is {_named(value)}, which cannot be sent as JSON. {cure}"
    return _flaw(made, path, depth + 1)


_CURES = {
    "bytes": "Decode it to str, or encode binary data as base64.",
    "bytearray": "Decode it to str, or encode binary data as base64.",
    "memoryview": "Decode it to str, or encode binary data as base64.",
    "set": "Make it a list.",
    "frozenset": "Make it a list.",
    "generator": "Make it a list.",
    "Decimal": "Make it a float or a str.",
    "complex": "Give a real number.",
    "coroutine": "Await it first.",
}


def _lone_surrogate(text: str) -> int | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def _named(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"
