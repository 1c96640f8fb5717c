"""Runs the flows of one program: `drive.py PROGRAM IMPLEMENTATION ORIGIN`. Prints what they gave as one JSON object.

A flow is a function of `flows/PROGRAM.py` whose name begins with `flow_`. It gets the address of the provider, which has the
flow's name in it, and gives something that JSON can hold. What it raises is what it gave, by the names of the classes that a
program could catch.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import os
import sys
from typing import Any

# Whatever the programs print goes elsewhere.
answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

program, implementation, origin = sys.argv[1:]
if implementation == "edgequake_litellm":
    import edgequake_litellm

    edgequake_litellm.install_as_litellm()


def failure(error: BaseException) -> dict[str, Any]:
    """An exception as programs tell it: its classes in order, and the attributes that litellm's exceptions have."""
    classes = [f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__]
    told = {name: getattr(error, name) for name in ("status_code", "llm_provider", "model") if hasattr(error, name)}
    return {
        "raised": [name for name in classes if name.startswith(("litellm.", "openai.")) or name == classes[0]],
        "text": str(error),
        **{name: value for name, value in told.items() if isinstance(value, (str, int))},
    }


def run(flow: Any, address: str) -> Any:
    try:
        given = flow(address)
        return asyncio.run(given) if inspect.isawaitable(given) else given
    except Exception as error:
        if os.environ.get("TRACE"):
            raise
        return failure(error)


flows = importlib.import_module(f"flows.{program}")
results = {}
for name, flow in inspect.getmembers(flows, inspect.isfunction):
    if name.startswith("flow_"):
        title = f"{program}-{name[len('flow_') :]}"
        results[title] = run(flow, f"{origin}/{title}/v1")

if implementation == "edgequake_litellm":
    loaded = [
        name for name, module in sys.modules.items() if name.partition(".")[0] == "litellm" and module is not None
    ]
    foreign = [
        name for name in loaded if "edgequake_litellm" not in (getattr(sys.modules[name], "__file__", None) or "")
    ]
    assert not foreign, f"not this package's: {foreign}"

with contextlib.closing(answer):
    json.dump(results, answer, default=str)
# Threads of the programs must not hold the end up.
os._exit(0)
