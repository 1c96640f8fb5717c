"""The Router: which deployment answers, what is told of it, and what becomes of settings, secrets, threads and forks.

That its answers and requests are litellm's is compared in tests/downstream/flows/router.py.
"""

from __future__ import annotations

import asyncio
import copy
import enum
import gc
import pickle
import re
import shutil
import socket
import subprocess
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import Router
from edgequake_litellm.integrations.custom_logger import CustomLogger
from edgequake_litellm.llms.custom_llm import CustomLLM, CustomLLMError
from edgequake_litellm.router import Deployment, LiteLLM_Params, RetryPolicy
from edgequake_litellm.types import router as types

from .conftest import KEY, MESSAGES, run_python, wait_until


@pytest.fixture
def place(local_provider):
    """Makes deployments that the local provider answers for."""

    def deployment(group, model="openai/gpt-4o", model_id=None, **params):
        made = {
            "model_name": group,
            "litellm_params": {"model": model, "api_base": local_provider.base_url, "api_key": KEY, **params},
        }
        return made if model_id is None else {**made, "model_info": {"id": model_id}}

    return deployment


def router(*deployments, **options):
    return Router(model_list=list(deployments), **{"num_retries": 0, **options})


def in_flight(made):
    return sum(state["in_flight"] for state in made.deployment_states().values())


def text_of(response):
    return response.choices[0].message.content


# Calls -----------------------------------------------------------------------------------------------------------------------


def test_every_deployment_of_a_group_answers(place, local_provider):
    made = router(*[place("chat", model_id=name) for name in "abc"])
    answered = Counter(made.completion("chat", MESSAGES)._hidden_params["model_id"] for _ in range(60))
    assert set(answered) == {"a", "b", "c"}
    assert len(local_provider.requests) == 60


def test_weights_count(place):
    made = router(place("chat", model_id="a", weight=9), place("chat", model_id="b", weight=1))
    answered = Counter(made.completion("chat", MESSAGES)._hidden_params["model_id"] for _ in range(200))
    assert answered["a"] > 5 * answered["b"] / 2 > 0


OPERATIONS = [
    ("completion", {"messages": MESSAGES}),
    ("text_completion", {"prompt": "Say"}),
    ("embedding", {"input": ["a"]}),
    ("responses", {"input": "Say"}),
    ("image_generation", {"prompt": "a sea"}),
    ("image_edit", {"image": b"\x89PNG\r\n\x1a\n", "prompt": "a sea"}),
    ("transcription", {"file": ("talk.mp3", b"ID3")}),
    ("speech", {"input": "Hello", "voice": "alloy"}),
    ("moderation", {"input": "Hello"}),
]


@pytest.mark.parametrize(("operation", "arguments"), OPERATIONS)
def test_every_operation_goes_to_the_deployment(operation, arguments, place, local_provider):
    local_provider.error(400, "So far and no further.")
    made = router(place("group", "openai/the-model"))
    with pytest.raises(litellm.BadRequestError, match="So far and no further"):
        getattr(made, operation)(model="group", **arguments)
    assert local_provider.requests[-1].api_key == KEY
    assert b"the-model" in local_provider.requests[-1].body


@pytest.mark.parametrize(("operation", "arguments"), OPERATIONS)
def test_every_operation_has_a_coroutine(operation, arguments, place, local_provider):
    local_provider.error(400, "So far and no further.")
    made = router(place("group", "openai/the-model"))
    with pytest.raises(litellm.BadRequestError, match="So far and no further"):
        asyncio.run(getattr(made, "a" + operation)(model="group", **arguments))
    assert b"the-model" in local_provider.requests[-1].body


def test_rerank(place, local_provider):
    local_provider.error(400, "So far and no further.")
    made = router(place("group", "cohere/rerank-v3.5"))
    with pytest.raises(litellm.BadRequestError, match="So far"):
        made.rerank("group", query="q", documents=["a"])


def test_moderation_needs_no_deployment(monkeypatch, local_provider):
    monkeypatch.setattr(litellm, "api_base", local_provider.base_url)
    local_provider.error(400, "Reached.")
    with pytest.raises(litellm.BadRequestError, match="Reached"):
        router().moderation(input="Hello", api_key=KEY)


def test_a_model_that_is_no_group_can_be_let_through(place, local_provider):
    settings = types.RouterGeneralSettings(pass_through_all_models=True)
    made = router(place("chat"), router_general_settings=settings)
    response = made.completion("openai/gpt-4o-mini", MESSAGES, api_base=local_provider.base_url, api_key=KEY)
    assert response.model == "gpt-4o-mini"


def test_a_pydantic_class_is_sent_as_its_schema(place, local_provider):
    pydantic = pytest.importorskip("pydantic")
    made = router(place("chat"))
    mood = pydantic.create_model("Mood", word=(str, ...))
    made.completion("chat", MESSAGES, response_format=mood)
    assert local_provider.requests[-1].json["response_format"]["json_schema"]["name"] == "Mood"


def test_fallbacks_need_no_router(local_provider, monkeypatch):
    place = {"api_base": local_provider.base_url, "api_key": KEY, "num_retries": 0}
    local_provider.error(500, "Not today.")
    response = litellm.completion("openai/gpt-4o", MESSAGES, fallbacks=["openai/gpt-4o-mini"], **place)
    hidden = response._hidden_params
    assert (response.model, hidden["litellm_model_name"]) == ("gpt-4o-mini", "openai/gpt-4o-mini")
    assert hidden["additional_headers"]["x-litellm-attempted-fallbacks"] == 1
    assert hidden["response_cost"] == pytest.approx(litellm.completion_cost(response, model="openai/gpt-4o-mini"))
    monkeypatch.setattr(litellm, "fallbacks", [{"openai/gpt-4o": ["openai/gpt-4.1-mini"]}])
    local_provider.error(500, "Not today.")
    assert litellm.completion("openai/gpt-4o", MESSAGES, **place).model == "gpt-4.1-mini"


def test_deployments_hold_what_calls_may_hold(place, local_provider):
    pydantic = pytest.importorskip("pydantic")
    httpx = pytest.importorskip("httpx")

    class Tier(enum.Enum):
        FLEX = "flex"

    mood = pydantic.create_model("Mood", word=(str, ...))
    params = {"response_format": mood, "timeout": httpx.Timeout(9.0), "service_tier": Tier.FLEX, "messages": None}
    router(place("chat", **params), timeout=httpx.Timeout(9.0)).completion("chat", MESSAGES)
    sent = local_provider.requests[-1].json
    assert sent["response_format"]["json_schema"]["name"] == "Mood"
    assert sent["service_tier"] == "flex"
    for wrong, named in (
        ({"seed": {1, 2}}, r"litellm_params\.seed"),
        ({"timeout": "soon"}, "`timeout` must be a number"),
        ({"temperature": float("nan")}, "temperature` is nan"),
    ):
        with pytest.raises(litellm.BadRequestError, match=named):
            router(place("chat", **wrong))


# What is wrong ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model_list", "named"),
    [
        ([{"litellm_params": {"model": "openai/x"}}], r"model_list\[0\] needs a `model_name`"),
        ([{"model_name": "g"}], r"model_list\[0\] \('g'\) needs `litellm_params`"),
        ([{"model_name": "g", "litellm_params": {}}], "at least a `model`"),
        (["openai/gpt-4o"], "must be a dict"),
        ({"model_name": "g"}, "must be a list of deployments"),
        ([{"model_name": "g", "litellm_params": {"model": "openai/x", "silent_model": "h"}}], "silent_model"),
        ([{"model_name": "g", "litellm_params": {"model": "auto_router/x"}}], "routers by content"),
        ([{"model_name": "g", "litellm_params": {"model": "openai/x"}, "model_info": {"team_id": "t"}}], "team_id"),
        ([{"model_name": "g", "litellm_params": {"model": "nobody-knows-it"}}], "LLM Provider NOT provided"),
        ([{"model_name": "g", "litellm_params": {"model": "openai/x", "rpm": "many"}}], "rpm"),
        (
            [{"model_name": "g", "litellm_params": {"model": "openai/x"}, "model_info": {"id": "1"}}] * 2,
            "has the id '1' of another deployment",
        ),
    ],
)
def test_a_wrong_deployment_is_refused_by_its_number(model_list, named):
    with pytest.raises(litellm.BadRequestError, match=named):
        Router(model_list=model_list)


def test_a_wrong_deployment_may_be_left_out(place):
    made = Router(
        model_list=[place("chat"), {"model_name": "g", "litellm_params": {"model": "nobody-knows-it"}}],
        ignore_invalid_deployments=True,
    )
    assert made.get_model_names() == ["chat"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("guardrail_list", [{"guardrail_name": "g"}]),
        ("plugins", [object()]),
        ("routing_groups", [{"group_name": "g"}]),
        ("provider_budget_config", {"openai": {}}),
        ("fallback_access_check", print),
        ("search_tools", [{}]),
        ("assistants_config", {"custom_llm_provider": "openai"}),
        ("model_group_affinity_config", {"g": ["session_affinity"]}),
        ("optional_pre_call_checks", ["forward_client_headers_by_model_group"]),
    ],
)
def test_what_a_program_could_not_do_without_is_refused(option, value):
    with pytest.raises(litellm.BadRequestError, match=option):
        router(**{option: value})


def test_settings_that_the_engine_refuses_are_refused_at_once(place):
    with pytest.raises(litellm.BadRequestError, match="lowest_latency_buffr"):
        router(
            place("chat"),
            routing_strategy="latency-based-routing",
            routing_strategy_args={"lowest_latency_buffr": 1},
        )


def test_a_policy_for_an_error_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="RateLimitRetries"):
        RetryPolicy(RateLimitRetries=1)
    with pytest.raises(ValueError, match="0 or more"):
        RetryPolicy(RateLimitErrorRetries=-1)


def test_a_setting_that_cannot_be_updated_is_named():
    with pytest.raises(TypeError, match="num_retires"):
        router().update_settings(num_retires=3)


# Where a call goes to whose environment is not there ---------------------------------------------------------------------------


def test_an_environment_variable_is_read(monkeypatch, place, local_provider):
    monkeypatch.setenv("THE_KEY_OF_THE_TEST", "sk-from-the-environment")
    router(place("chat", api_key="os.environ/THE_KEY_OF_THE_TEST")).completion("chat", MESSAGES)
    assert local_provider.requests[-1].api_key == "sk-from-the-environment"


def test_no_call_goes_out_with_another_key_than_the_one_that_is_missing(monkeypatch, place, local_provider):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    made = router(place("chat", api_key="os.environ/NOT_SET"), place("other"))
    with pytest.raises(litellm.AuthenticationError, match="NOT_SET"):
        made.completion("chat", MESSAGES)
    with pytest.raises(litellm.AuthenticationError, match="NOT_SET"):
        asyncio.run(made.alist_batches("chat"))
    assert not local_provider.requests
    assert text_of(made.completion("other", MESSAGES))


def test_deployments_of_other_environments_are_left_out(monkeypatch, place):
    monkeypatch.setenv("LITELLM_ENVIRONMENT", "staging")
    here, there = place("a"), place("b")
    here["model_info"] = {"supported_environments": ["staging"]}
    there["model_info"] = {"supported_environments": ["production"]}
    assert router(here, there).get_model_names() == ["a"]
    monkeypatch.setenv("LITELLM_ENVIRONMENT", "home")
    with pytest.raises(ValueError, match="'home' is no environment"):
        router(here)


def test_a_blocked_deployment_gets_no_call(place):
    blocked = place("chat", model_id="a")
    blocked["model_info"]["blocked"] = True
    made = router(blocked, place("chat", model_id="b"))
    assert {made.completion("chat", MESSAGES)._hidden_params["model_id"] for _ in range(10)} == {"b"}


# Secrets -----------------------------------------------------------------------------------------------------------------------


def test_no_key_is_shown(place):
    made = router(place("chat", model_id="a"))
    deployment = made.get_deployment("a")
    for value in (made, deployment, deployment.litellm_params, made.deployment_states()):
        assert KEY not in repr(value)
    assert KEY not in made.generate_model_id("chat", {"api_key": KEY})
    assert deployment.litellm_params.api_key == KEY
    assert "model='openai/gpt-4o'" in repr(deployment)


def variables(error):
    """All that a report of an exception would show of this package's frames."""
    shown = []
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "edgequake_litellm" in frame.f_code.co_filename:
            shown.extend(repr(value) for value in frame.f_locals.values())
    return "\n".join([*shown, str(error), repr(vars(error))])


def test_no_traceback_has_a_key(place, local_provider):
    made = router(place("chat", "openai/x", "a"))
    local_provider.error(401, f"Incorrect API key provided: {KEY}.")
    with pytest.raises(litellm.AuthenticationError) as raised:
        made.completion("chat", MESSAGES)
    assert KEY not in variables(raised.value)
    with pytest.raises(litellm.BadRequestError) as raised:
        Router(model_list=[place("chat", "nobody-knows-it")])
    assert KEY not in variables(raised.value)
    with pytest.raises(litellm.BadRequestError) as raised:
        made.set_model_list([place("chat", "nobody-knows-it")])
    assert KEY not in variables(raised.value)
    assert made.get_model_names() == ["chat"]
    params = LiteLLM_Params(model="nobody-knows-it", api_key=KEY)
    with pytest.raises(litellm.BadRequestError) as raised:
        made.add_deployment(Deployment(model_name="b", litellm_params=params))
    assert KEY not in variables(raised.value)


# Settings while it is used -------------------------------------------------------------------------------------------------------


def test_an_attribute_that_is_assigned_holds(place, local_provider):
    made = router(place("first", "openai/x"), place("second", "openai/y"))
    local_provider.error(500, "Not today.")
    with pytest.raises(litellm.InternalServerError):
        made.completion("first", MESSAGES)
    made.fallbacks = [{"first": ["second"]}]
    local_provider.error(500, "Not today.")
    assert made.completion("first", MESSAGES).model == "y"
    made.fallbacks.clear()
    local_provider.error(500, "Not today.")
    with pytest.raises(litellm.InternalServerError):
        made.completion("first", MESSAGES)
    made.num_retries = 1
    local_provider.error(500, "Not today.")
    assert made.completion("first", MESSAGES).model == "x"
    made.model_group_alias["other"] = "second"
    assert made.completion("other", MESSAGES).model == "y"


def test_a_fallback_may_be_one_group(place, local_provider):
    made = router(place("first", "openai/x"), place("second", "openai/y"), fallbacks=[{"first": "second"}])
    local_provider.error(500, "Not today.")
    response = made.completion("first", MESSAGES)
    assert response.model == "y"
    assert response._hidden_params["additional_headers"]["x-litellm-attempted-fallbacks"] == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"fallbacks": [{"typo": ["g"]}]}, "'typo' of `fallbacks`"),
        ({"fallbacks": [{"g": ["typo", "other"]}]}, "'typo' of `fallbacks`"),
        ({"context_window_fallbacks": [{"g": [{"model": "typo"}]}]}, "'typo' of `context_window_fallbacks`"),
        ({"default_fallbacks": ["typo"]}, "'typo' of `fallbacks`"),
        ({"model_group_alias": {"a": "typo"}}, "'typo' of `model_group_alias`"),
    ],
)
def test_a_name_that_nothing_serves_is_told_where_the_router_is_made(place, options, named):
    with pytest.warns(UserWarning, match=re.escape(f"serves {named}.")) as told:
        Router(model_list=[place("g"), place("other")], **options)
    assert [warning.filename for warning in told] == [__file__]


def test_names_that_are_served_are_not_warned_of(place):
    Router(
        model_list=[place("g"), place("openai/*", "openai/*")],
        model_group_alias={"a": {"model": "g", "hidden": True}},
        default_fallbacks=["a"],
        fallbacks=[{"g": "openai/gpt-4o"}],
    )
    # Its deployments come later.
    Router(fallbacks=[{"later": ["also"]}])


def test_two_routers_do_not_share_their_default_fallbacks(place):
    shared = [{"a": ["b"]}]
    made = router(place("a"), place("b"), fallbacks=shared, default_fallbacks=["b"])
    assert made.fallbacks == [{"a": ["b"]}, {"*": ["b"]}]
    assert shared == [{"a": ["b"]}]


def test_deployments_come_and_go_while_it_is_used(place):
    made = router(place("chat", model_id="keep"))
    stop = threading.Event()
    errors = []

    def call():
        try:
            while not stop.is_set():
                made.completion("chat", MESSAGES)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        entry = place("chat", model_id=str(number))
        made.add_deployment(Deployment(**entry))
        made.get_available_deployment("chat")
        assert made.delete_deployment(str(number))["model_info"]["id"] == str(number)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert made.get_model_ids() == ["keep"]


def test_a_router_that_is_gone_is_forgotten(place):
    from edgequake_litellm import _runtime

    made = router(place("chat"))
    name = made._engine.name
    assert name in _runtime._configured["routers"]
    del made
    gc.collect()
    router(place("chat"))
    assert name not in _runtime._configured["routers"]


def test_a_copy_is_the_same_router(place):
    made = router(place("chat"))
    assert copy.deepcopy({"router": made})["router"] is made
    assert copy.copy(made) is made
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(made)


def test_a_child_process_calls_through_it(local_provider):
    done = run_python(
        f"""
        import os, sys
        import edgequake_litellm as litellm
        params = {{"model": "openai/gpt-4o", "api_base": {local_provider.base_url!r}, "api_key": "k"}}
        router = litellm.Router(model_list=[{{"model_name": "chat", "litellm_params": params, "model_info": {{"id": "one"}}}}])
        ask = lambda: router.completion("chat", [{{"role": "user", "content": "Hi"}}])._hidden_params["model_id"]
        assert ask() == "one"
        child = os.fork()
        if child == 0:
            assert ask() == "one"
            router.add_deployment(litellm.Deployment(model_name="more", litellm_params=params, model_info={{"id": "two"}}))
            assert router.completion("more", [{{"role": "user", "content": "Hi"}}])._hidden_params["model_id"] == "two"
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert ask() == "one"
        print("fine")
        """
    )
    assert done == "fine\n"


def test_coroutines_of_several_loops_call_through_it(place):
    made = router(place("chat", model_id="one"))

    async def many():
        return await asyncio.gather(*[made.acompletion("chat", MESSAGES) for _ in range(10)])

    for _ in range(3):
        assert {answer._hidden_params["model_id"] for answer in asyncio.run(many())} == {"one"}


# How deployments are -------------------------------------------------------------------------------------------------------------


def test_states(place):
    made = router(place("chat", model_id="one"), place("chat", model_id="two"))
    for _ in range(4):
        made.completion("chat", MESSAGES)
    states = made.deployment_states()
    assert set(states) == {"one", "two"}
    assert sum(state["requests"] for state in states.values()) == 4
    assert all(state["healthy"] for state in states.values())
    assert made.total_calls == made.success_calls == {"openai/gpt-4o": 4}
    assert made.fail_calls["openai/gpt-4o"] == 0
    healthy = asyncio.run(made.async_get_healthy_deployments("chat"))
    assert {row["model_info"]["id"] for row in healthy} == {"one", "two"}
    tokens, requests = asyncio.run(made.get_model_group_usage("chat"))
    assert requests == 4
    assert tokens > 4


def test_a_deployment_that_fails_is_left_alone(place, local_provider):
    made = router(
        place("chat", "openai/x", "bad"), place("chat", "openai/y", "good"), allowed_fails=0, cooldown_time=60
    )
    while made.deployment_states()["bad"]["healthy"]:
        local_provider.error(500, "Not today.")
        with pytest.raises(litellm.InternalServerError):
            made.completion("bad", MESSAGES)
    local_provider.reset()
    assert {made.completion("chat", MESSAGES)._hidden_params["model_id"] for _ in range(20)} == {"good"}


# What processes share, and what providers keep --------------------------------------------------------------------------------


@pytest.fixture
def redis():
    """The port of a Redis of this test's own."""
    program = shutil.which("redis-server")
    assert program is not None, "the tests need redis-server (on Debian: apt install redis-server)"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert wait_until(answers)
        yield port
        server.terminate()


def passes(made):
    try:
        return bool(made.completion("chat", MESSAGES))
    except litellm.RateLimitError:
        return False


def calls_that_pass(routers, count):
    return sum(passes(routers[number % len(routers)]) for number in range(count))


def test_routers_share_limits_through_redis(place, local_provider, redis):
    options = {"redis_host": "127.0.0.1", "redis_port": redis, "routing_strategy": "usage-based-routing-v2"}
    # As in two processes: neither router knows of the other's calls.
    routers = [router(place("chat", model_id="one", rpm=5), **options) for _ in range(2)]
    assert calls_that_pass(routers, 12) == 5
    assert len(local_provider.requests) == 5


def test_routers_share_cooldowns_through_redis(place, local_provider, redis):
    deployments = [place("chat", model_id="shared-a", weight=1), place("chat", model_id="shared-b", weight=0)]
    # As in two processes: neither knows of the other's calls.
    one, two = [router(*deployments, redis_host="127.0.0.1", redis_port=redis) for _ in range(2)]
    assert two.completion("chat", MESSAGES)._hidden_params["model_id"] == "shared-a"
    local_provider.error(401)
    with pytest.raises(litellm.AuthenticationError):
        one.completion("chat", MESSAGES)
    assert one.completion("chat", MESSAGES)._hidden_params["model_id"] == "shared-b"
    ends = time.monotonic() + 20
    while two.completion("chat", MESSAGES)._hidden_params["model_id"] == "shared-a":
        assert time.monotonic() < ends, "the other router does not hear of it"
        time.sleep(0.05)


def test_programs_that_share_a_redis_by_chance_do_not_share_cooldowns(place, local_provider, redis):
    def made(model="openai/gpt-4o", namespace=None):
        deployments = [place("chat", model, model_id="1", weight=1), place("chat", model, model_id="2", weight=0)]
        return router(*deployments, redis_host="127.0.0.1", redis_port=redis, cache_kwargs={"namespace": namespace})

    def answers(of):
        return of.completion("chat", MESSAGES)._hidden_params["model_id"]

    one, same = made(namespace="mine"), made(namespace="mine")
    others = [made(), made(namespace=""), made("openai/gpt-4o-mini", "mine")]
    local_provider.error(401)
    with pytest.raises(litellm.AuthenticationError):
        one.completion("chat", MESSAGES)
    assert wait_until(lambda: answers(same) == "2")
    # The first call looks, and what is found counts for later ones.
    assert [answers(other) for other in others] == ["1", "1", "1"]
    time.sleep(0.3)
    assert [answers(other) for other in others] == ["1", "1", "1"]


def test_a_redis_that_is_not_there_fails_no_call(place, local_provider):
    options = {"redis_url": "redis://127.0.0.1:9/0", "routing_strategy": "usage-based-routing-v2"}
    assert calls_that_pass([router(place("chat", rpm=5), **options)], 3) == 3


def test_every_strategy_can_be_told_to_keep_limits(place):
    made = router(place("chat", rpm=2), optional_pre_call_checks=["enforce_model_rate_limits"])
    assert calls_that_pass([made], 4) == 2
    assert calls_that_pass([router(place("chat", rpm=2))], 4) == 4


def test_no_room_says_how_long_to_wait(place):
    made = router(place("chat", rpm=1), routing_strategy="usage-based-routing-v2")
    made.completion("chat", MESSAGES)
    with pytest.raises(types.RouterRateLimitError, match="No deployments available for selected model") as raised:
        made.completion("chat", MESSAGES)
    assert 0 < raised.value.cooldown_time <= 60


def test_a_file_goes_to_the_one_deployment_with_its_model(local_provider):
    place = {"api_base": local_provider.base_url, "api_key": KEY}
    made = router(
        {"model_name": "chat", "litellm_params": {"model": "openai/gpt-4o", "temperature": 0.1, **place}},
        {"model_name": "two", "litellm_params": {"model": "openai/gpt-4o", **place}},
        {"model_name": "two", "litellm_params": {"model": "openai/gpt-4o-mini", **place}},
    )
    requests = b'{"custom_id": "1", "body": {"model": "chat", "messages": []}}\n\n'

    async def upload(model, file):
        local_provider.error(400, "So far and no further.")
        return await made.acreate_file(model=model, file=file, purpose="batch")

    with pytest.raises(litellm.BadRequestError, match="So far"):
        asyncio.run(upload("chat", ("asked.jsonl", requests)))
    sent = local_provider.requests[-1]
    assert (sent.path, sent.api_key) == ("/v1/files", KEY)
    assert b'"model": "gpt-4o"' in sent.body
    assert b"asked.jsonl" in sent.body
    assert b"temperature" not in sent.body
    with pytest.raises(litellm.BadRequestError, match="the group 'two' has 2 deployments"):
        asyncio.run(upload("two", requests))
    with pytest.raises(litellm.BadRequestError, match="Line 1 of `file`"):
        asyncio.run(upload("chat", b"hello"))
    local_provider.reset()
    local_provider.error(400, "So far and no further.")
    with pytest.raises(litellm.BadRequestError, match="So far"):
        asyncio.run(made.acreate_batch("chat", completion_window="24h", endpoint="/v1/x", input_file_id="file-1"))
    assert local_provider.requests[-1].path == "/v1/batches"


def test_anthropics_words(place):
    made = router(place("chat"))
    for function in (made.anthropic_messages, made.aanthropic_messages):
        answer = asyncio.run(function("chat", MESSAGES, max_tokens=5))
        assert answer["content"][0]["text"] == "You said: Say hello"


def test_googles_words(place):
    made = router(place("chat"))
    assert made.healthy_deployments == made.model_list
    contents = [{"role": "user", "parts": [{"text": "Say hello"}]}]

    async def ask():
        answer = await made.agenerate_content("chat", contents)
        return answer, [event async for event in (await made.agenerate_content_stream("chat", contents)).aevents()]

    for answer, events in (
        (made.generate_content("chat", contents), list(made.generate_content_stream("chat", contents).events())),
        asyncio.run(ask()),
    ):
        assert answer["candidates"][0]["content"]["parts"][0]["text"] == "You said: Say hello"
        texts = [part["text"] for event in events for part in event["candidates"][0]["content"].get("parts", ())]
        assert "".join(texts) == "You said: Say hello"


def test_a_file_is_read_and_deleted_at_the_one_deployment(place, local_provider):
    made = router(place("chat"))
    for function, method in ((made.afile_content, "GET"), (made.afile_delete, "DELETE")):
        local_provider.error(400, "So far and no further.")
        with pytest.raises(litellm.BadRequestError, match="So far"):
            asyncio.run(function(model="chat", file_id="file-1"))
        sent = local_provider.requests[-1]
        assert (sent.method, sent.path.partition("/content")[0], sent.api_key) == (method, "/v1/files/file-1", KEY)


# The program's own part --------------------------------------------------------------------------------------------------------


class Mine(CustomLLM):
    """Fails as often as the model's name says, then answers."""

    def __init__(self):
        self.calls = 0

    def completion(self, *args, **kwargs):
        self.calls += 1
        if self.calls <= int(kwargs["model"]):
            raise CustomLLMError(status_code=503, message="not now")
        response = kwargs["model_response"]
        response.choices[0].message.content = "Mine."
        response.usage = litellm.Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
        return response

    async def acompletion(self, *args, **kwargs):
        return self.completion(*args, **kwargs)

    def streaming(self, *args, **kwargs):
        self.calls += 1
        if self.calls <= int(kwargs["model"]):
            raise CustomLLMError(status_code=503, message="not now")
        yield {"text": "Mine.", "is_finished": True, "finish_reason": "stop", "index": 0}

    async def astreaming(self, *args, **kwargs):
        for piece in self.streaming(*args, **kwargs):
            yield piece


@pytest.fixture
def mine(monkeypatch):
    handler = Mine()
    monkeypatch.setattr(litellm, "custom_provider_map", [{"provider": "mine", "custom_handler": handler}])
    return handler


def own(model_id, failures, group="own"):
    return {"model_name": group, "litellm_params": {"model": f"mine/{failures}"}, "model_info": {"id": model_id}}


def test_a_provider_of_the_programs_own_is_tried_again(mine):
    made = router(own("a", 2), own("b", 2), num_retries=2)
    response = made.completion("own", MESSAGES)
    assert (text_of(response), mine.calls) == ("Mine.", 3)
    headers = response._hidden_params["additional_headers"]
    assert (headers["x-litellm-model-group"], headers["x-litellm-attempted-retries"]) == ("own", 2)


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_of_the_programs_own_falls_back(mine, place, local_provider, stream):
    made = router(own("a", 1), place("chat", model_id="c"), fallbacks=[{"own": ["chat"]}])
    response = made.completion("own", MESSAGES, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in response)
    assert response._hidden_params["model_id"] == "c"
    assert (mine.calls, len(local_provider.requests)) == (1, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_coroutine_falls_back_to_the_programs_own(mine, place, local_provider, stream):
    local_provider.error(500, "Not today.")
    made = router(own("a", 0), place("chat"), fallbacks=[{"chat": ["own"]}])

    async def ask():
        response = await made.acompletion("chat", MESSAGES, stream=stream)
        if not stream:
            return text_of(response), response._hidden_params["model_id"]
        return "".join([chunk.choices[0].delta.content or "" async for chunk in response]), response._hidden_params[
            "model_id"
        ]

    assert asyncio.run(ask()) == ("Mine.", "a")


def test_the_first_error_is_told_where_all_fail(mine, place, local_provider):
    local_provider.error(401, "Wrong key.")
    made = router(own("a", 9), place("chat"), fallbacks=[{"own": ["chat"]}])
    with pytest.raises(litellm.ServiceUnavailableError, match="not now"):
        made.completion("own", MESSAGES)
    assert (mine.calls, len(local_provider.requests)) == (1, 1)


def test_failures_of_the_programs_own_count(mine):
    made = router(own("a", 99), own("b", 0), allowed_fails=0, cooldown_time=60)
    with pytest.raises(litellm.ServiceUnavailableError):
        made.completion("a", MESSAGES)
    assert not made.deployment_states()["a"]["healthy"]
    assert {made.completion("own", MESSAGES)._hidden_params["model_id"] for _ in range(10)} == {"b"}


def test_calls_of_the_programs_own_count(mine):
    made = router(own("a", 0))
    for _ in range(2):
        made.completion("own", MESSAGES)
    state = made.deployment_states()["a"]
    assert (state["requests"], state["in_flight"], state["tokens"]) == (2, 0, 14)


def test_a_stranger_says_when_to_come_back(mine, monkeypatch):
    error = litellm.RateLimitError("Slow down.", "mine", "0")
    error.retry_after_ms = 200_000
    monkeypatch.setattr(Mine, "completion", lambda *args, **kwargs: (_ for _ in ()).throw(error))
    waits = []
    monkeypatch.setattr("edgequake_litellm._router.own.sleep", waits.append)
    with pytest.raises(litellm.RateLimitError):
        router(own("a", 0), num_retries=3).completion("own", MESSAGES)
    assert waits == []


def test_a_wildcard_beside_the_programs_own(mine, place, local_provider):
    made = router(own("a", 0), place("openai/*", "openai/*", "any"))
    assert made.completion("openai/gpt-4o-mini", MESSAGES)._hidden_params["model_id"] == "any"
    assert local_provider.requests[-1].json["model"] == "gpt-4o-mini"


def test_a_token_is_fetched_for_each_call(place, local_provider):
    tokens = iter(["token-1", "token-2"])
    deployment = {
        "model_name": "chat",
        "litellm_params": {
            "model": "azure/gpt-4o",
            "api_base": local_provider.origin,
            "api_version": "2024-06-01",
            "azure_ad_token_provider": lambda: next(tokens),
        },
    }
    made = router(deployment)
    for _ in range(2):
        made.completion("chat", MESSAGES)
    sent = [request.headers["authorization"] for request in local_provider.requests]
    assert sent == ["Bearer token-1", "Bearer token-2"]


def test_an_exception_as_answer(place):
    error = litellm.RateLimitError("Slow down.", "openai", "gpt-4o")
    made = router(
        place("first", mock_response=error), place("second", mock_response="Fine."), fallbacks=[{"first": ["second"]}]
    )
    assert text_of(made.completion("first", MESSAGES)) == "Fine."
    with pytest.raises(litellm.RateLimitError, match="Slow down"):
        made.completion("first", MESSAGES, disable_fallbacks=True)


def test_a_strategy_of_the_programs_own(place):
    made = router(place("chat", model_id="a"), place("chat", model_id="b"), place("chat", model_id="c"))
    asked = []

    class Last(types.CustomRoutingStrategyBase):
        def get_available_deployment(
            self, model, messages=None, input=None, specific_deployment=False, request_kwargs=None
        ):
            asked.append((model, messages))
            return made.model_list[-1]

        async def async_get_available_deployment(self, model, messages=None, input=None, **more):
            return made.model_list[0]

    made.set_custom_routing_strategy(Last())
    assert made.completion("chat", MESSAGES)._hidden_params["model_id"] == "c"
    assert asked == [("chat", MESSAGES)]
    assert asyncio.run(made.acompletion("chat", MESSAGES))._hidden_params["model_id"] == "a"


# Callbacks -----------------------------------------------------------------------------------------------------------------------


class Recorder(CustomLogger):
    def __init__(self):
        super().__init__()
        self.told = []

    def log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.told.append(("success", kwargs))

    def log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.told.append(("failure", kwargs))


@pytest.fixture
def recorder(monkeypatch):
    made = Recorder()
    monkeypatch.setattr(litellm, "callbacks", [made])
    return made


def test_callbacks_are_told_which_deployment_answered(recorder, place, local_provider):
    local_provider.error(500, "Not today.")
    made = router(
        place("first", "openai/x", "one"),
        place("second", "openai/gpt-4o-mini", "two"),
        place("second", "openai/gpt-4o-mini", "three"),
        fallbacks=[{"first": ["second"]}],
        default_litellm_params={"metadata": {"team": "red"}},
    )
    own_metadata = {"mine": 1}
    answered = made.completion("first", MESSAGES, metadata=own_metadata)._hidden_params["model_id"]
    assert wait_until(lambda: recorder.told)
    event, kwargs = recorder.told[0]
    metadata = kwargs["litellm_params"]["metadata"]
    assert event == "success"
    assert {name: metadata[name] for name in ("model_group", "deployment", "mine", "team")} == {
        "model_group": "second",
        "deployment": "openai/gpt-4o-mini",
        "mine": 1,
        "team": "red",
    }
    assert metadata["model_info"]["id"] == answered
    assert (kwargs["model"], kwargs["custom_llm_provider"]) == ("gpt-4o-mini", "openai")
    payload = kwargs["standard_logging_object"]
    assert (payload["model_id"], payload["model_group"], payload["model"]) == (answered, "second", "openai/gpt-4o-mini")
    assert payload["response_cost"] > 0
    assert own_metadata == {"mine": 1}
    assert KEY not in repr(kwargs)


def test_callbacks_are_told_of_the_group_where_the_program_has_a_part(recorder, mine, place):
    made = router(
        own("a", 1),
        place("chat", model_id="c", input_cost_per_token=1, output_cost_per_token=1),
        fallbacks=[{"own": ["chat"]}],
    )
    response = made.completion("own", MESSAGES)
    assert wait_until(lambda: len(recorder.told) == 2)
    told = [
        (
            event,
            kwargs["litellm_params"]["metadata"]["model_group"],
            kwargs["litellm_params"]["metadata"]["model_info"]["id"],
        )
        for event, kwargs in recorder.told
    ]
    assert told == [("failure", "own", "a"), ("success", "chat", "c")]
    assert (
        response._hidden_params["response_cost"] == response.usage.total_tokens == recorder.told[1][1]["response_cost"]
    )


def test_callbacks_are_told_of_a_call_that_fails(recorder, place, local_provider):
    local_provider.error(401, "Wrong key.")
    with pytest.raises(litellm.AuthenticationError):
        router(place("chat", "openai/x", "one")).completion("chat", MESSAGES)
    assert [event for event, _ in recorder.told] == ["failure"]
    metadata = recorder.told[0][1]["litellm_params"]["metadata"]
    assert (metadata["model_group"], metadata["deployment"], metadata["model_info"]["id"]) == (
        "chat",
        "openai/x",
        "one",
    )


# Classes -------------------------------------------------------------------------------------------------------------------------


def test_deployments_are_made_of_dicts():
    made = types.Deployment(model_name="g", litellm_params={"model": "openai/x", "rpm": 3}, model_info={"id": 7})
    assert (made.litellm_params.model, made.litellm_params.rpm, made.litellm_params.tpm) == ("openai/x", 3, None)
    assert made.model_info.id == "7"
    assert made["model_name"] == made.get("model_name") == "g"
    assert "model_name" in made
    assert made.to_json(exclude_none=True) == {
        "model_name": "g",
        "litellm_params": {"model": "openai/x", "rpm": 3},
        "model_info": {"id": "7", "db_model": False},
    }
    assert types.ModelInfo().id != types.ModelInfo().id
    with pytest.raises(ValueError, match="model"):
        types.LiteLLM_Params(rpm=3)
    for value in (made, made.litellm_params):
        assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)


def test_errors_can_be_pickled():
    made = types.RouterRateLimitError("m", 3.0, False, ["a"], ["a"])
    assert made.all_deployments_in_cooldown
    again = pickle.loads(pickle.dumps(made))
    assert (str(again), again.type, again.cooldown_time) == (str(made), "all_deployments_in_cooldown", 3.0)
    assert "Try again in 3.0 seconds" in str(made)


def test_a_router_that_caches_its_answers(local_provider, monkeypatch):
    monkeypatch.setattr(litellm, "cache", None, raising=False)
    params = {"model": "openai/gpt-4o", "api_key": "key", "api_base": local_provider.base_url}
    router = litellm.Router([{"model_name": "chat", "litellm_params": params}], cache_responses=True)
    messages = [{"role": "user", "content": "the same"}]
    first, second = (router.completion("chat", messages) for _ in range(2))
    assert first.id == second.id
    assert len(local_provider.requests) == 1


def test_routers_share_an_answer_only_where_they_would_ask_the_same(
    local_provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "cache", None, raising=False)
    place = {"api_key": "key", "api_base": local_provider.base_url}
    messages = [{"role": "user", "content": "the same"}]

    def ask(model="openai/gpt-4o", **params):
        deployment = {"model_name": "chat", "litellm_params": {"model": model, **place, **params}}
        return litellm.Router([deployment], cache_responses=True).completion("chat", messages).id

    first = ask(temperature=0.1)
    assert ask(temperature=0.1) == first
    assert (
        len({first, ask(temperature=0.9), ask(temperature=0.1, model="openai/gpt-4.1"), ask(temperature=0.1, top_p=1)})
        == 4
    )
    assert len(local_provider.requests) == 4


@pytest.mark.parametrize("how", ["threads", "tasks"])
def test_calls_beyond_those_that_a_deployment_takes_at_once_wait_for_a_place(local_provider, place, how):
    made = router(place("chat", max_parallel_requests=2), timeout=30)
    for _ in range(6):
        local_provider.delay(0.1)
        local_provider.reply("Here.")
    most, lock, busy = [0], threading.Lock(), [True]

    def watch():
        while busy[0]:
            with lock:
                most.append(in_flight(made))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        if how == "threads":
            with ThreadPoolExecutor(6) as pool:
                answers = list(pool.map(lambda _: made.completion("chat", MESSAGES), range(6)))
        else:

            async def all_of_them():
                return await asyncio.gather(*[made.acompletion("chat", MESSAGES) for _ in range(6)])

            answers = asyncio.run(all_of_them())
    finally:
        busy[0] = False
        watcher.join()
    assert [text_of(answer) for answer in answers] == ["Here."] * 6
    assert max(most) == 2


def test_a_call_that_finds_no_place_in_its_time_says_so(local_provider, place):
    made = router(place("chat", max_parallel_requests=1))
    local_provider.delay(1)
    local_provider.reply("Here.")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(made.completion, "chat", MESSAGES)
        assert wait_until(lambda: in_flight(made) == 1)
        with pytest.raises((litellm.RateLimitError, litellm.Timeout)):
            made.completion("chat", MESSAGES, timeout=0.2)
        assert text_of(first.result()) == "Here."
    assert len(local_provider.requests) == 1


def test_nobody_waits_for_a_deployment_that_could_not_take_the_call_anyhow(local_provider, place):
    made = router(place("chat", max_parallel_requests=1, tags=["paid"]), enable_tag_filtering=True)
    local_provider.delay(2)
    local_provider.reply("Here.")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(made.completion, "chat", MESSAGES, metadata={"tags": ["paid"]})
        assert wait_until(lambda: in_flight(made) == 1)
        with pytest.raises(litellm.BadRequestError, match="tags"):
            made.completion("chat", MESSAGES, metadata={"tags": ["free"]})
        assert not first.done()
        assert text_of(first.result()) == "Here."
