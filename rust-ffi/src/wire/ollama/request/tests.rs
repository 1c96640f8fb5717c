use serde_json::{json, Value};

use crate::engine::error::{ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::{Route, Secret};
use crate::wire::ollama::Ollama;
use crate::wire::remote::File;
use crate::wire::{Dialect, HttpCall, Operation};

fn prepared(provider: &str, operation: Operation, request: Value) -> Result<HttpCall> {
    let route = Route {
        provider: provider.into(),
        model: "llama3.1".into(),
        api_base: "http://localhost:11434".into(),
        api_key: Some(Secret::new("the-key")),
    };
    let text = request.to_string();
    Ollama.prepare(operation, &route, &Request::parse(text.as_bytes()).unwrap())
}

/// The path and the body of a chat with these arguments.
fn sent(provider: &str, arguments: Value) -> (String, Value) {
    let mut request = json!({"messages": [{"role": "user", "content": "hi"}]});
    request.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    let call = prepared(provider, Operation::Completion, request).unwrap();
    (call.url.replace("http://localhost:11434", ""), serde_json::from_slice(&call.body).unwrap())
}

fn chat(arguments: Value) -> Value {
    sent("ollama_chat", arguments).1
}

fn refused(provider: &str, operation: Operation, request: Value) -> String {
    let error = prepared(provider, operation, request).err().unwrap();
    assert_eq!(error.kind, ErrorKind::BadRequest);
    error.message.clone()
}

#[test]
fn a_chat_and_a_prompt() {
    assert_eq!(
        sent("ollama_chat", json!({"stream": true})),
        (
            "/api/chat".to_owned(),
            json!({"model": "llama3.1", "messages": [{"role": "user", "content": "hi", "images": []}], "options": {}, "stream": true})
        )
    );
    assert_eq!(
        sent("ollama", json!({})),
        (
            "/api/generate".to_owned(),
            json!({"model": "llama3.1", "prompt": "### User:\nhi\n\n", "images": [], "options": {}, "stream": false})
        )
    );
}

#[test]
fn parameters_have_ollamas_names_and_places() {
    let body = chat(json!({
        "max_tokens": 3, "temperature": 0.5, "stop": ["a"], "frequency_penalty": 0.2, "top_k": 4, "options": {"num_ctx": 9, "top_k": 1},
        "keep_alive": "5m", "think": true, "user": "u", "extra_body": {"x": 1},
    }));
    assert_eq!(
        body["options"],
        json!({"num_ctx": 9, "top_k": 4, "num_predict": 3, "temperature": 0.5, "stop": ["a"], "frequency_penalty": 0.2})
    );
    assert_eq!((&body["keep_alive"], &body["think"], &body["x"]), (&json!("5m"), &json!(true), &json!(1)));
    assert_eq!(body.get("user"), None);
    let (_, body) = sent("ollama", json!({"system": "s", "raw": true, "num_ctx": 9}));
    assert_eq!((&body["system"], &body["raw"], &body["options"]), (&json!("s"), &json!(true), &json!({"num_ctx": 9})));
}

#[test]
fn formats_are_a_word_or_a_schema() {
    let schema = json!({"type": "object"});
    let format = |format: Value| chat(json!({"response_format": format})).get("format").cloned();
    assert_eq!(format(json!({"type": "json_object"})), Some("json".into()));
    assert_eq!(format(json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})), Some(schema.clone()));
    assert_eq!(format(json!({"type": "text"})), None);
    let without = json!({"messages": [{"role": "user", "content": "hi"}], "response_format": {"type": "json_schema"}});
    assert!(refused("ollama_chat", Operation::Completion, without).contains("schema"));
}

#[test]
fn efforts_switch_thinking_on_or_off() {
    for (effort, think) in [("low", true), ("high", true), ("xhigh", true), ("none", false), ("minimal", false)] {
        assert_eq!(chat(json!({"reasoning_effort": effort}))["think"], think, "{effort}");
    }
    let request = json!({"messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "low"}).to_string();
    let route = Route { provider: "ollama_chat".into(), model: "gpt-oss:20b".into(), api_base: "http://h".into(), api_key: None };
    let call = Ollama.prepare(Operation::Completion, &route, &Request::parse(request.as_bytes()).unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&call.body).unwrap()["think"], "low");
}

#[test]
fn tools_are_offered_by_the_chat_endpoint_under_both_names() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    for provider in ["ollama", "ollama_chat"] {
        let (path, body) = sent(provider, json!({"tools": tools, "tool_choice": "required"}));
        assert_eq!((path.as_str(), &body["tools"], body.get("tool_choice")), ("/api/chat", &tools, None), "{provider}");
        assert_eq!(sent(provider, json!({"functions": [{"name": "f"}]})).1["tools"], tools);
        assert_eq!(sent(provider, json!({"tools": tools, "tool_choice": "none"})).1.get("tools"), None);
    }
    let wrong = json!({"messages": [{"role": "user", "content": "hi"}], "tools": {"name": "f"}});
    assert!(refused("ollama", Operation::Completion, wrong).contains("`tools`"));
}

#[test]
fn l1_messages_have_arguments_as_objects_and_images_without_a_prefix() {
    let body = chat(json!({"messages": [
        {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": [
            {"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": "BBBB"}]},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"n\": 1}"}},
            {"id": "2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "1", "name": "f", "content": "x"},
    ]}));
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "ab", "images": []}));
    assert_eq!(body["messages"][1], json!({"role": "user", "content": "see", "images": ["AAAA", "BBBB"]}));
    let assistant = &body["messages"][2];
    assert_eq!((&assistant["content"], &assistant["thinking"]), (&json!(""), &json!("hm")));
    assert_eq!(assistant["tool_calls"][1], json!({"function": {"name": "g", "arguments": {}}}));
    assert_eq!(body["messages"][3], json!({"role": "tool", "content": "x", "images": [], "tool_call_id": "1"}));
    let number =
        json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"n\": 1e400}"}}]}]});
    let call = prepared("ollama_chat", Operation::Completion, number).unwrap();
    assert!(String::from_utf8_lossy(&call.body).contains("\"arguments\":{\"n\": 1e400}"));
}

#[test]
fn images_at_an_address_are_fetched_before_the_request_is_sent() {
    let content = json!([{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "https://h/cat.png"}}]);
    for provider in ["ollama", "ollama_chat"] {
        let request = json!({"messages": [{"role": "user", "content": content}]});
        let call = prepared(provider, Operation::Completion, request).unwrap();
        let file = File { media_type: "image/png".into(), base64: "AAAA".into() };
        let sent: Value = serde_json::from_slice(&call.remotes.fill(&call.body, vec![file]).unwrap()).unwrap();
        let images = if provider == "ollama" { &sent["images"] } else { &sent["messages"][0]["images"] };
        assert_eq!(images, &json!(["AAAA"]), "{provider}");
    }
}

#[test]
fn what_a_chat_has_no_place_for_is_refused_or_dropped() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    for (name, value) in
        [("system", json!("s")), ("template", json!("t")), ("raw", json!(true)), ("suffix", json!("x")), ("context", json!([1]))]
    {
        for provider in ["ollama", "ollama_chat"] {
            let mut request = json!({"messages": [{"role": "user", "content": "hi"}], "tools": tools});
            request[name] = value.clone();
            let error = prepared(provider, Operation::Completion, request.clone()).err().unwrap();
            assert_eq!(error.kind, ErrorKind::UnsupportedParams, "{provider} {name}");
            assert!(error.message.contains(&format!("`{name}`")), "{}", error.message);
            request["drop_params"] = true.into();
            let call = prepared(provider, Operation::Completion, request).unwrap();
            assert!(!String::from_utf8_lossy(&call.body).contains(&format!("\"{name}\":")), "{name}");
        }
        // A prompt has a place for it.
        assert_eq!(sent("ollama", json!({name: value})).1[name], value);
    }
}

fn with_image(url: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": url}}]}]})
}

#[test]
fn what_is_no_image_is_refused_by_its_place() {
    for provider in ["ollama", "ollama_chat"] {
        for url in [
            "ftp://h/x.png",
            "file:///x.png",
            "/etc/passwd",
            "/etc/pas",
            "./cat.png",
            "C:\\cat.png",
            "cat.png",
            "",
            "data:image/png,abc",
        ] {
            let message = refused(provider, Operation::Completion, with_image(url));
            assert!(message.contains("messages[0].content[1]") && message.contains("data:image/png;base64"), "{url}: {message}");
        }
        for url in ["HTTP://h/a.png", "Https://h/a.png"] {
            assert_eq!(prepared(provider, Operation::Completion, with_image(url)).unwrap().remotes.0[0].url, url);
        }
        for url in ["/9j/4AAQ", "iVBORw0KGgo=", "data:image/png;base64,iVBORw0KGgo="] {
            let call = prepared(provider, Operation::Completion, with_image(url)).unwrap();
            assert!(String::from_utf8_lossy(&call.body).contains(url.rsplit(',').next().unwrap()), "{url}");
        }
        let call = prepared(provider, Operation::Completion, with_image("https://h/login")).unwrap();
        let page = File { media_type: "text/html".into(), base64: "PGh0bWw+".into() };
        let error = call.remotes.fill(&call.body, vec![page]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains("messages[0].content[1]") && error.message.contains("text/html"), "{}", error.message);
    }
}

#[test]
fn what_cannot_be_carried_is_named() {
    let calls = |arguments: &str| json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}]});
    for arguments in ["{\"a\":", "[1]", "hello"] {
        assert!(
            refused("ollama_chat", Operation::Completion, calls(arguments)).contains("messages[0].tool_calls[0]"),
            "{arguments}"
        );
    }
    let file = json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}]}]});
    assert!(refused("ollama_chat", Operation::Completion, file).contains("a file"));
}

#[test]
fn the_address_may_name_an_endpoint_already() {
    for base in ["http://h:1", "http://h:1/", "http://h:1/api/chat", "http://h:1/api/generate", "http://h:1/api/embed"] {
        assert_eq!(super::url(base, super::Endpoint::Chat), "http://h:1/api/chat", "{base}");
    }
    assert_eq!(super::url("http://h/x?a=1", super::Endpoint::Embed), "http://h/x/api/embed?a=1");
}

#[test]
fn embeddings_take_texts() {
    let body = |request: Value| -> Value {
        serde_json::from_slice(&prepared("ollama", Operation::Embedding, request).unwrap().body).unwrap()
    };
    assert_eq!(
        body(json!({"input": "a", "dimensions": 2, "num_ctx": 5, "truncate": false})),
        json!({"model": "llama3.1", "input": ["a"], "dimensions": 2, "truncate": false, "options": {"num_ctx": 5}})
    );
    assert_eq!(body(json!({"input": ["a", "b"]})), json!({"model": "llama3.1", "input": ["a", "b"]}));
    for input in [json!([1, 2]), json!([[1]]), json!(5)] {
        assert!(refused("ollama", Operation::Embedding, json!({ "input": input })).contains("`input"), "{input}");
    }
}

#[test]
fn a_key_is_a_bearer_and_an_answer_is_read_whatever_its_type() {
    let call = prepared("ollama_chat", Operation::Completion, json!({"messages": [{"role": "user", "content": "hi"}]})).unwrap();
    let header = |name: &str| call.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!((header("authorization"), header("content-type")), (Some("Bearer the-key"), None));
    let typed = json!({"messages": [{"role": "user", "content": "hi"}], "extra_headers": {"Content-Type": "text/x"}});
    let call = prepared("ollama_chat", Operation::Completion, typed).unwrap();
    assert!(call.headers.contains(&("content-type".into(), "text/x".into())));
}
