"""Event loops other than asyncio's own: trio, anyio on both, uvloop."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import _async
from edgequake_litellm.testing import LocalProvider

from . import programs

trio: Any = pytest.importorskip("trio", reason="trio is not installed; the package does not need it")

PIECES = [f"piece {number} " for number in range(20)]


async def content(arguments: dict[str, Any]) -> Any:
    return (await litellm.acompletion(**arguments)).choices[0].message.content


async def texts(stream: Any) -> list[str]:
    return [chunk.choices[0].delta.content async for chunk in stream if chunk.choices[0].delta.content]


def test_trio_answers_and_streams(
    local_provider: LocalProvider, arguments: dict[str, Any], embed: dict[str, Any]
) -> None:
    async def main() -> None:
        assert await content(arguments) == "You said: Say hello"
        assert len((await litellm.aembedding(input=["a", "b"], **embed)).data) == 2
        local_provider.reply(chunks=PIECES)
        assert await texts(await litellm.acompletion(**arguments, stream=True)) == PIECES
        with pytest.raises(litellm.AuthenticationError):
            local_provider.error(401, "no")
            await litellm.acompletion(**arguments)

    trio.run(main)
    trio.run(main)
    assert not _async._hubs, "the end of a run is the end of its calls"


def test_trio_runs_calls_side_by_side(arguments: dict[str, Any]) -> None:
    said: dict[int, Any] = {}

    async def ask(number: int) -> None:
        message = {"role": "user", "content": f"number {number}"}
        said[number] = await content({**arguments, "messages": [message]})

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(ask, number)

    trio.run(main)
    assert said == {number: f"You said: number {number}" for number in range(50)}


def test_trio_cancels_a_call(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.delay(60)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(content, arguments)
            assert await trio.to_thread.run_sync(local_provider.wait_requests, 1)
            nursery.cancel_scope.cancel()
        assert await trio.to_thread.run_sync(local_provider.wait_disconnected)

    trio.run(main)


def test_trio_cancels_a_stream(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["one", "two"], gap=60)

    async def main() -> None:
        with trio.move_on_after(0.1) as scope:
            async with await litellm.acompletion(**arguments, stream=True) as stream:
                await texts(stream)
        assert scope.cancelled_caught
        assert await trio.to_thread.run_sync(local_provider.wait_disconnected)

    trio.run(main)


def test_trio_reads_a_stream_of_completion_in_a_thread(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    local_provider.reply(chunks=PIECES)

    async def main() -> None:
        stream = await trio.to_thread.run_sync(lambda: litellm.completion(**arguments, stream=True))
        assert await texts(stream) == PIECES

    trio.run(main)


def test_another_thread_closes_a_stream_that_trio_waits_for(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    local_provider.reply(chunks=["one", "two"], gap=60)

    async def main() -> None:
        stream = await litellm.acompletion(**arguments, stream=True)
        closing = threading.Thread(target=stream.close)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(texts, stream)
            while stream.completion_stream._waiter is None:
                await trio.sleep(0)
            closing.start()
        closing.join()

    trio.run(main)
    assert local_provider.wait_disconnected()


def test_a_trio_stream_does_not_outlive_its_run(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["one", "two"], gap=60)

    async def main() -> Any:
        return await litellm.acompletion(**arguments, stream=True)

    stream = trio.run(main)
    assert local_provider.wait_disconnected()
    with pytest.raises(litellm.APIConnectionError, match="its event loop was closed"):
        asyncio.run(texts(stream))


def test_trio_as_a_guest_of_asyncio(arguments: dict[str, Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            content,
            arguments,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=done.set_result,
        )
        assert await content(arguments) == "You said: Say hello"
        assert (await done).unwrap() == "You said: Say hello"

    asyncio.run(main())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(local_provider: LocalProvider, arguments: dict[str, Any], backend: str) -> None:
    anyio: Any = pytest.importorskip("anyio", reason="anyio is not installed; the package does not need it")

    async def main() -> None:
        said: list[Any] = []

        async def ask() -> None:
            said.append(await content(arguments))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask)
        assert said == ["You said: Say hello"] * 10
        local_provider.delay(60)
        with anyio.move_on_after(0.05) as scope:
            await content(arguments)
        assert scope.cancelled_caught

    anyio.run(main, backend=backend)
    assert local_provider.wait_disconnected()


def test_without_a_loop_the_error_says_so(arguments: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        litellm.acompletion(**arguments).send(None)


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.platform == "win32", reason="uvloop is for CPython on POSIX"
)
def test_uvloop_cancels_and_ends_silently(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    pytest.importorskip("uvloop", reason="uvloop is not installed; the package does not need it")
    local_provider.reply(chunks=["one", "two"], gap=60)
    lines = programs.run(
        """
        import asyncio, uvloop
        async def main():
            try:
                await asyncio.wait_for(litellm.acompletion(**arguments, stream=True, timeout=60), 30)
                say(await ask_async(), type(asyncio.get_running_loop()).__module__)
                waiting = asyncio.ensure_future(ask_async(mock_response="x", mock_delay=60))
                await asyncio.sleep(0)
                waiting.cancel()
                await waiting
            except asyncio.CancelledError:
                say("cancelled")
        loop = uvloop.new_event_loop()
        loop.run_until_complete(main())
        loop.close()
        """,
        arguments,
    )
    assert lines == ["You said: Say hello uvloop", "cancelled"]
    assert local_provider.wait_disconnected()
