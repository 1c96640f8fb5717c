"""What a client sent to the local provider, as a test looks at it, and which operation of the API it names."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional
from urllib.parse import parse_qsl, unquote

from ._http import Headers, IncomingRequest
from ._script import CHAT, EMBEDDINGS, MODELS

# Any prefix may stand before an operation, as gateways and self-hosted servers have them. Azure's old addresses name
# the deployment in the path; its new ones (/openai/v1) are prefixes as any other.
_POST_PATH = re.compile(r"(?:.*?/openai/deployments/([^/]+)|.*)/(chat/completions|embeddings)/?")
_MODELS_PATH = re.compile(r".*?/models(?:/(.+?))?/?")


class Request:
    """A request that the provider received.

    ``method``, ``path`` (decoded), ``query`` (the last value of each name), ``target`` (path and query as they were
    sent), ``headers`` (names in lower case, repeated ones joined by ", "), ``raw_headers`` (pairs in order), ``body``
    (bytes), and :attr:`json`. ``operation`` is "chat/completions", "embeddings", "models" or None.

    ``status`` is that of the answer, None until it begins. ``chunks_sent`` counts the events of a stream that the
    kernel has taken, ``[DONE]`` not among them. ``disconnected`` is True if the client closed the connection before the
    answer was complete, ``complete`` if the answer went out whole. These change while the answer is under way, in
    another thread.
    """

    def __init__(self, number: int, incoming: IncomingRequest) -> None:
        self.number = number
        self.method = incoming.method
        self.target = incoming.target
        path, _, query = incoming.target.partition("?")
        self.path = unquote(path)
        self.query: Dict[str, str] = dict(parse_qsl(query, keep_blank_values=True))
        self.raw_headers: Headers = incoming.headers
        self.headers: Dict[str, str] = {}
        for name, value in incoming.headers:
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self.body = incoming.body
        self.operation: Optional[str] = None
        self.deployment: Optional[str] = None
        self.model_in_path: Optional[str] = None
        posted = _POST_PATH.fullmatch(path)
        models = _MODELS_PATH.fullmatch(path)
        if posted is not None:
            self.operation = CHAT if posted[2] == CHAT else EMBEDDINGS
            self.deployment = posted[1] and unquote(posted[1])
        elif models is not None:
            self.operation = MODELS
            self.model_in_path = models[1] and unquote(models[1])
        self.status: Optional[int] = None
        self.chunks_sent = 0
        self.complete = False
        self.disconnected = False

    @property
    def json(self) -> Any:
        """The decoded body. Raises ValueError if it is not JSON."""
        return json.loads(self.body)

    @property
    def api_key(self) -> Optional[str]:
        """The key of ``Authorization: Bearer …`` or of Azure's ``api-key``."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        return self.headers.get("api-key") or None

    def __repr__(self) -> str:
        # Neither headers nor query: both may carry a key.
        return f"<Request {self.number}: {self.method} {self.path}, {len(self.body)} bytes>"
