"""0 lost and 0 doubled answers: 35 faults, each with 0, 1, 2 and 5 retries, called plain and streamed, by threads and by tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .faults import FAULTS, addresses, matrix

# A child of its own process: it needs a library in front of libc. The kernel must drop what is sent to it, as only Linux' does.
APART = {"dns_hang"} if sys.platform.startswith("linux") else {"dns_hang", "syn_blackhole"}


def test_no_answer_is_lost_or_doubled() -> None:
    faults = [name for name in FAULTS if name not in APART]
    assert matrix.differences(faults) == []


@pytest.mark.skipif(not addresses.can_hang_resolver(), reason="a library in front of libc needs Linux and a C compiler")
def test_a_name_whose_lookup_hangs_ends_each_call_once() -> None:
    with FAULTS["dns_hang"].open() as target:
        code = "import json; from faults import matrix; print(json.dumps(matrix.differences(['dns_hang'])))"
        path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        child = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **target.environment, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    assert json.loads(child.stdout) == []


def test_the_model_covers_the_matrix() -> None:
    groups = [set(matrix.RETRIED), set(matrix.RETRIED_WHEN_WHOLE), set(matrix.FINAL), set(matrix.HARMLESS)]
    assert set().union(*groups) == set(FAULTS)
    assert sum(map(len, groups)) == len(FAULTS)
