"""The server that every language's example talks to: it answers as examples/transcript.txt says, and looks at what it sees.

``python ci/languages/stage.py`` serves until Ctrl-C, for one run of one client by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any, Dict, List, Tuple, Union

from edgequake_litellm.testing import Choice, Embeddings, Error, LocalProvider, Reply, Request

KEY = "key-of-the-examples"
REFUSED_KEY = "a-key-that-is-refused"

CAPITAL = "Name the capital of France."
SEA = "Describe the sea."
ENCYCLOPEDIA = "Recite the encyclopedia."
MEANWHILE = "What does the encyclopedia do?"
COUNT = "Count to a million."
LET_ME_IN = "Let me in."
HURRY = "Hurry."
TEXTS = ["the sea", "a lake"]

_SEA_PIECES = ["The ", "sea ", "is ", "wide, ", "das ", "Meer ", "ist groß, ", "海は広い ", "🌊"]
# Far more than the sockets of both sides and a queue take, so that it cannot all be under way while nobody reads.
_PAGE, _PAGES = "encyclopaedia: " * 546 + "..", 2000
# How long the stream must have stood still to count as held, and how long to wait for that.
_STILL_S, _PATIENCE_S = 0.4, 60.0

_CHAT, _EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
EXPECTED_REQUESTS = [
    (_CHAT, CAPITAL, False, KEY),
    (_CHAT, SEA, True, KEY),
    (_CHAT, ENCYCLOPEDIA, True, KEY),
    (_CHAT, MEANWHILE, False, KEY),
    (_CHAT, COUNT, True, KEY),
    (_CHAT, LET_ME_IN, False, REFUSED_KEY),
    (_CHAT, HURRY, False, KEY),
    (_EMBEDDINGS, TEXTS, False, KEY),
]


def asked(request: Request) -> Any:
    """What a request is about: the one message, or the texts to embed."""
    body = request.json
    return body["input"] if request.path == _EMBEDDINGS else body["messages"][-1]["content"]


class Stage:
    """A provider for one run of one program."""

    def __init__(self) -> None:
        self.provider = LocalProvider(responder=self._respond)
        self.pages, self.pages_while_held = _PAGES, 0

    async def _respond(self, request: Request) -> Union[Reply, Error, Embeddings, str]:
        about = asked(request)
        if about == TEXTS:
            return Embeddings([[0.5, -0.25, 0.125, 1.0], [-1.0, 0.75, 0.25, 0.0]], usage={"total_tokens": 6})
        if about == MEANWHILE:
            return (
                "It waits for its reader." if await self._encyclopedia_is_held() else "It runs on without its reader."
            )
        return _answers()[about]

    async def _encyclopedia_is_held(self) -> bool:
        """Whether the stream of the encyclopedia comes to a stand before its end."""
        stream = next(each for each in self.provider.requests if asked(each) == ENCYCLOPEDIA)
        deadline = time.monotonic() + _PATIENCE_S
        sent, since = -1, 0.0
        while time.monotonic() < deadline and not stream.complete:
            if stream.chunks_sent != sent:
                sent, since = stream.chunks_sent, time.monotonic()
            elif sent > 0 and time.monotonic() - since > _STILL_S:
                self.pages_while_held = sent
                return True
            await asyncio.sleep(0.02)
        return False

    def faults(self) -> List[Tuple[str, str]]:
        """What the server saw that it should not have, after the program's end: the heading in the transcript, or "", and the fault."""
        found = []
        self.provider.wait_disconnected(count=1)
        if not self.provider.wait_idle():
            found.append(("", "a connection stayed open after the program's end"))
        requests = self.provider.requests
        seen = [_summary(request) for request in requests]
        if seen != EXPECTED_REQUESTS:
            found.append(("", f"the server saw other requests: {seen}"))
        by_subject = {str(asked(request)): request for request in requests}
        cancelled = by_subject.pop(COUNT, None)
        if cancelled is None or not cancelled.disconnected:
            found.append(("cancel", "the cancelled stream's connection was not closed"))
        found += [("", f"{about!r} was not read to its end") for about, each in by_subject.items() if not each.complete]
        if not 0 < self.pages_while_held < _PAGES:
            held = f"the server had sent {self.pages_while_held} pages of {_PAGES} while the reader was busy"
            found.append(("backpressure", held))
        return found


def _summary(request: Request) -> Tuple[str, Any, bool, Any]:
    return request.path, asked(request), bool(request.json.get("stream")), request.api_key


def _answers() -> Dict[str, Union[Reply, Error]]:
    return {
        CAPITAL: Reply(
            [Choice("Paris. “Größer als Lyon”, 東京より小さい 🌊")], usage={"prompt_tokens": 14, "completion_tokens": 9}
        ),
        SEA: Reply([Choice(chunks=_SEA_PIECES)]),
        ENCYCLOPEDIA: Reply([Choice(chunks=[_PAGE] * _PAGES)]),
        # Slow, and so long that no program waits for its end instead of cancelling it.
        COUNT: Reply([Choice(chunks=[f"{number}…" for number in range(1, 100_000)])], gap=0.02),
        LET_ME_IN: Error(401, f"Incorrect API key provided: {REFUSED_KEY}.", code="invalid_api_key"),
        HURRY: Error(429, "Slow down.", retry_after=7),
    }


if __name__ == "__main__":
    with Stage().provider as served:
        print(served.base_url, KEY, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
