"""The command's arguments."""

from __future__ import annotations

import argparse
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class UsageError(Exception):
    """Something about the command is wrong; the text says what and how to mend it."""


MODEL_VARIABLE = "EDGEQUAKE_MODEL"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments, with the function that does what they say as `run`. Exits with 2 where they cannot be read."""
    parser = argparse.ArgumentParser(
        prog="edgequake-litellm",
        description="Calls language models, with one API for every provider. Keys come from the environment, as in OPENAI_API_KEY.",
    )
    parser.add_argument("--version", action=_ShowVersion)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _chat(_command(commands, "chat", "ask a model, and print its answer while it comes"))
    _models(_command(commands, "models", "list the models whose prices and limits are known"))
    _providers(_command(commands, "providers", "list the providers and what they need"))
    _cost(_command(commands, "cost", "say what tokens cost"))
    _tokens(_command(commands, "tokens", "count the tokens of a text"))
    _doctor(_command(commands, "doctor", "say what is configured and what is missing; no key is shown"))
    return parser.parse_args(argv)


class _ShowVersion(argparse.Action):
    """Asks the library for its version only when somebody wants to know."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, help="print the version and exit", **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from .._native import library_version

        print(f"edgequake-litellm {library_version()}")
        parser.exit()


def _command(commands: Any, name: str, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=lambda given: _run(name, given))
    return parser


def _run(name: str, given: argparse.Namespace) -> int:
    from importlib import import_module

    # Each command loads what it needs, and `--help` nothing.
    module = {"models": "lists", "providers": "lists", "cost": "counting", "tokens": "counting"}.get(name, name)
    run: Callable[[argparse.Namespace], int] = getattr(import_module(f"{__package__}.{module}"), name)
    return run(given)


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model",
        default=os.environ.get(MODEL_VARIABLE),
        help=f"the provider and the model, as in openai/gpt-4o (default: what {MODEL_VARIABLE} says)",
    )


def _chat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompt",
        nargs="*",
        help="what to say; - stands for the standard input, which is read, too, where there is no prompt",
    )
    _model(parser)
    parser.add_argument("-s", "--system", help="what the model is told before")
    parser.add_argument("-t", "--temperature", type=float)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--max-tokens", type=int, metavar="N", help="the most tokens of an answer")
    parser.add_argument("--stop", action="append", metavar="TEXT", help="where the answer shall end; may be repeated")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--reasoning-effort", metavar="WORD", help="how long to think: low, medium, high, …")
    parser.add_argument(
        "-i",
        "--image",
        action="append",
        metavar="FILE",
        help="an image to look at, a file or an address; may be repeated",
    )
    parser.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="any other argument of completion(); the value is JSON, or text where it is none; may be repeated",
    )
    parser.add_argument("--api-base", metavar="URL", help="the provider's address")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="how long to wait for the answer")
    parser.add_argument(
        "--retries", type=int, metavar="N", help="how often a call that failed is made again (default: 2)"
    )
    parser.add_argument("--no-stream", action="store_true", help="print the answer when all of it is there")
    parser.add_argument("--reasoning", action="store_true", help="print the model's reasoning to stderr")
    parser.add_argument("--usage", action="store_true", help="print tokens and cost to stderr")


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", nargs="*", help="only models whose names have all of these words")
    parser.add_argument("-p", "--provider", help="only this provider's")
    parser.add_argument("--mode", help="only those of this kind: chat, embedding, image_generation, …")


def _providers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", nargs="*", help="only providers whose names have one of these words")


def _cost(parser: argparse.ArgumentParser) -> None:
    # `cost gpt-4o` is what everybody writes first. argparse alone would only say that it does not know the word.
    parser.add_argument("word", nargs="*", help=argparse.SUPPRESS)
    _model(parser)
    parser.add_argument("--prompt-tokens", type=int, default=0, metavar="N")
    parser.add_argument("--completion-tokens", type=int, default=0, metavar="N")
    parser.add_argument(
        "--cached-tokens", type=int, default=0, metavar="N", help="those of the prompt that came from a cache"
    )
    parser.add_argument("--prompt", metavar="TEXT", help="count the tokens of this instead; - is the standard input")
    parser.add_argument("--completion", metavar="TEXT", help="likewise")


def _tokens(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="the text; - or none is the standard input")
    _model(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "provider", nargs="*", help="a provider, or a model; without one all that are configured are listed"
    )


# What several commands read -------------------------------------------------------------------------------------------------


def model_of(given: argparse.Namespace) -> str:
    if not given.model:
        raise UsageError(f"name a model, as in -m openai/gpt-4o, or set {MODEL_VARIABLE}")
    return str(given.model)


def text_of(words: Sequence[str]) -> str:
    """The words as one text; the standard input, "-" or what is read without any word, is a paragraph of its own."""
    paragraphs: list[list[str]] = [[]]
    for word in words or ("-",):
        if word == "-":
            paragraphs.extend(([_input()], []))
        else:
            paragraphs[-1].append(word)
    return "\n\n".join(" ".join(paragraph) for paragraph in paragraphs if paragraph)


def _input() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        print("(reading the standard input; end it with Ctrl-D)", file=sys.stderr)
    # Text of another encoding is shown as far as it can be, not refused.
    return sys.stdin.buffer.read().decode("utf-8", "replace").strip() if sys.stdin is not None else ""
