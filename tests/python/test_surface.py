"""The names, module paths and kinds of objects that programs written for litellm rely on."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgequake_litellm as litellm
from edgequake_litellm.types import utils as types

from .conftest import run_python

MESSAGES = [{"role": "user", "content": "Hello"}]

# What programs import, by module path: OpenAI's Agents SDK, instructor, dspy, smolagents, langchain-litellm, google-adk, crewai,
# mini-swe-agent, strands, mem0, browser-use.
IMPORTS = {
    "litellm": (
        "completion acompletion embedding aembedding CustomLLM CustomLogger CustomStreamWrapper ModelResponse ModelResponseStream "
        "OPENAI_CHAT_COMPLETION_PARAMS ProviderConfigManager get_optional_params get_secret get_secret_bool get_secret_str "
        "get_llm_provider get_model_info get_supported_openai_params model_cost provider_list token_counter completion_cost "
        "supports_function_calling supports_response_schema supports_reasoning supports_vision validate_environment encode"
    ),
    "litellm.types.utils": (
        "ModelResponse Message Choices ChatCompletionMessageToolCall Usage Delta Function StreamingChoices ModelResponseBase "
        "ChatCompletionDeltaToolCall GenericStreamingChunk CallTypes ModelResponseStream StandardLoggingPayload StandardLoggingMetadata "
        "StandardLoggingHiddenParams StandardCallbackDynamicParams CostBreakdown ModelInfo LLMResponseTypes all_litellm_params"
    ),
    "litellm.types.llms.openai": (
        "ChatCompletionAnnotation ChatCompletionAssistantMessage ChatCompletionUserMessage ChatCompletionSystemMessage "
        "ChatCompletionToolMessage OpenAIMessageContent ChatCompletionToolCallFunctionChunk AllMessageValues"
    ),
    "litellm.cost_calculator": "completion_cost cost_per_token",
    "litellm.constants": "OPENAI_CHAT_COMPLETION_PARAMS",
    "litellm.secret_managers.main": "get_secret get_secret_bool get_secret_str",
    "litellm._version": "version",
    "litellm.types.router": "GenericLiteLLMParams",
    "litellm.utils": (
        "ModelResponse ProviderConfigManager Usage get_optional_params load_credentials_from_list register_model trim_messages "
        "validate_and_fix_thinking_param supports_response_schema"
    ),
    "litellm.main": "CustomStreamWrapper ModelResponse completion responses_api_bridge_check",
    "litellm.exceptions": "APIError ContextWindowExceededError MidStreamFallbackError",
    "litellm.integrations.custom_logger": "CustomLogger",
    "litellm.llms.custom_llm": "CustomLLM CustomLLMError",
    "litellm.litellm_core_utils.streaming_handler": "CustomStreamWrapper",
    "litellm.litellm_core_utils.thread_pool_executor": "executor",
    "litellm.litellm_core_utils.get_supported_openai_params": "get_supported_openai_params",
}


@pytest.mark.parametrize("path", sorted(IMPORTS))
def test_what_programs_import_is_there(path):
    module = importlib.import_module(path.replace("litellm", "edgequake_litellm", 1))
    missing = [name for name in IMPORTS[path].split() if not hasattr(module, name)]
    assert missing == []


def test_what_is_called_the_packages_own_reaches_no_provider(local_provider):
    from edgequake_litellm.types.utils import all_litellm_params

    values = {"metadata": {"tags": []}, "litellm_metadata": {}, "model_info": {}, "model_list": [], "fallbacks": []}
    steering = (
        "api_base",
        "base_url",
        "api_key",
        "api_version",
        "custom_llm_provider",
        "mock_response",
        "context_window_fallback_dict",
    )
    given = {name: values.get(name, 1) for name in all_litellm_params if name not in steering}
    given.update(dict.fromkeys(("caching", "drop_params", "no-log", "turn_off_message_logging"), True), cache={})
    given.update({name: "x" for name in given if name.endswith("_id") or name in ("id", "base_model")})
    litellm.completion("openai/gpt-4o", MESSAGES, api_base=local_provider.base_url, api_key="k", **given)
    assert set(local_provider.requests[-1].json) == {"model", "messages"}


def test_modules_can_be_read_before_they_are_imported():
    out = run_python(
        """
        import edgequake_litellm
        edgequake_litellm.install_as_litellm()
        import litellm
        print(litellm.types.utils.Message.__module__)
        print(litellm.types.llms.openai.ChatCompletionAnnotation.__name__)
        print(litellm.integrations.custom_logger.CustomLogger is litellm.CustomLogger)
        print(litellm.litellm_core_utils.streaming_handler.CustomStreamWrapper is litellm.CustomStreamWrapper)
        """
    )
    assert out.split() == ["litellm.types.utils", "ChatCompletionAnnotation", "True", "True"]
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = litellm.types.nothing


def test_programs_tell_coroutine_functions():
    assert inspect.iscoroutinefunction(litellm.acompletion)
    assert not inspect.iscoroutinefunction(litellm.completion)


SETTINGS = """
    api_key api_base api_version organization project headers openai_key azure_key anthropic_key groq_key xai_key cohere_key
    openrouter_key huggingface_key replicate_key togetherai_api_key vertex_project vertex_location use_litellm_proxy ssl_verify
    client_session aclient_session drop_params modify_params num_retries max_fallbacks fallbacks context_window_fallbacks
    content_policy_fallbacks default_fallbacks model_fallbacks request_timeout allowed_fails max_tokens add_function_to_prompt
    model_alias_map custom_prompt_dict enable_json_schema_validation REPEATED_STREAMING_CHUNK_LIMIT set_verbose
    suppress_debug_info turn_off_message_logging redact_messages_in_exceptions log_raw_request_response callbacks input_callback
    success_callback failure_callback service_callback _async_input_callback _async_success_callback _async_failure_callback
    pre_call_rules post_call_rules callback_settings cache caching max_budget budget_duration cost_discount_config
    cost_margin_config custom_provider_map credential_list secret_manager_client
"""


@pytest.mark.parametrize("name", SETTINGS.split())
def test_a_setting_can_be_read_saved_and_put_back(name):
    before = getattr(litellm, name)
    setattr(litellm, name, before)
    assert getattr(litellm, name) is before
    delattr(litellm, name)
    assert getattr(litellm, name) == before


@given(st.from_regex(r"[a-z][a-z_]{0,20}_of_tomorrow", fullmatch=True), st.integers() | st.text() | st.none())
def test_any_name_can_be_set(name, value):
    setattr(litellm, name, value)
    try:
        assert getattr(litellm, name) == value
    finally:
        delattr(litellm, name)
    assert not hasattr(litellm, name)


# Helpers -------------------------------------------------------------------------------------------------------------------


def test_secrets_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("A_SECRET", "value")
    monkeypatch.setenv("A_SWITCH", "True")
    assert litellm.get_secret("A_SECRET") == litellm.get_secret_str("os.environ/A_SECRET") == "value"
    assert litellm.get_secret("NOTHING", "else") == "else"
    assert litellm.get_secret_bool("A_SWITCH") is True
    assert litellm.get_secret_bool("A_SECRET") is None
    assert litellm.get_secret_bool("NOTHING", False) is False


def test_the_parameter_thinking():
    fix = litellm.utils.validate_and_fix_thinking_param
    assert fix(True)["type"] == "enabled"
    assert fix(False) is None
    assert fix({"type": "enabled", "budgetTokens": 5}) == {"type": "enabled", "budget_tokens": 5}
    assert fix({"type": "enabled", "budgetTokens": 5, "budget_tokens": 6}) == {"type": "enabled", "budget_tokens": 6}
    assert fix(None) is None


def test_optional_params():
    params = litellm.get_optional_params("o3-mini", "openai", max_completion_tokens=5, top_k=None, own=1)
    assert params == {"max_completion_tokens": 5, "own": 1}
    with pytest.raises(litellm.UnsupportedParamsError, match="top_p"):
        litellm.get_optional_params("o3-mini", "openai", top_p=0.5)
    assert litellm.get_optional_params("o3-mini", "openai", top_p=0.5, drop_params=True) == {}
    assert litellm.get_optional_params("o3-mini", "openai", top_p=0.5, allowed_openai_params=["top_p"]) == {
        "top_p": 0.5
    }


def test_credentials_of_the_program(monkeypatch, local_provider):
    load = litellm.utils.load_credentials_from_list
    values = {"api_key": "k", "api_base": local_provider.base_url}
    monkeypatch.setattr(litellm, "credential_list", [{"credential_name": "a", "credential_values": values}])
    litellm.completion("openai/gpt-4o", MESSAGES, litellm_credential_name="a")
    assert local_provider.requests[-1].api_key == "k"
    with pytest.raises(litellm.BadRequestError, match="none of the 1 credentials"):
        litellm.completion("openai/gpt-4o", MESSAGES, litellm_credential_name="b")
    asked = {"litellm_credential_name": "a", "api_base": "http://b"}
    load(asked)
    assert (asked["api_key"], asked["api_base"]) == ("k", "http://b")
    with pytest.raises(litellm.BadRequestError, match="none of the 1 credentials"):
        load({"litellm_credential_name": "b"})


def test_completion_with_retries(arguments, local_provider):
    for _ in range(3):
        local_provider.error(503, retry_after=0)
    answer = litellm.completion_with_retries(**arguments, retry_strategy="constant_retry")
    assert answer.choices[0].message.content
    assert len(local_provider.requests) == 4
    with pytest.raises(litellm.ServiceUnavailableError):
        local_provider.error(503, retry_after=0)
        litellm.completion_with_retries(**arguments, num_retries=0)


def test_what_agents_say_to_litellm_is_not_sent(sent):
    assert set(sent(_skip_mcp_handler=True)) == {"model", "messages"}


# Types beside pydantic and openai ------------------------------------------------------------------------------------------


def answer() -> Any:
    return litellm.completion("openai/gpt-4o", MESSAGES, mock_response="Hi")


def test_responses_are_pydantic_models_to_isinstance():
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    response = answer()
    for value in (response, response.choices[0], response.choices[0].message, response.usage):
        assert isinstance(value, pydantic.BaseModel)
        assert isinstance(value, type(value))
        assert type(value).__name__ == value.__class__.__name__
        assert type(value).__module__ == value.__class__.__module__ == "litellm.types.utils"
    assert not isinstance(response, types.Usage)
    assert not isinstance(response, dict)
    made = response.__class__.model_validate(response.model_dump())
    assert type(made) is litellm.ModelResponse
    assert type(response.__class__(model="x")) is litellm.ModelResponse


def test_a_count_of_tokens_is_openais():
    openai = pytest.importorskip("openai", reason="openai is not installed")
    from openai.types import CompletionUsage
    from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails

    usage = types.Usage(
        prompt_tokens=1,
        completion_tokens=2,
        total_tokens=3,
        prompt_tokens_details={"cached_tokens": 1},
        completion_tokens_details={"reasoning_tokens": 1},
    )
    assert isinstance(usage, CompletionUsage)
    assert isinstance(usage, openai.BaseModel)
    assert isinstance(usage.prompt_tokens_details, PromptTokensDetails)
    assert isinstance(usage.completion_tokens_details, CompletionTokensDetails)
    assert not isinstance(answer(), CompletionUsage)


def test_a_field_of_openais_type_takes_ours():
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    pytest.importorskip("openai", reason="openai is not installed")
    from openai.types import CompletionUsage

    class Record(pydantic.BaseModel):
        usage: CompletionUsage

    usage = answer().usage
    record = Record(usage=usage)
    assert record.usage is usage
    assert record.model_dump()["usage"] == usage.model_dump()
    assert Record.model_validate_json(record.model_dump_json()).usage.total_tokens == usage.total_tokens
    assert (record == usage) is False


def test_without_pydantic_a_class_is_what_it_is():
    out = run_python(
        """
        import sys
        import edgequake_litellm as litellm
        response = litellm.completion("openai/gpt-4o", [], mock_response="Hi") if False else litellm.ModelResponse()
        print(response.__class__ is litellm.ModelResponse, "pydantic" in sys.modules)
        """
    )
    assert out.split() == ["True", "False"]


def test_message_types_are_fields_of_pydantic():
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    from edgequake_litellm.types.llms import openai as messages

    adapter = pydantic.TypeAdapter(messages.AllMessageValues)
    adapter.validate_python({"role": "tool", "content": "x", "tool_call_id": "c"})
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python({"role": "nobody", "content": "x"})


def test_a_pickle_under_litellms_name_has_no_other():
    out = run_python(
        """
        import io, pickle
        import edgequake_litellm
        edgequake_litellm.install_as_litellm()
        import litellm

        class Strict(pickle.Unpickler):
            def find_class(self, module, name):
                assert module.startswith("litellm.types."), module
                return super().find_class(module, name)

        response = litellm.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hi")
        read = Strict(io.BytesIO(pickle.dumps(response))).load()
        print(read == response, read._hidden_params == response._hidden_params)
        """
    )
    assert out.split() == ["True", "True"]


def test_a_pickle_of_litellms_own_is_read():
    """litellm's pydantic models leave a state of this form in caches."""
    message = types.Message.__new__(types.Message)
    message.__setstate__(
        {
            "__dict__": {"content": "Hi", "role": "assistant", "tool_calls": None},
            "__pydantic_extra__": {"more": 1},
            "__pydantic_fields_set__": {"content"},
            "__pydantic_private__": None,
        }
    )
    assert (message.content, message.role, message.more) == ("Hi", "assistant", 1)
    response = litellm.ModelResponse.__new__(litellm.ModelResponse)
    response.__setstate__({"__dict__": {"id": "a"}, "__pydantic_private__": {"_hidden_params": {"model_id": "m"}}})
    assert (response.id, response._hidden_params) == ("a", {"model_id": "m"})


texts = st.text(max_size=20)
calls = st.builds(
    lambda name, arguments, id: {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}},
    texts,
    texts,
    st.text(min_size=1, max_size=8),
)
bodies = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | texts},
    optional={"tool_calls": st.lists(calls, min_size=1, max_size=2), "reasoning_content": texts},
)
responses = st.builds(
    lambda bodies, counts: litellm.ModelResponse(
        model="m",
        choices=[{"index": n, "finish_reason": "stop", "message": body} for n, body in enumerate(bodies)],
        usage={"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)},
    ),
    st.lists(bodies, min_size=1, max_size=3),
    st.tuples(st.integers(0, 99), st.integers(0, 99)),
)


class Derived(litellm.ModelResponse):
    """A program's own class of responses."""


@settings(deadline=None)
@given(responses)
def test_every_style_of_reading_says_the_same(response):
    dumped = response.model_dump()
    assert response.json() == dumped
    assert litellm.ModelResponse.model_validate(dumped) == response == litellm.ModelResponse(**dumped)
    assert litellm.ModelResponse.model_validate_json(response.model_dump_json()) == response
    assert copy.copy(response) == copy.deepcopy(response) == pickle.loads(pickle.dumps(response)) == response
    assert dict(response).keys() == {name for name, _ in response}
    for name, value in response:
        assert response[name] is getattr(response, name) is response.get(name) is value
        assert name in response
    derived = Derived(**dumped)
    assert isinstance(derived, litellm.ModelResponse)
    assert pickle.loads(pickle.dumps(derived)).model_dump() == dumped
    for choice in response.choices:
        assert choice["message"] is choice.message is choice.get("message")
        assert choice.message.get("content") == choice.message["content"] == choice.message.content
        assert hasattr(choice.message, "reasoning_content") == ("reasoning_content" in choice.message.model_dump())
        for call in choice.message.tool_calls or ():
            assert call.function.name == call["function"]["name"] == call.model_dump()["function"]["name"]


@settings(deadline=None)
@given(responses)
def test_openai_reads_every_response(response):
    chat = pytest.importorskip("openai.types.chat", reason="openai is not installed")
    read = chat.ChatCompletion.model_validate(response.model_dump())
    assert [choice.message.content for choice in read.choices] == [c.message.content for c in response.choices]
    assert read.usage.total_tokens == response.usage.total_tokens


def test_an_endpoint_of_fastapi_answers_with_a_response():
    fastapi = pytest.importorskip("fastapi", reason="fastapi is not installed")
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()

    @app.get("/typed", response_model=litellm.ModelResponse)
    def typed() -> Any:
        return answer()

    @app.get("/plain")
    def plain() -> Any:
        return answer()

    client = TestClient(app)
    for path in ("/typed", "/plain"):
        assert client.get(path).json()["choices"][0]["message"]["content"] == "Hi"
    schema = app.openapi()["paths"]["/typed"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert {"id", "choices", "created"} <= schema["properties"].keys()


def test_what_is_not_there_says_what_to_do_instead() -> None:
    for name, words in [
        ("create_fine_tuning_job", "fine-tuning jobs of litellm's are not in this package"),
        ("acreate_assistants", "use responses()"),
        ("image_variation", "use image_edit()"),
    ]:
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'") as caught:
            getattr(litellm, name)
        assert words in str(caught.value)
    with pytest.raises(AttributeError, match=r"has no attribute 'no_such_thing'$"):
        _ = litellm.no_such_thing  # type: ignore[attr-defined]
