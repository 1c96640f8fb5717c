"""What litellm's handlers of single providers raise before its mapping. Nothing here raises them; programs name them."""

from __future__ import annotations

from typing import Any

from .response import Request, Response


class BaseLLMException(Exception):
    """A provider's refusal as a handler of litellm's has it; for handlers that programs write."""

    __module__ = "litellm.llms.base_llm.chat.transformation"

    def __init__(
        self,
        status_code: int,
        message: str,
        headers: Any = None,
        request: Any = None,
        response: Any = None,
        body: Any = None,
        status_code_is_synthesized: bool = False,
    ) -> None:
        self.status_code = status_code
        self.status_code_is_synthesized = status_code_is_synthesized
        self.message = message
        self.headers = headers
        self.request = request or Request()
        self.response = response or Response(status_code, headers, request=self.request)
        self.body = body
        super().__init__(message)

    def __reduce__(self) -> Any:
        given = (self.status_code, self.message, self.headers, self.request, self.response, self.body)
        return type(self), (*given, self.status_code_is_synthesized)


class AzureOpenAIError(BaseLLMException):
    """The same for Azure. Programs that list litellm's exceptions, such as aider, ask for it by name."""

    __module__ = "litellm.llms.azure.common_utils"
