"""What the package does not do yet says so: nothing that a caller asks for is left out in silence."""

from __future__ import annotations

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
