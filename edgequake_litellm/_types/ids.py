"""Identifiers made here, where a provider sends none."""

from __future__ import annotations

import os


def uuid4() -> str:
    """A random UUID. The module uuid costs two milliseconds of import and asks the system for addresses that this needs not."""
    digits = os.urandom(16).hex()
    return "{}-{}-4{}-{}{}-{}".format(
        digits[:8],
        digits[8:12],
        digits[13:16],
        "89ab"[int(digits[16], 16) & 3],
        digits[17:20],
        digits[20:],
    )


def completion_id() -> str:
    return "chatcmpl-" + uuid4()
