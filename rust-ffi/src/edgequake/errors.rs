//! The crate's errors as ours.
//!
//! `LlmError` keeps neither status nor headers nor body; most providers write the status into the text before its first colon, which is
//! where it is read back from.

use edgequake_llm::LlmError;
use serde_json::Value;

use crate::engine::error::{Error, ErrorFields, ErrorKind};
use crate::engine::limits::MAX_ERROR_BODY;

/// The error of a failed call, still without provider and model. The caller scrubs it: the texts may hold an address with a key.
pub fn from_llm(error: LlmError) -> Error {
    let wait = match &error {
        // The crate reads the wait from the sentence; without one it would answer its own default.
        LlmError::RateLimited(text) if text.contains("try again in ") => match error.retry_strategy() {
            edgequake_llm::RetryStrategy::WaitAndRetry { wait } => Some(wait),
            _ => None,
        },
        _ => None,
    };
    let mut error = classify(error);
    error.retry_after = wait;
    refine(&mut error);
    error
}

fn classify(error: LlmError) -> Error {
    match error {
        LlmError::RateLimited(text) if text.starts_with("Service overloaded") => with_status(529, text),
        LlmError::RateLimited(text) => of_text(ErrorKind::RateLimit, Some(429), text),
        LlmError::InvalidRequest(text) if is_unreadable(&text) => Error::new(ErrorKind::ApiResponseValidation, text),
        LlmError::InvalidRequest(text) => of_text(ErrorKind::BadRequest, Some(400), text),
        LlmError::AuthError(text) if text.starts_with("Permission denied") => {
            of_text(ErrorKind::PermissionDenied, Some(403), text)
        }
        LlmError::AuthError(text) => of_text(ErrorKind::Authentication, Some(401), text),
        LlmError::ModelNotFound(text) => of_text(ErrorKind::NotFound, Some(404), text),
        // The crate's word for HTTP 413, with both numbers 0.
        LlmError::TokenLimitExceeded { max: 0, got: 0 } => with_status(413, "the request is too large (HTTP 413)".to_owned()),
        LlmError::TokenLimitExceeded { max, got } => {
            Error::new(ErrorKind::ContextWindowExceeded, format!("the request has {got} tokens, the model takes {max}"))
        }
        LlmError::Timeout => Error::new(ErrorKind::Timeout, "the provider did not answer in time"),
        LlmError::NetworkError(text) => network(text),
        LlmError::SerializationError(e) => Error::new(ErrorKind::ApiResponseValidation, format!("the answer is unreadable: {e}")),
        LlmError::ConfigError(text) | LlmError::AttributionError(text) => Error::bad_request(text),
        LlmError::NotSupported(text) => Error::bad_request(format!("the provider cannot do this: {text}")),
        LlmError::ApiError(text) | LlmError::ProviderError(text) | LlmError::Unknown(text) => {
            if is_unreadable(&text) {
                Error::new(ErrorKind::ApiResponseValidation, text)
            } else if let Some(status) = status_of(&text) {
                with_status(status, text)
            } else if is_transport(&text) {
                network(text)
            } else {
                Error::new(ErrorKind::Api, text)
            }
        }
    }
}

/// The kind for a status, litellm's mapping.
fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        422 => ErrorKind::UnprocessableEntity,
        429 => ErrorKind::RateLimit,
        502 => ErrorKind::BadGateway,
        503 => ErrorKind::ServiceUnavailable,
        500.. => ErrorKind::InternalServer,
        _ => ErrorKind::BadRequest,
    }
}

fn with_status(status: u16, text: String) -> Error {
    of_text(kind_of(status), Some(status), text)
}

/// Splits the crate's own prefix from what the provider said; where that is JSON, its fields are read.
fn of_text(kind: ErrorKind, status: Option<u16>, text: String) -> Error {
    let mut error = Error::new(kind, "");
    error.http_status = status;
    if let Some(status) = status {
        error.status_code = status;
    }
    let said = match heading(&text) {
        Some((heading, rest)) if status_in(heading).is_some() || rest.trim_start().starts_with('{') => rest,
        _ => text.as_str(),
    };
    if let Ok(body @ Value::Object(_)) = serde_json::from_str::<Value>(said) {
        let inner = if body["error"].is_object() { &body["error"] } else { &body };
        let field = |name: &str| match &inner[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        (error.code, error.error_type, error.param) = (field("code"), field("type"), field("param"));
        error.message = field("message").or_else(|| field("detail")).unwrap_or_else(|| said.to_owned());
    } else {
        error.message = said.to_owned();
    }
    if error.message.trim().is_empty() {
        error.message = match status {
            Some(status) => format!("the provider answered HTTP {status} without a message"),
            None => "the provider gave no message".to_owned(),
        };
    }
    error.body = Some(said.to_owned()).filter(|body| body.len() <= MAX_ERROR_BODY);
    error
}

/// litellm's two kinds that no status tells: they stand in the sentence.
fn refine(error: &mut Error) {
    if error.kind != ErrorKind::BadRequest && error.kind != ErrorKind::Api {
        return;
    }
    let text = error.message.to_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    let kind = if error.code.as_deref() == Some("context_length_exceeded")
        || has(&["maximum context length", "context length", "prompt is too long", "context window", "input token count"])
    {
        ErrorKind::ContextWindowExceeded
    } else if matches!(error.code.as_deref(), Some("content_policy_violation" | "content_filter"))
        || has(&["content policy", "content filter", "content_filter", "content management policy", "blockreason: "])
    {
        ErrorKind::ContentPolicyViolation
    } else {
        return;
    };
    error.kind = kind;
    error.status_code = error.http_status.unwrap_or_else(|| kind.default_status());
}

fn network(text: String) -> Error {
    if is_unreadable(&text) {
        return Error::new(ErrorKind::ApiResponseValidation, text);
    }
    if let Some(status) = status_of(&text) {
        return with_status(status, text);
    }
    let lower = text.to_lowercase();
    if lower.contains("timed out") || lower.starts_with("timeout") {
        return Error::new(ErrorKind::Timeout, text);
    }
    if lower.starts_with("service unavailable") {
        return with_status(503, text);
    }
    Error::new(ErrorKind::ApiConnection, text)
}

/// A 2xx whose body the crate could not read.
fn is_unreadable(text: &str) -> bool {
    text.starts_with("Failed to parse") || text.starts_with("Decode: ") || text.starts_with("No choices in response")
}

/// What reqwest says when no answer came, under the crate's headings.
fn is_transport(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["error sending request", "failed to read response", "error decoding response body", "connection"]
        .iter()
        .any(|p| lower.contains(p))
}

/// The crate writes "heading: what the provider said", and for embeddings "[status] provider – what it said".
fn heading(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('[') {
        return text.split_once(" – ");
    }
    text.split_once(": ")
}

/// The status in the crate's heading, else in the JSON error that follows it.
fn status_of(text: &str) -> Option<u16> {
    let (heading, rest) = heading(text)?;
    status_in(heading).or_else(|| {
        let body: Value = serde_json::from_str(rest).ok()?;
        let code = body["error"]["code"].as_u64().or_else(|| body["code"].as_u64())?;
        u16::try_from(code).ok().filter(|code| (400..600).contains(code))
    })
}

/// A number from 400 to 599 that stands by itself.
fn status_in(heading: &str) -> Option<u16> {
    heading
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == 3)
        .find_map(|word| word.parse::<u16>().ok().filter(|status| (400..600).contains(status)))
}

/// Removes credentials from everything that is shown. A key may stand in an address that reqwest prints (`?key=…`), in the form it was
/// given or percent-encoded.
pub fn scrub(error: &mut Error, secrets: &[&str]) {
    let clean = |text: &mut String| {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if text.contains(secret) {
                *text = text.replace(secret, "…");
            }
        }
        for mark in ["?key=", "&key="] {
            let mut from = 0;
            while let Some(at) = text[from..].find(mark).map(|at| from + at + mark.len()) {
                let end = text[at..].find(['&', ')', ' ', '"', '\'']).map_or(text.len(), |end| at + end);
                text.replace_range(at..end, "…");
                from = at;
            }
        }
    };
    let fields: &mut ErrorFields = error;
    clean(&mut fields.message);
    for text in [&mut fields.body, &mut fields.code, &mut fields.error_type, &mut fields.param].into_iter().flatten() {
        clean(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(text: &str) -> Error {
        from_llm(LlmError::ApiError(text.to_owned()))
    }

    #[test]
    fn the_status_is_read_from_the_crates_headings() {
        for (text, kind, status, message) in [
            ("openai API 429: Rate limit reached", ErrorKind::RateLimit, 429, "Rate limit reached"),
            ("xai API error 500: <html>", ErrorKind::InternalServer, 500, "<html>"),
            ("[401] mistral – no such key", ErrorKind::Authentication, 401, "no such key"),
            ("Gemini API error (403): denied: really", ErrorKind::PermissionDenied, 403, "denied: really"),
            ("NVIDIA API error (503 Service Unavailable): busy", ErrorKind::ServiceUnavailable, 503, "busy"),
            (
                "openai API error 400: {\"error\":{\"message\":\"bad\",\"code\":\"c\",\"type\":\"t\"}}",
                ErrorKind::BadRequest,
                400,
                "bad",
            ),
            (
                "Stream error: {\"error\":{\"code\":503,\"message\":\"overloaded\"}}",
                ErrorKind::ServiceUnavailable,
                503,
                "overloaded",
            ),
        ] {
            let error = api(text);
            assert_eq!((error.kind, error.http_status, error.status_code), (kind, Some(status), status), "{text}");
            assert_eq!(error.message, message, "{text}");
        }
        assert_eq!(api("openai API error 400: {\"error\":{\"message\":\"bad\",\"code\":\"c\"}}").code.as_deref(), Some("c"));
    }

    #[test]
    fn numbers_elsewhere_are_no_status() {
        for text in ["The model wrote 500 words", "Something odd: 429 things"] {
            assert_eq!((api(text).kind, api(text).http_status), (ErrorKind::Api, None), "{text}");
        }
    }

    #[test]
    fn sentences_tell_context_and_policy() {
        assert_eq!(api("x API 400: prompt is too long: 9 tokens").kind, ErrorKind::ContextWindowExceeded);
        assert_eq!(
            api("Gemini blocked the request (promptFeedback.blockReason: SAFETY). Adjust").kind,
            ErrorKind::ContentPolicyViolation
        );
    }

    #[test]
    fn network_and_unreadable_answers_are_told_apart() {
        let network = |text: &str| from_llm(LlmError::NetworkError(text.to_owned())).kind;
        assert_eq!(network("Failed to connect to http://h/: operation timed out"), ErrorKind::Timeout);
        assert_eq!(network("Failed to connect to http://h/: refused"), ErrorKind::ApiConnection);
        assert_eq!(network("Failed to parse response: EOF"), ErrorKind::ApiResponseValidation);
        assert_eq!(network("Upstream error (502): x"), ErrorKind::BadGateway);
        assert_eq!(api("Request failed: error sending request for url (https://h/)").kind, ErrorKind::ApiConnection);
    }

    #[test]
    fn a_wait_is_taken_from_the_sentence_only_where_it_stands_there() {
        let wait = |text: &str| from_llm(LlmError::RateLimited(text.to_owned())).retry_after;
        assert!(wait("slow down. Please try again in 20s.").is_some_and(|wait| wait.as_secs() == 22));
        assert_eq!(wait("slow down"), None);
    }

    #[test]
    fn secrets_are_removed_in_every_form() {
        let mut error = api("Request failed: error for url (https://h/models/m:generate?key=AIza%2Fx&alt=sse): sk-secret");
        error.body = Some("sk-secret".to_owned());
        scrub(&mut error, &["sk-secret", ""]);
        assert!(!error.message.contains("AIza") && !error.message.contains("sk-secret"), "{}", error.message);
        assert!(error.message.contains("?key=…&alt=sse"), "{}", error.message);
        assert_eq!(error.body.as_deref(), Some("…"));
    }
}
