"""litellm._version: the version of litellm whose API this package has. Its own is `edgequake_litellm.__version__`."""

from __future__ import annotations

from ._compat import LITELLM_VERSION

version = LITELLM_VERSION
