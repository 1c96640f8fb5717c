"""litellm.secret_managers.main: secrets, which are environment variables here."""

from __future__ import annotations

from .._helpers import get_secret, get_secret_bool, get_secret_str

__all__ = ["get_secret", "get_secret_bool", "get_secret_str"]
