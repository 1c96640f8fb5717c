"""What makes `isinstance(response, pydantic.BaseModel)` true, without importing pydantic.

litellm's responses are pydantic models, and programs ask for that before they call `model_dump`. `isinstance` asks an object for
its `__class__` when its type is not what was asked for. Where the program has loaded pydantic, that answers with a stand-in: a
class of the same name that derives from `pydantic.BaseModel` and hands everything on to the real one. `type(response)` is always
the real one.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_stand_ins: dict[type[Any], Any] = {}


def class_of(value: Any) -> Any:
    """What `value.__class__` is."""
    cls = type(value)
    if "pydantic" not in sys.modules:
        return cls
    made = _stand_ins.get(cls)
    if made is None:
        # pydantic loads its parts when they are asked for: without this one, nobody can have asked for a BaseModel.
        base = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
        if base is None:
            return cls
        made = _stand_ins[cls] = _stand_in(cls, base)
    return made


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
