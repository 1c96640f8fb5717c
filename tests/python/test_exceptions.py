"""The exceptions: litellm's constructors, texts and tree, and openai's classes as their bases."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequake_litellm import exceptions
from edgequake_litellm._exceptions.response import Headers, Request, Response

STATUS = ("APIStatusError", "APIError", "OpenAIError")
TREE = {
    "AuthenticationError": ("AuthenticationError", *STATUS),
    "NotFoundError": ("NotFoundError", *STATUS),
    "BadRequestError": ("BadRequestError", *STATUS),
    "UnprocessableEntityError": ("UnprocessableEntityError", *STATUS),
    "PermissionDeniedError": ("PermissionDeniedError", *STATUS),
    "RateLimitError": ("RateLimitError", *STATUS),
    "InternalServerError": ("InternalServerError", *STATUS),
    "ServiceUnavailableError": STATUS,
    "BadGatewayError": STATUS,
    "MidStreamFallbackError": STATUS,
    "Timeout": ("APITimeoutError", "APIConnectionError", "APIError", "OpenAIError"),
    "APIConnectionError": ("APIConnectionError", "APIError", "OpenAIError"),
    "APIError": ("APIError", "OpenAIError"),
    "MockException": ("APIError", "OpenAIError"),
    "APIResponseValidationError": ("APIResponseValidationError", "APIError", "OpenAIError"),
    "JSONSchemaValidationError": ("APIResponseValidationError", "APIError", "OpenAIError"),
    "OpenAIError": ("OpenAIError",),
    "InvalidRequestError": ("BadRequestError", *STATUS),
    **dict.fromkeys(
        (
            "ContextWindowExceededError",
            "ContentPolicyViolationError",
            "UnsupportedParamsError",
            "PaymentRequiredError",
            "ImageFetchError",
            "RejectedRequestError",
            "LiteLLMUnknownProvider",
            "VectorStoreSearchError",
        ),
        ("BadRequestError", *STATUS),
    ),
    "BudgetExceededError": (),
    "ModelNotMappedError": (),
    "GuardrailRaisedException": (),
    "BlockedPiiEntityError": (),
}
# An error of each class, made as programs make them: by position, in litellm's order.
MADE = {
    "AuthenticationError": ("m", "openai", "gpt"),
    "NotFoundError": ("m", "gpt", "openai"),
    "BadRequestError": ("m", "gpt", "openai"),
    "UnprocessableEntityError": ("m", "gpt", "openai", Response(422)),
    "PermissionDeniedError": ("m", "openai", "gpt", Response(403)),
    "RateLimitError": ("m", "openai", "gpt"),
    "InternalServerError": ("m", "openai", "gpt"),
    "ServiceUnavailableError": ("m", "openai", "gpt"),
    "BadGatewayError": ("m", "openai", "gpt"),
    "MidStreamFallbackError": ("m", "gpt", "openai"),
    "Timeout": ("m", "gpt", "openai"),
    "APIConnectionError": ("m", "openai", "gpt"),
    "APIError": (409, "m", "openai", "gpt"),
    "MockException": (409, "m", "openai", "gpt"),
    "APIResponseValidationError": ("m", "openai", "gpt"),
    "JSONSchemaValidationError": ("gpt", "openai", "{}", "{'type': 'string'}"),
    "OpenAIError": (),
    "InvalidRequestError": ("m", "gpt", "openai"),
    "ContextWindowExceededError": ("m", "gpt", "openai"),
    "ContentPolicyViolationError": ("m", "gpt", "openai"),
    "UnsupportedParamsError": ("m", "openai", "gpt"),
    "PaymentRequiredError": ("m", "gpt", "openai"),
    "ImageFetchError": ("m", "gpt", "openai"),
    "RejectedRequestError": ("m", "gpt", "openai", {"a": 1}),
    "LiteLLMUnknownProvider": ("gpt", "openai"),
    "VectorStoreSearchError": ([{"vector_store_id": "v", "error": "e"}], "gpt", "openai"),
    "BudgetExceededError": (2.0, 1.0),
    "ModelNotMappedError": ("m",),
    "GuardrailRaisedException": ("guard", "m"),
    "BlockedPiiEntityError": ("EMAIL", "guard"),
}
CODES = {
    "AuthenticationError": 401,
    "PaymentRequiredError": 402,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "Timeout": 408,
    "APIError": 409,
    "MockException": 409,
    "UnprocessableEntityError": 422,
    "BudgetExceededError": 422,
    "RateLimitError": 429,
    "InternalServerError": 500,
    "APIConnectionError": 500,
    "APIResponseValidationError": 500,
    "JSONSchemaValidationError": 500,
    "BadGatewayError": 502,
    "ServiceUnavailableError": 503,
    "MidStreamFallbackError": 503,
    "OpenAIError": None,
    "ModelNotMappedError": None,
}


def make(name):
    return getattr(exceptions, name)(*MADE[name])


def python(code):
    """The output of `code` in a fresh interpreter."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def wire(kind, **fields):
    return {
        "kind": kind,
        "message": "no",
        "status_code": 500,
        "http_status": 500,
        "provider": "openai",
        "model": "gpt-4o",
        "request_id": "req_1",
        "retry_after_ms": None,
        "body": None,
        "code": None,
        "type": None,
        "param": None,
        "headers": {"content-type": "application/json", "x-request-id": "req_1"},
        "attempts": 1,
        "num_retries": 2,
        "mid_stream": False,
        "generated": None,
        **fields,
    }


def test_the_tables_name_every_class():
    classes = {name for name in exceptions.__all__ if inspect.isclass(vars(exceptions)[name])}
    classes -= {"RateLimitErrorCategory", "RateLimitType"}
    assert classes == set(TREE) == set(MADE)


# Classes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TREE)
def test_a_class_stands_in_litellms_tree(name):
    cls = getattr(exceptions, name)
    mro = [base for base in cls.__mro__ if base.__module__ not in ("builtins", "litellm.exceptions")]
    assert cls.__module__ == "litellm.exceptions"
    assert tuple(base.__name__ for base in mro) == TREE[name]
    assert {base.__module__ for base in mro} <= {"openai"}


@pytest.mark.parametrize("name", MADE)
def test_an_error_has_litellms_attributes(name):
    error = make(name)
    assert getattr(error, "status_code", None) == CODES.get(name, 400)
    if name in ("ModelNotMappedError", "OpenAIError"):
        return
    assert str(error).startswith(error.message)
    if TREE[name]:
        assert error.llm_provider == "openai"
        assert error.model == "gpt"
        assert (error.litellm_debug_info, error.max_retries, error.num_retries) == (None, None, None)
        assert repr(error) == str(error)
    if "APIStatusError" in TREE[name]:
        assert error.response.headers.get("retry-after") is None
        assert error.request is not None
        assert error.request_id is None
    if "APIError" in TREE[name]:
        assert error.body is None or name == "VectorStoreSearchError"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RateLimitError", "litellm.RateLimitError: m"),
        ("APIError", "litellm.APIError: m"),
        ("ContextWindowExceededError", "litellm.ContextWindowExceededError: litellm.BadRequestError: m"),
        ("ContentPolicyViolationError", "litellm.BadRequestError: litellm.ContentPolicyViolationError: m"),
        ("PaymentRequiredError", "litellm.PaymentRequiredError: m"),
        ("UnsupportedParamsError", "litellm.UnsupportedParamsError: m"),
        ("RejectedRequestError", "litellm.BadRequestError: litellm.RejectedRequestError: m"),
        ("InvalidRequestError", "m"),
        ("BudgetExceededError", "Budget has been exceeded! Current cost: 2.0, Max budget: 1.0"),
    ],
)
def test_the_text_of_an_error_is_litellms(name, text):
    assert str(make(name)) == text


def test_an_error_tells_its_retries():
    error = exceptions.Timeout("m", "gpt", "openai", None, 3, 2)
    assert str(error) == "litellm.Timeout: m LiteLLM Retried: 2 times, LiteLLM Max Retries: 3"


def test_a_rate_limit_says_whose_and_which():
    error = exceptions.RateLimitError(
        "m",
        "openai",
        "gpt",
        response=Response(429, {"Retry-After": "7"}, b'{"a": 1}'),
        category=exceptions.RateLimitErrorCategory.LITELLM_RATE_LIMIT,
        rate_limit_type=exceptions.RateLimitType.TOKENS,
        headers={"retry-after": 7},
    )
    assert (error.category, error.rate_limit_type) == ("litellm_rate_limit", "tokens")
    assert (error.code, error.type, error.headers, error.detail) == (
        "429",
        "throttling_error",
        {"retry-after": "7"},
        error.message,
    )
    assert error.response.headers["retry-after"] == "7"
    assert error.response.json() == {"a": 1}
    assert make("RateLimitError").category == "vendor_rate_limit"


def test_a_body_gives_code_type_and_param():
    body = {"code": 5, "type": "invalid", "param": "messages"}
    error = exceptions.BadRequestError("m", "gpt", "openai", body=body)
    assert (error.body, error.code, error.type, error.param) == (body, "5", "invalid", "messages")


def test_a_response_of_httpx_is_taken_as_it_is():
    httpx = pytest.importorskip("httpx", reason="httpx is not installed")
    bare = httpx.Response(429, headers={"retry-after": "3"}, json={"a": 1})
    assert exceptions.RateLimitError("m", "openai", "gpt", response=bare).response.headers["retry-after"] == "3"
    assert exceptions.PermissionDeniedError("m", "openai", "gpt", bare).response is bare
    whole = httpx.Response(400, request=httpx.Request("POST", "https://api.example/v1"))
    assert exceptions.BadRequestError("m", "gpt", "openai", whole).response is whole
    # httpx raises when such a response is asked for its request.
    assert exceptions.BadRequestError("m", "gpt", "openai", bare).response is not bare


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, *(lambda e, n=n: pickle.loads(pickle.dumps(e, n)) for n in range(5))]
)
def test_an_error_survives_copies_and_pickles(name, again):
    error = make(name)
    error.litellm_response_headers = Headers({"Retry-After": "1"})
    twin = again(error)
    assert type(twin) is type(error)
    assert (str(twin), twin.args) == (str(error), error.args)
    assert vars(twin).keys() == vars(error).keys()
    assert twin.litellm_response_headers["retry-after"] == "1"
    assert getattr(twin, "status_code", None) == getattr(error, "status_code", None)


class Mine(exceptions.RateLimitError):
    """A program's own error, as some derive it."""


def test_a_programs_own_error_survives_too():
    twin = pickle.loads(pickle.dumps(Mine("m", "openai", "gpt")))
    assert (type(twin), twin.message) == (Mine, "litellm.RateLimitError: m")
    twin.__class__ = exceptions.RateLimitError
    assert type(twin) is exceptions.RateLimitError


def test_a_pickle_needs_no_litellm_and_no_openai():
    pickled = pickle.dumps(exceptions.from_wire(wire("RateLimitError", status_code=429))).hex()
    code = (
        "import pickle, sys\n"
        "sys.modules['litellm'] = sys.modules['openai'] = sys.modules['httpx'] = None\n"
        "error = pickle.loads(bytes.fromhex('%s'))\n"
        "print(error, error.status_code, error.response.headers['X-Request-Id'])\n"
    )
    assert python(code % pickled) == "litellm.RateLimitError: RateLimitError: OpenAIException - no 429 req_1"


# From the engine ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "provider", "text"),
    [
        ("RateLimitError", "openai", "litellm.RateLimitError: RateLimitError: OpenAIException - no"),
        ("BadRequestError", "openai", "litellm.BadRequestError: OpenAIException - no"),
        (
            "AuthenticationError",
            "custom_openai",
            "litellm.AuthenticationError: AuthenticationError: OpenAIException - no",
        ),
        ("Timeout", "groq", "litellm.Timeout: Timeout Error: GroqException - no"),
        ("NotFoundError", "hosted_vllm", "litellm.NotFoundError: NotFoundError: Hosted_vllmException - no"),
        ("APIConnectionError", "xai", "litellm.APIConnectionError: APIConnectionError: XaiException - no"),
        ("APIError", "together_ai", "litellm.APIError: APIError: Together_aiException - no"),
        ("RateLimitError", "azure", "litellm.RateLimitError: AzureException RateLimitError - no"),
        ("BadRequestError", "azure", "litellm.BadRequestError: AzureException - no"),
        ("InternalServerError", "anthropic", "litellm.InternalServerError: AnthropicException - no"),
        ("ServiceUnavailableError", "bedrock", "litellm.ServiceUnavailableError: BedrockException - no"),
        (
            "ContextWindowExceededError",
            "openai",
            "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - no",
        ),
        (
            "ContentPolicyViolationError",
            "mistral",
            "litellm.BadRequestError: litellm.ContentPolicyViolationError: ContentPolicyViolationError: MistralException - no",
        ),
        ("ContentPolicyViolationError", "azure", "litellm.BadRequestError: litellm.ContentPolicyViolationError: no"),
        ("UnsupportedParamsError", "openai", "litellm.UnsupportedParamsError: no"),
        ("BadRequestError", "", "litellm.BadRequestError: no"),
        ("JSONSchemaValidationError", "openai", "litellm.JSONSchemaValidationError: no"),
        ("LiteLLMUnknownProvider", "nobody", "litellm.BadRequestError: no"),
        ("BudgetExceededError", "openai", "no"),
    ],
)
def test_an_engines_error_has_litellms_text(kind, provider, text):
    error = exceptions.from_wire(wire(kind, provider=provider))
    assert (type(error).__name__, str(error)) == (kind, text)


def test_an_engines_error_tells_what_the_provider_answered():
    body = '{"error": {"message": "no", "code": "rate_limit_exceeded", "type": "requests", "param": "n"}}'
    error = exceptions.from_wire(
        wire(
            "RateLimitError",
            status_code=429,
            http_status=429,
            body=body,
            code="rate_limit_exceeded",
            type="requests",
            param="n",
            retry_after_ms=1500,
            headers={"retry-after": "1.5", "x-request-id": "req_1", "set-cookie": "session=s3cret"},
            attempts=3,
        )
    )
    assert (error.status_code, error.llm_provider, error.model, error.request_id) == (429, "openai", "gpt-4o", "req_1")
    assert error.body == json.loads(body)["error"]
    assert (error.code, error.type, error.param) == ("429", "throttling_error", "n")
    assert error.response.status_code == 429
    assert error.response.text == body
    assert error.response.headers["Retry-After"] == error.litellm_response_headers["retry-after"] == "1.5"
    assert error.retry_after_ms == 1500
    assert str(error).endswith(" LiteLLM Retried: 2 times, LiteLLM Max Retries: 2")
    for shown in (repr(error), repr(error.response), repr(error.litellm_response_headers), repr(error.request)):
        assert "s3cret" not in shown


def test_an_engines_error_has_the_engines_status():
    assert exceptions.from_wire(wire("APIError", status_code=529)).status_code == 529
    assert exceptions.from_wire(wire("Timeout", status_code=504)).status_code == 504
    assert exceptions.from_wire(wire("Timeout", status_code=408)).status_code == 408


def test_a_body_that_is_not_json_is_given_as_text():
    error = exceptions.from_wire(wire("BadGatewayError", status_code=502, body="<html>502</html>"))
    assert error.body == error.response.text == "<html>502</html>"


def test_azures_filter_tells_what_it_found():
    inner = {"code": "ResponsibleAIPolicyViolation"}
    body = json.dumps({"error": {"message": "no", "code": "content_filter", "innererror": inner}})
    error = exceptions.from_wire(wire("ContentPolicyViolationError", provider="azure", status_code=400, body=body))
    assert error.provider_specific_fields["innererror"] == inner


def test_a_kind_that_is_not_known_is_an_api_error():
    error = exceptions.from_wire(wire("FutureError", status_code=418))
    assert (type(error), error.status_code) == (exceptions.APIError, 418)


@pytest.mark.parametrize(
    ("generated", "given", "first"), [("par", None, False), (None, None, True), (None, False, False)]
)
def test_a_stream_that_fails_is_a_mid_stream_error_around_what_happened(generated, given, first):
    payload = wire("APIConnectionError", mid_stream=True, generated=generated, http_status=200)
    error = exceptions.from_wire(payload, is_pre_first_chunk=given)
    assert type(error) is exceptions.MidStreamFallbackError
    assert type(error.original_exception) is exceptions.APIConnectionError
    assert error.__cause__ is error.original_exception
    assert (error.generated_content, error.is_pre_first_chunk) == (generated or "", first)
    assert (error.status_code, error.llm_provider, error.model, error.request_id) == (500, "openai", "gpt-4o", "req_1")
    inner = "litellm.APIConnectionError: APIConnectionError: OpenAIException - no"
    assert str(error) == f"litellm.MidStreamFallbackError: {inner} Original exception: APIConnectionError: {inner}"
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin.original_exception) == inner


@pytest.mark.parametrize(
    ("kind", "status", "wrapped"),
    [
        ("RateLimitError", 429, True),
        ("InternalServerError", 500, True),
        ("APIError", 529, True),
        ("AuthenticationError", 401, False),
        ("BadRequestError", 400, False),
        ("Timeout", 408, False),
    ],
)
def test_the_callers_own_mistakes_are_not_wrapped(kind, status, wrapped):
    error = exceptions.from_wire(wire(kind, status_code=status, mid_stream=True))
    assert type(error).__name__ == ("MidStreamFallbackError" if wrapped else kind)
    assert error.status_code == status


text = st.none() | st.text(st.characters(exclude_categories=[]), max_size=8)
number = st.none() | st.integers(-1, 999)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "kind": st.none() | st.text(max_size=5) | st.sampled_from(sorted(TREE)),
            **dict.fromkeys(("message", "model", "request_id", "body", "code", "type", "param", "generated"), text),
            **dict.fromkeys(("status_code", "http_status", "retry_after_ms", "attempts", "num_retries"), number),
            "provider": text | st.sampled_from(["openai", "azure", "anthropic", "groq"]),
            "headers": st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
            "mid_stream": st.none() | st.booleans(),
        },
    )
)
def test_any_error_of_the_engine_is_an_exception_that_can_be_shown_and_pickled(payload):
    error = exceptions.from_wire(payload)
    assert isinstance(error, Exception)
    assert (payload.get("message") or "") in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert repr(error)


# openai's classes ---------------------------------------------------------------------------------------------------------

needs_openai = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import openai"], capture_output=True, check=False).returncode != 0,
    reason="openai is not installed",
)


def test_openai_is_not_imported():
    code = "import sys\nfrom edgequake_litellm import exceptions\nexceptions.RateLimitError('m', 'openai', 'gpt')\n"
    assert python(code + "print([name for name in ('openai', 'httpx', 'pydantic') if name in sys.modules])") == "[]"


@needs_openai
@pytest.mark.parametrize("first", ["openai", "edgequake_litellm.exceptions"])
def test_openais_handlers_catch_ours_in_either_order_of_import(first):
    code = f"""
import {first}
import openai
from edgequake_litellm import exceptions
for ours, theirs in [
    (exceptions.RateLimitError('m', 'openai', 'gpt'), openai.RateLimitError),
    (exceptions.Timeout('m', 'gpt', 'openai'), openai.APITimeoutError),
    (exceptions.ContextWindowExceededError('m', 'gpt', 'openai'), openai.BadRequestError),
    (exceptions.MidStreamFallbackError('m', 'gpt', 'openai'), openai.APIStatusError),
    (exceptions.APIError(409, 'm', 'openai', 'gpt'), openai.APIError),
]:
    try:
        raise ours
    except theirs as caught:
        assert caught is ours and isinstance(caught, openai.OpenAIError)
print([base.__module__ + '.' + base.__name__ for base in exceptions.RateLimitError.__mro__[:5]])
"""
    names = ["litellm.exceptions.RateLimitError"]
    names += ["openai." + name for name in TREE["RateLimitError"]]
    assert python(code) == str(names)


@needs_openai
def test_errors_and_classes_from_before_the_import_become_openais():
    code = """
from edgequake_litellm import exceptions
class Mine(exceptions.RateLimitError, ValueError):
    pass
early = Mine('m', 'openai', 'gpt')
import copy, pickle, openai
exceptions.APIError(500, 'm', 'openai', 'gpt')
assert isinstance(early, openai.RateLimitError) and isinstance(early, ValueError)
assert str(copy.copy(early)) == str(pickle.loads(pickle.dumps(early))) == 'litellm.RateLimitError: m'
assert exceptions.AuthenticationError.__bases__ == (openai.AuthenticationError,)
print('ok')
"""
    assert python(code) == "ok"


@needs_openai
@pytest.mark.parametrize("theirs", ["RateLimitError", "APIStatusError", "OpenAIError", "AuthenticationError"])
def test_an_error_in_hand_is_openais_once_a_handler_imports_openai(theirs):
    code = f"""
from edgequake_litellm import exceptions
class Mine(exceptions.RateLimitError):
    pass
for early in (exceptions.RateLimitError('m', 'openai', 'gpt'), Mine('m', 'openai', 'gpt')):
    assert early.__class__ is type(early)
    import openai
    print(isinstance(early, openai.{theirs}), isinstance(early, ValueError), early.__class__ is type(early))
"""
    caught = str(theirs != "AuthenticationError")
    assert python(code).split() == [caught, "False", "True"] * 2


def test_an_openai_that_is_half_imported_or_another_is_left_alone():
    code = """
import sys, types
from edgequake_litellm import exceptions
stand_in = exceptions.RateLimitError.__bases__
sys.modules['openai'] = types.ModuleType('openai')
error = exceptions.RateLimitError('m', 'openai', 'gpt')
assert exceptions.RateLimitError.__bases__ == stand_in
sys.modules['openai'].RateLimitError = 5
assert str(exceptions.RateLimitError('m', 'openai', 'gpt')) == str(error)
print('ok')
"""
    assert python(code) == "ok"


# What programs read of httpx ------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.from_regex(r"[A-Za-z-]{1,8}", fullmatch=True), st.text(), max_size=4))
def test_headers_are_found_in_any_case(given):
    headers = Headers(given)
    for name in given:
        assert name.upper() in headers
        assert headers[name.upper()] == headers.get(name.lower()) == headers[name]
    assert Headers(headers.multi_items()) == headers.copy() == pickle.loads(pickle.dumps(headers)) == headers
    assert headers.get("absent\n", 3) == 3


@pytest.mark.parametrize(
    ("status", "phrase", "good", "caller", "server"),
    [
        (200, "OK", True, False, False),
        (404, "Not Found", False, True, False),
        (503, "Service Unavailable", False, False, True),
        (999, "", False, False, False),
    ],
)
def test_a_response_tells_its_status(status, phrase, good, caller, server):
    response = Response(status, {"A": "b"}, "é".encode(), Request("GET", "https://api.example"))
    assert (response.reason_phrase, response.is_success) == (phrase, good)
    assert (response.is_client_error, response.is_server_error, response.is_error) == (caller, server, caller or server)
    assert (response.text, response.read(), response.url) == ("é", "é".encode(), "https://api.example")
    assert repr(response) == f"<Response [{status} {phrase}]>".replace(" ]", "]")
    assert repr(response.request) == "<Request('GET', 'https://api.example')>"
