"""What is known about a call beside its answer: the provider, the address, the headers, the time."""

from __future__ import annotations

from .ids import uuid4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._router.table import Table

_RATE_LIMIT = frozenset(
    f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")
)
_REQUEST_IDS = ("request-id", "x-request-id")


class Meta:
    """The `meta` JSON of an event, decoded when somebody first asks; most programs never do.

    `raw` is the JSON; the bytes are kept, so they must not be a view of memory that the engine takes back. `model` is the
    model as the program named it, `response_ms` how long the call took in milliseconds, `call_id` the call's
    `litellm_call_id` (made up when asked for, where there is none). One Meta may serve all chunks of a stream and is then
    shared by threads: reading it is safe, since decoding twice gives the same.
    """

    __slots__ = ("_call_id", "_data", "_raw", "deployments", "model", "response_ms")

    def __init__(
        self,
        raw: bytes | str = b"",
        *,
        model: str | None = None,
        response_ms: float | None = None,
        call_id: str | None = None,
    ) -> None:
        self._raw = raw
        self._data: dict[str, Any] | None = None
        self._call_id = call_id
        self.model = model
        self.response_ms = response_ms
        self.deployments: Table | None = None
        """Those of the router that the call went through; None where there was none, and in another process."""

    @property
    def data(self) -> dict[str, Any]:
        """The decoded `meta` object; empty where an event had none."""
        data = self._data
        if data is None:
            if self._raw:
                import json

                data = json.loads(self._raw)
            self._data = data = data or {}
        return data

    @property
    def headers(self) -> dict[str, str] | None:
        """The headers of the provider's answer, in lower case; None where there was no HTTP answer, as for a mock."""
        return self.data.get("headers")

    @property
    def cache(self) -> dict[str, Any]:
        """What a cache has to say: `hit`, `key`, and of an answer that was partly kept what the rest took. Empty without a cache."""
        return self.data.get("cache") or {}

    @property
    def call_id(self) -> str:
        if self._call_id is None:
            self._call_id = uuid4()
        return self._call_id

    def hidden_params(self, response_model: str | None = None) -> dict[str, Any]:
        """A new `_hidden_params` for one response: litellm's names. `response_model` is the model that answered."""
        data = self.data
        cache = self.cache
        made: dict[str, Any] = {
            "custom_llm_provider": None if data.get("provider") in _UNNAMED else data.get("provider"),
            "region_name": None,
            "additional_headers": additional_headers(data.get("headers")),
            "_response_ms": self.response_ms,
            "litellm_overhead_time_ms": None,
            "litellm_call_id": self.call_id,
            "api_base": data.get("api_base"),
            "model_id": None,
            "response_cost": None,
            "litellm_model_name": self.model or data.get("model"),
            "provider_response_model": response_model,
            "cache_hit": True if cache.get("hit") else None,
        }
        fallback = data.get("fallback")
        if fallback is not None:
            made["litellm_model_name"] = fallback["model"]
            made["additional_headers"]["x-litellm-attempted-fallbacks"] = fallback["position"]
        if "router" in data:
            from .._router.answers import tell

            tell(made, data, self.deployments)
        if cache:
            made["cache_key"] = cache["key"]
        return made

    def cost(self, fields: dict[str, Any]) -> float | None:
        """What a response with these `fields` cost in US dollars, or None where nobody knows the model's prices."""
        data, cache = self.data, self.cache
        if cache.get("hit"):
            # What was kept costs nothing again.
            return 0.0
        if cache.get("sent_usage"):
            fields = {**fields, "usage": cache["sent_usage"]}
        if "router" not in data:
            asked = data["fallback"]["model"] if "fallback" in data else self.model
            return response_cost(fields, asked or data.get("model"), data.get("provider"))
        from .._router.answers import prices

        model, own = prices(data, self.deployments)
        return response_cost(fields, model, data.get("provider"), own)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_meta, (self._raw, self.model, self.response_ms, self.call_id)

    def __repr__(self) -> str:
        # Headers and addresses can hold what a log must not.
        data = self.data
        return "Meta(provider={!r}, model={!r}, status={!r})".format(
            data.get("provider"), data.get("model"), data.get("status")
        )


# litellm leaves `custom_llm_provider` None for these; programs that tell providers apart by it expect that.
_UNNAMED = frozenset(("anthropic", "fireworks_ai", "groq"))


class ToldByMeta:
    """What litellm keeps beside an answer, for classes that hold it as their `_meta`: it is made when it is asked for."""

    _meta: Meta
    _hidden: dict[str, Any] | None = None

    @property
    def _hidden_params(self) -> dict[str, Any]:
        if self._hidden is None:
            self._hidden = self._meta.hidden_params()
        return self._hidden

    @_hidden_params.setter
    def _hidden_params(self, value: dict[str, Any]) -> None:
        self._hidden = value

    hidden_params = _hidden_params

    @property
    def _response_headers(self) -> dict[str, str] | None:
        return self._meta.headers


def _restore_meta(raw: bytes | str, model: str | None, response_ms: float | None, call_id: str | None) -> Meta:
    return Meta(raw, model=model, response_ms=response_ms, call_id=call_id)


def response_cost(
    fields: dict[str, Any], model: str | None, provider: str | None, own_prices: dict[str, float] | None = None
) -> float | None:
    """What a response with these `fields` cost in US dollars, or None where nobody knows the model's prices.

    `own_prices` are those that the program gave for the call: `input_cost_per_token` and `output_cost_per_token`.
    """
    usage = fields.get("usage")
    if usage is None or not model:
        return None
    from .._costs import completion_cost
    from ..exceptions import BadRequestError, ModelNotMappedError

    told = {"usage": usage, "model": fields.get("model"), "service_tier": fields.get("service_tier")}
    try:
        return completion_cost(
            told, model=model, custom_llm_provider=provider, custom_cost_per_token=own_prices or None
        )
    except (BadRequestError, ModelNotMappedError):
        return None


def additional_headers(headers: dict[str, str] | None) -> dict[str, str]:
    """The provider's headers in the form of litellm: each as `llm_provider-<name>`, the rate limits under their own names too."""
    if not headers:
        return {}
    made = {name: value for name, value in headers.items() if name in _RATE_LIMIT}
    made.update(("llm_provider-" + name, value) for name, value in headers.items())
    request_id = next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)
    if request_id is not None:
        made["request-id"] = request_id
    return made
