"""The files among the arguments of a call: read, and put beside the request as attachments."""

from __future__ import annotations

from . import _request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(arguments: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
    """The contents of the files that are the values of the arguments `names`, each a file or a list of them.

    In their places stand references to them by their numbers. Raises BadRequestError for what is no file or cannot be read.
    """
    contents: list[Any] = []
    for name in names:
        value = arguments.get(name)
        if value is None:
            continue
        try:
            if isinstance(value, list):
                arguments[name] = [_reference(name, item, contents) for item in value]
            else:
                arguments[name] = _reference(name, value, contents)
        except (OSError, TypeError, ValueError) as error:
            # A closed file object is a ValueError.
            why = str(error) if isinstance(error, TypeError) else f"`{name}` cannot be read: {error}"
            fields = {**arguments["kwargs"], "model": arguments.get("model")}
            raise _request.bad_request(fields, why) from error
    return contents


def _reference(argument: str, value: Any, contents: list[Any]) -> dict[str, Any]:
    """Reads one file into `contents` and returns what the request says of it."""
    name = content_type = None
    if isinstance(value, tuple):
        if not 2 <= len(value) <= 4:
            raise TypeError(f"`{argument}` must be (name, content) or (name, content, content type)")
        content_type = value[2] if len(value) > 2 else None
        name, value = value[0], value[1]
    content = _content(argument, value)
    if name is None and not isinstance(value, (bytes, bytearray, memoryview)):
        path = value if isinstance(value, str) or hasattr(value, "__fspath__") else getattr(value, "name", None)
        name = None if isinstance(path, int) else path
    reference: dict[str, Any] = {"attachment": len(contents)}
    contents.append(content)
    if name is not None:
        reference["filename"] = _base_name(name)
    if content_type is not None:
        reference["content_type"] = content_type
    return reference


def _content(argument: str, value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        with open(value, "rb") as file:
            return file.read()
    read = getattr(value, "read", None)
    if read is None:
        raise TypeError(
            f"`{argument}` must be bytes, a path, a file object or a tuple of a name and one of these, not {type(value).__name__}"
        )
    content = read()
    if isinstance(content, str):
        raise TypeError(f'`{argument}` is a file that was opened as text: open it with the mode "rb"')
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError(f"`{argument}` has a read() that gives no bytes but {type(content).__name__}")
    return content


def _base_name(path: Any) -> str:
    """A file's own name: where it lies is nobody's business."""
    from os import fsdecode
    from os.path import basename

    return basename(fsdecode(path))
