//! Any bytes as a streamed answer, in any pieces: no panic, the same events as unsplit, and no JSON that is none.
#![no_main]

use std::sync::LazyLock;

use edgequake_ffi::engine::request::Request;
use edgequake_ffi::engine::route;
use edgequake_ffi::wire::{dialect, Decode, Head, Operation, StreamEvent};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

const REQUEST: &str = r#"{"model": "openai/gpt", "messages": [{"role": "user", "content": "hi"}], "stream": true,
    "stream_options": {"include_usage": true}, "api_key": "sk-fuzz", "api_base": "http://127.0.0.1:1"}"#;

static CALL: LazyLock<Box<dyn Decode>> = LazyLock::new(|| {
    let request = Request::parse(REQUEST.as_bytes()).unwrap();
    let route = route::resolve(&request).unwrap();
    dialect(&route).prepare(Operation::Completion, &route, &request).unwrap().decode
});

fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<StreamEvent>, Option<String>) {
    let mut decoder = CALL.stream(&Head { status: 200, headers: Vec::new() });
    let mut events = Vec::new();
    let read = || {
        for piece in pieces {
            if decoder.feed(piece, &mut events)? {
                return Ok(());
            }
        }
        decoder.end(&mut events)
    };
    let error = read().err().map(|error| format!("{error:?}"));
    (events, error)
}

/// Input is short, so words stand for what every chunk repeats: each byte above 0xF0 becomes one.
fn spell(input: &[u8]) -> Vec<u8> {
    const WORDS: [&[u8]; 15] = [
        b"data: ",
        b"\n\n",
        b"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
        b"\"},\"finish_reason\":null}]}\n\n",
        b"{\"choices\":[{\"index\":",
        b",\"delta\":{\"tool_calls\":[{\"index\":",
        b",\"id\":\"",
        b"\",\"function\":{\"arguments\":\"",
        b"\"}}]}}]}\n\n",
        b"[DONE]\n\n",
        b",\"finish_reason\":\"stop\"}]}\n\n",
        b",\"delta\":{}",
        b"\"error\":",
        b"\"usage\":{}",
        b"\"obfuscation\":\"",
    ];
    let spell = |byte: &u8| match byte {
        0xF1..=0xFF => WORDS[usize::from(byte - 0xF1)].to_vec(),
        byte => vec![*byte],
    };
    input.iter().flat_map(spell).collect()
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, spelled, bytes) = input;
    let stream = if spelled { spell(bytes) } else { bytes.to_vec() };
    let whole = run([&stream[..]]);
    assert_eq!(run(stream.chunks(usize::from(size) + 1)), whole);
    assert_eq!(run(stream.chunks(1)), whole);
    for event in &whole.0 {
        if let StreamEvent::Chunk { json, .. } = event {
            serde_json::from_slice::<&RawValue>(json).expect("a chunk is JSON");
        }
    }
});
