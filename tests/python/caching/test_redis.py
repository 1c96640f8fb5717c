"""A cache in Redis: shared by processes, and without effect on a call when Redis is gone."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

import edgequake_litellm as litellm

from ..conftest import run_python, start_python


def use(redis: Any, **more: Any) -> Any:
    litellm.cache = made = litellm.Cache(type="redis", host="127.0.0.1", port=redis.port, **more)
    return made


def test_answers_are_there_for_other_processes(redis, local_provider):
    program = f"""
        import edgequake_litellm as litellm
        litellm.cache = litellm.Cache(type="redis", host="127.0.0.1", port={redis.port}, namespace="shop")
        messages = [{{"role": "user", "content": "Say hello"}}]
        print(litellm.completion("openai/gpt-4o", messages, api_base={local_provider.base_url!r}, api_key="k").id)
    """
    first = run_python(program)
    processes = [start_python(program) for _ in range(8)]
    assert {process.communicate(timeout=60) for process in processes} == {(first, "")}
    assert len(local_provider.requests) == 1
    assert b"edgequake:shop:" in redis.command("KEYS", "*")


def test_an_answer_holds_a_minute_or_as_long_as_is_said(redis, arguments):
    use(redis)
    key = litellm.completion(**arguments)
    key = "edgequake:" + key._hidden_params["cache_key"]
    assert 50_000 < int(redis.command("PTTL", key)[1:]) <= 60_000
    use(redis, ttl=5)
    litellm.completion(**arguments, cache={"no-cache": True})
    assert 4_000 < int(redis.command("PTTL", key)[1:]) <= 5_000
    litellm.completion(**arguments, cache={"no-cache": True, "ttl": 100})
    assert 90_000 < int(redis.command("PTTL", key)[1:]) <= 100_000


def test_values_that_are_no_entries_are_misses(redis, local_provider, arguments):
    use(redis)
    first = litellm.completion(**arguments)
    key = "edgequake:" + first._hidden_params["cache_key"]
    redis.command("SETRANGE", key, "60", "!")
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is None
    redis.command("SET", key, "{'timestamp': 1, 'response': 'x'}")
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is None
    redis.command("DEL", key)
    redis.command("LPUSH", key, "a list")
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is None
    assert len(local_provider.requests) == 4
    redis.command("DEL", key)
    litellm.completion(**arguments)
    assert litellm.completion(**arguments)._hidden_params["cache_hit"] is True


def test_a_dead_redis_costs_no_answer_and_little_time(redis, local_provider, arguments, caplog):
    cache = use(redis)
    litellm.completion(**arguments)
    redis.kill()
    with caplog.at_level(logging.WARNING, logger="LiteLLM"):
        began = time.monotonic()
        for _ in range(20):
            assert litellm.completion(**arguments).choices[0].message.content
        took = time.monotonic() - began
    assert len(local_provider.requests) == 21
    assert took < 10, "one try in a while, not one for each call"
    with pytest.raises(litellm.ServiceUnavailableError, match=r"127\.0\.0\.1"):
        cache.cache.sync_ping()
    # What a program asks of a cache that is gone is not there either.
    assert cache.get_cache(**arguments) is None


def test_only_its_own_keys_are_removed(redis, arguments):
    cache = use(redis)
    redis.command("SET", "somebody", "else's")
    litellm.completion(**arguments)
    cache.flush_cache()
    assert redis.command("KEYS", "*") == b"*1\r\n$8\r\nsomebody\r\n"


def test_no_password_is_shown(redis):
    cache = litellm.Cache(type="redis", host="127.0.0.1", port=redis.port, password="a-secret-password")
    with pytest.raises(litellm.ServiceUnavailableError) as caught:
        cache.cache.sync_ping()
    assert "a-secret-password" not in f"{caught.value!r} {cache!r} {cache.cache!r}"


def test_two_addresses_are_refused():
    with pytest.raises(litellm.BadRequestError, match="two servers"):
        litellm.Cache(type="redis", host="a", url="redis://b")


def test_a_redis_that_hangs_leaves_a_call_with_a_short_time_limit_its_time(redis, local_provider, arguments):
    use(redis)
    litellm.register_quota("hangs", [{"rpm": 100}], store={"type": "redis", "host": "127.0.0.1", "port": redis.port})
    litellm.completion(**arguments, quota="hangs")
    redis.freeze(True)
    try:
        for more in ({}, {"quota": "hangs"}):
            messages = [{"role": "user", "content": f"another {more}"}]
            litellm.completion(**{**arguments, "messages": messages}, timeout=0.6, num_retries=0, **more)
    finally:
        redis.freeze(False)
        litellm.register_quota("hangs", None)
    assert len(local_provider.requests) == 3
