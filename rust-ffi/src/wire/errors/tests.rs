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
            openai("This model's maximum context length is 8192 tokens.", "\"context_length_exceeded\"", "invalid_request_error"),
            ContextWindowExceeded,
            400,
        ),
        ("openai", 400, openai("rejected", "\"content_policy_violation\"", "invalid_request_error"), ContentPolicyViolation, 400),
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
            r#"{"error":{"code":"content_filter","message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#.into(),
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
        assert_eq!((error.kind, error.status_code, error.http_status), (kind, code, Some(status)), "{provider} {status} {body}");
        assert_eq!(error.provider, provider);
        assert!(!error.message.is_empty());
    }
}

#[test]
fn o12_every_form_of_an_error_object_is_read() {
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

#[test]
fn s13_an_error_inside_a_200_has_its_own_status() {
    let object = |provider: &str, text: &str| {
        let raw: Box<RawValue> = RawValue::from_string(text.to_owned()).unwrap();
        let error = origin(provider).from_error_object(&raw);
        (error.kind, error.status_code, error.http_status)
    };
    assert_eq!(
        object("openrouter", r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
        (ErrorKind::Api, 502, Some(502))
    );
    assert_eq!(object("openai", r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#), (ErrorKind::RateLimit, 429, None));
    assert_eq!(
        object("watsonx", r#"{"errors":[{"code":"model_no_support","message":"m"}],"trace":"t","status_code":400}"#),
        (ErrorKind::BadRequest, 400, Some(400))
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

#[test]
fn a15_anthropics_types_tell_the_class() {
    use ErrorKind::*;
    let body = |kind: &str, message: &str| {
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#)
    };
    let invalid = "invalid_request_error";
    for (status, body, kind, code) in [
        (400, body(invalid, "temperature: range: 0..1"), BadRequest, 400),
        (400, body(invalid, "prompt is too long: 210000 tokens > 200000 maximum"), ContextWindowExceeded, 400),
        (400, body(invalid, "input length and `max_tokens` exceed context limit: 1 + 2 > 2"), ContextWindowExceeded, 400),
        (400, body(invalid, "Output blocked by content filtering policy"), ContentPolicyViolation, 400),
        (
            400,
            body(invalid, "You have reached your specified API usage limits. You will regain access on 2026-12-01."),
            RateLimit,
            429,
        ),
        (401, body("authentication_error", "invalid x-api-key"), Authentication, 401),
        (402, body("billing_error", "Insufficient Balance"), PaymentRequired, 402),
        (403, body("permission_error", "not allowed"), PermissionDenied, 403),
        (404, body("not_found_error", "model: claude-x"), NotFound, 404),
        (409, body("conflict_error", "Conflict"), BadRequest, 409),
        (413, body("request_too_large", "too large"), BadRequest, 413),
        (429, body("rate_limit_error", "slow down"), RateLimit, 429),
        (500, body("api_error", "oops"), InternalServer, 500),
        (502, "<html>502</html>".into(), BadGateway, 502),
        (503, String::new(), ServiceUnavailable, 503),
        (504, body("timeout_error", "timed out"), Timeout, 504),
        (529, body("overloaded_error", "Overloaded"), InternalServer, 500),
    ] {
        let error = refusal("anthropic", status, &body);
        assert_eq!((error.kind, error.status_code, error.http_status), (kind, code, Some(status)), "{status} {body}");
    }
}

#[test]
fn googles_statuses_and_words_tell_the_class() {
    use ErrorKind::*;
    let body = |code: u16, status: &str, message: &str| {
        serde_json::json!({"error": {"code": code, "message": message, "status": status}}).to_string()
    };
    let table = [
        (400, body(400, "INVALID_ARGUMENT", "Invalid value"), BadRequest, 400),
        (400, body(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), Authentication, 401),
        (
            400,
            body(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            ContextWindowExceeded,
            400,
        ),
        (401, body(401, "UNAUTHENTICATED", "no"), Authentication, 401),
        (402, body(402, "UNKNOWN", "Insufficient Balance"), PaymentRequired, 402),
        (403, body(403, "PERMISSION_DENIED", "no"), BadRequest, 403),
        (403, "<html>forbidden</html>".to_owned(), PermissionDenied, 403),
        (403, body(403, "PERMISSION_DENIED", "Vertex AI API has not been used in project 1"), BadRequest, 403),
        (404, body(404, "NOT_FOUND", "models/x is not found"), NotFound, 404),
        (408, body(408, "UNKNOWN", "late"), Timeout, 408),
        (409, body(409, "ABORTED", "Conflict"), BadRequest, 409),
        (429, body(429, "RESOURCE_EXHAUSTED", "slow down"), RateLimit, 429),
        (500, body(500, "INTERNAL", "boom"), InternalServer, 500),
        (500, body(429, "RESOURCE_EXHAUSTED", "wrapped"), RateLimit, 429),
        (502, "<html>502</html>".to_owned(), ApiConnection, 500),
        (503, body(503, "UNAVAILABLE", "try later"), ServiceUnavailable, 503),
        (503, body(503, "UNAVAILABLE", "The model is overloaded."), InternalServer, 500),
        (504, body(504, "DEADLINE_EXCEEDED", "late"), Timeout, 504),
        (529, body(529, "UNKNOWN", "Overloaded"), Api, 529),
    ];
    for (status, body, kind, code) in table {
        for provider in ["gemini", "vertex_ai"] {
            let error = refusal(provider, status, &body);
            assert_eq!((error.kind, error.status_code, error.http_status), (kind, code, Some(status)), "{provider} {body}");
        }
    }
    let reasons = r#"{"error":{"code":400,"message":"Bad key","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    assert_eq!(refusal("gemini", 400, reasons).kind, Authentication);
}
