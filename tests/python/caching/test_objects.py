"""The objects of litellm.caching, and what an assignment of `litellm.cache` does."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import _runtime
from edgequake_litellm.caching import DualCache, InMemoryCache, RedisCache
from edgequake_litellm.caching.caching import Cache, LiteLLMCacheType
from edgequake_litellm.types.caching import CacheMode

from ..conftest import run_python


def sent(provider: Any, arguments: dict[str, Any], **more: Any) -> int:
    before = len(provider.requests)
    litellm.completion(**{**arguments, **more})
    return len(provider.requests) - before


def test_without_a_cache_nothing_is_kept(local_provider, arguments):
    assert litellm.cache is None
    assert [sent(local_provider, arguments, caching=True, cache={"ttl": 3}) for _ in range(2)] == [1, 1]


def test_enable_update_and_disable(local_provider, arguments):
    litellm.enable_cache()
    first = litellm.cache
    litellm.enable_cache(type="disk")
    assert litellm.cache is first
    assert first.type == LiteLLMCacheType.LOCAL
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    litellm.update_cache()
    assert litellm.cache is not first
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    litellm.disable_cache()
    assert litellm.cache is None
    assert sent(local_provider, arguments) == 1
    litellm.cache = first
    assert sent(local_provider, arguments) == 0, "the cache has kept what it had"


def test_a_cache_that_must_be_asked_for(local_provider, arguments):
    litellm.cache = Cache(mode=CacheMode.default_off)
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 1]
    assert [sent(local_provider, arguments, cache={"use-cache": True}) for _ in range(2)] == [1, 0]


def test_long_conversations_and_other_functions_are_left_out(local_provider, arguments, embed):
    litellm.cache = Cache(supported_call_types=["completion", "acompletion"])
    long = [{"role": "user", "content": str(number)} for number in range(5)]
    assert [sent(local_provider, arguments, messages=long) for _ in range(2)] == [1, 1]
    assert [sent(local_provider, arguments, messages=long[:4]) for _ in range(2)] == [1, 0]
    litellm.embedding(input="a", **embed)
    litellm.embedding(input="a", **embed)
    assert len(local_provider.requests) == 5
    litellm.cache.max_messages = None
    assert [sent(local_provider, arguments, messages=long) for _ in range(2)] == [1, 0]


def test_changed_terms_hold_from_the_next_call_and_answers_stay(local_provider, arguments):
    litellm.cache = cache = Cache()
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    cache.ttl = 100
    assert sent(local_provider, arguments) == 0
    cache.namespace = "other"
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    cache.mode = "default_off"
    assert sent(local_provider, arguments) == 1


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure-blob", "redis-semantic", "qdrant-semantic", "valkey-semantic"])
def test_types_that_are_missing_say_so(kind):
    with pytest.raises(NotImplementedError, match="use 'local', 'disk' or 'redis'"):
        Cache(type=kind)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="no type of a cache"):
        Cache(type="memcached")
    with pytest.raises(litellm.BadRequestError, match="`max_entires`"):
        Cache(max_entires=3)
    with pytest.raises(litellm.BadRequestError, match="`ttl`"):
        Cache(ttl=-1)
    with pytest.raises(litellm.BadRequestError, match="`mode`"):
        Cache(mode="sometimes")
    with pytest.raises(TypeError, match="get_cache and add_cache"):
        litellm.cache = object()


def test_a_cache_that_is_dropped_is_the_engines_no_more():
    cache = Cache()
    name = cache.cache._name
    assert name in _runtime._configured["caches"]
    del cache
    gc.collect()
    assert name not in _runtime._configured["caches"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_has_the_cache_too(local_provider):
    out = run_python(
        f"""
        import os
        import edgequake_litellm as litellm
        litellm.cache = litellm.Cache()
        def ask():
            messages = [{{"role": "user", "content": "Say hello"}}]
            return litellm.completion("openai/gpt-4o", messages, api_base={local_provider.base_url!r}, api_key="k")
        ask()
        if os.fork() == 0:
            print([ask()._hidden_params["cache_hit"] for _ in range(2)], flush=True)
            os._exit(0)
        os.wait()
        """
    )
    assert out == "[None, True]\n"


# A program's own -------------------------------------------------------------------------------------------------------------


class Own:
    """A cache as a program may write one."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get_cache(self, **kwargs: Any) -> Any:
        return self.kept.get(kwargs["messages"][0]["content"])

    def add_cache(self, result: Any, **kwargs: Any) -> None:
        self.kept[kwargs["messages"][0]["content"]] = result.model_dump()


def test_a_programs_own_cache(local_provider, arguments):
    litellm.cache = own = Own()
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    assert list(own.kept) == ["Say hello"]
    response = asyncio.run(litellm.acompletion(**arguments))
    assert response._hidden_params["cache_hit"] is True
    assert len(local_provider.requests) == 1
    assert sent(local_provider, arguments, cache={"no-cache": True}) == 1
    assert sent(local_provider, arguments, caching=False) == 1


def test_a_programs_own_cache_that_fails_costs_no_answer(local_provider, arguments):
    class Broken:
        def get_cache(self, **kwargs: Any) -> Any:
            raise OSError("gone")

        add_cache = get_cache

    litellm.cache = Broken()
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 1]


def test_methods_that_a_program_puts_in_place(local_provider, arguments):
    litellm.cache = Cache()
    litellm.cache.get_cache_key = lambda **kwargs: "always the same"
    other = [{"role": "user", "content": "Something else"}]
    assert [sent(local_provider, arguments), sent(local_provider, arguments, messages=other)] == [1, 0]
    own = Own()
    litellm.cache.get_cache = own.get_cache
    litellm.cache.add_cache = own.add_cache
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    assert own.kept


def test_a_backend_of_the_programs(local_provider, arguments):
    litellm.cache = Cache(_backend=InMemoryCache())
    assert [sent(local_provider, arguments) for _ in range(2)] == [1, 0]
    assert [sent(local_provider, arguments, temperature=0.5) for _ in range(2)] == [1, 0]
    assert len(litellm.cache.cache.cache_dict) == 2


# Places for values -------------------------------------------------------------------------------------------------------------


def test_values_in_memory_end_by_the_clock_and_by_number():
    now = [0.0]
    cache = InMemoryCache(max_size_in_memory=2, default_ttl=10, clock=lambda: now[0])
    cache.set_cache("a", object)
    cache.set_cache("b", 2, ttl=5)
    assert cache.get_cache("a") is object
    assert cache.increment_cache("b", 1, ttl=5) == 3
    now[0] = 6
    assert cache.get_cache("b") is None
    assert cache.get_cache("a") is object
    cache.set_cache("c", 3, ttl=100)
    cache.set_cache("d", 4, ttl=100)
    assert cache.get_cache("a") is None, "the value that ends first makes room"
    assert len(cache.cache_dict) == 2
    cache.set_cache("large", "x" * 2000 * 1024)
    assert cache.get_cache("large") is None
    cache.flush_cache()
    assert cache.batch_get_cache(["c", "d"]) == [None, None]


def test_values_in_memory_are_counted_by_many_threads():
    cache = InMemoryCache()

    def count() -> None:
        for _ in range(500):
            cache.increment_cache("n", 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get_cache("n") == 2000


def test_a_memory_before_redis(redis):
    shared = RedisCache(host="127.0.0.1", port=redis.port)
    first, second = DualCache(redis_cache=shared), DualCache(redis_cache=shared)
    first.set_cache("k", {"a": [1, None]})
    assert second.get_cache("k", local_only=True) is None
    assert second.get_cache("k") == {"a": [1, None]} == second.get_cache("k", local_only=True)

    async def run() -> None:
        await first.async_set_cache("l", "text", ttl=50)
        assert await second.async_get_cache("l") == "text"
        assert await shared.async_batch_get_cache(["l", "m"]) == ["text", None]
        await first.async_delete_cache("l")
        assert await shared.async_get_cache("l") is None
        assert (await shared.test_connection())["status"] == "success"

    asyncio.run(run())
    with pytest.raises(litellm.BadRequestError, match="cannot be sent as JSON"):
        shared.set_cache("o", object())


def test_an_answer_in_memory_needs_no_turn_of_the_loop(local_provider, arguments):
    async def run() -> tuple[Any, list[str]]:
        await litellm.acompletion(**arguments)
        turns: list[str] = []
        asyncio.get_running_loop().call_soon(turns.append, "another's")
        return await litellm.acompletion(**arguments), turns.copy()

    litellm.cache = litellm.Cache()
    response, turns = asyncio.run(run())
    assert response._hidden_params["cache_hit"] is True
    assert turns == []
