//! What a provider's refusal means: one table from (family of providers, status, code, text) to litellm's exception classes.
//!
//! Sources: OpenAI's and Azure's error references, and litellm 1.106's classes as observed for each provider. Codes and types count before
//! texts; a text is looked at only for what many servers express in no other way.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::Value;

use crate::engine::error::{Error, ErrorKind};
use crate::engine::json;
use crate::engine::limits::MAX_ERROR_BODY;
use crate::engine::route::Secret;
use crate::wire::providers::{ErrorFamily, Provider, Unreadable};
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
}

impl Origin {
    pub fn new(row: &'static Provider, operation: Operation, model: &str, key: Option<Secret>) -> Self {
        let unreadable = match operation {
            Operation::Completion => row.unreadable,
            Operation::Embedding => row.unreadable_vectors,
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

    /// An error object inside a 200: of a whole answer or of a stream. Its own code decides, not the 200 (S13).
    pub fn from_error_object(&self, raw: &RawValue) -> Error {
        let value: Value = json::read(raw).unwrap_or_default();
        let details = Details::of(&value);
        let (status, told) = details.status();
        let mut error = self.error(status, details, raw.get(), || excerpt(raw.get()));
        error.http_status = told.then_some(status);
        error
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
            ErrorKind::RateLimit | ErrorKind::ContextWindowExceeded | ErrorKind::ContentPolicyViolation => kind.default_status(),
            _ => status,
        };
        let message = details.message.clone().filter(|m| !m.trim().is_empty()).unwrap_or_else(fallback);
        let mut error = self.finish(kind, code, message, text);
        (error.code, error.error_type, error.param) = (details.code, details.kind, details.param);
        error
    }

    fn finish(&self, kind: ErrorKind, status_code: u16, message: String, body: &str) -> Error {
        let mut error = Error::new(kind, self.scrub(&message)).at(self.row.name, &self.model);
        error.status_code = status_code;
        error.body = (!body.is_empty()).then(|| self.scrub_body(cut(body, MAX_ERROR_BODY)));
        error
    }

    /// A body without keys, also not as JSON escapes (`\\u0073k-…`), which whoever decodes it would read again.
    fn scrub_body(&self, body: &str) -> String {
        if body.contains("\\u") || body.contains("\\/") {
            if let Ok(value) = serde_json::from_str::<Value>(body) {
                let clean = self.scrub_value(value.clone());
                if clean != value {
                    return clean.to_string();
                }
            }
        }
        self.scrub(body).into_owned()
    }

    fn scrub_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.scrub(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.scrub_value(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, item)| (self.scrub(&name).into_owned(), self.scrub_value(item))).collect()
            }
            other => other,
        }
    }

    /// Takes the call's key, and whatever looks like a key, out of a text: providers repeat it in their refusals.
    fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let own = self.key.as_ref().map(Secret::expose).filter(|key| key.len() >= 6 && self.row.default_key != Some(key));
        let text = match own.filter(|key| text.contains(key)) {
            Some(key) => Cow::Owned(text.replace(key, "***")),
            None => Cow::Borrowed(text),
        };
        match without_keys(&text) {
            Some(clean) => Cow::Owned(clean),
            None => text,
        }
    }
}

/// The text without `sk-…` and `Bearer …`; None when it holds neither. What a provider has masked itself (`sk-ab***yz`) stays.
fn without_keys(text: &str) -> Option<String> {
    const STARTS: &[&str] = &["sk-", "Bearer ", "bearer "];
    /// Shorter ones are words: "sk-learn", "Bearer token".
    const SHORTEST: usize = 16;
    let mut out = String::new();
    let mut rest = text;
    let mut from = 0;
    while let Some((at, start)) = STARTS.iter().filter_map(|s| Some((rest[from..].find(s)? + from, *s))).min() {
        let secret = &rest[at + start.len()..];
        let end = secret.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+/=*".contains(c))).unwrap_or(secret.len());
        let boundary = !rest[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        if boundary && end >= SHORTEST && !secret[..end].contains('*') {
            out.push_str(&rest[..at + start.len()]);
            out.push_str("***");
            rest = &secret[end..];
            from = 0;
        } else {
            from = at + start.len();
        }
    }
    (rest.len() != text.len()).then(|| out + rest)
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
            message: first(&["message"]).or(message),
            code: first(&["code", "error_code", "status"]).filter(|code| code != "null"),
            kind: first(&["type"]),
            param: first(&["param"]),
        }
    }

    fn says(&self, word: &str) -> bool {
        self.code.as_deref() == Some(word) || self.kind.as_deref() == Some(word)
    }

    /// The status that an error object means, and whether it says so itself in a number.
    fn status(&self) -> (u16, bool) {
        if let Some(status) = self.code.as_ref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status)) {
            return (status, true);
        }
        let status = [&self.code, &self.kind].into_iter().flatten().find_map(|word| match word.to_ascii_lowercase().as_str() {
            "invalid_api_key" | "authentication_error" | "unauthorized" => Some(401),
            "permission_error" | "permission_denied" => Some(403),
            "not_found_error" | "model_not_found" => Some(404),
            "timeout" | "request_timeout" => Some(408),
            "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota" | "resource_exhausted" => Some(429),
            "overloaded_error" | "service_unavailable" | "unavailable" => Some(503),
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

fn classify(family: ErrorFamily, status: u16, details: &Details, text: &str) -> ErrorKind {
    let lower = text.to_ascii_lowercase();
    match family {
        ErrorFamily::OpenAi => openai(status, details, &lower),
        ErrorFamily::Azure => azure(status, details, &lower),
        ErrorFamily::OpenRouter => by_code(details).unwrap_or(match status {
            500 | 502 => ErrorKind::Api,
            _ => openai_status(status),
        }),
        ErrorFamily::HuggingFace => match status {
            _ if lower.contains("length limit exceeded") => ErrorKind::ContextWindowExceeded,
            _ if lower.contains("rate limit reached") => ErrorKind::RateLimit,
            400 => ErrorKind::BadRequest,
            401 => ErrorKind::Authentication,
            408 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimit,
            503 => ErrorKind::ServiceUnavailable,
            _ => ErrorKind::Api,
        },
        ErrorFamily::ByStatus => by_code(details).unwrap_or(match status {
            401 => ErrorKind::Authentication,
            402 => ErrorKind::PaymentRequired,
            403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            408 | 504 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimit,
            500 => ErrorKind::InternalServer,
            502 => ErrorKind::BadGateway,
            503 => ErrorKind::ServiceUnavailable,
            400..500 if says_context(&lower) => ErrorKind::ContextWindowExceeded,
            400..500 => ErrorKind::BadRequest,
            _ => ErrorKind::Api,
        }),
    }
}

/// What a code alone decides, whatever the status.
fn by_code(details: &Details) -> Option<ErrorKind> {
    if details.says("context_length_exceeded") {
        return Some(ErrorKind::ContextWindowExceeded);
    }
    if details.says("content_policy_violation") || details.says("content_filter") {
        return Some(ErrorKind::ContentPolicyViolation);
    }
    None
}

fn openai(status: u16, details: &Details, lower: &str) -> ErrorKind {
    // A key or a right that is missing is never anything else, whatever the text says.
    if status == 401 {
        return ErrorKind::Authentication;
    }
    if status == 429 || (status != 403 && says_rate_limit(lower)) {
        return ErrorKind::RateLimit;
    }
    if let Some(kind) = by_code(details) {
        return kind;
    }
    if says_context(lower) {
        return ErrorKind::ContextWindowExceeded;
    }
    if details.says("model_not_found") {
        return ErrorKind::NotFound;
    }
    let policy = (lower.contains("invalid_request_error") && lower.contains("content_policy_violation"))
        || (lower.contains("invalid prompt") && lower.contains("violating our usage policy"))
        || lower.contains("request was rejected as a result of the safety system");
    if policy {
        return ErrorKind::ContentPolicyViolation;
    }
    if details.says("invalid_request_error") && matches!(status, 400..=499) && !matches!(status, 403 | 404 | 408) {
        return ErrorKind::BadRequest;
    }
    if lower.contains("request too large") {
        return ErrorKind::RateLimit;
    }
    openai_status(status)
}

fn openai_status(status: u16) -> ErrorKind {
    match status {
        400 | 422 => ErrorKind::BadRequest,
        401 => ErrorKind::Authentication,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimit,
        500 => ErrorKind::InternalServer,
        502 => ErrorKind::BadGateway,
        503 => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Api,
    }
}

fn azure(status: u16, details: &Details, lower: &str) -> ErrorKind {
    // Azure writes its own words for the policy, in the code, in `innererror.code` or in the message.
    const POLICY: &[&str] = &[
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "the response was filtered due to the prompt triggering azure openai's content management",
        "your task failed as a result of our safety system",
        "the model produced invalid content",
        "content_filter_policy",
        "your request was rejected as a result of our safety system",
    ];
    if status == 401 {
        return ErrorKind::Authentication;
    }
    if status == 429 {
        return ErrorKind::RateLimit;
    }
    if details.says("context_length_exceeded") || lower.contains("this model's maximum context length is") {
        return ErrorKind::ContextWindowExceeded;
    }
    if details.says("DeploymentNotFound") {
        return ErrorKind::NotFound;
    }
    if details.says("content_filter") || POLICY.iter().any(|words| lower.contains(words)) {
        return ErrorKind::ContentPolicyViolation;
    }
    match status {
        500 if lower.contains("internal server error") => ErrorKind::InternalServer,
        500 => ErrorKind::Api,
        _ => openai_status(status),
    }
}

/// "rate limit", "rate-limit", "rate_limit", "ratelimit".
fn says_rate_limit(lower: &str) -> bool {
    let mut rest = lower;
    while let Some(at) = rest.find("rate") {
        rest = &rest[at + 4..];
        if rest.trim_start_matches(|c: char| c.is_whitespace() || c == '_' || c == '-').starts_with("limit") {
            return true;
        }
    }
    lower.contains("service tier capacity exceeded")
}

/// Servers without a code for it, by their own words: OpenAI's older, Anthropic-like, vLLM, TGI, llama.cpp, Cerebras, Gemini.
fn says_context(lower: &str) -> bool {
    const WORDS: &[&str] = &[
        "exceed context limit",
        "this model's maximum context length is",
        "string too long. expected a string with maximum length",
        "model's maximum context limit",
        "is longer than the model's context length",
        "input tokens exceed the configured limit",
        "`inputs` tokens + `max_new_tokens` must be",
        "exceeds the available context size",
        "exceeds the maximum number of tokens allowed",
    ];
    // A member that is too long (OpenAI's `user`, 64 characters) is no context.
    if lower.contains("string_above_max_length") || (lower.contains("invalid 'user'") && lower.contains("string too long")) {
        return false;
    }
    WORDS.iter().any(|words| lower.contains(words))
        || (lower.contains("current length is") && lower.contains("while limit is"))
        || (lower.contains("maximum input length is") && lower.contains("tokens"))
}

#[cfg(test)]
mod tests;
