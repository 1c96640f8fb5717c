"""Runs programs that others wrote for litellm, once with litellm itself and once with this package in its place.

    python tests/downstream/run.py [--only PROGRAM …] [--show]

Each program of `flows/` runs in a process of its own against a provider on this machine. What the provider was sent and what the
flows gave must be the same for both; what differs is printed, and is the exit status.

The programs are installed under `.cache/downstream`: beside litellm in one environment, and in another one without it, where
anything that the package lacks would be missed; what cannot stand beside the others has two of its own. Only the first run needs an
index of packages.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from edgequake_litellm._compat import LITELLM_VERSION  # noqa: E402
from edgequake_litellm.testing import Error, LocalProvider, Request  # noqa: E402

PROGRAMS = sorted(path.stem for path in (HERE / "flows").glob("[!_]*.py"))
REFERENCE, OURS = "litellm", "edgequake_litellm"
TIME_LIMIT_S = 300

# What a flow asks for by the name of a model.
FAILURES = {
    "fails-400": Error(400, "The request is wrong."),
    "fails-401": Error(401, "Incorrect API key provided: sk-nothing.", code="invalid_api_key"),
    "fails-404": Error(404, "The model does not exist.", code="model_not_found"),
    "fails-429": Error(429, "Rate limit reached for requests.", code="rate_limit_exceeded"),
    "fails-500": Error(500, "The server had an error."),
    "fails-context": Error(
        400,
        "This model's maximum context length is 10 tokens. However, your messages resulted in 11 tokens.",
        code="context_length_exceeded",
    ),
}


def fail_by_name(request: Request) -> Error | None:
    return FAILURES.get(request.json.get("model", ""))


# Environments --------------------------------------------------------------------------------------------------------------


def requirements_of(group: str | None) -> Path:
    return HERE / ("requirements.txt" if group is None else f"requirements-{group}.txt")


# These ask for an older mcp than litellm needs for any call with tools, and need none themselves for what is tried here.
AFTERWARDS = {"crewai": ["mcp==2.3.0"], "strands": ["mcp==2.3.0"]}


@functools.cache
def environment(name: str, group: str | None) -> Path:
    """The Python of the environment `name` of a group of programs, which is made anew when its requirements have changed."""
    place = ROOT / ".cache" / "downstream" / (name if group is None else f"{name}-{group}")
    requirements = requirements_of(group)
    afterwards = AFTERWARDS.get(group or "", [])
    made_of = requirements.read_text() + "".join(afterwards)
    stamp, wanted = place / "made-of", hashlib.sha256(made_of.encode()).hexdigest() + sys.version
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {group or 'the programs'} beside {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        # Both with litellm first, so that both get the same releases of everything else.
        subprocess.run(
            [*pip, "install", "-r", str(requirements), f"litellm=={LITELLM_VERSION}", "cffi>=1.15"], check=True
        )
        if afterwards:
            subprocess.run([*pip, "install", *afterwards], check=True)
        if name == OURS:
            subprocess.run([*pip, "uninstall", "--yes", "litellm"], check=True)
        stamp.write_text(wanted)
    return python


# Running -------------------------------------------------------------------------------------------------------------------


def run(program: str, implementation: str, python: Path) -> dict[str, Any]:
    """What the flows of `program` gave, and what the provider was sent for each."""
    with LocalProvider(responder=fail_by_name) as provider:
        variables = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_API_BASE"))}
        variables.update(
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            OPENAI_API_KEY="sk-nothing",
            # The programs are not to tell their makers of these runs.
            CREWAI_DISABLE_TELEMETRY="true",
            CREWAI_TRACING_ENABLED="false",
            MEM0_TELEMETRY="False",
            OTEL_SDK_DISABLED="true",
            DSPY_CACHEDIR=str(ROOT / ".cache" / "downstream" / f"dspy-{implementation}"),
        )
        if implementation == OURS:
            variables["PYTHONPATH"] = str(ROOT)
        else:
            variables.pop("PYTHONPATH", None)
        command = [str(python), "-W", "ignore", str(HERE / "drive.py"), program, implementation, provider.origin]
        done = subprocess.run(
            command, env=variables, stdout=subprocess.PIPE, timeout=TIME_LIMIT_S, cwd=HERE, check=False
        )
        if done.returncode:
            raise SystemExit(f"{program} with {implementation} ended with status {done.returncode}")
        given = json.loads(done.stdout)
        return {flow: {"sent": sent(provider, flow), "gave": gave} for flow, gave in given.items()}


def sent(provider: LocalProvider, flow: str) -> list[dict[str, Any]]:
    """The requests of a flow, whose name is the first part of the path."""
    return [
        {"path": request.path, "query": request.query, "key": request.api_key, "body": request.json}
        for request in provider.requests
        if request.path.startswith(f"/{flow}/")
    ]


# Identifiers that the programs, and both implementations, make up.
_MADE_UP = re.compile(
    r"(?:call|chatcmpl|resp|msg|toolu)[_-][0-9A-Za-z-]{8,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b"
)


# What differs on purpose (docs/differences.md), or by the second in which it was made.
_MEANT = (
    (re.compile(r"\bsk-nothing(?=[ .])"), "***"),
    (re.compile(r" LiteLLM Retried: \d+ times, LiteLLM Max Retries: \d+"), ""),
    # What litellm's router puts after a message.
    (re.compile(r"(?:\\n)*LiteLLM: model group [^\"]*"), ""),
    (re.compile(r"\bcreated=\d+"), "created=0"),
    # A field of openai's newest releases, which litellm's classes have from there.
    (re.compile(r", moderation=None"), ""),
    # litellm names the model of an error with its provider for coroutines, and without for others.
    (re.compile(r'"model": "openai/(?=fails-)'), '"model": "'),
)


def lines(flow: dict[str, Any] | None) -> list[str]:
    """A flow as lines to compare, identifiers that were made up numbered as they come."""
    numbers: dict[str, str] = {}
    text = json.dumps(flow, indent=1, sort_keys=True, ensure_ascii=False)
    for pattern, instead in _MEANT:
        text = pattern.sub(instead, text)
    return _MADE_UP.sub(lambda found: numbers.setdefault(found[0], f"<id {len(numbers)}>"), text).splitlines()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="PROGRAM", choices=PROGRAMS, default=PROGRAMS)
    parser.add_argument("--show", action="store_true", help="print what was sent and given")
    options = parser.parse_args()
    differing = 0
    for program in options.only:
        group = program if requirements_of(program).exists() else None
        reference, ours = (run(program, name, environment(name, group)) for name in (REFERENCE, OURS))
        for flow in reference:
            expected, got = lines(reference[flow]), lines(ours.get(flow))
            same = expected == got
            differing += not same
            print(
                f"{'same   ' if same else 'DIFFERS'} {program}: {flow}, {len(reference[flow]['sent'])} requests",
                flush=True,
            )
            if options.show:
                print("\n".join(expected))
            if not same:
                print("\n".join(difflib.unified_diff(expected, got, REFERENCE, OURS, lineterm="", n=4)))
    print(f"{differing} flows differ" if differing else "every flow is the same")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
