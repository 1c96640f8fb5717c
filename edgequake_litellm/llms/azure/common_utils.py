"""litellm.llms.azure.common_utils: the exception of litellm's handler of Azure."""

from __future__ import annotations

from ..._exceptions.handler import AzureOpenAIError

__all__ = ["AzureOpenAIError"]
