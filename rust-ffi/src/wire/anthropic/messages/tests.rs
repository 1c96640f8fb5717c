use super::*;
use serde_json::{json, Value};

fn prompt_with(messages: Value, late_system: bool) -> Result<(Value, Value)> {
    let text = json!({ "messages": messages }).to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let surface = Surface { name: "anthropic", fetches: true, remotes: Remotes::default() };
    let prompt = read(&request, surface, late_system, &mut Cleaned::new(128, []))?;
    let parse = |text: String| serde_json::from_str(&text).unwrap();
    Ok((prompt.write_system().map_or(Value::Null, parse), parse(prompt.write())))
}

fn prompt(messages: Value) -> (Value, Value) {
    prompt_with(messages, false).unwrap()
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn calls(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1.10}"}})).collect()
}

#[test]
fn a7_system_and_developer_stand_apart_with_their_marks() {
    let mark = json!({"type": "ephemeral"});
    let (system, turns) = prompt(json!([
        {"role": "system", "content": "a", "cache_control": mark},
        {"role": "developer", "content": [{"type": "text", "text": "b", "cache_control": mark}, {"type": "text", "text": ""}]},
        {"role": "user", "content": "c"},
        {"role": "system", "content": "late"},
    ]));
    assert_eq!(system[0], json!({"type": "text", "text": "a", "cache_control": mark}));
    assert_eq!(system[1], json!({"type": "text", "text": "b", "cache_control": mark}));
    assert_eq!((&system[2], system.as_array().unwrap().len()), (&text("late"), 3));
    assert_eq!(turns, json!([{"role": "user", "content": [text("c")]}]));
}

#[test]
fn a7_models_that_take_late_system_messages_get_them_behind_a_users_turn() {
    let user = |content| json!({"role": "user", "content": content});
    let assistant = json!({"role": "assistant", "content": "x"});
    let system = json!({"role": "system", "content": "s"});
    let roles = |messages: Value| {
        let (system, turns) = prompt_with(messages, true).unwrap();
        let roles: Vec<String> = turns.as_array().unwrap().iter().map(|t| t["role"].as_str().unwrap().to_owned()).collect();
        (system.is_null(), roles.join(" "))
    };
    let (placed, joined) = (true, false);
    assert_eq!(roles(json!([user("a"), system])), (placed, "user system".into()));
    assert_eq!(roles(json!([user("a"), system, user("b"), assistant])), (placed, "user system assistant".into()));
    assert_eq!(roles(json!([user("a"), assistant, system, user("b")])), (placed, "user assistant user system".into()));
    assert_eq!(roles(json!([user("a"), assistant, system])), (joined, "user assistant".into()));
}

#[test]
fn a8_turns_of_one_role_merge_and_results_come_first() {
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": null, "tool_calls": calls(&["1", "2"])},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "user", "content": "c"},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "two"}], "cache_control": {"type": "ephemeral"}},
    ]));
    assert_eq!(turns[0]["content"], json!([text("a"), text("b")]));
    assert_eq!(turns[1]["content"][0], json!({"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1.10}}));
    assert_eq!(
        turns[2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "2", "content": [text("two")], "cache_control": {"type": "ephemeral"}},
            text("c"),
        ])
    );
}

#[test]
fn a8_ids_are_brought_into_form_and_stay_unique() {
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": calls(&["a.b", "a_b", "a.b"])},
        {"role": "tool", "tool_call_id": "a.b", "content": "1"},
        {"role": "tool", "tool_call_id": "a_b", "content": "2"},
    ]));
    let ids: Vec<&Value> = turns[1]["content"].as_array().unwrap().iter().map(|block| &block["id"]).collect();
    assert_eq!(ids, ["a_b_2", "a_b"]);
    assert_eq!(
        (&turns[2]["content"][0]["tool_use_id"], &turns[2]["content"][1]["tool_use_id"]),
        (&json!("a_b_2"), &json!("a_b"))
    );
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}})
}

/// The ids of a turn's calls, or those that its results name.
fn ids(turn: &Value) -> Vec<&str> {
    turn["content"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|block| block["id"].as_str().or(block["tool_use_id"].as_str()))
        .collect()
}

#[test]
fn a8_results_come_first_also_where_a_blank_turn_stood_between_them() {
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": calls(&["1", "2"])},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": " "},
        {"role": "tool", "tool_call_id": "2", "content": "two"},
    ]));
    assert_eq!(ids(&turns[2]), ["1", "2"]);
    assert_eq!(turns[2]["content"][2], text("c"));
}

#[test]
fn a8_calls_that_share_an_id_are_both_sent_with_a_result_each() {
    let result = |content: &str| json!({"role": "tool", "tool_call_id": "a", "content": content});
    let user = json!({"role": "user", "content": "q"});
    let (_, turns) = prompt(json!([
        user,
        {"role": "assistant", "content": null, "tool_calls": [call("a", "{\"x\": 1}"), call("a", "{\"x\": 2}"), call("a_2", "{}")]},
        result("1"),
        result("2"),
        {"role": "tool", "tool_call_id": "a_2", "content": "own"},
        {"role": "assistant", "content": null, "tool_calls": [call("a", "{\"x\": 1}")]},
        result("3"),
    ]));
    assert_eq!((ids(&turns[1]), ids(&turns[2])), (vec!["a", "a_3", "a_2"], vec!["a", "a_3", "a_2"]));
    assert_eq!((ids(&turns[3]), ids(&turns[4])), (vec!["a_4"], vec!["a_4"]));
    assert_eq!((&turns[2]["content"][1]["content"], &turns[4]["content"][0]["content"]), (&json!("2"), &json!("3")));
    // An answer of Claude's that is given back whole, with an id that another has used: its call changes its id, too.
    let whole = json!([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]);
    let (_, turns) = prompt(json!([
        user,
        {"role": "assistant", "content": null, "tool_calls": [call("a", "{}")]},
        result("1"),
        {"role": "assistant", "content": null, "tool_calls": [call("a", "{}")], "provider_specific_fields": {"content_blocks": whole}},
        result("2"),
    ]));
    assert_eq!([ids(&turns[1]), ids(&turns[2]), ids(&turns[3]), ids(&turns[4])], [["a"], ["a"], ["a_2"], ["a_2"]]);
}

#[test]
fn results_of_functions_go_to_the_call_of_their_name_in_the_turn_before() {
    let made = |name: &str| json!({"role": "assistant", "content": null, "function_call": {"name": name, "arguments": "{}"}});
    let result = |name: &str| json!({"role": "function", "name": name, "content": name});
    let user = json!({"role": "user", "content": "q"});
    let (_, turns) = prompt(json!([user, made("f"), user, made("f"), result("f")]));
    assert_eq!((ids(&turns[3]), ids(&turns[4])), (vec!["call_3"], vec!["call_3"]));
    let named = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let both = json!({"role": "assistant", "tool_calls": [named("1", "f"), named("2", "g")]});
    let (_, turns) = prompt(json!([user, both, result("g"), result("f")]));
    assert_eq!(ids(&turns[2]), ["2", "1"]);
    let error = prompt_with(json!([user, made("f"), result("h")]), false).unwrap_err();
    assert!(error.message.contains("messages[2]") && error.message.contains("\"h\""), "{}", error.message);
}

#[test]
fn what_an_assistant_refused_with_is_said_and_marks_of_calls_alone_are_kept() {
    let mark = json!({"type": "ephemeral"});
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "refusal": "I cannot"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": null, "tool_calls": calls(&["1", "2"]), "cache_control": mark},
        {"role": "tool", "tool_call_id": "1", "content": "x"},
        {"role": "tool", "tool_call_id": "2", "content": "x"},
        {"role": "assistant", "content": "said", "tool_calls": calls(&["3"]), "cache_control": mark},
    ]));
    assert_eq!(turns[1]["content"], json!([text("I cannot")]));
    assert_eq!([turns[3]["content"][0].get("cache_control"), turns[3]["content"][1].get("cache_control")], [None, Some(&mark)]);
    assert_eq!([turns[5]["content"][0].get("cache_control"), turns[5]["content"][1].get("cache_control")], [Some(&mark), None]);
}

#[test]
fn the_older_form_of_calls_gets_ids() {
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "r"},
    ]));
    assert_eq!(turns[1]["content"][0]["input"], json!({}));
    assert_eq!(turns[1]["content"][0]["id"], turns[2]["content"][0]["tool_use_id"]);
}

#[test]
fn calls_without_ids_get_their_results_in_order() {
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": calls(&["", ""])},
        {"role": "tool", "tool_call_id": "", "content": "1"},
        {"role": "tool", "content": "2"},
    ]));
    let (made, answered) = (&turns[1]["content"], &turns[2]["content"]);
    assert_ne!(made[0]["id"], made[1]["id"]);
    assert_eq!((&answered[0]["tool_use_id"], &answered[1]["tool_use_id"]), (&made[0]["id"], &made[1]["id"]));
}

#[test]
fn a6_thinking_goes_first_as_it_came_and_without_a_signature_not_at_all() {
    let signed = json!({"type": "thinking", "thinking": "t", "signature": "S=="});
    let redacted = json!({"type": "redacted_thinking", "data": "x"});
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "thinking_blocks": [signed, {"type": "thinking", "thinking": "u"}, redacted], "tool_calls": calls(&["1"])},
        {"role": "tool", "tool_call_id": "1", "content": ""},
    ]));
    let blocks = turns[1]["content"].as_array().unwrap();
    assert_eq!((&blocks[0], &blocks[1], &blocks[2], blocks.len()), (&signed, &redacted, &text("b"), 4));
    assert_eq!(turns[2]["content"][0]["content"], "");
    // Among the parts of the content it keeps its place.
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [redacted, text("b"), signed], "thinking_blocks": [signed]},
        {"role": "user", "content": "c"},
    ]));
    assert_eq!(turns[1]["content"], json!([redacted, text("b"), signed]));
}

#[test]
fn a6_an_answer_given_back_unchanged_keeps_its_blocks_in_their_order() {
    let blocks = json!([
        {"type": "thinking", "thinking": "t", "signature": "1"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "thinking", "thinking": "u", "signature": "2"},
        {"type": "text", "text": "b"},
    ]);
    let message = |content: &str| {
        let (_, turns) = prompt(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": content, "provider_specific_fields": {"content_blocks": blocks}},
            {"role": "user", "content": "c"},
        ]));
        turns[1]["content"].clone()
    };
    assert_eq!(message("b"), blocks);
    // Who changed the text means the new text.
    assert_eq!(message("other"), json!([text("other")]));
}

#[test]
fn a16_tools_of_the_provider_stand_between_thoughts_as_litellm_keeps_them() {
    let thought = |n: &str| json!({"type": "thinking", "thinking": n, "signature": n});
    let result = |id: &str| json!({"type": "web_search_tool_result", "tool_use_id": id, "content": []});
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "tool_calls": calls(&["srvtoolu_1", "c", "srvtoolu_2"]),
         "thinking_blocks": [thought("1"), thought("2"), thought("3")],
         "provider_specific_fields": {"web_search_results": [result("srvtoolu_1")], "tool_results": [result("srvtoolu_2")]}},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]));
    let blocks = turns[1]["content"].as_array().unwrap();
    let kinds: Vec<&str> = blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
    let search = ["thinking", "server_tool_use", "web_search_tool_result"];
    assert_eq!(kinds, [&search[..], &search[..], &["thinking", "text", "tool_use"]].concat());
}

#[test]
fn a10_blank_messages_are_left_out_and_the_end_is_trimmed() {
    let (_, turns) = prompt(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": " "},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "The answer is "},
    ]));
    assert_eq!(
        turns,
        json!([{"role": "user", "content": [text("a"), text("b")]}, {"role": "assistant", "content": [text("The answer is")]}])
    );
    for messages in [json!([{"role": "user", "content": ""}]), json!([{"role": "system", "content": "s"}])] {
        assert!(prompt_with(messages, false).unwrap_err().message.contains("add a user's message"));
    }
}

#[test]
fn what_cannot_be_sent_is_named() {
    let refused =
        |assistant: Value| prompt_with(json!([{"role": "user", "content": "a"}, assistant]), false).unwrap_err().message.clone();
    for arguments in ["{\"a\":", "[1]", "1"] {
        let call = json!({"id": "c9", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let message = refused(json!({"role": "assistant", "tool_calls": [call]}));
        assert!(message.contains("c9") && message.contains("messages[1]"), "{message}");
    }
    assert!(refused(json!({"role": "tool", "content": "x"})).contains("tool_call_id"));
    assert!(refused(json!({"role": "assistant", "content": "x", "thinking_blocks": {}})).contains("thinking_blocks"));
}
