"""litellm.responses.streaming_iterator: where programs import the streams of responses from."""

from __future__ import annotations

from .._response_streaming import (
    BaseResponsesAPIStreamingIterator,
    ResponsesAPIStreamingIterator,
    SyncResponsesAPIStreamingIterator,
)

__all__ = ["BaseResponsesAPIStreamingIterator", "ResponsesAPIStreamingIterator", "SyncResponsesAPIStreamingIterator"]
