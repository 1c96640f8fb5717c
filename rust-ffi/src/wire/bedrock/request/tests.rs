use super::*;
use crate::engine::error::ErrorKind;
use crate::wire::providers::find;

const SONNET_4: &str = "converse/anthropic.claude-sonnet-4-20250514-v1:0";

fn with(model: &str, arguments: &str) -> Result<(Value, Prepared)> {
    let mut members: serde_json::Map<String, Value> = serde_json::from_str(arguments).unwrap();
    members.entry("messages").or_insert_with(|| json!([{"role": "user", "content": "hi"}]));
    let text = Value::from(members).to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let prepared = prepare(find("bedrock").unwrap(), model, &request)?;
    Ok((serde_json::from_slice(&prepared.body).unwrap(), prepared))
}

fn body(model: &str, arguments: &str) -> Value {
    with(model, arguments).unwrap().0
}

fn refused(model: &str, arguments: &str) -> Error {
    with(model, arguments).err().expect("a refusal")
}

#[test]
fn each_parameter_has_its_place() {
    let sent = body(
        SONNET_4,
        r#"{"max_tokens":64,"temperature":0.10,"top_p":0.5,"top_k":5,"stop":"END","service_tier":"auto","requestMetadata":{"team":"a b"},
            "performanceConfig":{"latency":"optimized"},"mine":{"b":1,"a":2},"user":"u","metadata":{"x":1}}"#,
    );
    assert_eq!(sent["inferenceConfig"].to_string(), r#"{"maxTokens":64,"stopSequences":["END"],"temperature":0.1,"topP":0.5}"#);
    assert_eq!(sent["additionalModelRequestFields"], json!({"top_k": 5, "mine": {"b": 1, "a": 2}}));
    assert_eq!(sent["serviceTier"], json!({"type": "default"}));
    assert_eq!(sent["performanceConfig"], json!({"latency": "optimized"}));
    assert_eq!(sent["requestMetadata"], json!({"team": "a b"}));
    assert!(sent.get("user").is_none() && sent.get("metadata").is_none() && sent.get("toolConfig").is_none());
}

#[test]
fn extra_body_reaches_the_top_and_the_model() {
    let sent = body(
        SONNET_4,
        r#"{"extra_body":{"additionalModelRequestFields":{"a":1},"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"},"b":2}}"#,
    );
    assert_eq!(sent["additionalModelRequestFields"], json!({"b": 2, "a": 1}));
    assert_eq!(sent["guardrailConfig"]["guardrailIdentifier"], "g");
    assert_eq!(sent["messages"][0]["content"][0], json!({"guardContent": {"text": {"text": "hi"}}}));
    assert!(refused(SONNET_4, r#"{"additionalModelRequestFields":[1]}"#).message.contains("additionalModelRequestFields"));
}

#[test]
fn effort_becomes_what_the_model_knows() {
    let fields = |model, arguments: &str| body(model, arguments)["additionalModelRequestFields"].clone();
    let effort = r#"{"reasoning_effort":"low"}"#;
    let thinking = fields(SONNET_4, effort);
    assert_eq!(thinking, json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}));
    assert_eq!(
        fields("us.anthropic.claude-opus-4-6-v1", effort),
        json!({"output_config": {"effort": "low"}, "thinking": {"type": "adaptive", "display": "summarized"}})
    );
    assert_eq!(
        fields("us.amazon.nova-2-lite-v1:0", effort),
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}})
    );
    assert_eq!(fields("openai.gpt-oss-20b-1:0", effort), json!({"reasoning_effort": "low"}));
    assert_eq!(fields("openai.gpt-5.5", effort), json!({"reasoning": {"effort": "low"}}));
    assert!(refused(SONNET_4, r#"{"reasoning_effort":"much"}"#).message.contains("much"));
    assert_eq!(fields(SONNET_4, r#"{"reasoning_effort":"none"}"#), Value::Null);
    assert_eq!(refused("amazon.nova-pro-v1:0", effort).kind, ErrorKind::UnsupportedParams);
    // Opus 4.5 knows no more than "high".
    let capped = fields("anthropic.claude-opus-4-5-20251101-v1:0", r#"{"output_config":{"effort":"max"}}"#);
    assert_eq!(capped, json!({"output_config": {"effort": "high"}, "anthropic_beta": ["effort-2025-11-24"]}));
}

#[test]
fn a_budget_raises_the_limit_and_asks_for_its_count() {
    let sent = body(SONNET_4, r#"{"thinking":{"type":"enabled","budget_tokens":100}}"#);
    assert_eq!(sent["additionalModelRequestFields"]["thinking"]["budget_tokens"], 1024);
    assert_eq!(sent["inferenceConfig"]["maxTokens"], 5120);
    assert_eq!(sent["additionalModelResponseFieldPaths"], json!(["/usage/output_tokens_details"]));
    let limited = body(SONNET_4, r#"{"thinking":{"type":"enabled","budget_tokens":2000},"max_completion_tokens":3000}"#);
    assert_eq!(limited["inferenceConfig"]["maxTokens"], 3000);
    // A model that has no budgets any more.
    let newer = body("anthropic.claude-opus-4-7", r#"{"thinking":{"type":"enabled","budget_tokens":9000}}"#);
    assert_eq!(
        newer["additionalModelRequestFields"],
        json!({"output_config": {"effort": "xhigh"}, "thinking": {"type": "adaptive"}})
    );
    // And one that has nothing else.
    let older = body(SONNET_4, r#"{"thinking":{"type":"adaptive"},"max_tokens":1500}"#);
    assert_eq!(older["additionalModelRequestFields"]["thinking"], json!({"type": "enabled", "budget_tokens": 1499}));
}

#[test]
fn models_without_sampling_refuse_it_by_name() {
    let error = refused("anthropic.claude-opus-4-7", r#"{"temperature":0.5}"#);
    assert!(error.kind == ErrorKind::UnsupportedParams && error.message.contains("temperature"), "{}", error.message);
    assert_eq!(body("anthropic.claude-opus-4-7", r#"{"temperature":0.5,"drop_params":true}"#)["inferenceConfig"], json!({}));
}

#[test]
fn top_k_is_where_the_family_looks_for_it() {
    assert_eq!(
        body("us.amazon.nova-pro-v1:0", r#"{"top_k":4}"#)["additionalModelRequestFields"],
        json!({"inferenceConfig": {"topK": 4}})
    );
    assert_eq!(body("mistral.mistral-large-2407-v1:0", r#"{"top_k":4}"#)["additionalModelRequestFields"], json!({"top_k": 4}));
}

const TOOL: &str = r#""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]"#;

#[test]
fn the_choice_among_tools() {
    let choice = |model, arguments: &str| body(model, &format!("{{{TOOL},{arguments}}}"))["toolConfig"]["toolChoice"].clone();
    assert_eq!(choice(SONNET_4, r#""tool_choice":"auto""#), json!({"auto": {}}));
    assert_eq!(choice(SONNET_4, r#""tool_choice":"required""#), json!({"any": {}}));
    assert_eq!(choice(SONNET_4, r#""tool_choice":{"type":"function","function":{"name":"f"}}"#), json!({"tool": {"name": "f"}}));
    assert_eq!(choice(SONNET_4, r#""tool_choice":"required","reasoning_effort":"low""#), json!({"auto": {}}));
    assert_eq!(choice(SONNET_4, r#""tool_choice":"none","drop_params":true"#), Value::Null);
    let none = refused(SONNET_4, &format!(r#"{{{TOOL},"tool_choice":"none"}}"#));
    assert_eq!(none.kind, ErrorKind::UnsupportedParams);
    assert_eq!(refused(SONNET_4, &format!(r#"{{{TOOL},"tool_choice":7}}"#)).kind, ErrorKind::UnsupportedParams);
    let parallel = body("anthropic.claude-sonnet-4-5-20250929-v1:0", &format!(r#"{{{TOOL},"parallel_tool_calls":false}}"#));
    assert_eq!(
        parallel["additionalModelRequestFields"]["tool_choice"],
        json!({"type": "auto", "disable_parallel_tool_use": true})
    );
    assert!(body(SONNET_4, &format!(r#"{{{TOOL},"parallel_tool_calls":false}}"#)).get("additionalModelRequestFields").is_none());
}

#[test]
fn a_schema_is_a_tool_or_the_models_own_format() {
    let schema = r#""response_format":{"type":"json_schema","json_schema":{"name":"P","description":"d","schema":{"type":"object",
        "properties":{"a":{"type":"object","properties":{}}},"required":["a"]}}}"#;
    let (sent, prepared) = with(SONNET_4, &format!("{{{schema}}}")).unwrap();
    assert_eq!(prepared.json_tool.as_deref(), Some("json_tool_call"));
    assert_eq!(sent["toolConfig"]["toolChoice"], json!({"tool": {"name": "json_tool_call"}}));
    assert_eq!(sent["toolConfig"]["tools"][0]["toolSpec"]["description"], "d");
    // A tool of the caller's keeps the name, and this one gets another.
    for own in ["json_tool_call", "json.tool.call"] {
        let tools = format!(r#""tools":[{{"type":"function","function":{{"name":"{own}","parameters":{{}}}}}}]"#);
        let (sent, prepared) = with(SONNET_4, &format!("{{{schema},{tools}}}")).unwrap();
        let names: Vec<&Value> =
            sent["toolConfig"]["tools"].as_array().unwrap().iter().map(|tool| &tool["toolSpec"]["name"]).collect();
        assert_eq!(names, ["json_tool_call", "json_tool_call_2"], "{own}");
        assert_eq!(sent["toolConfig"]["toolChoice"], json!({"tool": {"name": "json_tool_call_2"}}));
        assert_eq!((prepared.json_tool.as_deref(), prepared.names.own("json_tool_call")), (Some("json_tool_call_2"), own));
    }
    let (native, prepared) = with("us.anthropic.claude-sonnet-4-5-20250929-v1:0", &format!("{{{schema}}}")).unwrap();
    assert!(prepared.json_tool.is_none() && native.get("toolConfig").is_none());
    let definition = &native["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    let written: Value = serde_json::from_str(definition["schema"].as_str().unwrap()).unwrap();
    assert_eq!((&definition["name"], &written["properties"]["a"]["additionalProperties"]), (&json!("P"), &json!(false)));
    let thinking = body(SONNET_4, &format!(r#"{{{schema},"reasoning_effort":"low"}}"#));
    assert!(thinking["toolConfig"].get("toolChoice").is_none());
    assert_eq!(body(SONNET_4, r#"{"response_format":{"type":"json_object"}}"#), body(SONNET_4, "{}"));
}

#[test]
fn calls_in_the_history_need_their_tools() {
    let history = r#""messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"1","type":"function",
        "function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"y"}]"#;
    let error = refused(SONNET_4, &format!("{{{history}}}"));
    assert!(error.kind == ErrorKind::UnsupportedParams && error.message.contains("`tools`"), "{}", error.message);
    assert_eq!(body(SONNET_4, &format!("{{{history},{TOOL}}}"))["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn anthropics_features_are_asked_for_in_the_body() {
    let sent = body(
        SONNET_4,
        r#"{"extra_headers":{"Anthropic-Beta":"a-1, b-2"},"context_management":[{"type":"compaction","compact_threshold":1000}]}"#,
    );
    let fields = &sent["additionalModelRequestFields"];
    assert_eq!(fields["anthropic_beta"], json!(["a-1", "b-2", "compact-2026-01-12"]));
    assert_eq!(fields["context_management"]["edits"][0]["trigger"]["value"], 1000);
    assert!(body("amazon.nova-pro-v1:0", r#"{"extra_headers":{"anthropic-beta":"a"}}"#)
        .get("additionalModelRequestFields")
        .is_none());
}

#[test]
fn metadata_of_a_request_has_limits() {
    for bad in [r#"{"a":1}"#, r#"{"":"x"}"#, r#"{"a":"é"}"#, "[]"] {
        let error = refused(SONNET_4, &format!(r#"{{"requestMetadata":{bad}}}"#));
        assert!(error.message.contains("requestMetadata"), "{bad}: {}", error.message);
    }
}

#[test]
fn a_file_at_an_address_is_written_when_it_was_read() {
    let (sent, prepared) = with(
        SONNET_4,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"?"},{"type":"image_url","image_url":{"url":"https://h.example/i.png"}}]}]}"#,
    )
    .unwrap();
    assert!(sent["messages"][0]["content"][1].is_string());
    let file = |media_type: &str| crate::wire::remote::File { media_type: media_type.to_owned(), base64: "AAAA".to_owned() };
    let filled = prepared.remotes.fill(&prepared.body, vec![file("image/png")]).unwrap();
    let filled: Value = serde_json::from_slice(&filled).unwrap();
    assert_eq!(filled["messages"][0]["content"][1], json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}}));
    let refused = prepared.remotes.fill(&prepared.body, vec![file("image/heic")]).unwrap_err();
    assert!(refused.message.contains("messages[0].content[1]") && refused.message.contains("image/heic"), "{}", refused.message);
}
