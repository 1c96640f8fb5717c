//! One table: from (family of providers, status, the provider's own code and type) to litellm's exception classes.
//!
//! A code or a type decides wherever a provider sends one; words of a message are looked at only for what many servers express in no
//! other way.

use super::Details;
use crate::engine::error::ErrorKind;
use crate::wire::providers::ErrorFamily;

pub(super) fn classify(family: ErrorFamily, status: u16, details: &Details, text: &str) -> ErrorKind {
    let lower = text.to_ascii_lowercase();
    match family {
        ErrorFamily::OpenAi => openai(status, details, &lower),
        ErrorFamily::Anthropic => anthropic(status, details, &lower),
        ErrorFamily::Azure => azure(status, details, &lower),
        ErrorFamily::Bedrock => bedrock(status, details, &lower),
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
        ErrorFamily::Cohere => match status {
            _ if lower.contains("invalid api token") || lower.contains("no api key provided") => ErrorKind::Authentication,
            400 | 500 if lower.contains("too many tokens") => ErrorKind::ContextWindowExceeded,
            _ => by_status(status),
        },
        ErrorFamily::Ollama => by_status(status),
        ErrorFamily::Google => google(status, details, &lower),
        ErrorFamily::Replicate => match status {
            _ if lower.contains("incorrect authentication token") => ErrorKind::Authentication,
            _ if lower.contains("input is too long") => ErrorKind::ContextWindowExceeded,
            _ if lower.contains("request was throttled") => ErrorKind::RateLimit,
            400 | 413 => ErrorKind::BadRequest,
            401 => ErrorKind::Authentication,
            408 => ErrorKind::Timeout,
            422 => ErrorKind::UnprocessableEntity,
            429 => ErrorKind::RateLimit,
            500 => ErrorKind::ServiceUnavailable,
            _ => ErrorKind::Api,
        },
        ErrorFamily::ByStatus => by_code(details).unwrap_or(match status {
            400..500 if !matches!(status, 401..=404 | 408 | 429) && says_context(&lower) => ErrorKind::ContextWindowExceeded,
            _ => by_status(status),
        }),
    }
}

/// What a status alone says.
fn by_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        402 => ErrorKind::PaymentRequired,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimit,
        500 => ErrorKind::InternalServer,
        502 => ErrorKind::BadGateway,
        503 => ErrorKind::ServiceUnavailable,
        400..500 => ErrorKind::BadRequest,
        _ => ErrorKind::Api,
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

/// litellm's table for OpenAI and those that it serves alike: it knows fewer of them.
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

/// Source: Anthropic's reference of errors. What its types cannot tell apart (a prompt that is too long, a spent limit and a wrong
/// parameter are all `invalid_request_error`) is told by its sentences.
fn anthropic(status: u16, details: &Details, lower: &str) -> ErrorKind {
    if status == 401 || details.says("authentication_error") {
        return ErrorKind::Authentication;
    }
    if lower.contains("prompt is too long") || lower.contains("prompt: length") || says_context(lower) {
        return ErrorKind::ContextWindowExceeded;
    }
    if details.says("overloaded_error") {
        return ErrorKind::InternalServer;
    }
    if lower.contains("content filtering policy") {
        return ErrorKind::ContentPolicyViolation;
    }
    // The month's limit of an account comes as a 400, and means the same as any other limit.
    if lower.contains("specified api usage limits") {
        return ErrorKind::RateLimit;
    }
    match by_status(status) {
        ErrorKind::Api => ErrorKind::InternalServer,
        kind => kind,
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

/// Google writes the status into the body as a number and as a word (`RESOURCE_EXHAUSTED`).
fn google(status: u16, details: &Details, lower: &str) -> ErrorKind {
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    if says(&["vertex ai api has not been used in project", "unable to find your project"]) {
        return ErrorKind::BadRequest;
    }
    if says_context(lower) || says(&["request payload size exceeds"]) {
        return ErrorKind::ContextWindowExceeded;
    }
    // A wrong key comes as 400.
    if details.reason() == Some("API_KEY_INVALID") || says(&["api key not valid"]) {
        return ErrorKind::Authentication;
    }
    if status == 403 && details.code.as_deref() == Some("403") {
        // litellm's class for what Google forbids.
        return ErrorKind::BadRequest;
    }
    if says(&["the response was blocked.", "output blocked by content filtering policy"]) {
        return ErrorKind::ContentPolicyViolation;
    }
    // Gateways wrap a refusal for the rate into a failure of their own.
    let wrapped = (500..600).contains(&status) && details.code.as_deref() == Some("429");
    if wrapped || says(&["quota exceeded for", "429 quota exceeded", "resource exhausted"]) {
        return ErrorKind::RateLimit;
    }
    match status {
        _ if says(&["the model is overloaded.", "500 internal server error", "content has no parts."]) => {
            ErrorKind::InternalServer
        }
        502 => ErrorKind::ApiConnection,
        _ => by_status(status),
    }
}

/// AWS names its exceptions; only the length of the input has no name of its own.
fn bedrock(status: u16, details: &Details, lower: &str) -> ErrorKind {
    const TOO_LONG: &[&str] = &[
        "too many tokens",
        "expected maxlength:",
        "input is too long",
        "prompt is too long",
        "prompt: length: 1..",
        "too many input tokens",
    ];
    let code = details.code.as_deref().unwrap_or_default().to_ascii_lowercase();
    match code.strip_suffix("exception").unwrap_or(&code) {
        "throttling" | "servicequotaexceeded" | "toomanyrequests" => return ErrorKind::RateLimit,
        "accessdenied" => return ErrorKind::PermissionDenied,
        "resourcenotfound" => return ErrorKind::NotFound,
        "modeltimeout" => return ErrorKind::Timeout,
        "modelstreamerror" | "modelerror" if status == 424 => return ErrorKind::Api,
        "unrecognizedclient"
        | "invalidsignature"
        | "expiredtoken"
        | "incompletesignature"
        | "missingauthenticationtoken"
        | "signaturedoesnotmatch" => return ErrorKind::Authentication,
        _ => {}
    }
    if TOO_LONG.iter().any(|words| lower.contains(words)) {
        return ErrorKind::ContextWindowExceeded;
    }
    if lower.contains("the security token included in the request is invalid") {
        return ErrorKind::Authentication;
    }
    if lower.contains("could not process image") && status == 500 {
        return ErrorKind::InternalServer;
    }
    match status {
        500 => ErrorKind::ServiceUnavailable,
        _ => by_status(status),
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
