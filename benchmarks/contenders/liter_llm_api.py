"""liter-llm, which has asynchronous functions only."""

from __future__ import annotations

import json

import liter_llm


class Contender:
    def __init__(self, job):
        self.request = job["request"]
        options = {"api_key": "sk-benchmark", "base_url": job["base_url"], "model_hint": "openai"}
        if job.get("cached"):
            # Only this way of making a client takes a cache; the numbers are those of litellm's cache in memory.
            cache = {"max_entries": 200, "ttl_seconds": 600}
            self.client = liter_llm.create_client_from_json(json.dumps({**options, "cache": cache}))
        else:
            self.client = liter_llm.create_client(**options)

    async def acall(self):
        answer = await liter_llm.chat(self.client, liter_llm.ChatCompletionRequest(**self.request))
        return answer.choices[0].message.content.text

    async def astream(self):
        return liter_llm.chat_stream(self.client, liter_llm.ChatCompletionRequest(**self.request))
