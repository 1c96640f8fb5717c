"""litellm.google_genai: Google's `generateContent`, of every provider."""

from __future__ import annotations

from .._operations.contents import (
    GenerateContentStream,
    agenerate_content,
    agenerate_content_stream,
    generate_content,
    generate_content_stream,
)

__all__ = [
    "GenerateContentStream",
    "agenerate_content",
    "agenerate_content_stream",
    "generate_content",
    "generate_content_stream",
]
