"""openai's own client: one client, kept, as its documentation asks for."""

from __future__ import annotations

import openai


class Contender:
    def __init__(self, job):
        server = {"base_url": job["base_url"], "api_key": "sk-benchmark"}
        self.request, self.embedding_input = job["request"], job["embedding_input"]
        self.client, self.async_client = openai.OpenAI(**server), openai.AsyncOpenAI(**server)

    def call(self):
        return self.client.chat.completions.create(**self.request).choices[0].message.content

    async def acall(self):
        return (await self.async_client.chat.completions.create(**self.request)).choices[0].message.content

    def stream(self):
        return self.client.chat.completions.create(**self.request, stream=True)

    def astream(self):
        return self.async_client.chat.completions.create(**self.request, stream=True)

    def embed(self):
        answer = self.client.embeddings.create(model="text-embedding-3-small", input=[self.embedding_input])
        return answer.data[0].embedding
