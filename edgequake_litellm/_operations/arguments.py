"""Arguments that need a look before they are sent."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A float of its own: whether a program gave a timeout is whether it is this object.
TEN_MINUTES = float(600)


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without the default that is no value."""
    if arguments["timeout"] is TEN_MINUTES:
        arguments["timeout"] = None
    return arguments
