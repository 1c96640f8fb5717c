"""Facts, tokens and costs: what programs ask about models, and the answers that litellm gives."""

from __future__ import annotations

import copy
import json
import time

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import utils


def test_the_known_answers() -> None:
    assert litellm.token_counter("gpt-4o", messages=[{"role": "user", "content": "hello world"}]) == 9
    assert litellm.token_counter("gpt-4o", text="hello world") == 2
    assert litellm.cost_per_token("gpt-4o", 1000, 1000) == (0.0025, 0.01)
    assert litellm.encode("gpt-4o", "hello") == [15339]
    assert litellm.decode("gpt-4o", [15339]) == "hello"
    assert litellm.encoding.decode(litellm.encoding.encode("naïve 🚀")) == "naïve 🚀"


def test_the_table_is_litellm_s() -> None:
    assert len(litellm.model_cost) >= 2500
    assert litellm.model_cost["gpt-4o"]["max_input_tokens"] == 128000
    assert "gpt-4o" in litellm.model_list
    assert "claude-sonnet-4-5" in litellm.models_by_provider["anthropic"]
    assert litellm.LlmProviders.OPENAI == "openai"
    assert litellm.LlmProviders.OPENAI in litellm.provider_list
    assert str(litellm.LlmProviders("groq")) == "groq"


def test_facts_and_capabilities() -> None:
    facts = litellm.get_model_info("gpt-4o")
    assert facts["key"] == "gpt-4o"
    assert facts["mode"] == "chat"
    assert facts["rpm"] is None
    assert "temperature" in facts["supported_openai_params"]
    assert litellm.get_max_tokens("gpt-4o") == 16384
    assert litellm.supports_vision("openai/gpt-4o")
    assert not litellm.supports_reasoning("gpt-4o")
    assert utils.supports_pdf_input("gpt-5") is True
    assert litellm.supports_vision("nonsense") is False
    with pytest.raises(litellm.ModelNotMappedError, match="nonsense"):
        litellm.get_model_info("nonsense")
    with pytest.raises(Exception, match="nonsense"):
        litellm.get_max_tokens("nonsense")


def test_registered_models_are_known_everywhere() -> None:
    litellm.register_model(
        {"my-org/tiny": {"litellm_provider": "openai", "input_cost_per_token": 0.5, "supports_vision": True}}
    )
    assert litellm.cost_per_token("openai/my-org/tiny", 2, 0) == (1.0, 0.0)
    assert litellm.supports_vision("openai/my-org/tiny")
    assert litellm.model_cost["my-org/tiny"]["supports_vision"]
    before = litellm.model_cost["gpt-4o"]
    try:
        litellm.model_cost["gpt-4o"] = {**before, "input_cost_per_token": 1.0}
        assert litellm.cost_per_token("gpt-4o", 3, 0) == (3.0, 0.0)
        litellm.model_cost.pop("gpt-4o")
        with pytest.raises(litellm.ModelNotMappedError):
            litellm.get_model_info("gpt-4o")
    finally:
        litellm.model_cost["gpt-4o"] = before
    with pytest.raises(ValueError, match="fetches no addresses"):
        litellm.register_model("https://example.org/prices.json")
    with pytest.raises(TypeError, match="dict of dicts"):
        litellm.register_model({"x": 5})  # type: ignore[dict-item]


def test_registering_from_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"filed": {"litellm_provider": "openai", "max_output_tokens": 7}}))
    litellm.register_model(str(path))
    assert litellm.get_max_tokens("filed") == 7


def test_costs_of_responses() -> None:
    response = litellm.completion("gpt-4o", [{"role": "user", "content": "x"}], mock_response="hi")
    assert litellm.completion_cost(response) == 10 * 2.5e-6 + 20 * 1e-5
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 400, "cache_creation_tokens": 100},
    }
    # 500 text, 400 read, 100 written: each token once.
    prompt, _ = litellm.cost_per_token("claude-sonnet-4-5", usage_object=usage)
    assert prompt == pytest.approx(500 * 3e-6 + 400 * 3e-7 + 100 * 3.75e-6)
    assert litellm.completion_cost(model="gpt-4o", prompt="hello world", completion="hello") == 2 * 2.5e-6 + 1e-5
    assert litellm.cost_per_token(
        "x", 10, 2, custom_cost_per_token={"input_cost_per_token": 1, "output_cost_per_token": 2}
    ) == (10, 4)
    with pytest.raises(litellm.BadRequestError, match="nonsense"):
        litellm.cost_per_token("nonsense", 1, 1)


def test_tokens_of_what_messages_hold() -> None:
    count = litellm.token_counter
    image = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}
    assert count("gpt-4o", messages=[{"role": "user", "content": [image]}]) == 3 + 1 + 85 + 3
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    message = [{"role": "user", "content": "hi"}]
    assert count("gpt-4o", messages=message, tools=tools) > count("gpt-4o", messages=message)
    response = litellm.completion("gpt-4o", message, mock_response="hi")
    assert count("gpt-4o", messages=[response.choices[0].message]) == count(
        "gpt-4o", messages=[{"role": "assistant", "content": "hi"}]
    )
    with pytest.raises(ValueError, match="hologram"):
        count("gpt-4o", messages=[{"role": "user", "content": [{"type": "hologram"}]}])
    assert count("gpt-4o", messages=[{"role": "user", "content": [{"type": "hologram"}]}], default_token_count=5) == 5
    for bad in ({}, {"text": "x", "messages": []}, {"text": "x", "tools": tools}):
        with pytest.raises(ValueError):
            count("gpt-4o", **bad)


def test_messages_are_trimmed_from_their_start() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "word " * 500},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": "last"},
    ]
    untouched = copy.deepcopy(messages)
    trimmed = utils.trim_messages(messages, max_tokens=100)
    assert messages == untouched
    assert [m["role"] for m in trimmed] == ["system", "user", "assistant", "user"]
    assert ".." in trimmed[1]["content"]
    assert litellm.token_counter(messages=trimmed) <= 100
    assert utils.trim_messages(messages, model="gpt-4o") == messages
    assert utils.trim_messages(messages, model="nobody-knows-it") is messages
    few, rest = utils.trim_messages(messages, max_tokens=100, return_response_tokens=True)
    assert rest == 100 - litellm.token_counter(messages=few) >= 0


def test_the_environment_is_read_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_API_BASE", "AZURE_API_VERSION", "AZURE_API_KEY", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert litellm.validate_environment("gpt-4o") == {"keys_in_environment": False, "missing_keys": ["OPENAI_API_KEY"]}
    assert litellm.validate_environment("azure/x")["missing_keys"] == [
        "AZURE_API_BASE",
        "AZURE_API_VERSION",
        "AZURE_API_KEY",
    ]
    assert litellm.validate_environment("gpt-4o", api_key="k")["keys_in_environment"] is True
    monkeypatch.setenv("OPENAI_API_KEY", "secret-value")
    answer = litellm.validate_environment("gpt-4o")
    assert answer == {"keys_in_environment": True, "missing_keys": []}
    monkeypatch.setenv("GROQ_API_KEY", "k")
    assert any(name.startswith("groq/") for name in litellm.get_valid_models())
    assert all(name.startswith("groq/") for name in litellm.get_valid_models(custom_llm_provider="groq"))


def test_custom_tokenizers_say_what_they_need() -> None:
    class Words:
        def encode(self, text: str) -> list[int]:
            return [len(word) for word in text.split()]

        def decode(self, tokens: list[int], skip_special_tokens: bool) -> str:
            return " ".join("x" * n for n in tokens)

    own = {"type": "huggingface_tokenizer", "tokenizer": Words()}
    assert litellm.encode("m", "ab c", own) == [2, 1]
    assert litellm.decode("m", [2, 1], own) == "xx x"
    assert litellm.token_counter("m", own, text="a b c") == 3


def test_a_long_text_leaves_other_threads_running() -> None:
    import threading

    text, steps, done = "The quick brown fox. " * 200_000, [0], threading.Event()

    def count() -> None:
        litellm.token_counter("gpt-4o", text=text)
        done.set()

    thread = threading.Thread(target=count)
    thread.start()
    while not done.is_set():
        steps[0] += 1
        time.sleep(0)
    thread.join()
    assert steps[0] > 10


def answer_with(model, **usage):
    counts = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return litellm.ModelResponse(model=model, usage=litellm.Usage(**{**counts, **usage}))


@pytest.mark.parametrize(
    ("model", "usage", "searches"),
    [
        ("anthropic/claude-opus-4-5", {"server_tool_use": {"web_search_requests": 3}}, 3 * 0.01),
        ("openai/gpt-5", {"prompt_tokens_details": {"web_search_requests": 2}}, 2 * 0.01),
        # However often Google searches for a prompt, of these models it bills once.
        ("gemini/gemini-2.5-pro", {"prompt_tokens_details": {"web_search_requests": 3}}, 0.035),
    ],
)
def test_searches_are_billed_beside_tokens(model, usage, searches):
    plain = litellm.completion_cost(answer_with(model), model=model)
    assert plain > 0
    assert litellm.completion_cost(answer_with(model, **usage), model=model) == pytest.approx(plain + searches)


def test_searches_that_only_citations_or_calls_tell_of():
    model = "openai/gpt-4o-search-preview"
    answer = answer_with(model)
    plain = litellm.completion_cost(answer, model=model)
    answer.choices[0].message.annotations = [{"type": "url_citation", "url_citation": {"url": "https://x.example"}}]
    assert litellm.completion_cost(answer, model=model) == pytest.approx(plain + 0.025)
    called = {
        "model": "gpt-5",
        "usage": {"input_tokens": 0, "output_tokens": 0},
        "output": [{"type": "web_search_call"}],
    }
    assert litellm.completion_cost(called, model="gpt-5", call_type="responses") == pytest.approx(0.01)


def test_a_bill_that_the_provider_sends_is_the_cost():
    answer = answer_with("perplexity/sonar-pro", cost=0.5)
    assert litellm.completion_cost(answer, model="perplexity/sonar-pro") == 0.5
    assert litellm.completion_cost(answer_with("openai/gpt-4o", cost=0.5), model="gpt-4o") != 0.5
    own = {"input_cost_per_token": 1.0, "output_cost_per_token": 0.0}
    assert litellm.completion_cost(answer, model="perplexity/sonar-pro", custom_cost_per_token=own) == 1000.0


def test_what_is_not_billed_by_tokens():
    sound = litellm.TranscriptionResponse(text="x")
    sound.duration = 60.0
    asked = {"model": "whisper-1", "call_type": "transcription"}
    assert litellm.completion_cost(sound, **asked) == pytest.approx(0.006)
    timed = {"text": "x", "usage": {"type": "duration", "seconds": 30}}
    assert litellm.completion_cost(timed, **asked) == pytest.approx(0.003)
    assert litellm.cost_per_token("whisper-1", call_type="transcription", audio_transcription_file_duration=60.0) == (
        0.0,
        pytest.approx(0.006),
    )
    ranked = {"results": [], "meta": {"billed_units": {"search_units": 3}}}
    cost = litellm.completion_cost(ranked, model="cohere/rerank-v3.5", call_type="rerank")
    assert cost == pytest.approx(3 * 0.002)
