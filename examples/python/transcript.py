"""What every example of a language shows, in the words of ../transcript.txt.

Usage: transcript.py ADDRESS KEY. The address is that of a server of OpenAI's protocol; ci/languages.py gives one that
answers as the transcript says.
"""

from __future__ import annotations

import io
import sys
from typing import Any, Dict

from edgequake import Client, EdgequakeError, ErrorKind


def request(prompt: str) -> Dict[str, Any]:
    address, key = sys.argv[1:3]
    return {
        "model": "openai/gpt-4o-mini",
        "api_base": address,
        "api_key": key,
        "num_retries": 0,
        "messages": [{"role": "user", "content": prompt}],
    }


def completion(client: Client) -> None:
    print("completion")
    answer = client.completion(**request("Name the capital of France."))
    choice, usage = answer["choices"][0], answer["usage"]
    print(f"  answer: {choice['message']['content']}")
    print(f"  finish reason: {choice['finish_reason']}")
    print(f"  tokens: {usage['prompt_tokens']} + {usage['completion_tokens']}")


def stream(client: Client) -> None:
    print("stream")
    text, pieces, reason = "", 0, None
    with client.stream(**request("Describe the sea.")) as events:
        for event in events:
            text += event.text
            pieces += bool(event.text)
            if event.chunk and event.chunk["choices"]:
                reason = event.chunk["choices"][0]["finish_reason"] or reason
    print(f"  text: {text}")
    print(f"  pieces: {pieces}")
    print(f"  finish reason: {reason}")


def backpressure(client: Client) -> None:
    print("backpressure")
    size = pieces = 0
    # A queue of 64 KiB. While nobody reads it the library reads nothing from the server, which so has to wait.
    with client.stream(capacity=65536, **request("Recite the encyclopedia.")) as events:
        for event in events:
            size += len(event.text.encode())
            pieces += bool(event.text)
            if event.text and pieces == 1:
                print("  one piece read; the reader turns to something else")
                answer = client.completion(**request("What does the encyclopedia do?"))
                print(f"  meanwhile: {answer['choices'][0]['message']['content']}")
    print(f"  pieces: {pieces}")
    print(f"  bytes: {size}")


def cancel(client: Client) -> None:
    print("cancel")
    with client.stream(**request("Count to a million.")) as events:
        try:
            for event in events:
                if event.text:
                    print(f"  first piece: {event.text}")
                    events.cancel()
                    break
            for _ in events:
                pass
        except EdgequakeError as error:
            print(f"  cancelled: {'yes' if error.kind == ErrorKind.CANCELLED else error}")


def errors(client: Client) -> None:
    print("errors")
    # Refused by the library itself, before anything is sent.
    nothing = request("")
    del nothing["messages"]
    show(client, "no messages", nothing, ErrorKind.BAD_REQUEST)
    show(client, "refused key", {**request("Let me in."), "api_key": "a-key-that-is-refused"}, ErrorKind.AUTHENTICATION)
    show(client, "too many", request("Hurry."), ErrorKind.RATE_LIMIT)


def show(client: Client, name: str, wrong: Dict[str, Any], expected: ErrorKind) -> None:
    try:
        client.completion(**wrong)
        print(f"  {name}: no error")
    except EdgequakeError as error:
        print(f"  {name}: {error.name}, HTTP status {error.http_status or 0}")
        if error.kind != expected:
            print(f"    unexpected: {error}")
        if error.http_status:
            print(f"    message: {error.message}")
        if error.retry_after_ms is not None:
            print(f"    retry after: {error.retry_after_ms} ms")


def embedding(client: Client) -> None:
    print("embedding")
    asked = request("")
    del asked["messages"]
    answer = client.embedding(**{**asked, "model": "openai/text-embedding-3-small"}, input=["the sea", "a lake"])
    for item in answer["data"]:
        print(f"  {item['index']}: {' '.join(f'{number:.3f}' for number in item['embedding'])}")
    print(f"  tokens: {answer['usage']['total_tokens']}")


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whatever the locale says.
        sys.stdout.reconfigure(encoding="utf-8")
    with Client() as client:
        completion(client)
        stream(client)
        backpressure(client)
        cancel(client)
        errors(client)
        embedding(client)
