use bytes::Bytes;
use serde_json::Value;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::{Route, Secret};
use crate::wire::http::join;
use crate::wire::providers::find;
use crate::wire::{dialect, HttpCall, Operation};

fn call_at(provider: &str, model: &str, api_base: &str, operation: Operation, request: &str) -> Result<HttpCall> {
    let route = Route {
        provider: provider.into(),
        model: model.into(),
        api_base: api_base.into(),
        api_key: Some(Secret::new("key-of-the-call")),
    };
    dialect(&route).prepare(operation, &route, &Request::parse(request.as_bytes()).unwrap())
}

/// A chat call with one message and the members that `more` adds.
fn call(provider: &str, model: &str, more: &str) -> Result<HttpCall> {
    let base = find(provider).unwrap().api_base.unwrap_or("http://host/v1");
    let request = format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}]{more}}}"#);
    call_at(provider, model, base, Operation::Completion, &request)
}

fn refused(provider: &str, model: &str, more: &str) -> Error {
    match call(provider, model, more) {
        Ok(call) => panic!("sent: {:?}", call.body),
        Err(error) => error,
    }
}

fn body(call: &HttpCall) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

fn header<'c>(call: &'c HttpCall, name: &str) -> Option<&'c str> {
    call.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

#[test]
fn a_usual_call_is_the_callers_own_bytes() {
    let call = call("openai", "gpt-4o", r#","temperature":0.10,"stop":[ "a" ],"own":{"z":1e400,"a":-0}"#).unwrap();
    assert_eq!(call.url, "https://api.openai.com/v1/chat/completions");
    assert_eq!(
        call.body,
        Bytes::from_static(br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"temperature":0.10,"stop":[ "a" ],"own":{"z":1e400,"a":-0}}"#)
    );
    assert_eq!(header(&call, "authorization"), Some("Bearer key-of-the-call"));
    assert_eq!(header(&call, "content-type"), Some("application/json"));
    assert!(!call.stream);
}

#[test]
fn f4_a_large_image_is_copied_once() {
    let image = "A".repeat(4 << 20);
    let request = format!(
        r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}]}}"#
    );
    let call = call_at("openai", "gpt-4o", "http://h/v1", Operation::Completion, &request).unwrap();
    // The body was written into a buffer of its size: no growth, so no second copy.
    let written: Vec<u8> = call.body.into();
    assert!(written.capacity() - written.len() < 64, "{} bytes for {}", written.capacity(), written.len());
}

#[test]
fn addresses_are_joined_whatever_they_end_in() {
    for (base, url) in [
        ("http://h", "http://h/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
        ("http://h/v1?x=1", "http://h/v1/chat/completions?x=1"),
    ] {
        assert_eq!(join(base, "chat/completions"), url);
    }
    let url = |provider: &str, operation: Operation| {
        call_at(provider, "m", "https://h", operation, r#"{"messages":[{"role":"user","content":"x"}],"input":"x"}"#).unwrap().url
    };
    assert_eq!(url("mistral", Operation::Completion), "https://h/v1/chat/completions");
    assert_eq!(url("perplexity", Operation::Completion), "https://h/chat/completions");
    assert_eq!(url("perplexity", Operation::Embedding), "https://h/v1/embeddings");
}

#[test]
fn queries_are_written_as_openais_sdk_writes_them() {
    let call = call("openai", "gpt-4o", r#","extra_query":{"a b":"c&d","list":[1,true],"o":{"x":"y"},"none":null}"#).unwrap();
    assert_eq!(call.url, "https://api.openai.com/v1/chat/completions?a%20b=c%26d&list%5B%5D=1&list%5B%5D=true&o%5Bx%5D=y");
    assert!(refused("openai", "gpt-4o", r#","extra_query":"a=b""#).message.contains("extra_query"));
}

#[test]
fn headers_of_the_program_the_call_and_the_provider() {
    let with = call(
        "openrouter",
        "m",
        r#","headers":{"X-One":"1","X-Two":"2"},"extra_headers":{"x-two":"3","X-Title":"mine"},"settings":{"headers":{"x-one":"0","x-set":"s"}}"#,
    )
    .unwrap();
    for (name, value) in
        [("x-one", "1"), ("x-two", "3"), ("x-set", "s"), ("x-title", "mine"), ("http-referer", "https://litellm.ai")]
    {
        assert_eq!(header(&with, name), Some(value), "{name}");
    }
    let accounts = call("openai", "gpt-4o", r#","organization":"org-1","settings":{"project":"proj-1"}"#).unwrap();
    assert_eq!((header(&accounts, "openai-organization"), header(&accounts, "openai-project")), (Some("org-1"), Some("proj-1")));
    // OpenAI's accounts are nobody else's business, unless the call itself says so.
    let other = call("groq", "m", r#","settings":{"organization":"org-1"}"#).unwrap();
    assert_eq!(header(&other, "openai-organization"), None);
    assert_eq!(header(&call("sarvam", "m", "").unwrap(), "api-subscription-key"), Some("key-of-the-call"));
}

#[test]
fn h13_headers_that_http_cannot_carry_are_refused() {
    for more in [
        r#","extra_headers":{"x":"a\r\nb"}"#,
        r#","extra_headers":{"x":"a\u0000"}"#,
        r#","extra_headers":{"x y":"a"}"#,
        r#","extra_headers":{"":"a"}"#,
        r#","extra_headers":{"x\n":"a"}"#,
        r#","extra_headers":{"x":1}"#,
        r#","extra_headers":["x"]"#,
        r#","organization":"a\nb""#,
    ] {
        let error = refused("openai", "gpt-4o", more);
        assert_eq!(error.kind, ErrorKind::BadRequest, "{more}");
        assert!(!error.message.contains("a\r\nb"), "{}", error.message);
    }
}

#[test]
fn streams_say_what_was_asked_for() {
    let streamed = call("openai", "gpt-4o", r#","stream":true,"stream_options":{"include_usage":true}"#).unwrap();
    assert!(streamed.stream);
    assert_eq!(header(&streamed, "accept"), Some("text/event-stream"));
    assert_eq!(body(&streamed)["stream_options"]["include_usage"], true);
    // Without a stream neither means anything, and OpenAI refuses the second.
    let whole = body(&call("openai", "gpt-4o", r#","stream":false,"stream_options":{"include_usage":true}"#).unwrap());
    assert!(whole.get("stream").is_none() && whole.get("stream_options").is_none());
}

#[test]
fn messages_and_input_are_checked_before_any_network() {
    for (more, part) in
        [("", "`messages` is missing"), (r#""messages":[]"#, "empty"), (r#""messages":{"role":"user"}"#, "a list of messages")]
    {
        let error = call_at("openai", "m", "http://h", Operation::Completion, &format!("{{{more}}}")).err().unwrap();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert!(call_at("openai", "m", "http://h", Operation::Embedding, "{}").err().unwrap().message.contains("`input` is missing"));
}

#[test]
fn tool_choice_is_one_that_exists() {
    let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let choice = |choice: &str| call("openai", "gpt-4o", &format!("{tools},\"tool_choice\":{choice}"));
    assert_eq!(body(&choice(r#"{"type":"auto"}"#).unwrap())["tool_choice"], "auto");
    assert_eq!(body(&choice(r#"{"type":"function","function":{"name":"f"}}"#).unwrap())["tool_choice"]["function"]["name"], "f");
    for bad in [r#"{"name":"f"}"#, "1", "[]"] {
        assert_eq!(choice(bad).err().unwrap().kind, ErrorKind::BadRequest, "{bad}");
    }
    assert!(body(&call("openai", "gpt-4o", r#","tool_choice":"auto""#).unwrap()).get("tool_choice").is_none());
    assert!(refused("openai", "gpt-4o", r#","tools":{}"#).message.contains("`tools` must be a list"));
}

#[test]
fn marks_stay_where_they_are_understood() {
    let request = r#"{"messages":[{"role":"user","content":"x","cache_control":{"type":"ephemeral"}}],
        "tools":[{"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral"}}]}"#;
    let sent =
        |provider: &str, model: &str, base: &str| body(&call_at(provider, model, base, Operation::Completion, request).unwrap());
    let openai = sent("openai", "gpt-4o", "https://api.openai.com/v1");
    assert!(!openai.to_string().contains("cache_control"), "{openai}");
    assert_eq!(sent("openai", "claude", "http://gateway/v1")["tools"][0]["cache_control"]["type"], "ephemeral");
    let claude = sent("openrouter", "anthropic/claude-sonnet-4", "https://openrouter.ai/api/v1");
    assert_eq!(claude["messages"][0]["content"][0]["cache_control"]["type"], "ephemeral");
    assert!(!sent("openrouter", "openai/gpt-4o", "https://openrouter.ai/api/v1").to_string().contains("cache_control"));
}

#[test]
fn embeddings_take_what_a_provider_lists() {
    let embed = |provider: &str, model: &str, more: &str| {
        call_at(provider, model, "http://h", Operation::Embedding, &format!(r#"{{"input":["a"]{more}}}"#))
    };
    assert_eq!(body(&embed("openai", "text-embedding-3-small", r#","dimensions":5,"own":1"#).unwrap())["own"], 1);
    assert_eq!(body(&embed("azure", "d", "").unwrap())["encoding_format"], "base64");
    assert_eq!(body(&embed("azure", "d", r#","encoding_format":"float""#).unwrap())["encoding_format"], "float");
    for (provider, model) in [("databricks", "bge"), ("openai", "text-embedding-ada-002"), ("mistral", "mistral-embed")] {
        let error = embed(provider, model, r#","dimensions":5"#).err().unwrap();
        assert_eq!(error.kind, ErrorKind::UnsupportedParams, "{provider}");
        let dropped = body(&embed(provider, model, r#","dimensions":5,"drop_params":true"#).unwrap());
        assert!(dropped.get("dimensions").is_none(), "{provider}");
    }
}

#[test]
fn guided_choice_in_extra_body_is_a_schema_at_fireworks() {
    let sent = body(&call("fireworks_ai", "m", r#","extra_body":{"guided_choice":["a","b"],"own":1}"#).unwrap());
    assert_eq!((&sent["response_format"]["json_schema"]["schema"]["enum"][1], &sent["own"]), (&"b".into(), &1.into()));
    assert!(sent.get("guided_choice").is_none());
}
