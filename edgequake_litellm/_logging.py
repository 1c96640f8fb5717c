"""The engine's log in Python's `logging`, under the name of litellm's logger.

Warnings and errors are logged, and what is below once the program asks: by `set_verbose = True`, by :func:`_turn_on_debug`, or by a level
in the environment variable `LITELLM_LOG`. No record holds a key or the content of a message.
"""

from __future__ import annotations

import logging
import os

from . import _records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

verbose_logger = logging.getLogger("LiteLLM")
verbose_router_logger = logging.getLogger("LiteLLM Router")


def listen_as_environment_says() -> None:
    """Obeys `LITELLM_LOG`, which names a level."""
    level: Any = logging.getLevelName(os.environ.get("LITELLM_LOG", "").upper())
    if isinstance(level, int) and level > logging.NOTSET:
        _show(level)


def set_verbose(on: bool) -> None:
    """What `litellm.set_verbose = …` does: everything is logged, or warnings and errors alone."""
    if on:
        _show(logging.DEBUG)
    else:
        _records.settle()


def _show(level: int) -> None:
    if verbose_logger.getEffectiveLevel() > level:
        verbose_logger.setLevel(level)
    if not verbose_logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        verbose_logger.addHandler(handler)
    _records.ask(level)


def _turn_on_debug() -> None:
    """Logs everything, as `litellm._turn_on_debug()` does."""
    _show(logging.DEBUG)


def _disable_debugging() -> None:
    verbose_logger.disabled = True


def _enable_debugging() -> None:
    verbose_logger.disabled = False
