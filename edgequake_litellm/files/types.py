"""The types of the calls for files."""

from __future__ import annotations

from typing import Any, NamedTuple


class FileContentStreamingResult(NamedTuple):
    """A file that is read while it comes: its pieces, and the headers of the answer."""

    stream_iterator: Any
    headers: Any
