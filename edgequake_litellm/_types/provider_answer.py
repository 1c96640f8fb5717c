"""Answers in a provider's own words: Anthropic's messages and Google's contents. They are dicts, as they came."""

from __future__ import annotations

from .meta import ToldByMeta
from .wire import model_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .meta import Meta
    from .response import ModelResponse

    Payload = dict[str, Any]
else:
    Payload = dict


class ProviderAnswer(ToldByMeta, Payload):
    """The dict, and beside it what litellm keeps of a call: `_hidden_params`, made when it is asked for.

    Copies and pickles are plain dicts.
    """

    _operation = ""

    def __init__(self, payload: dict[str, Any], meta: Meta) -> None:
        super().__init__(payload)
        self._meta = meta

    @property
    def _hidden_params(self) -> dict[str, Any]:
        if self._hidden is None:
            try:
                chat = self._chat()
            except Exception:
                # It may be the provider's, or the program's, who has changed it: reading it must not fail for its price.
                chat = {}
            self._hidden = self._meta.hidden_params(chat.get("model"))
            self._hidden["response_cost"] = self._meta.cost(chat)
        return self._hidden

    @_hidden_params.setter
    def _hidden_params(self, value: dict[str, Any]) -> None:
        self._hidden = value

    hidden_params = _hidden_params

    def as_chat(self) -> ModelResponse:
        """The same answer as the response of a chat, which is what callbacks are told of every call."""
        response = model_response(self._chat(), self._meta)
        response._hidden_params = self._hidden_params
        return response

    def _chat(self) -> dict[str, Any]:
        from .._questions import ask

        fields = {"operation": self._operation, "model": self._meta.data.get("model"), "answer": self}
        return ask(b"as_chat", fields)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class AnthropicMessage(ProviderAnswer):
    """From `anthropic.messages.create`."""

    __module__ = "litellm.types.llms.anthropic_messages.anthropic_response"
    _operation = "anthropic_messages"


class GenerateContentResponse(ProviderAnswer):
    """From `generate_content`. Its members can be read as attributes, too: litellm's is an object with those attributes."""

    __module__ = "litellm.types.google_genai.main"
    _operation = "generate_content"

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def model_dump(self, **unused: Any) -> dict[str, Any]:
        """A plain dict of the answer."""
        return dict(self)

    json = model_dump

    def model_dump_json(self, **unused: Any) -> str:
        """The answer as JSON."""
        import json

        return json.dumps(self, ensure_ascii=False, separators=(",", ":"))
