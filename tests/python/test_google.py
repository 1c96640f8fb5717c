"""Gemini by both of Google's doors: what comes back as Python's objects, and the tokens of Vertex AI."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm

from .conftest import MESSAGES

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
USAGE = {"promptTokenCount": 8, "candidatesTokenCount": 6, "totalTokenCount": 14}


def answer(*parts: dict[str, Any], **members: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    candidate = {"content": content, "finishReason": "STOP", "index": 0, **members}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}


class Google:
    """A server that gives tokens, files, and the answers that it is told."""

    def __init__(self) -> None:
        google = self
        self.tokens: list[str] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.files: list[str] = []
        self.answers: list[Any] = [answer({"text": "Hello"})]
        self.refused: set[str] = set()
        self.token_status = 200
        self.token_headers: dict[str, str] = {}
        self.token_delay = 0.0
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def reply(self, status: int, content: bytes, kind: str = "application/json", **headers: str) -> None:
                self.send_response(status)
                for name, value in {"content-type": kind, "content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                if self.path == "/computeMetadata/v1/instance/service-accounts/default/token":
                    google.tokens.append(self.headers["metadata-flavor"])
                    return self.reply(200, b'{"access_token":"ya29.of-a-machine","expires_in":3599}')
                google.files.append(self.path)
                if self.path == "/moved.png":
                    return self.reply(302, b"", location="/picture.png")
                if self.path == "/away.png":
                    return self.reply(302, b"", location=f"{google.url}/picture.png")
                if self.path == "/picture.png":
                    return self.reply(200, PNG, "application/octet-stream")
                return self.reply(404, b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path in {"/token", "/elsewhere"}:
                    with lock:
                        google.tokens.append(body.decode())
                        token = f"ya29.token-{len(google.tokens)}"
                    time.sleep(google.token_delay)
                    if google.token_status != 200 and self.path == "/token":
                        return self.reply(
                            google.token_status,
                            b'{"error":"invalid_grant","error_description":"No such account"}',
                            **google.token_headers,
                        )
                    return self.reply(200, json.dumps({"access_token": token, "expires_in": 3600}).encode())
                bearer = (self.headers["authorization"] or "").replace("Bearer ", "")
                with lock:
                    google.requests.append((self.path, dict(self.headers.items()), json.loads(body)))
                    found = google.answers[min(len(google.requests), len(google.answers)) - 1]
                if bearer in google.refused:
                    return self.reply(401, b'{"error":{"code":401,"message":"bad token","status":"UNAUTHENTICATED"}}')
                if "alt=sse" in self.path:
                    events = found if isinstance(found, list) else [found]
                    content = "".join(f"data: {json.dumps(event)}\r\n\r\n" for event in events)
                    return self.reply(200, content.encode(), "text/event-stream")
                return self.reply(200, json.dumps(found).encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def call(self, **more: Any) -> Any:
        arguments = {
            "model": "gemini/gemini-2.5-flash",
            "messages": MESSAGES,
            "api_base": f"{self.url}/v1beta",
            "api_key": "k-1234",
        }
        return litellm.completion(**{**arguments, **more})


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    for name in ("VERTEXAI_PROJECT", "VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    server = Google()
    yield server
    server.close()


@pytest.fixture(scope="session")
def private_key() -> str:
    """A key of an account that does not exist."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: it makes the key of the service account")
    made = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True)
    return made.stdout


@pytest.fixture
def vertex(google: Google, private_key: str) -> dict[str, Any]:
    """The arguments of a call to Vertex AI with a service account whose tokens `google` gives."""
    account = {
        "type": "service_account",
        "project_id": "project-1",
        "private_key": private_key,
        "client_email": "a@project-1.iam.gserviceaccount.com",
        "token_uri": f"{google.url}/token",
    }
    return {
        "model": "vertex_ai/gemini-2.5-flash",
        "messages": MESSAGES,
        "api_base": google.url,
        "vertex_credentials": account,
        "vertex_location": "europe-west1",
        "num_retries": 0,
    }


# -- what comes back -----------------------------------------------------------------------------------------------------


def test_thoughts_calls_and_images_are_attributes(google: Google) -> None:
    google.answers = [
        answer(
            {"text": "hm", "thought": True, "thoughtSignature": "s="},
            {"text": "see"},
            {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "t+/="},
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        )
    ]
    message = google.call().choices[0].message
    assert (message.content, message.reasoning_content) == ("see", "hm")
    assert message.thinking_blocks == [{"type": "thinking", "thinking": "hm", "signature": "s="}]
    assert message["images"][0]["image_url"]["url"] == "data:image/png;base64,AA=="
    assert message.provider_specific_fields["thought_signatures"] == ["s=", "t+/="]
    (tool_call,) = message.tool_calls
    assert tool_call.id.endswith("__thought__t+/=")
    assert tool_call.provider_specific_fields == {"thought_signature": "t+/="}


def test_a_call_goes_back_with_its_signature(google: Google) -> None:
    google.answers = [answer({"functionCall": {"id": "f1", "name": "f", "args": {"x": 1}}, "thoughtSignature": "t+/="})]
    model = "gemini/gemini-3-pro-preview"
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    message = google.call(model=model, tools=tools).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "done"}
    google.call(model=model, tools=tools, messages=[*MESSAGES, message, result])
    contents = google.requests[-1][2]["contents"]
    assert contents[1] == {
        "role": "model",
        "parts": [{"function_call": {"name": "f", "args": {"x": 1}, "id": "f1"}, "thoughtSignature": "t+/="}],
    }
    assert contents[2]["parts"] == [{"function_response": {"name": "f", "response": {"content": "done"}, "id": "f1"}}]


def test_a_stream_builds_the_message_that_goes_back(google: Google) -> None:
    google.answers = [
        [
            answer({"text": "hm", "thought": True}, finishReason=None),
            answer({"functionCall": {"id": "f1", "name": "f", "args": {}}, "thoughtSignature": "t="}),
        ]
    ]
    chunks = list(google.call(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.total_tokens == 14
    message = litellm.stream_chunk_builder(chunks).choices[0].message
    assert message.reasoning_content == "hm"
    assert message.tool_calls[0].id == "f1__thought__t="
    assert litellm.stream_chunk_builder(chunks).choices[0].finish_reason == "tool_calls"


def test_searches_are_shown(google: Google) -> None:
    grounding = {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "http://u", "title": "t"}}],
        "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 3}, "groundingChunkIndices": [0]}],
    }
    google.answers = [answer({"text": "see"}, groundingMetadata=grounding)]
    whole = google.call(tools=[{"googleSearch": {}}])
    assert whole.vertex_ai_grounding_metadata == [grounding]
    assert whole.choices[0].message.annotations[0]["url_citation"]["url"] == "http://u"
    assert whole.usage.prompt_tokens_details.web_search_requests == 1


def test_the_key_is_in_a_header_and_in_no_error(google: Google) -> None:
    google.call(api_key="AIza-0123456789")
    path, headers, _ = google.requests[0]
    assert headers["x-goog-api-key"] == "AIza-0123456789"
    assert "AIza" not in path
    google.answers = [
        {"error": {"code": 400, "message": "API key not valid: AIza-0123456789", "status": "INVALID_ARGUMENT"}}
    ]
    with pytest.raises(litellm.AuthenticationError) as raised:
        google.call(api_key="AIza-0123456789", num_retries=0)
    assert "AIza-0123456789" not in f"{raised.value!r} {raised.value} {raised.value.body}"


def test_a_pydantic_class_is_sent_as_it_is_written(google: Google) -> None:
    pydantic = pytest.importorskip("pydantic")
    person = pydantic.create_model("Person", name=(str, ...), age=(int, 3))
    google.call(response_format=person)
    config = google.requests[-1][2]["generationConfig"]
    assert config["response_json_schema"]["required"] == ["name"]
    assert "additionalProperties" not in config["response_json_schema"]


# -- files ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def reads_from_here(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files be read from the server, which is on this machine."""
    monkeypatch.setattr(litellm, "user_url_allowed_hosts", [google.url.removeprefix("http://")])


@pytest.mark.usefixtures("reads_from_here")
@pytest.mark.parametrize("path", ["/picture.png", "/moved.png"])
def test_an_image_elsewhere_is_read_and_sent(google: Google, path: str) -> None:
    image = {"type": "image_url", "image_url": {"url": google.url + path}}
    google.call(messages=[{"role": "user", "content": [{"type": "text", "text": "?"}, image]}])
    part = google.requests[-1][2]["contents"][0]["parts"][1]
    assert part == {"inline_data": {"data": base64.b64encode(PNG).decode(), "mime_type": "image/png"}}


@pytest.mark.usefixtures("reads_from_here")
def test_an_image_that_is_not_there_is_named(google: Google) -> None:
    image = {"type": "image_url", "image_url": {"url": f"{google.url}/none.png"}}
    with pytest.raises(litellm.ImageFetchError, match=r"messages\[0\].content\[0\].image_url.*404") as raised:
        google.call(messages=[{"role": "user", "content": [image]}])
    assert google.requests == []
    assert isinstance(raised.value, litellm.BadRequestError)
    assert (raised.value.status_code, raised.value.llm_provider) == (400, "gemini")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again)) == (litellm.ImageFetchError, str(raised.value))


def test_files_are_read_from_public_hosts_unless_the_program_says_otherwise(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(url: str) -> Any:
        return google.call(
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}], num_retries=0
        )

    port = google.url.rsplit(":", 1)[1]
    for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
        with pytest.raises(litellm.BadRequestError, match=r"not public.*`user_url_allowed_hosts`") as raised:
            call(f"http://{host}:{port}/picture.png")
        assert "messages[0].content[0].image_url" in str(raised.value)
    assert (google.files, google.requests) == ([], [])
    # Every redirect is looked at as well.
    monkeypatch.setattr(litellm, "user_url_allowed_hosts", [f"LOCALHOST:{port}"])
    with pytest.raises(litellm.BadRequestError, match="not public"):
        call(f"http://localhost:{port}/away.png")
    assert google.files == ["/away.png"]
    monkeypatch.setattr(litellm, "user_url_validation", False)
    call(f"http://127.0.0.1:{port}/away.png")
    assert google.files == ["/away.png", "/away.png", "/picture.png"]
    monkeypatch.setattr(litellm, "user_url_allowed_hosts", "localhost")
    with pytest.raises(litellm.BadRequestError, match=r"user_url_allowed_hosts.*list of hosts"):
        call(f"http://127.0.0.1:{port}/picture.png")


# -- tokens --------------------------------------------------------------------------------------------------------------


def test_g12_one_token_serves_all_calls(google: Google, vertex: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: litellm.completion(**vertex), range(16)))
    assert [one.choices[0].message.content for one in answers] == ["Hello"] * 16
    assert len(google.tokens) == 1
    assert "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" in google.tokens[0]
    path, headers, _ = google.requests[0]
    assert headers["authorization"] == "Bearer ya29.token-1"
    place = "/v1/projects/project-1/locations/europe-west1/publishers/google/models/gemini-2.5-flash"
    assert path == f"{place}:generateContent"

    async def ask() -> Any:
        return await litellm.acompletion(**vertex)

    assert asyncio.run(ask()).choices[0].message.content == "Hello"
    assert len(google.tokens) == 1


def test_g12_a_refused_token_is_fetched_anew_once(google: Google, vertex: dict[str, Any]) -> None:
    litellm.completion(**vertex)
    google.refused = {"ya29.token-1"}
    assert litellm.completion(**vertex).choices[0].message.content == "Hello"
    assert (len(google.tokens), len(google.requests)) == (2, 3)
    google.refused = {"ya29.token-1", "ya29.token-2", "ya29.token-3"}
    with pytest.raises(litellm.AuthenticationError, match="bad token"):
        litellm.completion(**vertex)
    assert (len(google.tokens), len(google.requests)) == (3, 5)


def test_an_account_that_is_gone_is_an_error_that_says_so(google: Google, vertex: dict[str, Any]) -> None:
    google.token_status = 400
    with pytest.raises(litellm.AuthenticationError, match="No such account") as raised:
        litellm.completion(**vertex)
    assert "PRIVATE KEY" not in f"{raised.value!r} {raised.value}"
    assert google.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, litellm.RateLimitError), (500, litellm.ServiceUnavailableError), (503, litellm.ServiceUnavailableError)],
)
def test_a_token_server_that_fails_is_asked_again(
    google: Google, vertex: dict[str, Any], status: int, kind: type[Exception]
) -> None:
    google.token_status = status
    vertex["num_retries"] = 1
    google.token_headers = {"retry-after": "0"}
    with pytest.raises(kind, match="Google gave no token"):
        litellm.completion(**vertex)
    assert len(google.tokens) == 2
    vertex["vertex_credentials"]["token_uri"] = "http://127.0.0.1:1/"
    with pytest.raises(litellm.APIConnectionError, match="Google gave no token"):
        litellm.completion(**vertex)


@pytest.mark.parametrize("status", [302, 307, 308])
def test_credentials_do_not_follow_a_redirect(google: Google, vertex: dict[str, Any], status: int) -> None:
    google.token_status = status
    google.token_headers = {"location": f"{google.url}/elsewhere"}
    user = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "GOCSPX-secret",
        "refresh_token": "1//0refresh",
        "token_uri": f"{google.url}/token",
    }
    with pytest.raises(litellm.AuthenticationError, match="redirect") as raised:
        litellm.completion(**{**vertex, "vertex_credentials": user}, vertex_project="p")
    assert google.tokens == [
        "grant_type=refresh_token&client_id=c&client_secret=GOCSPX-secret&refresh_token=1%2F%2F0refresh"
    ]
    assert "GOCSPX" not in f"{raised.value!r}"


def test_calls_that_wait_for_a_token_share_its_failure(google: Google, vertex: dict[str, Any]) -> None:
    google.token_status, google.token_delay = 500, 0.3

    async def ask() -> list[Any]:
        return await asyncio.gather(*(litellm.acompletion(**vertex) for _ in range(20)), return_exceptions=True)

    assert {type(one) for one in asyncio.run(ask())} == {litellm.ServiceUnavailableError}
    assert len(google.tokens) == 1


def test_many_refusals_of_one_token_fetch_one_other(google: Google, vertex: dict[str, Any]) -> None:
    litellm.completion(**vertex)
    google.refused = {"ya29.token-1"}

    async def ask() -> list[Any]:
        return await asyncio.gather(*(litellm.acompletion(**vertex) for _ in range(30)))

    assert [one.choices[0].message.content for one in asyncio.run(ask())] == ["Hello"] * 30
    assert len(google.tokens) == 2


def test_a_machine_of_googles_gives_its_own_token(
    google: Google, vertex: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_HOST", google.url.partition("//")[2])
    del vertex["vertex_credentials"]
    litellm.completion(**vertex, vertex_project="p")
    assert google.tokens == ["Google"]
    assert google.requests[0][1]["authorization"] == "Bearer ya29.of-a-machine"


def test_credentials_are_json_or_a_file_or_of_the_environment(
    google: Google, vertex: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(vertex.pop("vertex_credentials"))
    path = tmp_path / "account.json"
    path.write_text(text, encoding="utf-8")
    litellm.completion(**vertex, vertex_credentials=text)
    litellm.completion(**vertex, vertex_credentials=str(path))
    monkeypatch.setenv("VERTEXAI_CREDENTIALS", text)
    litellm.completion(**vertex)
    monkeypatch.delenv("VERTEXAI_CREDENTIALS")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    litellm.completion(**vertex)
    # The same credentials, wherever they come from.
    assert (len(google.tokens), len(google.requests)) == (1, 4)


def test_a_token_of_the_callers_own_needs_no_credentials(google: Google, vertex: dict[str, Any]) -> None:
    del vertex["vertex_credentials"]
    litellm.completion(**vertex, vertex_project="p", extra_headers={"Authorization": "Bearer mine"})
    assert google.requests[0][1]["authorization"] == "Bearer mine"
    assert google.tokens == []


# -- embeddings ----------------------------------------------------------------------------------------------------------


def test_vertex_predicts_vectors(google: Google, vertex: dict[str, Any]) -> None:
    del vertex["messages"]
    vertex["model"] = "vertex_ai/text-embedding-005"
    prediction = {"embeddings": {"values": [0.5, -1], "statistics": {"token_count": 3, "truncated": False}}}
    google.answers = [{"predictions": [prediction, prediction], "metadata": {"billableCharacterCount": 9}}]
    whole = litellm.embedding(**vertex, input=["a", "b"], dimensions=2, task_type="CLUSTERING")
    assert [one["embedding"] for one in whole.data] == [[0.5, -1]] * 2
    assert whole.usage.prompt_tokens == 6
    path, _, body = google.requests[0]
    assert path.endswith("/publishers/google/models/text-embedding-005:predict")
    assert body == {
        "instances": [{"content": "a", "task_type": "CLUSTERING"}, {"content": "b", "task_type": "CLUSTERING"}],
        "parameters": {"outputDimensionality": 2},
    }


def test_googles_own_count_of_an_embedding_is_shown(google: Google) -> None:
    google.answers = [{"embeddings": [{"values": [1, 2]}], "usageMetadata": {"promptTokenCount": 7}}]
    arguments = {"model": "gemini/gemini-embedding-001", "api_base": f"{google.url}/v1beta", "api_key": "k"}
    assert litellm.embedding(**arguments, input="alpha").usage.prompt_tokens == 7
    google.answers = [{"embeddings": [{"values": [1, 2]}]}]
    assert litellm.embedding(**arguments, input="alpha").usage.prompt_tokens == 1
