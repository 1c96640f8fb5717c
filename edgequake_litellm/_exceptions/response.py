"""The `request` and `response` of an exception: what programs read of httpx's classes, without httpx."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Headers(dict):  # type: ignore[type-arg]
    """Headers by name in any case. Cookies are not shown in a log."""

    def __init__(self, headers: Any = ()) -> None:
        items = headers.items() if hasattr(headers, "items") else headers
        super().__init__((str(name).lower(), value) for name, value in items)

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def multi_items(self) -> list[tuple[str, str]]:
        return list(self.items())

    def copy(self) -> Headers:
        return Headers(self)

    def __reduce__(self) -> Any:
        return Headers, (dict(self),)

    def __repr__(self) -> str:
        shown = {name: "[secure]" if "cookie" in name or "auth" in name else value for name, value in self.items()}
        return f"Headers({shown!r})"


class Request:
    """The request that an error is about, as far as it is known: never with headers, since those hold the key."""

    def __init__(self, method: str = "POST", url: str = "") -> None:
        self.method = method
        self.url = url
        self.headers = Headers()
        self.content = b""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.url!r})>"


class Response:
    """A provider's answer: `status_code`, `headers` and the body as `content`, `text` and `json()`."""

    encoding = "utf-8"
    is_closed = True
    is_stream_consumed = True

    def __init__(
        self, status_code: int, headers: Any = None, content: bytes = b"", request: Request | None = None
    ) -> None:
        self.status_code = status_code
        self.headers = Headers(headers or ())
        self.content = content
        self.request = Request() if request is None else request

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self, **kwargs: Any) -> Any:
        import json

        return json.loads(self.content, **kwargs)

    def read(self) -> bytes:
        return self.content

    @property
    def url(self) -> str:
        return self.request.url

    @property
    def reason_phrase(self) -> str:
        from http import HTTPStatus

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        return 400 <= self.status_code < 600

    @property
    def is_client_error(self) -> bool:
        return 400 <= self.status_code < 500

    @property
    def is_server_error(self) -> bool:
        return 500 <= self.status_code < 600

    def __repr__(self) -> str:
        return f"<Response [{self.status_code} {self.reason_phrase}]>".replace(" ]", "]")
