"""What a fork waits for: that no other thread is in the middle of loading a part of this package, or its library.

The child would have half of it, and of the locks of Python's imports one whose thread does not exist there.
"""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

# What `threading.RLock` is, without importing the module for it. One that may be taken again by its thread: loading one part
# loads others, and a signal's handler may fork while its thread loads.
lock = _thread.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def submodules(package: str, names: str) -> Callable[[str], ModuleType]:
    """The `__getattr__` of a package whose modules `names` can be read as attributes before anybody has imported them.

    litellm imports all of its modules at once, so programs write `litellm.types.utils` without importing that.
    """
    known = frozenset(names.split())

    def load(name: str) -> ModuleType:
        if name not in known:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        with lock:
            return import_module(f"{package}.{name}")

    return load
