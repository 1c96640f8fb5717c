use super::*;

fn converse(model: &str, messages: Value) -> Result<Value> {
    let text = json!({ "messages": messages }).to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let mut remotes = Remotes::default();
    let talk = write(&request, model, false, &mut remotes)?;
    let contents: Value = serde_json::from_str(&talk.contents).expect("contents are JSON");
    Ok(json!({"contents": contents, "system": talk.system_instruction, "detail": talk.detail.map(Detail::resolution)}))
}

fn contents(model: &str, messages: Value) -> Value {
    converse(model, messages).unwrap()["contents"].take()
}

fn user(text: &str) -> Value {
    json!({"role": "user", "parts": [{"text": text}]})
}

const OLDER: &str = "gemini-2.5-flash";
const NEWER: &str = "gemini-3-pro-preview";

#[test]
fn g1_roles_are_merged_and_the_system_speaks_apart() {
    let talk = converse(
        OLDER,
        json!([
            {"role": "system", "content": "a"}, {"role": "user", "content": "1"}, {"role": "user", "content": [{"type": "text", "text": "2"}]},
            {"role": "developer", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
            {"role": "assistant", "content": "3", "reasoning_content": "hm"}, {"role": "user", "content": "4"},
        ]),
    )
    .unwrap();
    assert_eq!(talk["system"], json!({"parts": [{"text": "a"}, {"text": "bc"}]}));
    assert_eq!(
        talk["contents"],
        json!([
            {"role": "user", "parts": [{"text": "1"}, {"text": "2"}]},
            {"role": "model", "parts": [{"thought": true, "text": "hm"}, {"text": "3"}]},
            user("4"),
        ])
    );
}

#[test]
fn g1_a_request_always_has_contents_with_text() {
    assert_eq!(contents(OLDER, json!([{"role": "system", "content": "a"}])), json!([user(".")]));
    assert_eq!(contents(OLDER, json!([{"role": "user", "content": [{"type": "text", "text": ""}]}])), json!([user(" ")]));
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AA=="}]}]);
    assert_eq!(
        contents(OLDER, image),
        json!([{"role": "user", "parts": [{"inline_data": {"data": "AA==", "mime_type": "image/png"}}, {"text": " "}]}])
    );
    assert_eq!(contents("gemma-3-27b-it", json!([{"role": "system", "content": "a"}])), json!([user("a")]));
}

#[test]
fn g2_calls_and_results_go_by_name_and_by_id_where_the_model_has_ids() {
    let talk = json!([
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1e400}"}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
        ]},
        {"role": "tool", "tool_call_id": "c2", "content": "{\"a\": 1}"},
        {"role": "tool", "tool_call_id": "c1", "content": " plain "},
        {"role": "user", "content": "and?"},
    ]);
    let text = json!({ "messages": talk }).to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let written = write(&request, OLDER, false, &mut Remotes::default()).unwrap().contents;
    // The caller's own text: a number that no computer holds stays what it is.
    assert!(written.contains(r#"{"name":"f","args":{"x":1e400}}"#), "{written}");
    let talk = json!([
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
        ]},
        {"role": "tool", "tool_call_id": "c2", "content": "{\"a\": 1}"},
        {"role": "tool", "tool_call_id": "c1", "content": " plain "},
    ]);
    assert_eq!(
        contents(OLDER, talk.clone()),
        json!([
            {"role": "model", "parts": [{"function_call": {"name": "f", "args": {}}}, {"function_call": {"name": "g", "args": {}}}]},
            {"role": "user", "parts": [
                {"function_response": {"name": "g", "response": {"a": 1}}},
                {"function_response": {"name": "f", "response": {"content": " plain "}}},
            ]},
        ])
    );
    let newer = contents(NEWER, talk);
    assert_eq!(newer[0]["parts"][1]["function_call"], json!({"name": "g", "args": {}, "id": "c2"}));
    assert_eq!(newer[1]["parts"][0]["function_response"]["id"], "c2");
}

#[test]
fn g8_signatures_return_to_their_own_part_byte_for_byte() {
    let signed = json!([
        {"role": "assistant", "content": "x", "provider_specific_fields": {"thought_signatures": ["AB+/="]}, "tool_calls": [
            {"id": "c1__thought__AB+/=", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"},
             "provider_specific_fields": {"thought_signature": "CD=="}},
        ]},
        {"role": "tool", "tool_call_id": "c1__thought__AB+/=", "content": "1"},
    ]);
    assert_eq!(
        contents(NEWER, signed),
        json!([
            {"role": "model", "parts": [
                {"text": "x"},
                {"function_call": {"name": "f", "args": {}, "id": "c1"}, "thoughtSignature": "AB+/="},
                {"function_call": {"name": "f", "args": {}, "id": "c2"}, "thoughtSignature": "CD=="},
            ]},
            {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"content": "1"}, "id": "c1"}}]},
        ])
    );
    let on_text = json!([{"role": "assistant", "content": "x", "provider_specific_fields": {"thought_signatures": ["AB+/="]}}]);
    assert_eq!(contents(NEWER, on_text)[0]["parts"], json!([{"text": "x", "thoughtSignature": "AB+/="}]));
}

#[test]
fn g8_each_signature_stands_on_one_part() {
    let message = |more: Value| {
        let mut message = json!({"role": "assistant", "provider_specific_fields": {"thought_signatures": ["A=", "B="]}});
        message.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        contents(NEWER, json!([message]))[0]["parts"].take()
    };
    let signed = |text: &str, signature: &str| json!({"text": text, "thoughtSignature": signature});
    for none in [json!({}), json!({"content": null}), json!({"content": []})] {
        assert_eq!(message(none), json!([signed("", "A="), signed("", "B=")]));
    }
    assert_eq!(message(json!({"content": "x"})), json!([signed("x", "A="), signed("", "B=")]));
    let parts = json!([{"type": "text", "text": "x"}, {"type": "text", "text": "y"}, {"type": "text", "text": "z"}]);
    assert_eq!(message(json!({ "content": parts })), json!([signed("x", "A="), signed("y", "B="), {"text": "z"}]));
    // The first one is a call's: the second is the text's.
    let call = json!({"id": "c1__thought__A=", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    assert_eq!(message(json!({"content": "x", "tool_calls": [call]}))[0], signed("x", "B="));
    let blocks = json!([{"type": "thinking", "thinking": "h"}, {"type": "thinking", "thinking": "m", "signature": "A="}]);
    assert_eq!(
        message(json!({"content": "x", "reasoning_content": "hm", "thinking_blocks": blocks})),
        json!([{"thought": true, "text": "h"}, {"thought": true, "text": "m", "thoughtSignature": "A="}, signed("x", "B=")])
    );
    // What another company's model signed is no signature for Gemini.
    let foreign = json!([{"type": "thinking", "thinking": "hm", "signature": "claude"}]);
    assert_eq!(
        message(json!({"content": "x", "reasoning_content": "hm", "thinking_blocks": foreign}))[0],
        json!({"thought": true, "text": "hm"})
    );
    let image =
        json!({"image_url": {"url": "data:image/png;base64,AA=="}, "provider_specific_fields": {"thought_signature": "B="}});
    assert_eq!(
        message(json!({"content": "x", "images": [image]})),
        json!([signed("x", "A="), {"inline_data": {"data": "AA==", "mime_type": "image/png"}, "thoughtSignature": "B="}])
    );
}

#[test]
fn g8_a_call_of_another_model_says_that_it_has_no_signature() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let talk = json!([{"role": "assistant", "tool_calls": [call("a"), call("b")]}]);
    let parts = contents(NEWER, talk.clone())[0]["parts"].take();
    assert_eq!(parts[0]["thoughtSignature"], signatures::MISSING);
    assert_eq!(parts[1].get("thoughtSignature"), None);
    assert_eq!(contents(OLDER, talk)[0]["parts"][0].get("thoughtSignature"), None);
}

#[test]
fn tools_that_google_ran_go_back_to_it() {
    let talk = json!([{"role": "assistant", "content": "x", "provider_specific_fields": {"server_side_tool_invocations": [
        {"tool_type": "GOOGLE_SEARCH", "id": "1", "args": {"q": 1}, "thought_signature": "s", "response": {"r": 2},
         "response_thought_signature": "t"},
    ]}}]);
    assert_eq!(
        contents(NEWER, talk)[0]["parts"],
        json!([
            {"text": "x"},
            {"toolCall": {"toolType": "GOOGLE_SEARCH", "id": "1", "args": {"q": 1}}, "thoughtSignature": "s"},
            {"toolResponse": {"id": "1", "response": {"r": 2}, "toolType": "GOOGLE_SEARCH"}, "thoughtSignature": "t"},
        ])
    );
}

#[test]
fn g11_media_carry_their_resolution_and_their_span() {
    let talk = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}},
        {"type": "input_audio", "input_audio": {"data": "BB==", "format": "mp3"}},
        {"type": "file", "file": {"file_id": "gs://b/x.mp4", "video_metadata": {"fps": 2, "start_offset": "1s"}}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,CC==", "detail": "low"}},
        {"type": "text", "text": "?"},
    ]}]);
    let older = converse(OLDER, talk.clone()).unwrap();
    assert_eq!(older["detail"], "MEDIA_RESOLUTION_HIGH");
    assert_eq!(
        older["contents"][0]["parts"],
        json!([
            {"inline_data": {"data": "AA==", "mime_type": "image/png"}},
            {"inline_data": {"data": "BB==", "mime_type": "audio/mp3"}},
            {"file_data": {"mime_type": "video/mp4", "file_uri": "gs://b/x.mp4"}, "video_metadata": {"fps": 2, "startOffset": "1s"}},
            {"inline_data": {"data": "CC==", "mime_type": "application/pdf"}},
            {"text": "?"},
        ])
    );
    let newer = contents(NEWER, talk);
    assert_eq!(newer[0]["parts"][0]["media_resolution"], json!({"level": "MEDIA_RESOLUTION_HIGH"}));
}

#[test]
fn files_elsewhere_are_noted_and_read_later() {
    let text =
        json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://h/x.png"}]}]}).to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let mut remotes = Remotes::default();
    let talk = write(&request, OLDER, false, &mut remotes).unwrap();
    assert_eq!(remotes.0[0].url, "https://h/x.png");
    let file = crate::wire::remote::File { media_type: "image/png".into(), base64: "AA==".into() };
    let filled: Value = serde_json::from_slice(&remotes.fill(talk.contents.as_bytes(), vec![file]).unwrap()).unwrap();
    assert_eq!(filled[0]["parts"][0], json!({"inline_data": {"data": "AA==", "mime_type": "image/png"}}));
}

#[test]
fn images_in_a_tools_result_are_part_of_it() {
    let talk = |content: Value| {
        json!([
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": content},
        ])
    };
    let blob = json!([{"inline_data": {"data": "AA==", "mime_type": "image/png"}}]);
    let response = contents(
        OLDER,
        talk(json!([{"type": "text", "text": "see"}, {"type": "image_url", "image_url": "data:image/png;base64,AA=="}])),
    );
    assert_eq!(response[1]["parts"][0]["function_response"], json!({"name": "f", "response": {"content": "see"}, "parts": blob}));
    let response = contents(OLDER, talk(json!("data:image/png;base64,AA==")));
    assert_eq!(response[1]["parts"][0]["function_response"]["parts"], blob);
}

#[test]
fn what_cannot_be_said_is_named() {
    let error = |messages: Value| converse(OLDER, messages).unwrap_err().message.clone();
    assert!(error(json!([{"role": "tool", "tool_call_id": "x", "content": "1"}])).contains("messages[0]"));
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1]"}});
    assert!(error(json!([{"role": "assistant", "tool_calls": [call]}])).contains("arguments"));
    assert!(error(json!([{"role": "user", "content": [{"type": "document"}]}])).contains("\"document\""));
    assert!(error(json!([{"role": "user", "content": [{"type": "file", "file": {}}]}])).contains("file_id"));
}
