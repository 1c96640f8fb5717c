"""litellm's functions, as `litellm` and as this package have them: the module's name is all that differs."""

from __future__ import annotations

import importlib


class Contender:
    def __init__(self, job):
        self.module = importlib.import_module(job["module"])
        server = {"api_base": job["base_url"], "api_key": "sk-benchmark"}
        self.request = {**job["request"], **server, "model": "openai/" + job["request"]["model"]}
        if job.get("protocol") == "anthropic":
            # litellm adds /v1/messages.
            self.request.update(model="anthropic/claude-sonnet-4-5", api_base=job["base_url"].removesuffix("/v1"))
        if job.get("protocol") == "gemini":
            self.request["model"] = "gemini/gemini-2.5-flash"
        self.embedding = {"model": "openai/text-embedding-3-small", "input": [job["embedding_input"]], **server}

    def call(self):
        return self.module.completion(**self.request).choices[0].message.content

    async def acall(self):
        return (await self.module.acompletion(**self.request)).choices[0].message.content

    def stream(self):
        return self.module.completion(**self.request, stream=True)

    def astream(self):
        return self.module.acompletion(**self.request, stream=True)

    def embed(self):
        return self.module.embedding(**self.embedding).data[0]["embedding"]
