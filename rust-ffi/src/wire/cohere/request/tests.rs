use serde_json::{json, Value};

use crate::engine::error::{ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::{Route, Secret};
use crate::wire::cohere::Cohere;
use crate::wire::{Dialect, HttpCall, Operation};

fn prepared(model: &str, operation: Operation, request: &Value) -> Result<HttpCall> {
    let route = Route {
        provider: "cohere_chat".into(),
        model: model.into(),
        api_base: "https://api.cohere.com".into(),
        api_key: Some(Secret::new("the-key")),
    };
    Cohere.prepare(operation, &route, &Request::parse(request.to_string().as_bytes()).unwrap())
}

fn call(arguments: Value) -> Result<HttpCall> {
    let mut request = json!({"messages": [{"role": "user", "content": "hi"}]});
    request.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    prepared("command-a-03-2025", Operation::Completion, &request)
}

fn body(arguments: Value) -> Value {
    serde_json::from_slice(&call(arguments).unwrap().body).unwrap()
}

fn embedding(request: Value) -> Value {
    serde_json::from_slice(&prepared("embed-v4.0", Operation::Embedding, &request).unwrap().body).unwrap()
}

#[test]
fn a_chat_is_openais_with_other_names() {
    let call = call(json!({})).unwrap();
    assert_eq!(call.url, "https://api.cohere.com/v2/chat");
    assert!(call.headers.contains(&("authorization".into(), "Bearer the-key".into())));
    assert_eq!(
        body(
            json!({"top_p": 0.9, "stop": "END", "n": 2, "max_completion_tokens": 5, "seed": 1, "user": "u", "stream": true, "k": 3})
        ),
        json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": "hi"}], "seed": 1, "stream": true, "k": 3,
               "max_tokens": 5, "p": 0.9, "stop_sequences": "END", "num_generations": 2})
    );
}

#[test]
fn messages_lose_what_cohere_does_not_know() {
    let sent = body(json!({"messages": [
        {"role": "developer", "content": "s"},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ]}));
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "s"}));
    assert_eq!(
        sent["messages"][1],
        json!({"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
    );
}

#[test]
fn a_choice_of_tools_is_one_of_two_words() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]);
    let choice = |choice: Value| body(json!({"tools": tools, "tool_choice": choice}));
    assert_eq!(choice("auto".into()).get("tool_choice"), None);
    assert_eq!(
        (&choice("none".into())["tool_choice"], &choice("required".into())["tool_choice"]),
        (&json!("NONE"), &json!("REQUIRED"))
    );
    let certain = choice(json!({"type": "function", "function": {"name": "g"}}));
    assert_eq!((&certain["tool_choice"], &certain["tools"]), (&json!("REQUIRED"), &json!([tools[1]])));
    assert_eq!(body(json!({"tool_choice": "required"})).get("tool_choice"), None);
    for wrong in [json!("some"), json!({"type": "function", "function": {"name": "h"}})] {
        assert_eq!(call(json!({"tools": tools, "tool_choice": wrong})).err().unwrap().kind, ErrorKind::BadRequest);
    }
    assert!(call(json!({"tools": {"name": "f"}})).err().unwrap().message.contains("`tools`"));
}

#[test]
fn schemas_are_refused_as_in_litellm_unless_they_are_allowed() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    assert_eq!(call(json!({"response_format": format})).err().unwrap().kind, ErrorKind::UnsupportedParams);
    let allowed = body(json!({"response_format": format, "allowed_openai_params": ["response_format"]}));
    assert_eq!(allowed["response_format"], json!({"type": "json_object", "schema": {"type": "object"}}));
}

#[test]
fn addresses_are_whole_or_completed() {
    for (base, url) in [
        ("https://api.cohere.com", "https://api.cohere.com/v2/chat"),
        ("https://api.cohere.com/v2/", "https://api.cohere.com/v2/chat"),
        ("https://api.cohere.com/v2/chat", "https://api.cohere.com/v2/chat"),
        ("https://h/v2/embed?a=1", "https://h/v2/chat?a=1"),
        ("https://gateway/my/own", "https://gateway/my/own"),
    ] {
        assert_eq!(super::url(base, "chat"), url);
    }
}

#[test]
fn versions_are_named_before_the_model() {
    let request = json!({"messages": [{"role": "user", "content": "hi"}]});
    let call = prepared("v2/command-r", Operation::Completion, &request).unwrap();
    assert!(String::from_utf8_lossy(&call.body).contains("\"model\":\"command-r\""));
    assert!(prepared("v1/command-r", Operation::Completion, &request).is_err());
}

#[test]
fn embeddings_say_what_they_are_for() {
    assert_eq!(
        embedding(json!({"input": "a", "dimensions": 4, "encoding_format": "float"})),
        json!({"model": "embed-v4.0", "texts": ["a"], "input_type": "search_document", "output_dimension": 4, "embedding_types": ["float"]})
    );
    let asked = embedding(json!({"input": ["a"], "input_type": "search_query", "encoding_format": ["int8"], "truncate": "END"}));
    assert_eq!(
        (&asked["input_type"], &asked["embedding_types"], &asked["truncate"]),
        (&json!("search_query"), &json!(["int8"]), &json!("END"))
    );
    let image = embedding(json!({"input": ["data:image/png;base64,AAAA"]}));
    assert_eq!((&image["images"][0], &image["input_type"]), (&json!("data:image/png;base64,AAAA"), &json!("image")));
    for input in [json!([1, 2]), json!(5), json!(["a", "data:image/png;base64,AAAA"])] {
        let error = prepared("embed-v4.0", Operation::Embedding, &json!({ "input": input })).err().unwrap();
        assert!(error.message.contains("`input"), "{}", error.message);
    }
}
