"""The standard library: http.client and json over one kept connection. What a program could do with no package at all."""

from __future__ import annotations

import http.client
import json
from types import SimpleNamespace
from urllib.parse import urlsplit


class Contender:
    def __init__(self, job):
        self.request = job["request"]
        self.anthropic = job.get("protocol") == "anthropic"
        if self.anthropic:
            system, user = self.request["messages"]
            self.request = {
                **{name: self.request[name] for name in ("temperature", "max_tokens")},
                "model": "claude-sonnet-4-5",
                "system": system["content"],
                "messages": [user],
            }
        self.gemini = job.get("protocol") == "gemini"
        if self.gemini:
            system, user = self.request["messages"]
            self.request = {
                "contents": [{"role": "user", "parts": [{"text": user["content"]}]}],
                "system_instruction": {"parts": [{"text": system["content"]}]},
                "generationConfig": {
                    "temperature": self.request["temperature"],
                    "max_output_tokens": self.request["max_tokens"],
                },
            }
        self.embedding = {"model": "text-embedding-3-small", "input": [job["embedding_input"]]}
        address = urlsplit(job["base_url"])
        self.path = address.path
        self.connection = http.client.HTTPConnection(address.netloc)

    def post(self, path, request):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"}
        self.connection.request("POST", self.path + path, json.dumps(request), headers)
        response = self.connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"status {response.status}")
        return response

    def call(self):
        if self.anthropic:
            return json.loads(self.post("/messages", self.request).read())["content"][0]["text"]
        if self.gemini:
            answer = json.loads(self.post("/models/gemini-2.5-flash:generateContent", self.request).read())
            return self.text(answer)
        answer = json.loads(self.post("/chat/completions", self.request).read())
        return answer["choices"][0]["message"]["content"]

    def stream(self):
        if self.anthropic:
            yield from self.messages_stream()
            return
        if self.gemini:
            yield from self.content_stream()
            return
        for line in self.post("/chat/completions", dict(self.request, stream=True)):
            if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
                delta = json.loads(line[6:])["choices"][0]["delta"]
                # The shape that the worker reads; it adds a microsecond to seventy.
                yield SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content=delta.get("content")))])

    def messages_stream(self):
        for line in self.post("/messages", dict(self.request, stream=True)):
            if line.startswith(b"data: "):
                delta = json.loads(line[6:]).get("delta", {})
                yield SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content=delta.get("text")))])

    def content_stream(self):
        for line in self.post("/models/gemini-2.5-flash:streamGenerateContent?alt=sse", self.request):
            if line.startswith(b"data: "):
                text = self.text(json.loads(line[6:]))
                yield SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content=text))])

    @staticmethod
    def text(answer):
        return answer["candidates"][0]["content"]["parts"][0]["text"]

    def embed(self):
        return json.loads(self.post("/embeddings", self.embedding).read())["data"][0]["embedding"]
