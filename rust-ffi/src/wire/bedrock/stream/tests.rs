use std::sync::Arc;

use super::*;
use crate::wire::bedrock::frames::tests::event;
use crate::wire::bedrock::tools::Names;
use crate::wire::errors::Origin;
use crate::wire::providers::find;
use crate::wire::Operation;

fn decoder() -> Decoder {
    Decoder {
        origin: Origin::new(find("bedrock").unwrap(), Operation::Completion, "m", None),
        shown: "m".to_owned(),
        names: Arc::new(Names::default()),
        json_tool: Some("json_tool_call_2".to_owned()),
        whole: false,
        include_usage: false,
    }
}

fn start(place: u64, name: &str) -> Vec<u8> {
    let call = json!({"toolUse": {"toolUseId": format!("id{place}"), "name": name}});
    event("contentBlockStart", &json!({"contentBlockIndex": place, "start": call}))
}

fn input(place: u64, text: &str) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": place, "delta": {"toolUse": {"input": text}}}))
}

fn stop(place: u64) -> Vec<u8> {
    event("contentBlockStop", &json!({ "contentBlockIndex": place }))
}

fn end() -> Vec<u8> {
    event("messageStop", &json!({"stopReason": "tool_use"}))
}

/// What a program has at the end: the text, each call's name and arguments, and the finish reasons.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    text: String,
    calls: Vec<(String, String)>,
    reasons: Vec<String>,
}

fn read(frames: &[Vec<u8>]) -> Result<Seen> {
    let (mut stream, mut out) = (Stream::new(decoder(), true), Vec::new());
    for frame in frames {
        stream.feed(frame, &mut out)?;
    }
    stream.end(&mut out)?;
    let mut seen = Seen::default();
    for event in out {
        match event {
            StreamEvent::Content { text, .. } => seen.text.push_str(&text),
            StreamEvent::Arguments { slot, text, .. } => seen.calls[slot as usize].1.push_str(&text),
            StreamEvent::Chunk { json, text, .. } => {
                seen.text.push_str(&text);
                let chunk: Value = serde_json::from_slice(&json).unwrap();
                let choice = &chunk["choices"][0];
                seen.reasons.extend(choice["finish_reason"].as_str().map(str::to_owned));
                for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                    let text = |name: &str| call["function"][name].as_str().unwrap_or_default().to_owned();
                    match call["function"].get("name") {
                        Some(_) => seen.calls.push((text("name"), text("arguments"))),
                        None => seen.calls[call["index"].as_u64().unwrap() as usize].1.push_str(&text("arguments")),
                    }
                }
            }
            _ => {}
        }
    }
    Ok(seen)
}

fn call(name: &str, arguments: &str) -> (String, String) {
    (name.to_owned(), arguments.to_owned())
}

#[test]
fn pieces_belong_to_the_block_that_they_name() {
    let seen = read(&[
        start(0, "f"),
        start(1, "g"),
        input(0, "{\"x\""),
        input(1, "{\"y\":2}"),
        input(0, ":1}"),
        stop(0),
        stop(1),
        end(),
    ]);
    assert_eq!(seen.unwrap().calls, [call("f", "{\"x\":1}"), call("g", "{\"y\":2}")]);
    assert!(read(&[start(0, "f"), stop(0), input(0, "{}")]).unwrap_err().message.contains("not begun"));
}

#[test]
fn a_call_without_arguments_ends_as_an_object_and_the_end_is_told_once() {
    for frames in [vec![start(0, "f"), stop(0), end(), end()], vec![start(0, "f"), end(), end()]] {
        let seen = read(&frames).unwrap();
        assert_eq!((seen.calls, seen.reasons), (vec![call("f", "{}")], vec!["tool_calls".to_owned()]));
    }
}

#[test]
fn a_streamed_schema_says_what_the_whole_answer_says() {
    for (pieces, text) in [
        (&["{\"a\"", ":1}"][..], "{\"a\":1}"),
        (&["{\"pro", "perties\"", ":{\"a\":", "1}}"], "{\"a\":1}"),
        (&["{\"properties\":{\"a\":1},", "\"b\":2}"], "{\"properties\":{\"a\":1},\"b\":2}"),
        (&[], "{}"),
    ] {
        let mut frames = vec![start(0, "json_tool_call_2")];
        frames.extend(pieces.iter().map(|piece| input(0, piece)));
        frames.extend([stop(0), start(1, "json_tool_call_2"), input(1, "{\"a\":9}"), stop(1), end()]);
        let seen = read(&frames).unwrap();
        let block = |input: &str| json!({"toolUse": {"toolUseId": "t", "name": "json_tool_call_2", "input": serde_json::from_str::<Value>(input).unwrap()}});
        let joined = pieces.concat();
        let content = [block(if joined.is_empty() { "{}" } else { &joined }), block("{\"a\":9}")];
        let whole = json!({"output": {"message": {"content": content}}, "stopReason": "tool_use"}).to_string();
        let answer = decoder().read(200, whole.as_bytes()).unwrap();
        let expected = answer.choices[0].message.content.as_deref();
        assert_eq!((seen.text.as_str(), Some(seen.text.as_str())), (text, expected), "{pieces:?}");
        assert_eq!((seen.calls.len(), seen.reasons), (0, vec!["stop".to_owned()]));
    }
}

#[test]
fn another_tool_of_the_old_name_stays_a_tool() {
    let seen = read(&[start(0, "json_tool_call"), input(0, "{\"u\":1}"), stop(0), end()]).unwrap();
    assert_eq!((seen.text.as_str(), seen.calls), ("", vec![call("json_tool_call", "{\"u\":1}")]));
    assert_eq!(seen.reasons, ["tool_calls"]);
}

#[test]
fn b1_the_first_frame_may_be_damaged_too() {
    let mut first = event("messageStart", &json!({}));
    let last = first.len() - 1;
    first[last] ^= 1;
    let mut out = Vec::new();
    let error = Stream::new(decoder(), true).feed(&first, &mut out).unwrap_err();
    assert!(error.message.contains("the event stream is damaged"), "{}", error.message);
    // What does not say that it is an event stream is read to its end: it may be an error.
    let mut other = Stream::new(decoder(), false);
    assert!(!other.feed(br#"{"__type":"ThrottlingException","message":"slow"}"#, &mut out).unwrap());
    let error = other.end(&mut out).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimit, "slow"));
}
