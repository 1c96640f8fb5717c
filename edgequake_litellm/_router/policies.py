"""What a policy says of an exception."""

from __future__ import annotations

from .. import exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The fields of a policy by the exceptions that they are for, a subclass before its base.
_FIELDS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.AuthenticationError, "AuthenticationError"),
    (exceptions.Timeout, "TimeoutError"),
    (exceptions.RateLimitError, "RateLimitError"),
    (exceptions.ContentPolicyViolationError, "ContentPolicyViolationError"),
    (exceptions.BadRequestError, "BadRequestError"),
    (exceptions.NotFoundError, "NotFoundError"),
    (exceptions.BadGatewayError, "BadGatewayError"),
    (exceptions.ServiceUnavailableError, "ServiceUnavailableError"),
    (exceptions.InternalServerError, "InternalServerError"),
)


def number_for(exception: BaseException, policy: Any, ending: str) -> int | None:
    """The number that `policy`, an object or a dict, has for an exception under the names that end in `ending`."""
    if policy is None:
        return None
    for kind, name in _FIELDS:
        if isinstance(exception, kind):
            number: int | None = (
                policy.get(name + ending) if isinstance(policy, dict) else getattr(policy, name + ending, None)
            )
            if number is not None:
                return number
    default = policy.get("Default" + ending) if isinstance(policy, dict) else getattr(policy, "Default" + ending, None)
    return default if isinstance(default, int) else None
