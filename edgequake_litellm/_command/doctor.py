"""`edgequake-litellm doctor`: what is configured and what is missing. It reads which variables are set and shows no value of a key."""

from __future__ import annotations

import os
import platform
from urllib.parse import urlsplit

from .. import _lists, _native, _questions
from . import output
from .arguments import UsageError
from .lists import described

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

# What else changes how calls are made. Of these only that they are set is told: a proxy's address may hold a password.
_NETWORK = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSL_VERIFY",
    "SSL_CERTIFICATE",
    "USE_LITELLM_PROXY",
)
_OPTIONAL = {
    "openai": "its exception classes",
    "pydantic": "response_format as a class",
    "tokenizers": "tokenizers of your own",
}


def doctor(given: Namespace) -> int:
    rows = {row["name"]: row for row in described()}
    if given.provider:
        asked = [_asked(name, rows) for name in given.provider]
    else:
        asked = [_state(row) for row in rows.values() if row["set"] and _own(row)]
    report = {
        "library": _library(),
        "providers": asked,
        "network": [name for name in _NETWORK if _is_set(name)],
        "packages": _packages(),
    }
    if given.json:
        output.as_json(report)
    else:
        _print(report, bool(given.provider))
    return 0 if asked and all(state["ready"] for state in asked) else 1


def _library() -> dict[str, Any]:
    return {
        "version": _native.library_version(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(name.lower()))


def _packages() -> dict[str, str | None]:
    """The versions of the optional packages; None for one that is not installed."""
    from importlib.metadata import distributions

    found = {(dist.metadata["Name"] or "").lower(): dist.version for dist in distributions()}
    return {name: found.get(name) for name in _OPTIONAL}


def _own(row: dict[str, Any]) -> bool:
    """Is something set that is this provider's alone? Several read OpenAI's variables as well."""
    return row["name"] == "openai" or any(not name.startswith("OPENAI_") for name in row["set"])


def _asked(name: str, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if name not in rows:
        try:
            name = _questions.get_llm_provider(name)[1]
        except Exception as error:
            if not hasattr(error, "llm_provider"):
                raise
            raise UsageError(
                f"{name!r} is no provider and no model of one; see `edgequake-litellm providers`"
            ) from None
    if name not in rows:
        raise UsageError(f"{name} is not reached by this library; see `edgequake-litellm providers`")
    return _state(rows[name])


def _state(row: dict[str, Any]) -> dict[str, Any]:
    """Whether calls can be made, and if not, what to set."""
    keys = [name for name in row["api_key_env"] if name in row["set"]]
    bases = [name for name in row["api_base_env"] if name in row["set"]]
    missing = []
    if row["needs_key"] and not keys:
        missing.append(" or ".join(row["api_key_env"]) or "an api_key in the call")
    elif not row["needs_key"]:
        # Some have other credentials than a key.
        missing.extend(
            _lists.validate_environment(f"{row['name']}/model")["missing_keys"] if row["name"] in _CREDENTIALS else ()
        )
    if row["api_base"] is None and not bases and row["api_base_env"] and row["name"] not in _CREDENTIALS:
        missing.append(" or ".join(row["api_base_env"]))
    state = {
        "name": row["name"],
        "ready": not missing,
        "set": row["set"],
        "missing": missing,
        "address": row["api_base"],
    }
    if bases:
        parts = urlsplit(os.environ[bases[0]])
        # An address may hold a name and a password.
        state["address"] = (
            f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if _port(parts) else ''}{parts.path}"
        )
    return state


def _port(parts: Any) -> Any:
    try:
        return parts.port
    except ValueError:
        return None


# Providers with credentials of a cloud, which tell where they are reached.
_CREDENTIALS = frozenset(("bedrock", "vertex_ai"))


def _print(report: dict[str, Any], named: bool) -> None:
    library = report["library"]
    print(f"edgequake-litellm {library['version']} on {library['python']}, {library['platform']}")
    print()
    if not report["providers"]:
        print("No provider is configured. Set a key, as in: export OPENAI_API_KEY=…")
        print(
            "`edgequake-litellm providers` lists the names; a server of your own takes none: see hosted_vllm and ollama."
        )
    for state in report["providers"]:
        mark = "ok     " if state["ready"] else "missing"
        told = f"{', '.join(state['set'])} set" if state["set"] else "nothing is set, nothing is needed"
        if state["missing"]:
            told = "set " + ", and ".join(state["missing"])
        print(f"{mark}  {state['name']}: {told}" + (f"; {state['address']}" if state["address"] else ""))
    if report["network"]:
        print()
        print(f"The network is changed by: {', '.join(report['network'])}")
    lacking = [name for name, version in report["packages"].items() if version is None]
    if lacking and not named:
        print()
        for name in lacking:
            print(f"not installed: {name}, for {_OPTIONAL[name]}")
