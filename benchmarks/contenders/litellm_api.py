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
        if job.get("cached"):
            self.module.cache = self.module.Cache(type="local")
            self.request["caching"] = True
        self.embedding = {"model": "openai/text-embedding-3-small", "input": [job["embedding_input"]], **server}

        self.routed = {**job["request"], "model": "group"}
        self.server, self.deployments, self.made = server, job.get("deployments", 0), None

    @property
    def router(self):
        """A router of one group, made when a measurement first asks for it."""
        if self.made is None:
            params = {"model": self.request["model"], **self.server}
            entry = {"model_name": "group", "litellm_params": params}
            model_list = [{**entry, "model_info": {"id": f"deployment-{number}"}} for number in range(self.deployments)]
            self.made = self.module.Router(model_list=model_list, num_retries=2)
        return self.made

    def route(self):
        return self.router.completion(**self.routed).choices[0].message.content

    def choose(self):
        return self.router.get_available_deployment("group")["model_info"]["id"]

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
