use serde_json::{json, Value};

use super::*;

/// What a request becomes: its arguments with the rewritten ones in their place.
fn rewritten(request: Value) -> Value {
    attempt(&request.to_string()).unwrap()
}

fn attempt(text: &str) -> Result<Value> {
    let request = Request::parse(text.as_bytes())?;
    let provider = request.str("model")?.unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
    let changed = rewrite(Operation::Completion, &request, || Ok(provider))?;
    let request = request.with(&changed);
    Ok(serde_json::to_value(&request.fields).unwrap())
}

fn says(role: &str, content: &str) -> Value {
    json!({"role": role, "content": content})
}

#[test]
fn a_call_without_such_arguments_is_left_alone() {
    let text = r#"{"model":"openai/m","messages":[{"role":"assistant","content":"a"}],"ensure_alternating_roles":false,"supports_system_message":true,"cache_control_injection_points":[]}"#;
    let request = Request::parse(text.as_bytes()).unwrap();
    assert!(rewrite(Operation::Completion, &request, || unreachable!("no header asks for it")).unwrap().is_empty());
}

#[test]
fn headers_are_for_the_provider_that_they_name() {
    let ask = |model: &str, header: Value| {
        rewritten(json!({"model": model, "extra_headers": {"x-a": "1", "X-B": "2"}, "provider_specific_header": header}))
            ["extra_headers"]
            .clone()
    };
    let one = json!({"custom_llm_provider": "anthropic, bedrock", "extra_headers": {"x-b": "3", "x-c": "4"}});
    assert_eq!(ask("bedrock/m", one.clone()), json!({"x-a": "1", "x-b": "3", "x-c": "4"}));
    assert_eq!(ask("openai/m", one.clone()), json!({"x-a": "1", "X-B": "2"}));
    let other = json!({"custom_llm_provider": "openai", "extra_headers": {"x-o": "5"}});
    assert_eq!(ask("openai/m", json!([one, other])), json!({"x-a": "1", "X-B": "2", "x-o": "5"}));
}

#[test]
fn roles_alternate() {
    let ask = |messages: Value| {
        rewritten(json!({"model": "openai/m", "messages": messages, "ensure_alternating_roles": true,
            "user_continue_message": says("user", "U"), "assistant_continue_message": says("assistant", "A")}))["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["content"].as_str().unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(ask(json!([says("user", "u1"), says("assistant", "a1"), says("user", "u2")])), "u1 a1 u2");
    assert_eq!(ask(json!([says("user", "u1"), says("user", "u2"), says("user", "u3")])), "u1 A u2 A u3");
    assert_eq!(ask(json!([says("assistant", "a1"), says("assistant", "a2")])), "U a1 U a2 U");
    assert_eq!(ask(json!([says("system", "s"), says("user", "u1"), says("system", "t"), says("user", "u2")])), "s u1 t A u2");
    // Calls and what they gave do not count.
    let call = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]});
    let tool = json!({"role": "tool", "content": "t", "tool_call_id": "1"});
    assert_eq!(ask(json!([says("user", "u"), call, tool, says("assistant", "a")])), "u - t a U");
    assert_eq!(ask(json!([says("user", "u1"), call, tool, says("user", "u2")])), "u1 - t A u2");
    assert_eq!(ask(json!([says("user", "u"), call])), "u - A U");
}

#[test]
fn what_is_said_between_has_a_default() {
    let request =
        json!({"model": "openai/m", "messages": [says("user", "a"), says("user", "b")], "ensure_alternating_roles": true});
    assert_eq!(rewritten(request)["messages"][1], says("assistant", "Please continue."));
}

#[test]
fn system_messages_become_the_users() {
    let ask = |messages: Value| {
        rewritten(json!({"model": "openai/m", "messages": messages, "supports_system_message": false}))["messages"].clone()
    };
    assert_eq!(ask(json!([says("system", "s"), says("user", "u")])), json!([says("user", "s u")]));
    assert_eq!(ask(json!([says("system", "s"), says("assistant", "a")])), json!([says("assistant", "s a")]));
    assert_eq!(
        ask(json!([says("system", "s"), says("developer", "d"), says("user", "u")])),
        json!([says("user", "s"), says("user", "d u")])
    );
    assert_eq!(ask(json!([says("user", "u"), says("system", "s")])), json!([says("user", "u"), says("user", "s")]));
    let picture = json!({"type": "image_url", "image_url": {"url": "data:,"}});
    assert_eq!(
        ask(json!([says("system", "s"), {"role": "user", "content": [picture]}])),
        json!([{"role": "user", "content": [{"type": "text", "text": "s"}, picture]}])
    );
    // Nothing is lost where the next message cannot take it.
    let tool = json!({"role": "tool", "content": "t", "tool_call_id": "1"});
    assert_eq!(ask(json!([says("system", "s"), tool])), json!([says("user", "s"), tool]));
    let call = json!({"role": "assistant", "tool_calls": [{"id": "1"}]});
    assert_eq!(ask(json!([says("system", "s"), call])), json!([says("user", "s"), call]));
}

#[test]
fn marks_stand_where_the_points_say() {
    let ask = |points: Value| {
        let messages = json!([says("system", "s"), says("user", "u"),
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, says("user", "v")]);
        rewritten(json!({"model": "anthropic/m", "messages": messages, "cache_control_injection_points": points}))["messages"]
            .clone()
    };
    let mark = json!({"type": "ephemeral"});
    let by_role = ask(json!([{"location": "message", "role": "user"}]));
    assert_eq!(by_role[1]["cache_control"], mark);
    assert_eq!(by_role[3]["cache_control"], mark);
    assert_eq!(by_role[0], says("system", "s"));
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    let by_place = ask(json!([{"location": "message", "index": -2, "control": hour}, {"location": "message", "index": "0"},
        {"location": "message", "index": 9}, {"location": "elsewhere"}]));
    assert_eq!(
        by_place[2]["content"],
        json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": hour}])
    );
    assert_eq!(by_place[0]["cache_control"], mark);
    assert_eq!(by_place[1], says("user", "u"));
}

#[test]
fn there_is_room_for_four_marks() {
    let mut messages: Vec<Value> = (0..6).map(|n| says("user", &n.to_string())).collect();
    messages[5]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    let tools = json!([{"type": "function", "function": {"name": "f"}}, {"type": "tool_search_tool_regex"}]);
    let ask = |points: Value| {
        rewritten(json!({"model": "anthropic/m", "messages": messages, "tools": tools, "cache_control_injection_points": points}))
    };
    let marked =
        |request: &Value| -> Vec<usize> { (0..6).filter(|at| request["messages"][at].get("cache_control").is_some()).collect() };
    let all = ask(json!([{"location": "message", "role": "user"}]));
    assert_eq!(marked(&all), [0, 1, 2, 5]);
    assert_eq!(all["messages"][5]["cache_control"]["ttl"], "1h");
    assert_eq!(all["tools"], tools);
    let with_tools = ask(json!([{"location": "message", "role": "user"}, {"location": "tool_config"}]));
    assert_eq!(marked(&with_tools), [0, 1, 5]);
    assert_eq!(with_tools["tools"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(with_tools["tools"][1], tools[1]);
}

#[test]
fn what_stays_is_the_callers_text() {
    let text = r#"{"model":"openai/m","messages":[{"role":"system","content":"s"},{"role":"user","n":1.10,"content":"\u0041"},{"role":"user", "x":{"b":1,"a":2.50}}],"supports_system_message":false}"#;
    let request = Request::parse(text.as_bytes()).unwrap();
    let changed = rewrite(Operation::Completion, &request, || unreachable!()).unwrap();
    assert_eq!(changed[0].1.get(), r#"[{"role":"user","n":1.10,"content":"s A"},{"role":"user","x":{"b":1,"a":2.50}}]"#);
}

#[test]
fn mistakes_are_named() {
    for (members, expected) in [
        (r#""provider_specific_header":"x""#, "`provider_specific_header` must be an object"),
        (r#""provider_specific_header":{"extra_headers":{}}"#, "`provider_specific_header` must be an object"),
        (r#""cache_control_injection_points":{}"#, "`cache_control_injection_points` must be a list"),
        (
            r#""cache_control_injection_points":[{"location":"message","index":"last"}]"#,
            "`cache_control_injection_points.index` must be",
        ),
        (r#""ensure_alternating_roles":"yes""#, "`ensure_alternating_roles` must be true or false"),
        (r#""ensure_alternating_roles":true,"user_continue_message":"go on""#, "`user_continue_message` must be a message"),
    ] {
        let text = format!(r#"{{"model":"openai/m","messages":[{{"role":"user","content":"a"}}],{members}}}"#);
        let error = attempt(&text).unwrap_err();
        assert!(error.message.contains(expected), "{}", error.message);
    }
}
