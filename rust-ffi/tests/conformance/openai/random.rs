//! Random streams: what the decoder reads by comparing bytes must equal what a JSON parser reads.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{json, Value};

use crate::transcript::*;

/// Chunks of the kinds that the decoder has shortcuts for, and of others that look much like them.
fn chunks() -> impl Strategy<Value = Value> {
    let any_text = prop_oneof!["[a-z \"\\\\\n]{0,6}", "\\PC{0,4}", Just("\",\"x\":\"".to_owned())];
    let delta = (any_text, 0..2i64).prop_flat_map(|(text, slot)| {
        prop_oneof![
            4 => Just(json!({"content": text})),
            1 => Just(json!({"content": text, "role": "assistant"})),
            1 => Just(json!({"content": text, "refusal": null})),
            1 => Just(json!({"content": null})),
            1 => Just(json!({"refusal": text})),
            2 => Just(json!({"reasoning_content": text})),
            1 => Just(json!({"content": text, "reasoning_content": "x"})),
            2 => Just(json!({"tool_calls": [{"index": slot, "function": {"arguments": text}}]})),
            1 => Just(json!({"tool_calls": [{"index": slot, "id": format!("call_{slot}"), "type": "function", "function": {"name": "f", "arguments": text}}]})),
            1 => Just(json!({})),
        ]
    });
    let members = prop_oneof![
        4 => Just(json!({})),
        1 => Just(json!({"service_tier": "default"})),
        1 => "[a-z]{0,5}".prop_map(|pad| json!({"obfuscation": pad})),
        1 => (0..3u32).prop_map(|tokens| json!({"usage": {"total_tokens": tokens}})),
        1 => Just(json!({"created": 2})),
    ];
    let extra =
        prop_oneof![4 => Just(json!({})), 1 => Just(json!({"logprobs": null})), 1 => Just(json!({"logprobs": {"content": []}}))];
    (0..2, delta, members, extra).prop_map(|(index, delta, members, extra)| {
        let mut choice = json!({"index": index, "delta": delta, "finish_reason": null});
        choice.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        chunk_with(json!([choice]), members)
    })
}

/// A chunk without what says nothing: nulls, an empty padding, and the role and the type that every piece of a server repeats.
fn plain(chunk: &Value) -> Value {
    let mut chunk = chunk.clone();
    if chunk["obfuscation"] == "" {
        chunk.as_object_mut().unwrap().shift_remove("obfuscation");
    }
    let choice = chunk["choices"][0].as_object_mut().unwrap();
    choice.retain(|_, value| !value.is_null());
    let delta = choice["delta"].as_object_mut().unwrap();
    delta.retain(|name, value| !value.is_null() && name != "role");
    chunk
}

proptest! {
    #[test]
    fn shortcuts_read_what_a_json_parser_reads(sent in vec(chunks(), 1..20), cuts in vec(any::<Index>(), 0..6)) {
        let sent = [sent, vec![finish(0, "stop")]].concat();
        let transcript = stream(&sent);
        let call = openai();
        let outcome = call.run([transcript.as_bytes()]);
        prop_assert!(outcome.error.is_none(), "{:?}", outcome);
        let got: Vec<Value> = outcome.chunks().iter().map(plain).collect();
        let mut expected: Vec<Value> = sent.iter().map(plain).collect();
        let called = sent.iter().any(|chunk| chunk["choices"][0]["index"] == 0 && !chunk["choices"][0]["delta"]["tool_calls"].is_null());
        if called {
            expected.last_mut().unwrap()["choices"][0]["finish_reason"] = json!("tool_calls");
        }
        prop_assert_eq!(got, expected);

        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(transcript.len() + 1)).collect();
        cuts.sort_unstable();
        let mut start = 0;
        let pieces = cuts.into_iter().chain([transcript.len()]).map(|cut| {
            let piece = &transcript.as_bytes()[start..cut];
            start = cut;
            piece
        });
        prop_assert_eq!(call.run(pieces), outcome);
    }
}
