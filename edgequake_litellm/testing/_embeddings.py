"""Embeddings without a model: unit vectors from hashes, the same everywhere, closer for texts that share words."""

from __future__ import annotations

import base64
import hashlib
import math
import random
import re
import struct
from typing import Any, List, Sequence

from ._script import Embeddings, Json
from ._tokens import count_tokens
from ._validation import refuse

# The width of the vectors of a model that is not listed; such a model may also be asked for more, up to the limit.
DEFAULT_DIMENSIONS = 1536
MAX_DIMENSIONS = 16384
_DIMENSIONS = {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536, "text-embedding-ada-002": 1536}
_FEATURES_PER_WORD = 16
# How much of a vector comes from the text as a whole: enough to fill every place, too little to hide the words.
_NOISE = 0.02


def _digest(feature: str) -> bytes:
    return hashlib.sha256(feature.encode("utf-8", "surrogatepass")).digest()


def vector(features: Sequence[str], dimensions: int) -> List[float]:
    """A unit vector of ``dimensions`` single-precision numbers for the words (or token numbers) of a text."""
    noise = random.Random(int.from_bytes(_digest("\0".join(features)), "big"))
    values = [_NOISE * (noise.random() - 0.5) for _ in range(dimensions)]
    for feature in features:
        places = struct.unpack(f"<{_FEATURES_PER_WORD}H", _digest(feature))
        for place in places:
            values[(place >> 1) % dimensions] += 1.0 if place & 1 else -1.0
    return unit(values)


def unit(values: Sequence[float]) -> List[float]:
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    packed = struct.pack(f"<{len(values)}f", *(value / length for value in values))
    return list(struct.unpack(f"<{len(values)}f", packed))


def features_of(value: Any) -> List[str]:
    """The words of a text, or an array's tokens, in order."""
    if isinstance(value, list):
        return [f"token {token}" for token in value]
    return re.findall(r"\w+", value.lower()) or [value]


def default_embeddings(body: Json, inputs: Sequence[Any]) -> Embeddings:
    model = str(body["model"])
    known = next((width for name, width in _DIMENSIONS.items() if model.endswith(name)), None)
    dimensions = body.get("dimensions") or known or DEFAULT_DIMENSIONS
    most = known or MAX_DIMENSIONS
    if dimensions > most:
        raise refuse(f"Invalid value for 'dimensions': this model has at most {most}.", "dimensions", "invalid_value")
    native = known or max(DEFAULT_DIMENSIONS, dimensions)
    # A shorter vector is the beginning of the long one, as with the models that are trained for it.
    vectors = [vector(features_of(each), native) for each in inputs]
    return Embeddings([unit(each[:dimensions]) if dimensions < native else each for each in vectors])


def embeddings_json(answer: Embeddings, body: Json, inputs: Sequence[Any]) -> Json:
    as_base64 = body.get("encoding_format") == "base64"

    def encoded(values: Sequence[float]) -> Any:
        if not as_base64:
            return list(values)
        return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")

    tokens = sum(len(each) if isinstance(each, list) else count_tokens(each) for each in inputs)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": encoded(values)}
            for index, values in enumerate(answer.vectors)
        ],
        "model": answer.model or body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens, **answer.usage},
    }
