use super::*;
use proptest::prelude::*;

fn messages(text: &str, treatment: Treatment) -> Result<String> {
    let raw: Box<RawValue> = RawValue::from_string(text.to_owned()).unwrap();
    write(&raw, &treatment).map(|json| json.text().to_owned())
}

fn plain(text: &str) -> String {
    messages(text, Treatment::default()).unwrap()
}

#[test]
fn usual_messages_pass_byte_for_byte() {
    for text in [
        r#"[ {"role":"user", "content":"Hi \u00e9"} ]"#,
        r#"[{"role":"system","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"image_url","image_url":{"url":"u","detail":"low"}}]}]"#,
        r#"[{"role":"assistant","content":"","tool_calls":[{"id":"c","function":{"name":"f","arguments":"null"}}]}]"#,
        r#"[{"role":"wizard","content":1e400}]"#,
    ] {
        assert_eq!(plain(text), text);
    }
}

#[test]
fn nulls_and_foreign_roles_are_cleaned() {
    assert_eq!(
        plain(r#"[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"x":null}]}]"#),
        r#"[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"x":null}]}]"#
    );
    let developer = r#"[{"role":"developer","content":"D"}]"#;
    assert_eq!(plain(developer), r#"[{"role":"system","content":"D"}]"#);
    assert_eq!(messages(developer, Treatment { developer: true, ..Default::default() }).unwrap(), developer);
}

#[test]
fn short_forms_are_completed() {
    assert_eq!(
        plain(r#"[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":"data:a"}]}]"#),
        r#"[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:a"}}]}]"#
    );
    assert_eq!(
        plain(r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u","format":"image/png"}}]}]"#),
        r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]"#
    );
    assert_eq!(
        plain(r#"[{"role":"user","content":[{"type":"file","file":{"file_data":"d"}}]}]"#),
        r#"[{"role":"user","content":[{"type":"file","file":{"file_data":"d","filename":"my_file.pdf"}}]}]"#
    );
    let by_id = r#"[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]"#;
    assert_eq!(plain(by_id), by_id);
    assert!(messages(r#"[{"role":"user","content":[{"type":"file"}]}]"#, Treatment::default()).is_err());
}

#[test]
fn texts_are_joined_where_a_provider_needs_it_and_images_stay() {
    let all = Treatment { text: Text::Everywhere, ..Default::default() };
    let parts = r#"[{"role":"user","content":[{"type":"text","text":"a\n"},{"type":"text","text":"b"}]}]"#;
    assert_eq!(messages(parts, all).unwrap(), r#"[{"role":"user","content":"a\nb"}]"#);
    let image = r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]}]"#;
    assert_eq!(messages(image, all).unwrap(), image);
    let tools = Treatment { text: Text::InToolMessages, ..Default::default() };
    assert_eq!(messages(parts, tools).unwrap(), parts);
}

#[test]
fn marks_and_members_that_a_provider_refuses_go() {
    let marked = r#"[{"role":"user","cache_control":{"type":"ephemeral"},"content":[{"type":"text","text":"\"cache_control\"","cache_control":{}}]}]"#;
    assert_eq!(plain(marked), r#"[{"role":"user","content":[{"type":"text","text":"\"cache_control\""}]}]"#);
    assert_eq!(messages(marked, Treatment { marks: Marks::AsWritten, ..Default::default() }).unwrap(), marked);
    let reasoning = r#"[{"role":"assistant","content":"a","reasoning_content":"r","name":"n"}]"#;
    assert_eq!(plain(reasoning), reasoning);
    let strict = Treatment { without: &["reasoning_content"], names_on: Some("user"), ..Default::default() };
    assert_eq!(messages(reasoning, strict).unwrap(), r#"[{"role":"assistant","content":"a"}]"#);
    let empty = r#"[{"role":"user","content":"a"},{"role":"assistant","content":""},{"role":"user","content":"b"}]"#;
    assert_eq!(plain(empty), empty);
    assert_eq!(
        messages(empty, Treatment { no_empty_assistant: true, ..Default::default() }).unwrap(),
        r#"[{"role":"user","content":"a"},{"role":"user","content":"b"}]"#
    );
}

#[test]
fn a_mark_moves_to_the_last_part() {
    let on_parts = Treatment { marks: Marks::OnParts, ..Default::default() };
    let moved = |text: &str| messages(text, on_parts).unwrap();
    assert_eq!(
        moved(r#"[{"role":"user","content":"x","cache_control":{"type":"ephemeral"}},{"role":"developer","content":"y"}]"#),
        r#"[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]},{"role":"system","content":"y"}]"#
    );
    assert_eq!(
        moved(
            r#"[{"role":"user","cache_control":{},"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"u"}],"name":null}]"#
        ),
        r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"},"cache_control":{}}]}]"#
    );
    let part = r#"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{}}]}]"#;
    assert_eq!(moved(part), part);
}

#[test]
fn what_is_no_message_is_named() {
    for (bad, part) in [
        ("[]", "empty"),
        ("\"hi\"", "a list of messages"),
        ("[1]", "messages[0]"),
        (r#"[{"role":"user","content":"a"},["x"]]"#, "messages[1]"),
        (r#"[{"content":"a"}]"#, "messages[0] has no role"),
        (r#"[{"role":7,"content":"a"}]"#, "messages[0] has no role"),
    ] {
        let error = messages(bad, Treatment::default()).unwrap_err();
        assert!(error.message.contains(part), "{bad}: {}", error.message);
    }
}

proptest! {
    /// Whatever stands in the messages, and whatever a provider wants: JSON comes out, with every text that went in, or an error.
    #[test]
    fn no_text_vanishes(
        messages in proptest::collection::vec((0..4usize, proptest::collection::vec((0..4usize, "[a-z\\\\\"{é]{0,6}"), 0..3), any::<bool>()), 1..4),
        text in prop_oneof![Just(Text::AsWritten), Just(Text::Everywhere), Just(Text::InToolMessages)],
        marks in prop_oneof![Just(Marks::TakenOut), Just(Marks::AsWritten), Just(Marks::OnParts)],
    ) {
        let list: Vec<Value> = messages
            .iter()
            .map(|(role, parts, marked)| {
                let parts: Vec<Value> = parts
                    .iter()
                    .map(|(kind, text)| match kind {
                        0 => serde_json::json!({"type": "image_url", "image_url": text}),
                        1 => serde_json::json!({"type": "image_url", "image_url": {"url": text, "format": "x"}}),
                        _ => serde_json::json!({"type": "text", "text": text}),
                    })
                    .collect();
                let mut message = serde_json::json!({"role": (["user", "developer", "assistant", "tool"][*role]), "content": parts, "name": null});
                if *marked {
                    message["cache_control"] = serde_json::json!({"type": "ephemeral"});
                }
                message
            })
            .collect();
        let raw = RawValue::from_string(Value::from(list).to_string()).unwrap();
        let treatment = Treatment { text, marks, ..Default::default() };
        let out = write(&raw, &treatment).unwrap();
        let sent: Vec<Value> = serde_json::from_str(out.text()).unwrap();
        prop_assert_eq!(sent.len(), messages.len());
        for (message, (_, parts, _)) in sent.iter().zip(&messages) {
            let content = &message["content"];
            let all: String = match content {
                Value::String(text) => text.clone(),
                Value::Array(list) => list.iter().map(|p| p["text"].as_str().or(p["image_url"]["url"].as_str()).or(p["image_url"].as_str()).unwrap_or("")).collect(),
                _ => String::new(),
            };
            prop_assert_eq!(all, parts.iter().map(|(_, text)| text.as_str()).collect::<String>());
        }
    }

    #[test]
    fn any_json_is_messages_or_an_error(text in "[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        if let Ok(raw) = RawValue::from_string(text) {
            let _ = write(&raw, &Treatment::default());
        }
    }
}
