"""The same calls as litellm's: what is sent, returned and raised, case by case, against answers that genuine litellm gave.

The cases, the runner and the comparison live beside the repository, not in it, because other projects measure themselves
against them too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import edgequake_litellm

REPOSITORY = Path(__file__).resolve().parents[2]
PARITY = REPOSITORY.parent / "shared" / "parity"
# Where the package that is tested is: the source tree, or the folder that a wheel was installed into.
PACKAGES = str(Path(edgequake_litellm.__file__).resolve().parents[1])

pytestmark = [
    pytest.mark.skipif(
        not PARITY.is_dir(),
        reason=f"PARITY WITH LITELLM IS NOT TESTED: the cases are not in {os.path.join('..', 'shared', 'parity')} beside this repository",
    ),
    pytest.mark.skipif(
        sys.implementation.name == "pypy",
        reason="the program that makes the calls freezes the garbage collector, which is CPython's",
    ),
]

CHATS_AND_VECTORS = frozenset(("completion", "acompletion", "embedding", "aembedding"))
OTHER_OPERATIONS = frozenset(
    (
        *(
            "text_completion",
            "atext_completion",
            "image_generation",
            "transcription",
            "atranscription",
            "speech",
            "aspeech",
        ),
        *("rerank", "arerank", "responses", "batch_completion"),
    )
)

# Those that speak OpenAI's protocol. `openai_o3` and `openai_gpt5` are groups of cases for OpenAI's own reasoning models.
OPENAI_COMPATIBLE = [
    "ai21",
    "baseten",
    "cerebras",
    "custom_openai",
    "dashscope",
    "databricks",
    "deepinfra",
    "deepseek",
    "fireworks_ai",
    "github",
    "groq",
    "hosted_vllm",
    "huggingface",
    "litellm_proxy",
    "llamafile",
    "lm_studio",
    "meta_llama",
    "mistral",
    "moonshot",
    "novita",
    "nvidia_nim",
    "openai",
    "openai_gpt5",
    "openai_o3",
    "openrouter",
    "perplexity",
    "sambanova",
    "together_ai",
    "vercel_ai_gateway",
    "volcengine",
    "xai",
    "zai",
]

# Providers, and how many of a hundred of their cases must not differ. Most of the differences are meant: docs/differences.md says which
# and why. For Ollama they are many, because litellm writes tools into the prompt of `ollama/`, and its asynchronous calls name another
# content type than its synchronous ones.
GROUPS: dict[str, tuple[list[str], int]] = {
    "openai_compatible": (OPENAI_COMPATIBLE, 97),
    "azure": (["azure"], 97),
    "anthropic": (["anthropic"], 92),
    "bedrock": (["bedrock"], 96),
    # litellm cannot read Cohere's streams, and a stream that is read counts as one that should have failed.
    "cohere": (["cohere", "cohere_chat"], 80),
    "ollama": (["ollama", "ollama_chat"], 80),
    "google": (["gemini", "vertex_ai"], 97),
    "vectors": (["jina_ai", "voyage"], 90),
}
OTHERS = ["anthropic", "azure", "cohere", "hosted_vllm", "jina_ai", "openai", "together_ai", "voyage"]


def read_cases() -> list[dict[str, Any]]:
    content = json.loads((PARITY / "cases.public.json").read_text(encoding="utf-8"))
    cases: list[dict[str, Any]] = content["cases"] if isinstance(content, dict) else content
    return cases


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs one of the two programs with this Python and this package."""
    paths = os.pathsep.join(path for path in (PACKAGES, *sys.path) if path)
    # Whoever runs the tests may have keys, and calls must not write into the folder beside the repository.
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(PARITY / script), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600, env=environment)


@pytest.mark.parametrize(("providers", "least_percent"), GROUPS.values(), ids=GROUPS)
def test_calls_do_what_litellms_do(providers: list[str], least_percent: int, tmp_path: Path) -> None:
    check(providers, CHATS_AND_VECTORS, least_percent, tmp_path)


def test_other_operations_do_what_litellms_do(tmp_path: Path) -> None:
    check(OTHERS, OTHER_OPERATIONS, 94, tmp_path)


def check(providers: list[str], operations: frozenset[str], least_percent: int, tmp_path: Path) -> None:
    """Makes the cases of some providers and functions, and compares what comes of them."""
    cases = [case for case in read_cases() if case["provider"] in providers and case["call"]["fn"] in operations]
    assert {case["provider"] for case in cases} == set(providers)
    chosen = {case["id"] for case in cases}
    with open(PARITY / "goldens.public.jsonl", encoding="utf-8") as file:
        goldens = [line for line in file if json.loads(line)["id"] in chosen]
    assert len(goldens) == len(cases)
    paths = {name: tmp_path / name for name in ("cases.json", "goldens.jsonl", "got.jsonl")}
    paths["cases.json"].write_text(json.dumps(cases), encoding="utf-8")
    paths["goldens.jsonl"].write_text("".join(goldens), encoding="utf-8")

    ran = run("runner.py", "--module", "edgequake_litellm", "--cases", paths["cases.json"], "--out", paths["got.jsonl"])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    compared = run(
        "compare.py",
        *("--got", paths["got.jsonl"], "--gold", paths["goldens.jsonl"]),
        *("--min", least_percent, "--show", 1000),
    )
    assert compared.returncode == 0, "\n" + compared.stdout + compared.stderr
