use std::collections::HashMap;

use super::*;
use crate::engine::request::Request;
use crate::wire::anthropic::Anthropic;
use crate::wire::Dialect;

const MESSAGES: &str = r#"[{"role":"user","content":"hi"}]"#;

struct Sent {
    url: String,
    body: Value,
    headers: HashMap<String, String>,
}

fn call(model: &str, members: Value) -> Result<Sent> {
    let mut request = json!({"model": model, "api_key": "sk-x", "api_base": "http://h"});
    request["messages"] = serde_json::from_str(MESSAGES).unwrap();
    for (name, value) in members.as_object().unwrap() {
        request[name.as_str()] = value.clone();
    }
    let text = request.to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let key = request.str("api_key")?.map(crate::engine::route::Secret::new);
    let route = Route { provider: "anthropic".into(), model: model.into(), api_base: "http://h".into(), api_key: key };
    let call = Anthropic.prepare(Operation::Completion, &route, &request)?;
    Ok(Sent { url: call.url, body: serde_json::from_slice(&call.body).unwrap(), headers: call.headers.into_iter().collect() })
}

fn sent(model: &str, members: Value) -> Value {
    call(model, members).unwrap().body
}

const SONNET: &str = "claude-sonnet-4-5";

#[test]
fn a12_a_plain_call_has_a_limit_and_its_headers() {
    let call = call(SONNET, json!({})).unwrap();
    assert_eq!(call.url, "http://h/v1/messages");
    assert_eq!(
        call.body,
        json!({"model": SONNET, "max_tokens": 64000, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})
    );
    assert_eq!((call.headers["x-api-key"].as_str(), call.headers["anthropic-version"].as_str()), ("sk-x", "2023-06-01"));
    assert!(!call.headers.contains_key("anthropic-beta") && !call.headers.contains_key("authorization"));
}

#[test]
fn tokens_of_subscriptions_are_bearers_with_a_beta() {
    let members = json!({"api_key": "sk-ant-oat01-x", "extra_headers": {"anthropic-beta": "mine"}});
    let headers = call(SONNET, members).unwrap().headers;
    assert_eq!(headers["authorization"], "Bearer sk-ant-oat01-x");
    assert_eq!(headers["anthropic-beta"], "mine,oauth-2025-04-20");
    assert!(!headers.contains_key("x-api-key"));
}

#[test]
fn parameters_get_anthropics_names() {
    let body = sent(
        SONNET,
        json!({"max_completion_tokens": 9.6, "stop": "END", "temperature": 0.10, "top_k": 5, "user": "u-1", "stream": true,
               "stream_options": {"include_usage": true}, "own": {"b": 1, "a": 2}, "n": 1}),
    );
    assert_eq!((&body["max_tokens"], &body["stop_sequences"]), (&json!(10), &json!(["END"])));
    assert_eq!((&body["temperature"], &body["top_k"], &body["own"]), (&json!(0.1), &json!(5), &json!({"b": 1, "a": 2})));
    assert_eq!((&body["metadata"], &body["stream"]), (&json!({"user_id": "u-1"}), &json!(true)));
    for gone in ["stop", "user", "stream_options", "n", "max_completion_tokens"] {
        assert_eq!(body.get(gone), None, "{gone}");
    }
}

#[test]
fn what_a_model_does_not_take_is_refused_or_dropped() {
    let kind = |model: &str, members: Value| call(model, members).err().map(|error| error.kind);
    let unsupported = Some(ErrorKind::UnsupportedParams);
    assert_eq!(kind(SONNET, json!({"seed": 1})), unsupported);
    assert_eq!(kind("claude-3-haiku-20240307", json!({"reasoning_effort": "low"})), unsupported);
    assert_eq!(kind("claude-opus-4-8", json!({"temperature": 0.5})), unsupported);
    assert_eq!(kind("claude-opus-4-8", json!({"top_k": 5})), unsupported);
    assert_eq!(kind("claude-opus-4-8", json!({"temperature": 1})), None);
    assert_eq!(kind(SONNET, json!({"speed": "fast"})), unsupported);
    assert_eq!(kind("claude-opus-4-6", json!({"speed": "fast"})), None);
    let body = sent("claude-opus-4-8", json!({"temperature": 0.5, "seed": 1, "speed": "fast", "drop_params": true}));
    assert_eq!((body.get("temperature"), body.get("seed"), &body["speed"]), (None, None, &json!("fast")));
    for wrong in [
        json!({"max_tokens": "many"}),
        json!({"stop": 5}),
        json!({"tools": {}}),
        json!({"parallel_tool_calls": "no"}),
        json!({"context_management": [{"type": "clear"}]}),
    ] {
        assert_eq!(kind(SONNET, wrong.clone()), Some(ErrorKind::BadRequest), "{wrong}");
    }
}

#[test]
fn stops_of_white_space_go_under_drop_params() {
    assert_eq!(sent(SONNET, json!({"stop": [" ", "a"], "drop_params": true}))["stop_sequences"], json!(["a"]));
    assert_eq!(sent(SONNET, json!({"stop": "\n"}))["stop_sequences"], json!(["\n"]));
}

#[test]
fn a_users_id_that_names_a_person_is_not_sent() {
    for (id, names) in
        [("u-9", false), ("a@b.co", true), ("+1 (555) 123-4567", true), ("1234567", true), ("a@b", false), ("", false)]
    {
        assert_eq!(names_a_person(id), names, "{id}");
        assert_eq!(sent(SONNET, json!({"user": id})).get("metadata").is_none(), names, "{id}");
    }
    assert_eq!(sent(SONNET, json!({"metadata": {"user_id": "m", "tags": []}, "user": "u"}))["metadata"], json!({"user_id": "m"}));
    assert!(call(SONNET, json!({"user": 5})).err().unwrap().message.contains("`user`"));
}

fn person() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "P", "strict": true, "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}})
}

#[test]
fn a14_a_format_is_a_schema_or_a_tool_by_model() {
    let format = |model: &str, more: Value| {
        let mut members = json!({"response_format": person()});
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(model, members).unwrap()
    };
    let newer = format(SONNET, json!({}));
    assert_eq!(newer.body["output_format"]["schema"]["additionalProperties"], false);
    assert_eq!((newer.headers["anthropic-beta"].as_str(), newer.body.get("tools")), ("structured-outputs-2025-11-13", None));
    let older = format("claude-3-haiku-20240307", json!({})).body;
    assert_eq!(
        (&older["tools"][0]["name"], &older["tool_choice"]),
        (&json!("json_tool_call"), &json!({"type": "tool", "name": "json_tool_call"}))
    );
    // Tools of the caller's keep their names, and the other one gets one of its own.
    for own in ["json_tool_call", "json.tool.call"] {
        let tools = json!([{"type": "function", "function": {"name": own, "parameters": {}}}]);
        let beside = format("claude-3-haiku-20240307", json!({ "tools": tools })).body;
        let names: Vec<&str> = beside["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["json_tool_call_2", "json_tool_call"], "{own}");
        assert_eq!(beside["tool_choice"]["name"], "json_tool_call_2");
        let chosen = json!({"type": "function", "function": {"name": own}});
        let chosen = format("claude-3-haiku-20240307", json!({"tools": tools, "tool_choice": chosen})).body;
        assert_eq!(chosen["tool_choice"]["name"], "json_tool_call", "{own}");
    }
    // A model that thinks first cannot be forced.
    let thinks = format("claude-sonnet-4-20250514", json!({"reasoning_effort": "low"})).body;
    assert_eq!((thinks.get("tool_choice"), thinks["tools"].as_array().unwrap().len()), (None, 1));
    let plain = sent(SONNET, json!({"response_format": {"type": "json_object"}}));
    assert_eq!(plain.get("output_format"), None);
}

#[test]
fn a9_tools_are_sent_under_names_that_fit_everywhere() {
    let function = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {}}});
    let body = sent(
        SONNET,
        json!({
            "tools": [function("a/b"), function("a_b"), {"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "function", "function": {"name": "a/b"}},
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "a/b", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "1", "content": "r"},
            ],
        }),
    );
    let names: Vec<&Value> = body["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["a_b_2", "a_b", "web_search"]);
    assert_eq!((&body["tool_choice"]["name"], &body["messages"][1]["content"][0]["name"]), (&json!("a_b_2"), &json!("a_b_2")));
}

#[test]
fn tools_that_a_request_needs_are_added() {
    let history = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ]);
    assert_eq!(sent(SONNET, json!({ "messages": history }))["tools"][0]["name"], "dummy_tool");
    let search = sent(
        SONNET,
        json!({"web_search_options": {"search_context_size": "low", "user_location": {"type": "approximate", "approximate": {"city": "X"}}}}),
    );
    assert_eq!(
        search["tools"],
        json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 1, "user_location": {"type": "approximate", "city": "X"}}])
    );
    let file = json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "f1"}}]}]);
    let call = call(SONNET, json!({ "messages": file })).unwrap();
    assert_eq!(call.body["tools"][0]["type"], "code_execution_20250522");
    assert_eq!(call.headers["anthropic-beta"], "files-api-2025-04-14,code-execution-2025-05-22");
}

#[test]
fn a6_thinking_goes_only_where_the_caller_wants_that() {
    let history = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ]);
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let with = |settings: Value, messages: &Value| {
        sent(SONNET, json!({"messages": messages, "thinking": thinking, "settings": settings}))
    };
    assert_eq!(with(json!({}), &history)["thinking"], thinking);
    assert_eq!(with(json!({"modify_params": true}), &history).get("thinking"), None);
    let mut signed = history.clone();
    signed[1]["thinking_blocks"] = json!([{"type": "thinking", "thinking": "t", "signature": "S"}]);
    assert_eq!(with(json!({"modify_params": true}), &signed)["thinking"], thinking);
}

#[test]
fn compaction_in_openais_form_and_in_anthropics() {
    let call =
        call("claude-opus-4-6", json!({"context_management": [{"type": "compaction", "compact_threshold": 200000}]})).unwrap();
    assert_eq!(
        call.body["context_management"],
        json!({"edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 200000}}]})
    );
    assert_eq!(call.headers["anthropic-beta"], "compact-2026-01-12");
    let own = json!({"edits": [{"type": "clear_tool_uses_20250919"}]});
    assert_eq!(sent(SONNET, json!({ "context_management": own }))["context_management"], own);
}

#[test]
fn extra_body_is_part_of_the_body() {
    let body = sent(SONNET, json!({"extra_body": {"container": "c", "system": "mine"}}));
    assert_eq!((&body["container"], &body["system"], body.get("extra_body")), (&json!("c"), &json!("mine"), None));
}

#[test]
fn hosts_that_name_the_model_in_the_address_take_another_body() {
    let text = json!({
        "messages": [{"role": "user", "content": "hi"}], "stream": true, "response_format": person(),
        "extra_headers": {"anthropic-beta": "mine"},
    })
    .to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let route = Route { provider: "anthropic".into(), model: SONNET.into(), api_base: String::new(), api_key: None };
    let target = Target {
        url: "http://h/invoke".into(),
        headers: Vec::new(),
        credentials: None,
        family: SONNET,
        version: Some("host-1"),
        says_stream: false,
        betas: Betas::InBody,
        previews: &[],
        fetches: false,
        holds_to_schemas: true,
    };
    let call = prepare(crate::wire::providers::find("anthropic").unwrap(), &route, &request, target).unwrap();
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((body.get("model"), body.get("stream"), &body["anthropic_version"]), (None, None, &json!("host-1")));
    assert_eq!(body["anthropic_beta"], json!(["mine", "structured-outputs-2025-11-13"]));
    assert!(call.stream && !call.headers.iter().any(|(name, _)| name == "anthropic-beta"));
}
