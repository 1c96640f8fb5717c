"""What makes `isinstance(response, pydantic.BaseModel)` true, without importing pydantic.

litellm's responses are pydantic models, by way of openai's, and programs ask for that before they call `model_dump` or add up
tokens. `isinstance` asks an object for its `__class__` when its type is not what was asked for. Where the program has loaded
pydantic, that answers with a stand-in: a class of the same name that derives from the base of litellm's class and hands everything
on to the real one. `type(response)` is always the real one.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_stand_ins: dict[tuple[type[Any], type[Any]], Any] = {}

# Classes of litellm's that derive from one of openai's for the same thing.
_OPENAI_BASES = {
    "Usage": "CompletionUsage",
    "CompletionTokensDetailsWrapper": "CompletionTokensDetails",
    "PromptTokensDetailsWrapper": "PromptTokensDetails",
}


def class_of(value: Any) -> Any:
    """What `value.__class__` is."""
    cls = type(value)
    if "pydantic" not in sys.modules:
        return cls
    base = _base_of(cls)
    if base is None:
        return cls
    made = _stand_ins.get((cls, base))
    if made is None:
        made = _stand_ins[cls, base] = _stand_in(cls, base)
    return made


def _base_of(cls: type[Any]) -> Any:
    """The class that litellm's class of this name derives from, if its module is loaded: otherwise nobody can ask for it."""
    for kind in cls.__mro__:
        name = _OPENAI_BASES.get(kind.__name__)
        if name is not None:
            base = getattr(sys.modules.get("openai.types.completion_usage"), name, None)
            if base is not None:
                return base
    for module in ("openai._models", "pydantic.main"):
        base = getattr(sys.modules.get(module), "BaseModel", None)
        if base is not None:
            return base
    return None


def _stand_in(cls: Any, base: Any) -> Any:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return cls(*args, **kwargs)

    # pydantic's own metaclass would make a model of it, field by field; none of that is wanted.
    meta = type("ModelMetaclass", (type(base),), {"__call__": call, "__setattr__": type.__setattr__})
    names: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    for kind in reversed(cls.__mro__[:-1]):
        for name, value in vars(kind).items():
            if not name.startswith("__"):
                names[name] = staticmethod(getattr(cls, name)) if isinstance(value, classmethod) else value
    names["model_fields"] = cls.model_fields
    from abc import ABCMeta

    return ABCMeta.__new__(meta, cls.__name__, (base,), names)
