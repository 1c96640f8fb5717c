"""What the package does not do yet says so: nothing that a caller asks for is left out in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import config


@pytest.mark.parametrize("name", sorted(config.FEATURES))
def test_an_argument_for_a_missing_feature_warns(name, monkeypatch):
    monkeypatch.setattr(config, "_warned", set())
    with pytest.warns(UserWarning, match=f"does not support {config.FEATURES[name]} yet"):
        response = litellm.completion(
            "openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hello", **{name: ["something"]}
        )
    assert response.choices[0].message.content == "Hello"


@pytest.mark.parametrize("name", sorted(config.FEATURES))
def test_an_empty_one_does_not(name, monkeypatch, recwarn):
    monkeypatch.setattr(config, "_warned", set())
    litellm.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hello", **{name: None})
    assert not recwarn.list


@pytest.mark.parametrize("name", sorted(config._UNSUPPORTED))
def test_a_setting_for_a_missing_feature_warns(name, monkeypatch):
    monkeypatch.setattr(config, "_warned", set())
    monkeypatch.setattr(config, "_UNSUPPORTED", config._UNSUPPORTED.copy())
    with pytest.warns(UserWarning, match=f"`{name}` is kept, but nothing acts on it"):
        config.assigned(name, ["something"])


# The router and the proxy read these of their deployments' settings, or litellm's functions pass them to one another. Neither
# litellm's `completion` nor this package's does anything by them.
WITHOUT_EFFECT = set(
    """
    max_parallel_requests rpm tpm itpm otpm weight order fastest_response silent_model caching_groups enable_tag_filtering
    tag_regex client_side_timeout use_client use_in_pass_through allowed_model_region routing_strategy cooldown_time
    model_config self fallback_depth proxy_server_request secret_fields async_call complete_response completion_call_id
    """.split()
)
# No protocol of this package needs to be told: what they ask for is what is done, or concerns a service that is not called.
NOTHING_TO_DO = {
    "api_type": "OpenAI's old library had types of addresses; the provider's name says it now",
    "hf_model_name": "the template of a prompt, which the server has",
    "force_timeout": "litellm's own time limit of a thread; `timeout` ends calls here",
    "use_chat_completions_api": "chat completions are what is used",
    "disable_add_transform_inline_image_block": "no such block is added",
    "stream_chunk_size": "chunks are handed on as they come",
    "preset_cache_key": "the key of a cache, which `cache` and `caching` warn of",
    "cost_per_query": "the price of a request to a search engine",
    "include_fallback_errors": "the answer's meta tells which models failed in any case",
    "verbose": "litellm prints; `LITELLM_LOG` and `set_verbose` do it here",
    "_skip_mcp_handler": "a flag of OpenAI's Agents SDK, for litellm's own tools",
}


def test_every_argument_that_is_never_sent_is_read_or_warns():
    """What steers a call is left out of its body, so a name that nobody reads would vanish."""
    root = Path(__file__).resolve().parents[2]
    source = (root / "rust-ffi/src/wire/params.rs").read_text(encoding="utf-8")
    names = re.findall(r'"([^"]+)"', re.search(r"pub fn is_control.*?=> true,", source, re.DOTALL)[0])
    assert len(names) > 120
    code = [
        path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
        for path in (*(root / "rust-ffi/src").rglob("*.rs"), *Path(config.__file__).parent.rglob("*.py"))
        if path.name not in ("params.rs", "tests.rs", "config.py")
    ]
    told = {*config.FEATURES, *WITHOUT_EFFECT, *NOTHING_TO_DO}
    unread = [name for name in names if not any(f'"{name}"' in text for text in code)]
    assert sorted(set(unread) - told) == []
    assert sorted((WITHOUT_EFFECT | NOTHING_TO_DO.keys()) - set(names)) == [], "no longer names of the table"
