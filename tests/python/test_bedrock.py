"""Vectors and rankings of Bedrock's models: one request for each input of Titan's, signed, and one answer."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm

from .canned import CannedServer, Request

TITAN = "bedrock/amazon.titan-embed-text-v2:0"


class Bedrock(CannedServer):
    """Makes a vector of a text's length. The text "once" is refused the first time, for there were too many requests."""

    def __init__(self) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {
            "aws_bedrock_runtime_endpoint": self.url,
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": "a-secret-access-key-that-no-error-may-show",
            "aws_region_name": "us-east-1",
        }

    def respond(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        text = request.json.get("inputText", "")
        status, answer = 200, self.answer_to(request.json)
        if text == "bad":
            status, answer = 400, {"message": "Malformed input request"}
        if text == "once" and len(self.asked("once")) == 1:
            status, answer = 429, {"message": "Too many requests"}
        return status, {"x-amzn-bedrock-input-token-count": "9"}, json.dumps(answer).encode()

    def answer_to(self, body: dict[str, Any]) -> dict[str, Any]:
        if "texts" in body:
            return {"embeddings": [[len(text)] for text in body["texts"]], "response_type": "embeddings_floats"}
        if "sources" in body:
            return {"results": [{"index": 1, "relevanceScore": 0.68}, {"index": 0, "relevanceScore": 0.5}]}
        text = body.get("inputText", "")
        return {"embedding": [len(text), 0.5], "inputTextTokenCount": len(text)}

    def asked(self, text: str) -> list[Request]:
        return [request for request in self.requests if request.json.get("inputText") == text]


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with Bedrock() as bedrock:
        yield bedrock


def test_titan_is_asked_for_each_input_and_answers_as_one(bedrock: Bedrock) -> None:
    texts = ["x" * length for length in range(1, 21)]
    response = litellm.embedding(TITAN, texts, dimensions=256, **bedrock.arguments)
    assert [item["index"] for item in response.data] == list(range(20))
    assert [item["embedding"] for item in response.data] == [[len(text), 0.5] for text in texts]
    assert (response.model, response.usage.prompt_tokens) == ("amazon.titan-embed-text-v2:0", sum(range(1, 21)))
    assert {urllib.parse.unquote(request.path) for request in bedrock.requests} == {
        "/model/amazon.titan-embed-text-v2:0/invoke"
    }
    assert sorted(request.json["inputText"] for request in bedrock.requests) == texts
    assert all(request.json["dimensions"] == 256 for request in bedrock.requests)
    signatures = {request.headers["authorization"] for request in bedrock.requests}
    assert len(signatures) == 20
    assert all(one.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") for one in signatures)


def test_one_text_and_another_loop(bedrock: Bedrock) -> None:
    response = asyncio.run(litellm.aembedding(TITAN, "abc", **bedrock.arguments))
    assert (response.data[0]["embedding"], response.usage.prompt_tokens) == ([3, 0.5], 3)
    assert len(bedrock.requests) == 1


def test_an_input_that_is_refused_fails_the_call(bedrock: Bedrock) -> None:
    with pytest.raises(litellm.BadRequestError, match="Malformed input request"):
        litellm.embedding(TITAN, ["a", "bad", "b"], **bedrock.arguments)


def test_what_was_answered_is_not_asked_again(bedrock: Bedrock) -> None:
    texts = ["x" * length for length in range(1, 20)] + ["once"]
    response = litellm.embedding(TITAN, texts, num_retries=2, **bedrock.arguments)
    assert [item["embedding"] for item in response.data] == [[len(text), 0.5] for text in texts]
    assert (len(bedrock.requests), len(bedrock.asked("once"))) == (21, 2)


def test_coheres_models_take_all_inputs_at_once(bedrock: Bedrock) -> None:
    response = litellm.embedding(
        "bedrock/cohere.embed-english-v3", ["a", "bc"], input_type="search_query", **bedrock.arguments
    )
    assert [item["embedding"] for item in response.data] == [[1], [2]]
    assert response.usage.prompt_tokens == 9
    assert [request.json for request in bedrock.requests] == [{"texts": ["a", "bc"], "input_type": "search_query"}]


def test_parameters_follow_the_model(bedrock: Bedrock) -> None:
    names = {
        model: litellm.get_supported_openai_params(model, request_type="embeddings")
        for model in (TITAN, "bedrock/amazon.titan-embed-text-v1")
    }
    assert names == {TITAN: ["dimensions", "encoding_format"], "bedrock/amazon.titan-embed-text-v1": []}
    with pytest.raises(litellm.UnsupportedParamsError, match="dimensions"):
        litellm.embedding("bedrock/amazon.titan-embed-text-v1", "a", dimensions=5, **bedrock.arguments)
    with pytest.raises(litellm.BadRequestError, match="titan-embed-text-v2"):
        litellm.embedding("bedrock/amazon.nova-pro-v1:0", "a", **bedrock.arguments)
    assert bedrock.requests == []


def test_documents_are_ranked_by_the_runtime_of_agents(bedrock: Bedrock) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"
    for model in (arn, "amazon.rerank-v1:0"):
        response = litellm.rerank(f"bedrock/{model}", "q", ["a", "b"], return_documents=False, **bedrock.arguments)
        assert [(result["index"], result["relevance_score"]) for result in response.results] == [(1, 0.68), (0, 0.5)]
        request = bedrock.requests[-1]
        assert request.path == "/rerank"
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        asked = request.json["rerankingConfiguration"]["bedrockRerankingConfiguration"]
        assert asked == {"modelConfiguration": {"modelArn": arn}, "numberOfResults": 2}
