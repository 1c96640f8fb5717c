//! What a provider's refusal means: one table from (family of providers, status, code, text) to litellm's exception classes.
//!
//! Sources: OpenAI's and Azure's error references, and litellm 1.106's classes as observed for each provider. Codes and types count before
//! texts; a text is looked at only for what many servers express in no other way.

mod classify;
mod scrub;

pub use self::scrub::without_keys;

use serde_json::value::RawValue;
use serde_json::Value;

use self::classify::classify;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::limits::MAX_ERROR_BODY;
use crate::engine::route::Secret;
use crate::wire::providers::{Provider, Unreadable};
use crate::wire::{Head, Operation};

/// A message made of a body that has none is cut here: the whole is in `body`.
const EXCERPT: usize = 1000;

/// Who was asked, for the errors of one call.
#[derive(Clone)]
pub struct Origin {
    pub row: &'static Provider,
    pub model: String,
    /// Never to be shown, even where the provider repeats it.
    pub key: Option<Secret>,
    pub unreadable: Unreadable,
}

/// What an error object says, wherever a provider puts it.
#[derive(Debug, Default, PartialEq)]
struct Details {
    message: Option<String>,
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    /// Google's word for what is wrong (`error.details[].reason`), such as `API_KEY_INVALID`.
    reason: Option<String>,
    /// The HTTP status that it names beside its code (watsonx).
    status: Option<u16>,
}

impl Origin {
    pub fn new(row: &'static Provider, operation: Operation, model: &str, key: Option<Secret>) -> Self {
        let unreadable = match operation {
            Operation::Completion => row.unreadable,
            _ => row.unreadable_vectors,
        };
        Origin { row, model: model.to_owned(), key, unreadable }
    }

    /// The error of a non-2xx answer.
    pub fn refusal(&self, head: &Head, body: &[u8]) -> Error {
        let text = String::from_utf8_lossy(body);
        let details = serde_json::from_str::<Value>(&text).map(|value| Details::of(&value)).unwrap_or_default();
        let mut error = self.error(head.status, details, &text, || match text.trim() {
            "" => format!("HTTP status {} with an empty body", head.status),
            text => excerpt(text),
        });
        error.http_status = Some(head.status);
        error
    }

    /// The same where the provider tells the kind of the error elsewhere, such as in a header.
    pub fn refusal_as(&self, head: &Head, code: Option<&str>, body: &[u8]) -> Error {
        let mut error = self.coded(head.status, code, body);
        error.http_status = Some(head.status);
        error
    }

    /// An error that a stream reports by a name of its own, with the status that its protocol gives to the name.
    pub fn exception(&self, status: u16, code: &str, body: &[u8]) -> Error {
        let mut error = self.coded(status, Some(code), body);
        error.http_status = Some(status);
        error
    }

    fn coded(&self, status: u16, code: Option<&str>, body: &[u8]) -> Error {
        let text = String::from_utf8_lossy(body);
        let mut details = serde_json::from_str::<Value>(&text).map(|value| Details::of(&value)).unwrap_or_default();
        if let Some(code) = code {
            details.code = Some(code.to_owned());
        }
        self.error(status, details, &text, || match text.trim() {
            "" => format!("HTTP status {status} with an empty body"),
            text => excerpt(text),
        })
    }

    /// An error object inside a 200: of a whole answer or of a stream. Its own code decides, not the 200 (S13).
    pub fn from_error_object(&self, raw: &RawValue) -> Error {
        let value: Value = json::read(raw).unwrap_or_default();
        let details = Details::of(&value);
        let (status, told) = details.status();
        let passes = details.passes();
        let mut error = self.error(status, details, raw.get(), || excerpt(raw.get()));
        // A word in the place of a status: as worth another attempt as the status that it stands for.
        error.should_retry = (passes && !told).then_some(true).or(error.should_retry);
        error.http_status = told.then_some(status);
        error
    }

    /// The text of a 2xx answer that is to be JSON: an error when it cannot be, before anything reads it.
    pub fn text<'b>(&self, status: u16, body: &'b [u8]) -> Result<&'b str> {
        let text = std::str::from_utf8(body).map_err(|_| self.unreadable(status, body, "the answer is not UTF-8"))?;
        if text.trim().is_empty() {
            return Err(self.unreadable(status, body, "the answer is empty"));
        }
        match json::flaw(body, false) {
            Some(flaw) => Err(self.unreadable(status, body, flaw.message())),
            None => Ok(text),
        }
    }

    /// A 2xx answer that cannot be read: HTML, half a JSON text, nothing at all.
    pub fn unreadable(&self, status: u16, body: &[u8], why: &str) -> Error {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let message = if text.is_empty() { why.to_owned() } else { format!("{why}. It begins: {}", excerpt(text)) };
        let (kind, code) = match self.unreadable {
            Unreadable::InternalServer => (ErrorKind::InternalServer, 500),
            Unreadable::ApiConnection => (ErrorKind::ApiConnection, 500),
            Unreadable::Api => (ErrorKind::Api, 500),
            Unreadable::ApiWithStatus => (ErrorKind::Api, status),
            Unreadable::BadRequest => (ErrorKind::BadRequest, 422),
        };
        self.finish(kind, code, message, text)
    }

    /// An answer of the right form that lacks what every answer has.
    pub fn incomplete(&self, body: &[u8], what: &str) -> Error {
        let text = String::from_utf8_lossy(body);
        self.finish(ErrorKind::Api, 500, format!("{what}. It begins: {}", excerpt(&text)), &text)
    }

    fn error(&self, status: u16, details: Details, text: &str, fallback: impl FnOnce() -> String) -> Error {
        let kind = classify(self.row.errors, status, &details, text);
        let code = match kind {
            ErrorKind::RateLimit
            | ErrorKind::ContextWindowExceeded
            | ErrorKind::ContentPolicyViolation
            | ErrorKind::Authentication
            | ErrorKind::InternalServer
            | ErrorKind::ApiConnection
            | ErrorKind::ServiceUnavailable => kind.default_status(),
            _ => status,
        };
        let message = details.message.clone().filter(|m| !m.trim().is_empty()).unwrap_or_else(fallback);
        let mut error = self.finish(kind, code, message, text);
        let shown = |text: Option<String>| text.map(|text| self.scrub(&text).into_owned());
        (error.code, error.error_type, error.param) = (shown(details.code), shown(details.kind), shown(details.param));
        error
    }

    fn finish(&self, kind: ErrorKind, status_code: u16, message: String, body: &str) -> Error {
        let mut error = Error::new(kind, self.scrub(&message)).at(self.row.name, &self.model);
        error.status_code = status_code;
        error.body = (!body.is_empty()).then(|| self.scrub_body(cut(body, MAX_ERROR_BODY)));
        error
    }
}

fn excerpt(text: &str) -> String {
    let short = cut(text, EXCERPT);
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short.to_owned()
    }
}

fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

impl Details {
    /// Every form that is known: OpenAI's `{"error": {…}}`, `{"error": "text"}` (xAI, Hugging Face), the members at the top (Mistral, vLLM,
    /// Cerebras), `{"detail": …}` (FastAPI servers), lists of errors (Gemini's compatible server), numbers and booleans as codes (O12).
    fn of(value: &Value) -> Details {
        let value = match value {
            Value::Array(list) => list.first().unwrap_or(&Value::Null),
            _ => value,
        };
        let inner = match &value["error"] {
            Value::Array(list) => list.first().unwrap_or(&Value::Null),
            Value::Null if value["errors"].is_array() => &value["errors"][0],
            inner => inner,
        };
        let text = |v: &Value| match v {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        };
        let first = |names: &[&str]| {
            let inside = names.iter().find_map(|name| text(&inner[*name]));
            inside.or_else(|| names.iter().find_map(|name| text(&value[*name])))
        };
        if let Value::String(message) = value {
            return Details { message: Some(message.clone()), ..Details::default() };
        }
        let message = match (inner, &value["detail"]) {
            (Value::String(message), _) => Some(message.clone()),
            (_, Value::String(message)) => Some(message.clone()),
            (_, Value::Object(detail)) => detail.get("error").or_else(|| detail.get("message")).and_then(text),
            // FastAPI: which member is wrong, and how.
            (_, Value::Array(flaws)) => flaws.first().and_then(|flaw| {
                let place: Vec<String> =
                    flaw["loc"].as_array().map(|loc| loc.iter().filter_map(text).collect()).unwrap_or_default();
                let message = text(&flaw["msg"])?;
                Some(if place.is_empty() { message } else { format!("{}: {message}", place.join(".")) })
            }),
            _ => None,
        };
        Details {
            message: first(&["message", "Message"]).or(message),
            code: first(&["code", "error_code", "status"]).filter(|code| code != "null"),
            kind: first(&["type"]),
            param: first(&["param"]),
            status: value["status_code"].as_u64().and_then(|status| u16::try_from(status).ok()),
            reason: inner["details"].as_array().and_then(|details| details.iter().find_map(|one| text(&one["reason"]))),
        }
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn says(&self, word: &str) -> bool {
        self.code.as_deref() == Some(word) || self.kind.as_deref() == Some(word)
    }

    /// Does it name, in Anthropic's words, a failure of the server's that may pass?
    fn passes(&self) -> bool {
        const PASSING: [&str; 4] = ["overloaded_error", "api_error", "rate_limit_error", "timeout_error"];
        PASSING.iter().any(|word| self.says(word)) && !self.says("insufficient_quota")
    }

    /// The status that an error object means, and whether it says so itself in a number.
    fn status(&self) -> (u16, bool) {
        let in_code = self.code.as_ref().and_then(|code| code.parse().ok());
        if let Some(status) = [in_code, self.status].into_iter().flatten().find(|status| (400..600).contains(status)) {
            return (status, true);
        }
        let status = [&self.code, &self.kind].into_iter().flatten().find_map(|word| match word.to_ascii_lowercase().as_str() {
            "invalid_api_key" | "authentication_error" | "unauthorized" => Some(401),
            "billing_error" => Some(402),
            "permission_error" | "permission_denied" => Some(403),
            "not_found_error" | "model_not_found" => Some(404),
            "timeout" | "request_timeout" => Some(408),
            "request_too_large" => Some(413),
            "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota" | "resource_exhausted" => Some(429),
            "overloaded_error" | "service_unavailable" | "unavailable" => Some(503),
            "timeout_error" => Some(504),
            "invalid_request_error"
            | "context_length_exceeded"
            | "content_filter"
            | "content_policy_violation"
            | "badrequesterror" => Some(400),
            _ => None,
        });
        (status.unwrap_or(500), false)
    }
}

#[cfg(test)]
mod tests;
