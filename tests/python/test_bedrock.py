"""Vectors and rankings of Bedrock's models: one request for each input of Titan's, signed, and one answer."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm

TITAN = "bedrock/amazon.titan-embed-text-v2:0"


class Bedrock:
    """Makes a vector of a text's length."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append((urllib.parse.unquote(self.path), headers, body))
                text = body.get("inputText", "")
                answer: Any = {"embedding": [len(text), 0.5], "inputTextTokenCount": len(text)}
                if "texts" in body:
                    answer = {
                        "embeddings": [[len(text)] for text in body["texts"]],
                        "response_type": "embeddings_floats",
                    }
                if "sources" in body:
                    answer = {"results": [{"index": 1, "relevanceScore": 0.68}, {"index": 0, "relevanceScore": 0.5}]}
                if text == "bad":
                    answer = {"message": "Malformed input request"}
                content = json.dumps(answer).encode()
                self.send_response(400 if text == "bad" else 200)
                self.send_header("content-type", "application/json")
                self.send_header("x-amzn-bedrock-input-token-count", "9")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """A test's output is not a log."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self.arguments: dict[str, Any] = {
            "aws_bedrock_runtime_endpoint": f"http://127.0.0.1:{self._http.server_port}",
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": "a-secret-access-key-that-no-error-may-show",
            "aws_region_name": "us-east-1",
        }

    def __enter__(self) -> Bedrock:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


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
    assert {path for path, _, _ in bedrock.requests} == {"/model/amazon.titan-embed-text-v2:0/invoke"}
    assert sorted(body["inputText"] for _, _, body in bedrock.requests) == texts
    assert all(body["dimensions"] == 256 for _, _, body in bedrock.requests)
    signatures = {headers["authorization"] for _, headers, _ in bedrock.requests}
    assert len(signatures) == 20
    assert all(one.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") for one in signatures)


def test_one_text_and_another_loop(bedrock: Bedrock) -> None:
    response = asyncio.run(litellm.aembedding(TITAN, "abc", **bedrock.arguments))
    assert (response.data[0]["embedding"], response.usage.prompt_tokens) == ([3, 0.5], 3)
    assert len(bedrock.requests) == 1


def test_an_input_that_is_refused_fails_the_call(bedrock: Bedrock) -> None:
    with pytest.raises(litellm.BadRequestError, match="Malformed input request"):
        litellm.embedding(TITAN, ["a", "bad", "b"], **bedrock.arguments)


def test_coheres_models_take_all_inputs_at_once(bedrock: Bedrock) -> None:
    response = litellm.embedding(
        "bedrock/cohere.embed-english-v3", ["a", "bc"], input_type="search_query", **bedrock.arguments
    )
    assert [item["embedding"] for item in response.data] == [[1], [2]]
    assert response.usage.prompt_tokens == 9
    assert [body for _, _, body in bedrock.requests] == [{"texts": ["a", "bc"], "input_type": "search_query"}]


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
        path, headers, body = bedrock.requests[-1]
        assert path == "/rerank"
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        asked = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
        assert asked == {"modelConfiguration": {"modelArn": arn}, "numberOfResults": 2}
