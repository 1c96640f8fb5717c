"""Arguments that need a look before they are sent."""

from __future__ import annotations

from .. import _request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Arguments = dict[str, Any]

# A float of its own: whether a program gave a timeout is whether it is this object.
TEN_MINUTES = float(600)


def given(arguments: Arguments) -> Arguments:
    """The arguments without the default that is no value."""
    if arguments["timeout"] is TEN_MINUTES:
        arguments["timeout"] = None
    return arguments


class Files:
    """The files of a call, read and numbered: the request refers to them by their numbers."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self.contents: list[Any] = []

    def replace(self, argument: str) -> None:
        """Puts a reference in the place of the file, or the list of files, that is the value of `argument`.

        Raises BadRequestError for what is no file or cannot be read.
        """
        value = self._arguments.get(argument)
        if value is None:
            return
        try:
            if isinstance(value, list):
                self._arguments[argument] = [self._reference(argument, item) for item in value]
            else:
                self._arguments[argument] = self._reference(argument, value)
        except (OSError, TypeError, ValueError) as error:
            # A closed file object is a ValueError.
            fields = {**self._arguments["kwargs"], "model": self._arguments.get("model")}
            why = str(error) if isinstance(error, TypeError) else f"`{argument}` cannot be read: {error}"
            raise _request.bad_request(fields, why) from error

    def _reference(self, argument: str, value: Any) -> dict[str, Any]:
        name, content_type = None, None
        if isinstance(value, tuple):
            if not 2 <= len(value) <= 4:
                raise TypeError(f"`{argument}` must be (name, content) or (name, content, content type)")
            content_type = value[2] if len(value) > 2 else None
            name, value = value[0], value[1]
        content = self._content(argument, value)
        if name is None and not isinstance(value, (bytes, bytearray, memoryview)):
            path = value if isinstance(value, str) or hasattr(value, "__fspath__") else getattr(value, "name", None)
            name = None if path is None or isinstance(path, int) else path
        self.contents.append(content)
        reference: dict[str, Any] = {"attachment": len(self.contents) - 1}
        if name is not None:
            reference["filename"] = _base_name(name)
        if content_type is not None:
            reference["content_type"] = content_type
        return reference

    def _content(self, argument: str, value: Any) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return value
        if isinstance(value, str) or hasattr(value, "__fspath__"):
            with open(value, "rb") as file:
                return file.read()
        read = getattr(value, "read", None)
        if read is None:
            raise TypeError(
                f"`{argument}` must be bytes, a path, a file object or a tuple of a name and one of these, "
                f"not {type(value).__name__}"
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
