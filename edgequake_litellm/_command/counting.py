"""`edgequake-litellm cost` and `edgequake-litellm tokens`."""

from __future__ import annotations

from .. import _costs, _tokens, exceptions
from . import output
from .arguments import UsageError, model_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def cost(given: Namespace) -> int:
    if given.word:
        raise UsageError(f"the model is given by -m, as in: cost -m {given.word[0]} --prompt-tokens 1000")
    model = model_of(given)
    prompt, completion = given.prompt_tokens, given.completion_tokens
    if given.prompt is not None:
        prompt = _count(model, text_of([given.prompt]))
    if given.completion is not None:
        completion = _count(model, text_of([given.completion]))
    if min(prompt, completion, given.cached_tokens) < 0:
        raise UsageError("a number of tokens is 0 or more")
    if not prompt and not completion:
        raise UsageError(
            "say how many tokens, by --prompt-tokens and --completion-tokens, or give the texts by --prompt and --completion"
        )
    try:
        paid_in, paid_out = _costs.cost_per_token(
            model=model, prompt_tokens=prompt, completion_tokens=completion, cache_read_input_tokens=given.cached_tokens
        )
    except exceptions.ModelNotMappedError as error:
        raise UsageError(str(error)) from None
    if given.json:
        output.as_json(
            {
                "model": model,
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "prompt_cost": paid_in,
                "completion_cost": paid_out,
                "cost": paid_in + paid_out,
                "currency": "USD",
            }
        )
    else:
        output.table(
            ("", "TOKENS", "COST"),
            (
                ("prompt", str(prompt), output.money(paid_in)),
                ("completion", str(completion), output.money(paid_out)),
                ("together", str(prompt + completion), output.money(paid_in + paid_out)),
            ),
        )
    return 0


def tokens(given: Namespace) -> int:
    model = model_of(given)
    number = _count(model, text_of(given.text))
    if given.json:
        output.as_json({"model": model, "tokens": number})
    else:
        print(number)
    return 0


def _count(model: str, text: str) -> int:
    return _tokens.token_counter(model=model, text=text) if text else 0
