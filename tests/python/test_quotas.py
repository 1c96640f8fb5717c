"""Limits that calls share: in this process, and through Redis in many."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm

from .conftest import MESSAGES, start_python
from .redis_server import RedisServer

PRICES = {"gpt-test": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002, "litellm_provider": "openai"}}


@pytest.fixture
def quota() -> Iterator[str]:
    yield "test"
    litellm.register_quota("test", None)


def call(**more: Any) -> Any:
    # litellm's mocks use 10 tokens for the prompt and 20 for the answer.
    return litellm.completion("openai/gpt-test", MESSAGES, mock_response="hello", **{"quota": "test", **more})


async def acall(**more: Any) -> Any:
    return await litellm.acompletion("openai/gpt-test", MESSAGES, mock_response="hello", **{"quota": "test", **more})


def test_a_limit_of_requests_refuses_before_anything_is_sent(quota, arguments, local_provider):
    litellm.register_quota(quota, [{"name": "slow", "per": "user", "rpm": 2}])
    for _ in range(2):
        litellm.completion(**arguments, quota=quota, user="ann")
    with pytest.raises(litellm.RateLimitError, match=r'limit "slow" of user "ann".*2 of 2 requests') as caught:
        litellm.completion(**arguments, quota=quota, user="ann")
    assert caught.value.status_code == 429
    assert 50_000 < caught.value.retry_after_ms <= 61_000
    litellm.completion(**arguments, quota=quota, user="bob")
    bodies = [request.json for request in local_provider.requests]
    assert [body["user"] for body in bodies] == ["ann", "ann", "bob"]
    assert all("quota" not in body for body in bodies)


def test_a_request_that_meets_a_limit_takes_no_fallback(quota, arguments, local_provider):
    litellm.register_quota(quota, [{"per": "model", "rpm": 1}])
    fallbacks = [{"model": "openai/other", "api_base": local_provider.base_url, "api_key": "k"}]
    litellm.completion(**arguments, quota=quota, fallbacks=fallbacks)
    with pytest.raises(litellm.RateLimitError, match="of model"):
        litellm.completion(**arguments, quota=quota, fallbacks=fallbacks)
    assert len(local_provider.requests) == 1


def test_what_a_fallback_uses_counts_to_the_limits_of_the_request(quota, arguments, local_provider):
    litellm.register_quota(quota, [{"per": "user", "tpm": 60}])
    local_provider.error(400)
    fallbacks = [{"model": "openai/other", "mock_response": "hello"}]
    litellm.completion(**arguments, quota=quota, user="ann", fallbacks=fallbacks)
    assert len(local_provider.requests) == 1
    with pytest.raises(litellm.RateLimitError, match=r"limit .* of user .ann.*3\d of 60 tokens"):
        litellm.completion(**arguments, quota=quota, user="ann", max_tokens=50)


def test_coroutines_and_streams_have_the_same_limits(quota):
    litellm.register_quota(quota, [{"tpm": 100}])

    async def all_of_them() -> None:
        await acall()
        async for _ in await acall(stream=True):
            pass
        with pytest.raises(litellm.RateLimitError, match="tokens"):
            await acall(max_tokens=90)

    asyncio.run(all_of_them())
    for _ in call(stream=True):
        pass
    with pytest.raises(litellm.RateLimitError, match="tokens"):
        for _ in call(stream=True, max_tokens=90):
            pass


def test_a_budget_is_kept(quota):
    litellm.register_quota(quota, [{"per": "team", "budget": 0.1, "budget_duration": "1d"}], prices=PRICES)
    for _ in range(2):
        call(metadata={"team": "red"})
    with pytest.raises(litellm.BudgetExceededError, match=r"Current cost: 0\.1, Max budget: 0\.1") as caught:
        call(metadata={"team": "red"})
    error = caught.value
    assert (error.current_cost, error.max_budget, error.entity_type, error.entity_id) == (0.1, 0.1, "team", "red")
    call(metadata={"team": "blue"})


def test_prices_that_the_program_registered_count(quota):
    litellm.register_model({"openai/gpt-mine": {"input_cost_per_token": 1.0, "output_cost_per_token": 1.0}})
    litellm.register_quota(quota, [{"budget": 30}])
    litellm.completion("openai/gpt-mine", MESSAGES, mock_response="hello", quota=quota)
    with pytest.raises(litellm.BudgetExceededError):
        litellm.completion("openai/gpt-mine", MESSAGES, mock_response="hello", quota=quota)


def test_a_quota_for_all_calls_is_a_setting(quota):
    litellm.register_quota(quota, [{"rpm": 1}])
    litellm.quota = quota
    try:
        call(quota=None)
        with pytest.raises(litellm.RateLimitError):
            call(quota=None)
    finally:
        del litellm.quota
    call(quota=None)


def test_wrong_settings_and_unknown_quotas_are_told():
    with pytest.raises(litellm.BadRequestError, match=r'quota "test": .*rps'):
        litellm.register_quota("test", [{"rps": 1}])
    with pytest.raises(litellm.BadRequestError, match=r'no quota "test".*register_quota'):
        call()
    for limits in ({"rpm": 1}, "abc", [1]):
        with pytest.raises(litellm.BadRequestError, match=r"'test' must be a list of dicts"):
            litellm.register_quota("test", limits)


WORKER = """
import json, os, time
import edgequake_litellm as litellm
store, start, seconds, window = json.loads(os.environ["PLAN"])
litellm.register_quota("q", [{"name": "all", "rpm": 100, "window": window}], store=store)
granted = []
time.sleep(max(0, start - time.time()))
while time.time() < start + seconds:
    before = time.time()
    try:
        litellm.completion("openai/gpt-4o", [{"role": "user", "content": "hi"}], mock_response="hello", quota="q")
        granted.append((before, time.time()))
    except litellm.RateLimitError:
        time.sleep(0.002)
print(json.dumps(granted))
"""


def test_many_processes_never_exceed_one_limit_and_use_nearly_all_of_it(tmp_path: Path):
    window, windows, processes = 3.0, 3, 8
    with RedisServer(tmp_path) as redis:
        # All of them are loaded by then, on a busy machine too.
        plan = json.dumps([redis.store, time.time() + 4.0, window * windows, window])
        workers = [start_python(WORKER, PLAN=plan) for _ in range(processes)]
        outcomes = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    assert all(outcomes), "every process got some"
    granted = sorted((before, after) for outcome in outcomes for before, after in outcome)
    # What certainly lies within one window: began after it did, and ended before it.
    for begin, _ in granted:
        within = sum(1 for before, after in granted if before >= begin and after <= begin + window)
        assert within <= 100, f"{within} calls in {window} s"
    assert len(granted) >= 95 * windows, f"{len(granted)} calls in {windows} windows"


def test_a_dead_redis_fails_no_call(quota, tmp_path: Path):
    with RedisServer(tmp_path) as redis:
        litellm.register_quota(
            quota, [{"rpm": 1000}, {"per": "user", "rpm": 1000, "on_store_failure": "deny"}], store=redis.store
        )
        call()
        call(user="ann")
        redis.kill()
        for _ in range(5):
            call()
            with pytest.raises(litellm.ServiceUnavailableError, match="cannot be checked"):
                call(user="ann")
        redis.start()
        deadline = time.monotonic() + 20
        while True:
            try:
                call(user="ann")
                break
            except litellm.ServiceUnavailableError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_a_key_is_in_no_error_and_not_in_redis(quota, tmp_path: Path):
    with RedisServer(tmp_path) as redis:
        store = {"type": "redis", "url": f"redis://:not-the-password@127.0.0.1:{redis.port}"}
        litellm.register_quota(quota, [{"per": "key", "rpm": 1, "on_store_failure": "deny"}], store=store)
        with pytest.raises(litellm.ServiceUnavailableError) as caught:
            call(api_key="sk-very-secret-key")
        assert "not-the-password" not in str(caught.value)
        assert "sk-very" not in str(caught.value)
        litellm.register_quota(quota, [{"per": "key", "rpm": 1}], store=redis.store)
        call(api_key="sk-very-secret-key")
        with pytest.raises(litellm.RateLimitError) as refused:
            call(api_key="sk-very-secret-key")
        assert "sk-very" not in str(refused.value)
        keys = subprocess.run(
            ["redis-cli", "-p", str(redis.port), "KEYS", "*"], check=True, capture_output=True, text=True
        ).stdout
        assert keys.count("{edgequake}:quota:") == len(keys.split()) > 0
        assert "sk-very" not in keys


@pytest.mark.parametrize("name", [None, 5, ""])
def test_a_quota_that_no_call_could_name_is_refused(name):
    with pytest.raises(litellm.BadRequestError, match="The name of a quota must be a string"):
        litellm.register_quota(name, [{"rpm": 1}])
