"""The parts of `edgequake_litellm.exceptions`. A pickle that names one of them needs them all, so all are imported here."""

from . import program, provider, request

__all__ = ["program", "provider", "request"]
