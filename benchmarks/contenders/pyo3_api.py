"""edgequake-litellm 0.10.4, the earlier package of that name on PyO3.

Its functions are litellm's, but it ignores `api_base` and `api_key` and reads the environment, and it streams
asynchronously only.
"""

from __future__ import annotations

import os

import edgequake_litellm


class Contender:
    def __init__(self, job):
        os.environ.update(OPENAI_BASE_URL=job["base_url"], OPENAI_API_KEY="sk-benchmark")
        self.request = dict(job["request"], model="openai/" + job["request"]["model"])
        self.embedding_input = job["embedding_input"]

    def call(self):
        return edgequake_litellm.completion(**self.request).choices[0].message.content

    async def acall(self):
        return (await edgequake_litellm.acompletion(**self.request)).choices[0].message.content

    def astream(self):
        return edgequake_litellm.acompletion(**self.request, stream=True)

    def embed(self):
        return edgequake_litellm.embedding("openai/text-embedding-3-small", [self.embedding_input]).data[0].embedding
