"""`acompletion` and `aembedding`: many at once, cancelled, streamed, on any event loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import _async
from edgequake_litellm.testing import LocalProvider

from .conftest import MESSAGES, run_python, wait_until

PIECES = [f"piece {number} " for number in range(300)]


async def texts(stream: Any) -> list[str]:
    return [chunk.choices[0].delta.content async for chunk in stream if chunk.choices[0].delta.content]


def test_programs_can_tell_coroutine_functions() -> None:
    assert inspect.iscoroutinefunction(litellm.acompletion)
    assert inspect.iscoroutinefunction(litellm.aembedding)
    assert not inspect.iscoroutinefunction(litellm.completion)
    assert not inspect.iscoroutinefunction(litellm.embedding)


def test_acompletion_and_aembedding(arguments: dict[str, Any], embed: dict[str, Any]) -> None:
    async def main() -> None:
        response = await litellm.acompletion(**arguments)
        assert response.choices[0].message.content == "You said: Say hello"
        assert response._hidden_params["custom_llm_provider"] == "openai"
        vectors = await litellm.aembedding(**embed, input=["a", "b"])
        assert [item["index"] for item in vectors.data] == [0, 1]

    asyncio.run(main())


def test_two_hundred_calls_at_once_each_get_their_own_answer(arguments: dict[str, Any]) -> None:
    async def ask(number: int) -> str:
        message = {"role": "user", "content": f"number {number}"}
        content: str = (await litellm.acompletion(**{**arguments, "messages": [message]})).choices[0].message.content
        return content

    async def main() -> list[str]:
        return await asyncio.gather(*(ask(number) for number in range(200)))

    assert asyncio.run(main()) == [f"You said: number {number}" for number in range(200)]


def test_two_hundred_streams_at_once(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    async def ask(number: int) -> str:
        message = {"role": "user", "content": f"number {number}"}
        return "".join(await texts(await litellm.acompletion(**{**arguments, "messages": [message]}, stream=True)))

    async def main() -> list[str]:
        return await asyncio.gather(*(ask(number) for number in range(200)))

    assert asyncio.run(main()) == [f"You said: number {number}" for number in range(200)]


def test_errors_are_raised_where_they_are_awaited(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    async def main() -> None:
        with pytest.raises(litellm.BadRequestError):
            await litellm.acompletion(**arguments, temperature=float("nan"))
        local_provider.error(429, "slow down")
        with pytest.raises(litellm.RateLimitError, match="slow down"):
            await litellm.acompletion(**arguments, num_retries=0, max_retries=0)

    asyncio.run(main())


def test_every_piece_comes_once_and_in_order(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=PIECES)
    local_provider.reply(chunks=PIECES[:7])

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        assert isinstance(stream, litellm.CustomStreamWrapper)
        assert await texts(stream) == PIECES
        assert [chunk async for chunk in stream] == []
        assert litellm.stream_chunk_builder(stream.chunks).choices[0].message.content == "".join(PIECES)
        assert await texts(litellm.astream(**arguments)) == PIECES[:7]
        with pytest.raises(TypeError, match="async for"):
            list(await litellm.acompletion(**arguments, stream=True))

    asyncio.run(main())


# Cancelling and closing ----------------------------------------------------------------------------------------------------


def test_cancelling_the_task_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.delay(30)

    async def main() -> None:
        task = asyncio.ensure_future(litellm.acompletion(**arguments))
        await asyncio.get_running_loop().run_in_executor(None, local_provider.wait_requests, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.get_running_loop().run_in_executor(None, local_provider.wait_disconnected)

    asyncio.run(main())


def test_wait_for_is_a_deadline(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.delay(30)

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(litellm.acompletion(**arguments), 0.1)

    asyncio.run(main())
    assert local_provider.wait_disconnected()


def endless(provider: LocalProvider) -> None:
    provider.reply(chunks=["word "] * 100_000, gap=0.01)


def test_aclose_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    endless(local_provider)

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        await stream.__anext__()
        await stream.aclose()
        assert [chunk async for chunk in stream] == []
        await stream.aclose()

    asyncio.run(main())
    assert local_provider.wait_disconnected()


def test_leaving_the_async_with_block_closes_the_connection(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    endless(local_provider)

    async def main() -> None:
        async with await litellm.acompletion(**arguments, stream=True) as stream:
            await stream.__anext__()

    asyncio.run(main())
    assert local_provider.wait_disconnected()


def test_dropping_a_stream_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    endless(local_provider)

    async def main() -> bool:
        async for chunk in await litellm.acompletion(**arguments, stream=True):
            if chunk.choices[0].delta.content:
                break
        gc.collect()
        return await asyncio.get_running_loop().run_in_executor(None, local_provider.wait_disconnected)

    assert asyncio.run(main())


def test_cancelling_a_reader_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["a", "b"], gap=30)

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(texts(stream), 0.2)
        assert await asyncio.get_running_loop().run_in_executor(None, local_provider.wait_disconnected)
        # To end here as if the answer were complete would hide that half of it is missing.
        with pytest.raises(litellm.APIConnectionError, match="cancelled"):
            await stream.__anext__()

    asyncio.run(main())


def test_closing_a_stream_wakes_its_reader(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["a", "b"], gap=30)

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        reader = asyncio.ensure_future(texts(stream))
        await asyncio.sleep(0.1)
        closer = threading.Thread(target=stream.close)
        closer.start()
        assert await asyncio.wait_for(reader, 5) == []
        closer.join()

    asyncio.run(main())
    assert local_provider.wait_disconnected()


def test_two_readers_are_told_so(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["a", "b"], gap=0.3)

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        reader = asyncio.ensure_future(texts(stream))
        await asyncio.sleep(0.1)
        with pytest.raises(RuntimeError, match="another task"):
            await stream.__anext__()
        assert await reader == ["a", "b"]

    asyncio.run(main())


def test_a_cut_stream_raises_after_what_came(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.cut("one two three four", after=3)

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            await texts(stream)
        assert stream.response_uptil_now == "one two"

    asyncio.run(main())


# A slow reader -------------------------------------------------------------------------------------------------------------


def test_a_slow_reader_holds_the_server_back_and_others_go_on(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    local_provider.reply(chunks=["x" * 10_000] * 6_000)  # 60 MB

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        await stream.__anext__()
        request = local_provider.requests[-1]
        before = -1
        while before != request.chunks_sent:
            before = request.chunks_sent
            # Other calls of the loop, on the same queue, are not held up by the stream that nobody reads.
            for _ in range(5):
                assert (await litellm.acompletion(**arguments)).choices[0].message.content
            await asyncio.sleep(0.3)
        assert before < 2_000, "the server could send 20 MB to a reader that reads nothing"
        assert len(stream.completion_stream.items) < 1_000
        assert not request.complete
        await stream.aclose()

    asyncio.run(main())
    assert local_provider.wait_disconnected()


def test_a_paused_stream_goes_on_where_it_stopped(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    pieces = [f"{number:05d}" + "y" * 2_000 for number in range(3_000)]
    local_provider.reply(chunks=pieces)

    async def main() -> None:
        read = []
        number = 0
        async for chunk in await litellm.acompletion(**arguments, stream=True):
            number += 1
            if number in (5, 1_500):
                await asyncio.sleep(0.5)
            read.append(chunk.choices[0].delta.content)
        assert [piece for piece in read if piece] == pieces

    asyncio.run(main())


# Loops ---------------------------------------------------------------------------------------------------------------------


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors for a program, as Windows' Proactor cannot."""

    def add_reader(self, *args: Any) -> None:
        raise NotImplementedError


def test_a_loop_that_cannot_watch_descriptors(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=PIECES)

    async def main() -> None:
        assert await texts(await litellm.acompletion(**arguments, stream=True)) == PIECES
        answers = await asyncio.gather(*(litellm.acompletion(**arguments) for _ in range(50)))
        assert len(answers) == 50

    loop = LoopWithoutReaders()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    del loop

    def watched() -> bool:
        gc.collect()
        return any(thread.name == "edgequake_litellm" for thread in threading.enumerate())

    assert wait_until(lambda: not watched())


def test_uvloop(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed; the package does not need it")
    local_provider.reply(chunks=PIECES)

    async def main() -> None:
        assert await texts(await litellm.acompletion(**arguments, stream=True)) == PIECES
        assert len(await asyncio.gather(*(litellm.acompletion(**arguments) for _ in range(50)))) == 50

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_many_threads_with_loops_of_their_own(arguments: dict[str, Any]) -> None:
    async def ask(number: int) -> str:
        message = {"role": "user", "content": f"number {number}"}
        content: str = (await litellm.acompletion(**{**arguments, "messages": [message]})).choices[0].message.content
        return content

    async def several(first: int) -> list[str]:
        return await asyncio.gather(*(ask(first + number) for number in range(5)))

    said: dict[int, list[str]] = {}
    threads = [
        threading.Thread(target=lambda first=first: said.update({first: asyncio.run(several(first))}))
        for first in range(0, 150, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == {first: [f"You said: number {first + n}" for n in range(5)] for first in range(0, 150, 5)}


def test_a_sync_call_inside_a_coroutine(arguments: dict[str, Any]) -> None:
    async def main() -> None:
        assert litellm.completion(**arguments).choices[0].message.content
        assert (await litellm.acompletion(**arguments)).choices[0].message.content

    asyncio.run(main())


def test_a_hundred_loops_one_after_another_leave_nothing(arguments: dict[str, Any]) -> None:
    run_python(
        f"""
        import asyncio, gc, os
        import edgequake_litellm as litellm

        arguments = {arguments!r}

        async def main():
            await asyncio.gather(litellm.acompletion(**arguments), litellm.acompletion(**arguments))
            stream = await litellm.acompletion(**arguments, stream=True)
            await stream.__anext__()

        def descriptors():
            gc.collect()
            return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

        for _ in range(5):
            asyncio.run(main())
        before = descriptors()
        for _ in range(95):
            asyncio.run(main())
        assert descriptors() <= before + 3, (before, descriptors())
        """
    )


def test_a_loop_closed_over_running_calls_says_nothing(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    local_provider.delay(30)
    run_python(
        f"""
        import asyncio, gc
        import edgequake_litellm as litellm

        loop = asyncio.new_event_loop()
        task = loop.create_task(litellm.acompletion(**{arguments!r}))
        loop.run_until_complete(asyncio.sleep(0.2))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
        """
    )
    assert local_provider.wait_disconnected()


def test_a_stream_outlives_its_loop_without_a_word(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    endless(local_provider)

    async def main() -> Any:
        stream = await litellm.acompletion(**arguments, stream=True)
        await stream.__anext__()
        return stream

    stream = asyncio.run(main())
    gc.collect()
    stream.close()
    assert local_provider.wait_disconnected()


def test_hubs_go_with_their_loops(arguments: dict[str, Any]) -> None:
    async def main() -> int:
        await litellm.acompletion(**arguments)
        return len(_async._hubs)

    kept = asyncio.new_event_loop()  # Somebody may hold on to a closed loop.
    kept.run_until_complete(main())
    kept.close()
    asyncio.run(main())
    gc.collect()
    assert kept not in _async._hubs


def test_needs_a_loop() -> None:
    coroutine = litellm.acompletion("openai/gpt-4o", MESSAGES, api_key="k")
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="tracemalloc is CPython's")
def test_a_call_in_flight_does_not_keep_its_request(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    """It has been sent, and the answer may take long."""
    import tracemalloc

    message = {"role": "user", "content": "z" * 200_000}

    async def main() -> None:
        await litellm.acompletion(**arguments)
        tracemalloc.start()
        for _ in range(5):
            local_provider.delay(1.0)
            local_provider.reply("late")
        tasks = [asyncio.ensure_future(litellm.acompletion(**{**arguments, "messages": [message]})) for _ in range(5)]
        await asyncio.sleep(0)  # Now they are started.
        snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()
        sizes = {Path(found.traceback[0].filename).name: found.size for found in snapshot.statistics("filename")}
        assert sizes.get("_async.py"), "the calls are in flight"
        assert sizes.get("_request.py", 0) < 100_000
        await asyncio.gather(*tasks)

    asyncio.run(main())
