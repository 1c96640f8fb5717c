"""The provider that the programs of the pages call: the local provider, with answers to what it does not know."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Mapping

from edgequake_litellm.testing import LocalProvider
from edgequake_litellm.testing._http import Connection, IncomingRequest


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", (1).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0")
    + _chunk(b"IDAT", zlib.compress(b"\0\x20\x60\xa0"))
    + _chunk(b"IEND", b"")
)
WAV = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x08\0\0\0" + b"\0" * 8
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

FILES: Mapping[str, bytes] = {"photo.png": PNG, "mask.png": PNG, "talk.wav": WAV, "report.pdf": PDF}
"""What lies in the folder in which a program of the pages runs."""

_IMAGES = {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}
_CATEGORIES = ("harassment", "hate", "self-harm", "sexual", "violence")
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Paris.", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
}
_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": {**_RESPONSE, "status": "in_progress", "output": []}},
    {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "Paris.",
    },
    {"type": "response.completed", "response": _RESPONSE},
]

_ANSWERS: dict[str, Any] = {
    "images/generations": _IMAGES,
    "images/edits": _IMAGES,
    "audio/transcriptions": {"text": "Good morning.", "usage": {"type": "duration", "seconds": 1}},
    "audio/speech": WAV,
    "moderations": {
        "id": "modr_1",
        "model": "omni-moderation-latest",
        "results": [
            {
                "flagged": False,
                "categories": dict.fromkeys(_CATEGORIES, False),
                "category_scores": dict.fromkeys(_CATEGORIES, 0.01),
            }
        ],
    },
    "rerank": {
        "id": "rerank_1",
        "results": [{"index": 1, "relevance_score": 0.94}, {"index": 0, "relevance_score": 0.12}],
        "meta": {"billed_units": {"search_units": 1}},
    },
    "responses": _RESPONSE,
    "completions": {
        "id": "cmpl_1",
        "object": "text_completion",
        "created": 1,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"index": 0, "text": " and a lake", "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6},
    },
}


_FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 1,
    "created_at": 1,
    "filename": "questions.jsonl",
    "purpose": "batch",
}
_BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "validating",
    "created_at": 1,
    "request_counts": {"total": 2, "completed": 0, "failed": 0},
}
_ANSWERS.update(
    {"files": _FILE, "batches": _BATCH, "batches/batch_1": _BATCH, "files/file-2/content": b'{"custom_id": "1"}\n'}
)


class Provider(LocalProvider):
    """Answers everything that a page asks OpenAI, Groq or Cohere for."""

    async def _answer(self, incoming: IncomingRequest, connection: Connection) -> None:
        path = incoming.target.partition("?")[0]
        known = [operation for operation in _ANSWERS if path.endswith("/" + operation) and "/chat/" not in path]
        if not known:
            await super()._answer(incoming, connection)
            return
        answer = _ANSWERS[known[0]]
        kind = "application/json"
        if isinstance(answer, bytes):
            kind, body = "audio/wav" if answer is WAV else "application/octet-stream", answer
        elif b'"stream":true' in incoming.body:
            kind = "text/event-stream"
            body = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in _EVENTS)
        else:
            body = json.dumps(answer).encode()
        await connection.send(200, [("content-type", kind)], body)

    @property
    def environment(self) -> dict[str, str]:
        """What makes the providers of the pages be this one."""
        return {
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": self.base_url,
            "GROQ_API_KEY": "test",
            "GROQ_API_BASE": self.base_url,
            "COHERE_API_KEY": "test",
            "COHERE_API_BASE": self.base_url,
        }
