"""A client of the local provider on the standard library alone, and what the tests ask with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any, Dict, Iterator, List, Optional

from edgequake_litellm.testing import LocalProvider

HI = [{"role": "user", "content": "Hi there"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 1},
            },
            "required": ["city", "unit", "days"],
        },
    },
}


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> Any:
        return self.json["choices"][0]["message"]

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def events(self) -> List[Any]:
        """The decoded events of a stream that ends as it must."""
        assert self.headers["content-type"] == "text/event-stream; charset=utf-8"
        *events, end = self.body.decode().split("\n\n")[:-1]
        assert end == "data: [DONE]"
        return [json.loads(event[len("data: ") :]) for event in events]


@contextlib.contextmanager
def connected(provider: LocalProvider) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    try:
        yield client
    finally:
        client.close()


def send(
    provider: LocalProvider,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    headers: Optional[Dict[str, str]] = None,
) -> Answer:
    with connected(provider) as client:
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        client.request(method, path, data, {"Authorization": "Bearer test"} if headers is None else headers)
        return Answer(client.getresponse())


def chat(provider: LocalProvider, messages: Any = HI, **parameters: Any) -> Answer:
    return send(provider, "/v1/chat/completions", {"model": "gpt-4o", "messages": messages, **parameters})


def text(provider: LocalProvider, **parameters: Any) -> str:
    return str(chat(provider, **parameters).message["content"])


def deltas(answer: Answer, index: int = 0) -> List[Any]:
    choices = [choice for event in answer.events for choice in event["choices"]]
    return [choice["delta"] for choice in choices if choice["index"] == index]


def begin_stream(provider: LocalProvider, **parameters: Any) -> socket.socket:
    """A connection on which a stream has been asked for and not been read."""
    body = json.dumps({"model": "m", "messages": HI, "stream": True, **parameters}).encode()
    client = socket.create_connection(("127.0.0.1", provider.port), timeout=10)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer k\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.sendall(head + body)
    return client


def embed(provider: LocalProvider, given: Any, **parameters: Any) -> Answer:
    return send(provider, "/v1/embeddings", {"model": "text-embedding-3-small", "input": given, **parameters})


def vectors(answer: Answer) -> List[List[float]]:
    assert [each["index"] for each in answer.json["data"]] == list(range(len(answer.json["data"])))
    return [each["embedding"] for each in answer.json["data"]]
