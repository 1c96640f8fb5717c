"""Where the response objects meet pydantic. Nothing here imports it: it is used when the program has loaded it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_mapping(value: Any) -> bool:
    if isinstance(value, dict):
        return True
    from collections.abc import Mapping

    return isinstance(value, Mapping)


def is_litellm() -> bool:
    """Whether this package is what the program imports as litellm."""
    module = sys.modules.get("litellm")
    return module is not None and module is sys.modules.get(__name__.partition(".")[0])


def invalid(title: str, problem: str, field: str | None, value: Any, **context: Any) -> Exception:
    """The error for data that cannot be made `title`: pydantic's ValidationError where pydantic is loaded, else a ValueError.

    Both are ValueErrors. `problem` is pydantic's name of the kind of error.
    """
    core = sys.modules.get("pydantic_core")
    if core is not None:
        line = {"type": problem, "loc": () if field is None else (field,), "input": value}
        if context:
            line["ctx"] = context
        error: Exception = core.ValidationError.from_exception_data(title, [line])
        return error
    where = title if field is None else f"{title}.{field}"
    cause = {
        "missing": "the field is required",
        "model_type": f"expected a mapping or an instance, got {type(value).__name__}",
        "string_type": f"expected a string, got {type(value).__name__}",
        "literal_error": "expected {}, got {!r}".format(context.get("expected"), value),
    }
    return ValueError(f"{where}: {cause[problem]}")


class FieldInfo:
    """The part of pydantic's FieldInfo that can be told of a field without annotations at run time."""

    __slots__ = ("annotation", "default", "required")

    def __init__(self, required: bool, default: Any) -> None:
        self.annotation: Any = None
        self.required = required
        self.default = default

    def is_required(self) -> bool:
        return self.required

    def __repr__(self) -> str:
        return f"FieldInfo(required={self.required!r}, default={self.default!r})"


class FieldsAttribute:
    """`model_fields`, of the class and of its objects."""

    def __get__(self, obj: Any, owner: Any) -> dict[str, FieldInfo]:
        return {name: FieldInfo(name in owner._required, owner._defaults.get(name)) for name in owner._fields}


class SerializerAttribute:
    """`__pydantic_serializer__`: what pydantic-core looks for on a value of unknown type before it gives up on it.

    With it, a pydantic model with a field of type `Any` that holds a response can be dumped as JSON.
    """

    def __get__(self, obj: Any, owner: Any) -> Any:
        core = sys.modules.get("pydantic_core")
        if core is None:
            raise AttributeError("__pydantic_serializer__")
        made = owner.__dict__.get("_pydantic_serializer")
        if made is None:
            made = core.SchemaSerializer(core_schema(owner))
            owner._pydantic_serializer = made
        return made


def core_schema(cls: Any) -> Any:
    """The schema of a field of type `cls` in a pydantic model: an instance is kept, a mapping becomes one."""
    from pydantic_core import core_schema as schemas

    def serialize(value: Any, info: Any) -> Any:
        return value.model_dump(
            mode=info.mode,
            include=info.include,
            exclude=info.exclude,
            exclude_unset=info.exclude_unset,
            exclude_defaults=info.exclude_defaults,
            exclude_none=info.exclude_none,
        )

    return schemas.no_info_plain_validator_function(
        cls.model_validate,
        serialization=schemas.plain_serializer_function_ser_schema(serialize, info_arg=True),
    )


def export_foreign(value: Any, options: Any, export: Any) -> Any:
    """A value in a response that is not one of ours, nor JSON's: a model of the program's, a set, bytes, a date, an enum."""
    dump = getattr(value, "model_dump", None)
    if dump is not None and not isinstance(value, type):
        return dump(mode="json" if options.as_json else "python", exclude_none=options.exclude_none)
    if not options.as_json:
        return value
    if isinstance(value, (str, int, float)):  # a subclass of one of them, an enum among others
        base = next(kind for kind in (str, int, float) if isinstance(value, kind))
        return base(getattr(value, "value", value))
    if is_mapping(value):
        return {name: export(item, options) for name, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return [export(item, options) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__module__.partition(".")[0] in ("uuid", "decimal", "pathlib"):
        return str(value)
    if hasattr(type(value), "__members__"):  # an enum
        return export(value.value, options)
    if options.fallback is not None:
        return export(options.fallback(value), options)
    raise ValueError(f"Unable to serialize unknown type: {type(value)!r}. Give model_dump a fallback= for it.")
