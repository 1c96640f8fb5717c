//! Numbers for each kind of failure: litellm's `RetryPolicy` and `AllowedFailsPolicy`.

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;

/// The kinds of failure that litellm's policies name, each before the ones that its class is a special case of.
const KINDS: [&str; 9] = [
    "ContentPolicyViolationError",
    "BadRequestError",
    "AuthenticationError",
    "TimeoutError",
    "RateLimitError",
    "InternalServerError",
    "ServiceUnavailableError",
    "BadGatewayError",
    "NotFoundError",
];
const DEFAULT: &str = "DefaultRetries";

/// A number for some kinds of failure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByKind {
    numbers: [Option<u32>; KINDS.len()],
    default: Option<u32>,
}

impl ByKind {
    /// `suffix` ends the members' names: `Retries`, `AllowedFails`.
    pub fn read(policy: &Request<'_>, suffix: &str) -> Result<ByKind> {
        let mut by_kind = ByKind::default();
        for name in policy.fields.keys() {
            let number = policy.count(name)?;
            if name == DEFAULT && suffix == "Retries" {
                by_kind.default = number;
                continue;
            }
            let kind = name.strip_suffix(suffix).and_then(|kind| KINDS.iter().position(|known| *known == kind));
            let kind = kind.ok_or_else(|| {
                let known = KINDS.map(|kind| format!("{kind}{suffix}")).join(", ");
                Error::bad_request(format!("`{name}` names no kind of failure; there are {known}"))
            })?;
            by_kind.numbers[kind] = number;
        }
        Ok(by_kind)
    }

    /// The number for a failure: that of its kind, of a kind that it is a case of, or the default.
    pub fn of(&self, error: &Error) -> Option<u32> {
        let number = |name: &str| KINDS.iter().position(|kind| *kind == name).and_then(|kind| self.numbers[kind]);
        let own = match error.kind {
            ErrorKind::ContentPolicyViolation => number("ContentPolicyViolationError").or_else(|| number("BadRequestError")),
            // litellm's classes of these are cases of BadRequestError.
            ErrorKind::BadRequest
            | ErrorKind::ContextWindowExceeded
            | ErrorKind::UnsupportedParams
            | ErrorKind::UnprocessableEntity
            | ErrorKind::ImageFetch => number("BadRequestError"),
            ErrorKind::Timeout => number("TimeoutError"),
            _ => number(error.kind.name()),
        };
        let missing = (error.status_code == 404).then(|| number("NotFoundError")).flatten();
        missing.or(own).or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Result<ByKind> {
        ByKind::read(&Request::parse(text.as_bytes()).unwrap(), "Retries")
    }

    #[test]
    fn the_most_special_number_counts() {
        let policy =
            policy(r#"{"BadRequestErrorRetries":1,"TimeoutErrorRetries":4,"NotFoundErrorRetries":2,"DefaultRetries":3}"#)
                .unwrap();
        let of = |kind| policy.of(&Error::new(kind, ""));
        assert_eq!(of(ErrorKind::ContentPolicyViolation), Some(1));
        assert_eq!(of(ErrorKind::ContextWindowExceeded), Some(1));
        assert_eq!(of(ErrorKind::Timeout), Some(4));
        assert_eq!(of(ErrorKind::NotFound), Some(2));
        assert_eq!(of(ErrorKind::RateLimit), Some(3));
        assert_eq!(ByKind::default().of(&Error::new(ErrorKind::Timeout, "")), None);
    }

    #[test]
    fn unknown_kinds_are_named() {
        let error = policy(r#"{"TimeoutRetries":1}"#).unwrap_err();
        assert!(error.message.contains("`TimeoutRetries`") && error.message.contains("TimeoutErrorRetries"), "{}", error.message);
        assert!(policy(r#"{"TimeoutErrorRetries":-1}"#).is_err());
    }
}
