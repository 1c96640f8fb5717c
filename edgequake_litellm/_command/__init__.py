"""The command `edgequake-litellm`.

Exit codes: 0 done; 1 the call failed, or `doctor` found something missing; 2 the command was wrong; 130 ended by Ctrl-C.
"""

from __future__ import annotations

import os
import sys

from . import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, WRONG, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command with `argv`, or the program's arguments, and returns its exit code.

    What is expected to go wrong is one sentence on stderr. Anything else is a defect, whose traceback is needed.
    """
    try:
        given = arguments.parse(argv)
        code: int = given.run(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would try to write the rest at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except arguments.UsageError as error:
        return _said(error, WRONG)
    except Exception as error:
        if not hasattr(error, "llm_provider"):
            raise
        return _said(error, WRONG if _is_callers(error) else FAILED)


def _is_callers(error: Exception) -> bool:
    """Was it refused before anything was sent?"""
    from .. import exceptions

    response = getattr(error, "response", None)
    return isinstance(error, exceptions.BadRequestError) and not getattr(response, "content", b"")


def _said(error: Exception, code: int) -> int:
    sys.stdout.flush()
    text = str(error).strip() or type(error).__name__
    print(f"edgequake-litellm: {text}", file=sys.stderr)
    return code
