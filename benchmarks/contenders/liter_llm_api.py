"""liter-llm, which has asynchronous functions only."""

from __future__ import annotations

import liter_llm


class Contender:
    def __init__(self, job):
        self.request = job["request"]
        self.client = liter_llm.create_client(api_key="sk-benchmark", base_url=job["base_url"], model_hint="openai")

    async def acall(self):
        answer = await liter_llm.chat(self.client, liter_llm.ChatCompletionRequest(**self.request))
        return answer.choices[0].message.content.text

    async def astream(self):
        return liter_llm.chat_stream(self.client, liter_llm.ChatCompletionRequest(**self.request))
