use super::*;

fn read(messages: &str, guarded: bool) -> Result<(Value, Value)> {
    let text = format!("{{\"messages\":{messages}}}");
    let request = Request::parse(text.as_bytes()).unwrap();
    let model = Model::of("anthropic.claude-sonnet-4-5-20250929-v1:0");
    let mut names = Names::default();
    let conversation = Reader { model: &model, names: &mut names, guarded, remotes: &mut Remotes::default() }.read(&request)?;
    Ok((serde_json::to_value(&conversation.turns).unwrap(), serde_json::to_value(&conversation.system).unwrap()))
}

#[test]
fn b4_roles_alternate_and_blank_text_goes() {
    let (turns, system) = read(
        r#"[{"role":"system","content":"Be kind."},{"role":"user","content":"One"},{"role":"user","content":[{"type":"text","text":" "},
            {"type":"text","text":"Two"}]},{"role":"assistant","content":""},{"role":"user","content":"Three"}]"#,
        false,
    )
    .unwrap();
    assert_eq!(turns, json!([{"role": "user", "content": [{"text": "One"}, {"text": "Two"}, {"text": "Three"}]}]));
    assert_eq!(system, json!([{"text": "Be kind."}]));
    assert!(read(r#"[{"role":"user","content":" "}]"#, false).unwrap_err().message.contains("not blank"));
}

#[test]
fn b4_calls_are_objects_and_results_stand_in_the_users_turn() {
    let (turns, _) = read(
        r#"[{"role":"user","content":"Go"},
            {"role":"assistant","content":"Well.","tool_calls":[
                {"id":"call/1","type":"function","function":{"name":"f.g","arguments":"{\"n\": 1.0}"},"cache_control":{"type":"ephemeral","ttl":"1h"}},
                {"id":"c2","type":"function","function":{"name":"h","arguments":"{\"a\":1}{\"a\":2}"}},
                {"id":"c3","type":"function","function":{"name":"h","arguments":" "}}],
             "thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"sig=="},{"type":"redacted_thinking","data":"AAE="}]},
            {"role":"tool","tool_call_id":"call/1","content":"21"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"x"}]},
            {"role":"tool","tool_call_id":"c2","content":"again"},{"role":"user","content":"And?"}]"#,
        false,
    )
    .unwrap();
    let said = &turns[1]["content"];
    assert_eq!(said[0], json!({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig=="}}}));
    assert_eq!(said[1], json!({"reasoningContent": {"redactedContent": "AAE="}}));
    assert_eq!(said[2], json!({"text": "Well."}));
    assert_eq!(said[3]["toolUse"]["name"], "f_g");
    assert_eq!(said[3]["toolUse"]["input"].to_string(), r#"{"n":1.0}"#);
    assert_eq!(said[4], json!({"cachePoint": {"type": "default", "ttl": "1h"}}));
    assert_eq!((&said[5]["toolUse"]["toolUseId"], &said[6]["toolUse"]["toolUseId"]), (&json!("c2"), &json!("c2_1")));
    assert_eq!(said[7]["toolUse"]["input"], json!({}));
    let answered = &turns[2]["content"];
    assert_eq!(answered[0]["toolResult"]["toolUseId"], said[3]["toolUse"]["toolUseId"]);
    assert_eq!(answered[1]["toolResult"]["content"], json!([{"text": "x"}]));
    assert_eq!((&answered[2], answered.as_array().unwrap().len()), (&json!({"text": "And?"}), 3));
}

#[test]
fn b4_a_thought_without_a_signature_is_text() {
    let (turns, _) = read(
        r#"[{"role":"user","content":"Go"},{"role":"assistant","content":[{"type":"thinking","thinking":"free"},{"type":"text","text":"42"}]}]"#,
        false,
    )
    .unwrap();
    assert_eq!(turns[1]["content"], json!([{"text": "free"}, {"text": "42"}]));
}

#[test]
fn b4_the_last_words_of_the_user_are_guarded() {
    let (turns, _) = read(
        r#"[{"role":"user","content":"old"},{"role":"assistant","content":"a"},{"role":"user","content":"new"},
            {"role":"user","content":[{"type":"text","text":"free"},{"type":"guarded_text","text":"marked"},{"type":"query","text":"q"}]}]"#,
        true,
    )
    .unwrap();
    assert_eq!(turns[0]["content"], json!([{"text": "old"}]));
    assert_eq!(turns[2]["content"][0], json!({"guardContent": {"text": {"text": "new"}}}));
    assert_eq!(turns[2]["content"][1], json!({"text": "free"}));
    assert_eq!(turns[2]["content"][3], json!({"guardContent": {"text": {"text": "q", "qualifiers": ["query"]}}}));
}

#[test]
fn b4_documents_have_a_text_and_names_of_their_own() {
    let pdf = r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}"#;
    let (turns, _) = read(&format!(r#"[{{"role":"user","content":[{pdf},{pdf}]}}]"#), false).unwrap();
    let content = turns[0]["content"].as_array().unwrap();
    let name = content[0]["document"]["name"].as_str().unwrap();
    assert_eq!(content[1]["document"]["name"], format!("{name}_2"));
    assert_eq!(content[2], json!({"text": "."}));
}

#[test]
fn calls_without_ids_keep_their_results() {
    let (turns, _) = read(
        r#"[{"role":"user","content":"Go"},
            {"role":"assistant","tool_calls":[{"id":"","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
                {"type":"function","function":{"name":"f","arguments":"{\"a\":2}"}},
                {"type":"function","function":{"name":"g","arguments":""}}]},
            {"role":"tool","name":"g","content":"third"},{"role":"tool","tool_call_id":"","content":"first"},
            {"role":"tool","content":"second"},
            {"role":"assistant","function_call":{"name":"f","arguments":"{\"a\":3}"}},{"role":"function","name":"f","content":"fourth"}]"#,
        false,
    )
    .unwrap();
    let mut found = Vec::new();
    for (calls, results) in [(1, 2), (3, 4)] {
        for call in turns[calls]["content"].as_array().unwrap() {
            let result = turns[results]["content"]
                .as_array()
                .unwrap()
                .iter()
                .find(|block| block["toolResult"]["toolUseId"] == call["toolUse"]["toolUseId"])
                .unwrap();
            found.push((call["toolUse"]["input"].clone(), result["toolResult"]["content"][0]["text"].clone()));
        }
    }
    let expected = [
        (json!({"a": 1}), json!("first")),
        (json!({"a": 2}), json!("second")),
        (json!({}), json!("third")),
        (json!({"a": 3}), json!("fourth")),
    ];
    assert_eq!(found, expected);
    let error = read(r#"[{"role":"user","content":"Go"},{"role":"tool","content":"of what?"}]"#, false).unwrap_err();
    assert!(error.message.contains("messages[1]") && error.message.contains("tool_call_id"), "{}", error.message);
}

#[test]
fn calls_that_share_an_id_are_all_sent_each_with_its_result() {
    let call = |n: u8| format!(r#"{{"id":"call_0","type":"function","function":{{"name":"f","arguments":"{{\"n\":{n}}}"}}}}"#);
    let result = |text: &str| format!(r#"{{"role":"tool","tool_call_id":"call_0","content":"{text}"}}"#);
    let (turns, _) = read(
        &format!(
            r#"[{{"role":"user","content":"Go"}},{{"role":"assistant","tool_calls":[{},{}]}},{},{},
                {{"role":"assistant","tool_calls":[{},{}]}},{}]"#,
            call(1),
            call(2),
            result("one"),
            result("two"),
            call(3),
            call(3),
            result("three")
        ),
        false,
    )
    .unwrap();
    let mut found = Vec::new();
    for (said, answered) in [(1, 2), (3, 4)] {
        let results = turns[answered]["content"].as_array().unwrap();
        for (call, result) in turns[said]["content"].as_array().unwrap().iter().zip(results) {
            assert_eq!(call["toolUse"]["toolUseId"], result["toolResult"]["toolUseId"]);
            let id = call["toolUse"]["toolUseId"].as_str().unwrap();
            found.push((
                id,
                call["toolUse"]["input"]["n"].as_u64().unwrap(),
                result["toolResult"]["content"][0]["text"].as_str().unwrap(),
            ));
        }
    }
    // Of the two equal calls with one result, one is sent.
    assert_eq!(found, [("call_0", 1, "one"), ("call_0_2", 2, "two"), ("call_0_3", 3, "three")]);
    assert_eq!(turns[3]["content"].as_array().unwrap().len(), 1);
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    for arguments in [r#"{\"city\": \"Par"#, "[1,2]", "nonsense", r#"{\"a\":1} and so on"#] {
        let messages = format!(
            r#"[{{"role":"user","content":"Go"}},{{"role":"assistant","tool_calls":[{{"id":"c7","type":"function","function":
                {{"name":"f","arguments":"{arguments}"}}}}]}}]"#
        );
        let error = read(&messages, false).unwrap_err();
        assert_eq!(error.kind, crate::engine::error::ErrorKind::BadRequest, "{arguments}");
        assert!(error.message.contains("messages[1]") && error.message.contains("c7"), "{}", error.message);
    }
}

#[test]
fn what_a_model_refused_with_is_text_and_nothing_it_said_vanishes() {
    let said =
        |parts: &str| read(&format!(r#"[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{parts}]}}]"#), false);
    let (turns, _) =
        said(r#"{"type":"text","text":"t"},{"type":"refusal","refusal":"no!"},{"type":"refusal","refusal":""}"#).unwrap();
    assert_eq!(turns[1]["content"], json!([{"text": "t"}, {"text": "no!"}]));
    for (part, name) in [
        (r#"{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}"#, "input_audio"),
        (r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AA=="}}"#, "file"),
        (r#"{"type":"video_url","video_url":{"url":"https://h/v.mp4"}}"#, "video_url"),
        (r#"{"type":"weird","x":1}"#, "weird"),
    ] {
        let error = said(part).unwrap_err();
        assert!(error.message.contains("messages[1].content[0]") && error.message.contains(name), "{}", error.message);
    }
}

#[test]
fn what_converse_cannot_carry_is_named() {
    let audio = r#"[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]"#;
    let error = read(audio, false).unwrap_err();
    assert!(error.message.contains("messages[0].content[0]") && error.message.contains("input_audio"), "{}", error.message);
}
