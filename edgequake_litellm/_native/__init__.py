"""The native library: ``lib`` has the functions and constants of ``include/edgequake.h``, ``ffi`` its types.

Importing this package opens nothing. The library is opened when ``lib`` is first used, once for the process, and is
never closed: its threads may still run when the interpreter goes down. What can go wrong then (no library, one of
another version, one for another machine) is an :class:`ImportError` that says what to do.

``EDGEQUAKE_LIBRARY`` in the environment is the path of another build of the library, for people who work on it.
"""

from __future__ import annotations

import os
import sys

from .. import _loading

# Type checkers take this for typing.TYPE_CHECKING; importing typing would double the time that this package takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ffi", "lib", "library_path", "library_version"]

ffi: Any
"""The ``FFI`` object: types, ``new``, ``cast``, ``buffer``, … Using it does not open the library."""

lib: Any
"""The library. Its functions release the GIL while they run."""

_ENVIRONMENT = "EDGEQUAKE_LIBRARY"
_REINSTALL = "Reinstall the package: pip install --force-reinstall edgequake-litellm"


def library_path() -> str:
    """The file that ``lib`` is opened from."""
    override = os.environ.get(_ENVIRONMENT)
    if override:
        return override
    if sys.platform in ("win32", "cygwin"):
        name = "edgequake_ffi.dll"
    elif sys.platform == "darwin":
        name = "libedgequake_ffi.dylib"
    else:
        name = "libedgequake_ffi.so"
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


def library_version() -> str:
    """The version of the opened library, which is that of the package."""
    version: str = __getattr__("ffi").string(__getattr__("lib").eq_version()).decode("ascii")
    return version


def _load_ffi() -> Any:
    try:
        from ._cffi import ffi as loaded
    except ImportError as error:
        if error.name is not None and error.name.endswith("._cffi"):
            cure = "It is made when the package is built: run `make install` in a source tree. " + _REINSTALL
        elif "subinterpreter" in str(error):
            # Python says so of an extension module that was not made for an interpreter with a GIL of its own.
            cure = (
                "cffi works in the main interpreter and in those that share its GIL: call from there, from threads, or from "
                "processes (ProcessPoolExecutor in place of InterpreterPoolExecutor)"
            )
        else:
            cure = "Install cffi: pip install 'cffi>=1.15'"
        raise ImportError(f"edgequake_litellm cannot load its cffi module: {error}. {cure}") from error
    return loaded


def _archive(path: str) -> str | None:
    """The file that ``path`` would be inside of, as in a zipapp; None where its folders are folders."""
    parent = os.path.dirname(path)
    while parent != path:
        if os.path.isfile(parent):
            return parent
        path, parent = parent, os.path.dirname(parent)
    return None


def _open(ffi: Any) -> Any:
    path = library_path()
    # RTLD_NODELETE: cffi closes a library when its object is collected, and at exit Python collects it while the
    # library's threads run. The flag is missing on Windows, and so are the others.
    flags = 0
    for name in ("RTLD_NOW", "RTLD_LOCAL", "RTLD_NODELETE"):
        flags |= getattr(os, name, 0)
    try:
        library = ffi.dlopen(path, flags)
    except OSError as error:
        archive = _archive(path)
        if archive is not None:
            cure = (
                f"The package was imported from the archive {archive}, and a library can be opened only from a file of its own. "
                f"Unpack the archive (shiv and pex do that by themselves), or let {_ENVIRONMENT} name an unpacked library."
            )
        elif os.environ.get(_ENVIRONMENT):
            cure = f"{_ENVIRONMENT} names this file."
        else:
            cure = _REINSTALL
        raise ImportError(f"edgequake_litellm cannot open its native library: {error}. {cure}", path=path) from error

    expected = ffi.integer_const("EQ_ABI_VERSION")
    try:
        found = library.eq_abi_version()
    # PyPy's cffi raises the one, CPython's the other.
    except (AttributeError, ffi.error) as error:
        raise ImportError(
            f"{path} is not the library of edgequake_litellm: it has no eq_abi_version. {_REINSTALL}", path=path
        ) from error
    if found != expected:
        raise ImportError(
            f"The native library {path} has ABI version {found}, but this edgequake_litellm was made for ABI version "
            f"{expected}: files of two versions are mixed. {_REINSTALL}",
            path=path,
        )
    return library


def __getattr__(name: str) -> Any:
    # Python asks here only while the module has no such attribute: the value is stored, so later uses are dict lookups.
    if name not in ("ffi", "lib"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    namespace = globals()
    with _loading.lock:
        if "ffi" not in namespace:
            namespace["ffi"] = _load_ffi()
        if name == "lib" and "lib" not in namespace:
            lib = _open(namespace["ffi"])
            # Has it count forks from here on, while no fork can come between.
            lib.eq_fork_generation()
            namespace["lib"] = lib
    return namespace[name]
