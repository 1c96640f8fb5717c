use serde_json::{json, Value};

use super::*;
use crate::engine::error::ErrorKind;
use crate::wire::providers::find;

fn decoder() -> Decoder {
    let origin = Origin::new(find("replicate").unwrap(), Operation::Completion, "a/b", None);
    Decoder { origin, include_usage: false }
}

fn head(status: u16) -> Head {
    Head { status, headers: Vec::new() }
}

fn answer(body: Value) -> Result<Value> {
    let bytes = decoder().answer(&head(200), body.to_string().into())?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn a_prediction_is_a_completion() {
    let metrics = json!({"input_token_count": 5, "output_token_count": 6});
    let whole = answer(json!({"status": "succeeded", "output": ["Hel", "lo"], "metrics": metrics})).unwrap();
    assert_eq!(whole["model"], "replicate/a/b");
    assert_eq!(whole["choices"][0]["message"], json!({"role": "assistant", "content": "Hello"}));
    assert_eq!(whole["usage"], json!({"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}));
    let text = answer(json!({"status": "succeeded", "output": "Hello"})).unwrap();
    assert_eq!(text["choices"][0]["message"]["content"], "Hello");
    assert_eq!(text.get("usage"), None, "Replicate counted nothing");
    assert_eq!(answer(json!({"status": "succeeded", "output": null})).unwrap()["choices"][0]["message"]["content"], "");
}

#[test]
fn how_a_prediction_fails_is_told_in_replicates_words() {
    let failed = |error: &str| answer(json!({"status": "failed", "error": error, "input": {"prompt": "input is too long"}}));
    let error = failed("CUDA out of memory").unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UnprocessableEntity, "CUDA out of memory"));
    assert_eq!(failed("Your input is too long").unwrap_err().kind, ErrorKind::ContextWindowExceeded);
    let canceled = answer(json!({"status": "canceled"})).unwrap_err();
    assert!(canceled.kind == ErrorKind::UnprocessableEntity && canceled.message.contains("canceled"), "{}", canceled.message);
    let refused = |status, body: &str| decoder().error(&head(status), body.as_bytes());
    let invalid = refused(422, r#"{"title": "Input validation failed", "detail": "- input: prompt is required", "status": 422}"#);
    assert_eq!((invalid.kind, invalid.message.as_str()), (ErrorKind::UnprocessableEntity, "- input: prompt is required"));
    assert_eq!(refused(401, r#"{"detail": "You did not pass a valid authentication token"}"#).kind, ErrorKind::Authentication);
    assert_eq!(refused(429, r#"{"detail": "Request was throttled."}"#).kind, ErrorKind::RateLimit);
}

#[test]
fn what_is_no_prediction_is_an_error() {
    for body in ["", "<html>", "[]", "{}", r#"{"status": 200}"#] {
        assert_eq!(decoder().answer(&head(200), body.to_owned().into()).unwrap_err().kind, ErrorKind::Api, "{body}");
    }
    assert_eq!(answer(json!({"status": "succeeded", "output": {"url": "x"}})).unwrap_err().kind, ErrorKind::Api);
}

#[test]
fn a_state_names_where_the_job_is() {
    let following = Following { origin: decoder().origin };
    let body = json!({"status": "starting", "urls": {"get": "https://h/g", "cancel": "https://h/c", "stream": "https://h/s"}});
    let state = following.state(&head(201), body.to_string().as_bytes()).unwrap();
    let url = |path: &str| Some(format!("https://h/{path}"));
    assert_eq!(state, State { ended: false, get: url("g"), cancel: url("c"), events: url("s") });
    for (status, ended) in [("processing", false), ("succeeded", true), ("failed", true), ("canceled", true), ("aborted", true)] {
        let body = json!({"status": status}).to_string();
        assert_eq!(following.state(&head(200), body.as_bytes()).unwrap().ended, ended, "{status}");
    }
}

#[test]
fn the_key_stays_where_it_belongs() {
    let following = Following { origin: decoder().origin };
    let asked = Url::parse("https://proxy.example:8443/v1/models/a/b/predictions").unwrap();
    let trust = |url: &str| following.trusts(&asked, &Url::parse(url).unwrap());
    for good in ["https://proxy.example:8443/x", "https://api.replicate.com/v1/predictions/1", "https://replicate.com/x"] {
        assert_eq!(trust(good), Trust::Key, "{good}");
    }
    assert_eq!(trust("https://stream-b.svc.rno2.c.replicate.net/v1/streams/x"), Trust::NoKey);
    for bad in [
        "http://proxy.example:8443/x",
        "https://proxy.example/x",
        "https://proxy.example.evil.example:8443/x",
        "http://api.replicate.com/x",
        "https://api.replicate.com:444/x",
        "https://evilreplicate.com/x",
        "https://replicate.com.evil.example/x",
        "https://api.replicate.com@evil.example/x",
        "https://user@api.replicate.com/x",
        "http://stream.replicate.net/x",
        "file:///etc/passwd",
    ] {
        assert_eq!(trust(bad), Trust::Nothing, "{bad}");
    }
}
