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

    /// Takes the call's key, and whatever looks like a key, out of a text: providers repeat it in their refusals.
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
mod tests {
    use super::*;
    use crate::wire::providers::find;
    use proptest::prelude::*;

    fn origin(provider: &str) -> Origin {
        Origin::new(find(provider).unwrap(), Operation::Completion, "m", Some(Secret::new("key-of-the-call")))
    }

    fn refusal(provider: &str, status: u16, body: &str) -> Error {
        origin(provider).refusal(&Head { status, headers: Vec::new() }, body.as_bytes())
    }

    #[test]
    fn a_key_written_as_json_escapes_does_not_survive_decoding() {
        let body = r#"{"error":{"message":"k\u0065y-of-the-call and s\u006b-proj-abcdefghijklmnop1234567890","code":null}}"#;
        let error = refusal("openai", 401, body);
        let decoded: Value = serde_json::from_str(error.body.as_deref().unwrap()).unwrap();
        for text in [error.message.as_str(), decoded["error"]["message"].as_str().unwrap()] {
            assert_eq!(text, "*** and sk-***");
        }
    }

    #[test]
    fn status_and_code_tell_the_class() {
        use ErrorKind::*;
        let openai = |message: &str, code: &str, kind: &str| {
            format!(r#"{{"error":{{"message":"{message}","code":{code},"type":"{kind}","param":null}}}}"#)
        };
        let table = [
            ("openai", 400, openai("bad", "null", "invalid_request_error"), BadRequest, 400),
            (
                "openai",
                400,
                openai(
                    "This model's maximum context length is 8192 tokens.",
                    "\"context_length_exceeded\"",
                    "invalid_request_error",
                ),
                ContextWindowExceeded,
                400,
            ),
            (
                "openai",
                400,
                openai("rejected", "\"content_policy_violation\"", "invalid_request_error"),
                ContentPolicyViolation,
                400,
            ),
            (
                "openai",
                401,
                openai("Incorrect API key provided", "\"invalid_api_key\"", "invalid_request_error"),
                Authentication,
                401,
            ),
            ("openai", 401, openai("bad key", "\"invalid_api_key\"", "invalid_request_error"), Authentication, 401),
            ("openai", 401, String::new(), Authentication, 401),
            ("openai", 402, openai("Insufficient Balance", "null", "billing_error"), Api, 402),
            ("openai", 403, openai("no", "null", "permission_error"), Api, 403),
            ("openai", 404, openai("no such model", "\"model_not_found\"", "invalid_request_error"), NotFound, 404),
            ("openai", 408, openai("timed out", "null", "timeout"), Timeout, 408),
            ("openai", 409, openai("Conflict", "null", "conflict_error"), Api, 409),
            ("openai", 413, openai("too large", "null", "request_too_large"), Api, 413),
            ("openai", 422, openai("string", "null", "invalid_request_error"), BadRequest, 422),
            ("openai", 429, openai("Rate limit reached", "\"rate_limit_exceeded\"", "requests"), RateLimit, 429),
            ("openai", 429, openai("quota", "\"insufficient_quota\"", "insufficient_quota"), RateLimit, 429),
            ("openai", 500, openai("The server had an error", "null", "server_error"), InternalServer, 500),
            ("openai", 500, "Internal Server Error".into(), InternalServer, 500),
            ("openai", 502, "<html>502 Bad Gateway</html>".into(), BadGateway, 502),
            ("openai", 503, openai("overloaded", "null", "server_error"), ServiceUnavailable, 503),
            ("openai", 504, openai("upstream", "null", "server_error"), Timeout, 504),
            ("openai", 529, openai("Overloaded", "null", "server_error"), Api, 529),
            (
                "azure",
                400,
                r#"{"error":{"code":"content_filter","message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#
                    .into(),
                ContentPolicyViolation,
                400,
            ),
            ("azure", 404, r#"{"error":{"code":"DeploymentNotFound","message":"x"}}"#.into(), NotFound, 404),
            ("azure", 500, r#"{"error":{"code":"500","message":"The server had an error"}}"#.into(), Api, 500),
            ("azure", 403, r#"{"error":{"code":"403","message":"no"}}"#.into(), Api, 403),
            (
                "xai",
                400,
                r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 1"}"#.into(),
                BadRequest,
                400,
            ),
            (
                "nvidia_nim",
                400,
                r#"{"detail":"This model's maximum context length is 8192 tokens."}"#.into(),
                ContextWindowExceeded,
                400,
            ),
            ("deepinfra", 401, r#"{"detail":{"error":"no"}}"#.into(), Authentication, 401),
            ("openrouter", 502, r#"{"error":{"code":502,"message":"x"}}"#.into(), Api, 502),
            ("openrouter", 503, r#"{"error":{"code":503,"message":"x"}}"#.into(), ServiceUnavailable, 503),
            ("huggingface", 404, r#"{"error":"no model"}"#.into(), Api, 404),
            ("databricks", 403, r#"{"error_code":"DENIED","message":"no"}"#.into(), PermissionDenied, 403),
            ("databricks", 402, r#"{"message":"pay"}"#.into(), PaymentRequired, 402),
            ("databricks", 404, r#"{"error_code":"BAD_REQUEST","message":"no"}"#.into(), NotFound, 404),
        ];
        for (provider, status, body, kind, code) in table {
            let error = refusal(provider, status, &body);
            assert_eq!(
                (error.kind, error.status_code, error.http_status),
                (kind, code, Some(status)),
                "{provider} {status} {body}"
            );
            assert_eq!(error.provider, provider);
            assert!(!error.message.is_empty());
        }
    }

    /// O12, and the other places of a message.
    #[test]
    fn every_form_of_an_error_object_is_read() {
        let table = [
            (r#"{"error":{"message":"m","code":401,"type":"t","param":"p"}}"#, Some("m"), Some("401"), Some("t"), Some("p")),
            (r#"{"error":{"message":"m","code":true}}"#, Some("m"), Some("true"), None, None),
            (r#"[{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}]"#, Some("m"), Some("400"), None, None),
            (r#"{"error":[{"message":"m"}]}"#, Some("m"), None, None, None),
            (r#"{"error":"m","code":"c"}"#, Some("m"), Some("c"), None, None),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
                Some("m"),
                Some("400"),
                Some("BadRequestError"),
                None,
            ),
            (r#"{"detail":"m"}"#, Some("m"), None, None, None),
            (r#"{"detail":{"error":"m"}}"#, Some("m"), None, None, None),
            (
                r#"{"detail":[{"loc":["body","n"],"msg":"too large","type":"value_error"}]}"#,
                Some("body.n: too large"),
                None,
                None,
                None,
            ),
            (r#"{"errors":[{"message":"m","code":7}]}"#, Some("m"), Some("7"), None, None),
            (r#"{"error_code":"BAD","message":"m"}"#, Some("m"), Some("BAD"), None, None),
            ("\"m\"", Some("m"), None, None, None),
            ("17", None, None, None, None),
        ];
        for (text, message, code, kind, param) in table {
            let details = Details::of(&serde_json::from_str(text).unwrap());
            let got = (details.message.as_deref(), details.code.as_deref(), details.kind.as_deref(), details.param.as_deref());
            assert_eq!(got, (message, code, kind, param), "{text}");
        }
    }

    /// S13
    #[test]
    fn an_error_inside_a_200_has_its_own_status() {
        let object = |provider: &str, text: &str| {
            let raw: Box<RawValue> = RawValue::from_string(text.to_owned()).unwrap();
            let error = origin(provider).from_error_object(&raw);
            (error.kind, error.status_code, error.http_status)
        };
        assert_eq!(
            object("openrouter", r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
            (ErrorKind::Api, 502, Some(502))
        );
        assert_eq!(
            object("openai", r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#),
            (ErrorKind::RateLimit, 429, None)
        );
        assert_eq!(object("openai", r#"{"error":"boom"}"#), (ErrorKind::InternalServer, 500, None));
        assert_eq!(
            object("openai", r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#),
            (ErrorKind::ServiceUnavailable, 503, None)
        );
    }

    #[test]
    fn unreadable_answers_have_litellms_class_and_show_their_beginning() {
        let page = "<html>".to_owned() + &"x".repeat(5000);
        for (provider, kind, status) in [
            ("openai", ErrorKind::InternalServer, 500),
            ("azure", ErrorKind::Api, 500),
            ("groq", ErrorKind::ApiConnection, 500),
            ("xai", ErrorKind::Api, 200),
        ] {
            let error = origin(provider).unreadable(200, page.as_bytes(), "the answer is not JSON");
            assert_eq!((error.kind, error.status_code), (kind, status));
            assert!(error.message.contains("<html>") && error.message.len() < 1200);
            assert_eq!(error.body.as_ref().map(String::len), Some(page.len()));
        }
    }

    #[test]
    fn keys_are_never_repeated() {
        let body = r#"{"error":{"message":"Incorrect API key provided: key-of-the-call, sk-proj-abcdefghijklmnop1234 or Bearer abcdefghijklmnopqrst"}}"#;
        let error = refusal("openai", 401, body);
        for text in [&error.message, error.body.as_ref().unwrap()] {
            for secret in ["key-of-the-call", "abcdefghijklmnop1234", "abcdefghijklmnopqrst"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        assert_eq!(without_keys("sk-par****ity and sk-learn, Bearer token, task-abcdefghijklmnopqrstuv"), None);
        assert_eq!(without_keys("x sk-abcdefghijklmnopq y").as_deref(), Some("x sk-*** y"));
    }

    #[test]
    fn long_bodies_are_cut_at_a_character() {
        let error = refusal("openai", 500, &"é".repeat(MAX_ERROR_BODY));
        let body = error.body.as_ref().unwrap();
        assert!(body.len() <= MAX_ERROR_BODY && body.ends_with('é'));
        assert!(error.message.ends_with('…'));
    }

    proptest! {
        /// No body of any kind makes a panic or an error without a sentence.
        #[test]
        fn any_body_is_an_error(status in 300u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for row in crate::wire::providers::ALL {
                let origin = Origin::new(row, Operation::Completion, "", None);
                let error = origin.refusal(&Head { status, headers: Vec::new() }, &body);
                prop_assert!(!error.message.is_empty());
            }
        }

        #[test]
        fn any_text_can_be_scrubbed(text in "(sk-|Bearer |[a-z*é ]){0,40}") {
            if let Some(clean) = without_keys(&text) {
                prop_assert!(clean.contains("***"));
            }
        }
    }
}
