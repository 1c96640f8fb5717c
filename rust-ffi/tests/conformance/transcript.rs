//! Runs a server's transcript through the decoder in every way the network may cut it, and shows its events as full chunks.

use std::fmt;

use edgequake_ffi::engine::error::{Error, ErrorKind};
use edgequake_ffi::engine::request::Request;
use edgequake_ffi::engine::route;
use edgequake_ffi::wire::{dialect, Decode, Head, Operation, StreamEvent};
use serde_json::{json, Map, Value};

/// What came of a transcript: its events, and the error that ended it, if one did.
pub struct Outcome {
    pub events: Vec<StreamEvent>,
    pub error: Option<Error>,
}

impl Outcome {
    /// The events as the chunks that they stand for; see "The events" in `docs/architecture.md`.
    pub fn chunks(&self) -> Vec<Value> {
        let mut last = None;
        self.events.iter().map(|event| expand(event, &mut last)).collect()
    }

    #[track_caller]
    pub fn done(&self) -> Vec<Value> {
        if let Some(error) = &self.error {
            panic!("the stream failed: {error}");
        }
        self.chunks()
    }

    /// The error that the stream must have ended with.
    #[track_caller]
    pub fn failed(&self, kind: ErrorKind) -> &Error {
        let error = self.error.as_ref().expect("the stream must fail");
        assert_eq!(error.kind, kind, "{error}");
        error
    }
}

/// Equal when nothing differs that a caller can see.
impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        self.events == other.events && format!("{:?}", self.error) == format!("{:?}", other.error)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks: Vec<_> = self.chunks().iter().map(Value::to_string).collect();
        f.debug_struct("Outcome").field("chunks", &chunks).field("error", &self.error).finish()
    }
}

fn expand(event: &StreamEvent, last: &mut Option<Map<String, Value>>) -> Value {
    let (index, delta, pad) = match event {
        StreamEvent::Chunk { json, index, text } => {
            let chunk: Map<String, Value> = serde_json::from_slice(json).expect("a chunk is a JSON object");
            if let [choice] = &*choices(&chunk) {
                assert_eq!(choice["index"], *index);
                assert_eq!(choice["delta"]["content"].as_str().unwrap_or_default(), text);
            }
            *last = Some(chunk.clone());
            return chunk.into();
        }
        StreamEvent::Content { index, text, pad } => (index, json!({"content": text}), pad),
        StreamEvent::Reasoning { index, text, pad } => (index, json!({"reasoning_content": text}), pad),
        StreamEvent::Arguments { index, slot, text, pad } => {
            (index, json!({"tool_calls": [{"index": slot, "function": {"arguments": text}}]}), pad)
        }
        StreamEvent::Bytes(_) => panic!("a chat completion has no bytes"),
    };
    let mut chunk = last.clone().expect("an event without JSON follows a chunk");
    chunk.shift_remove("usage");
    chunk.shift_remove("obfuscation");
    chunk.insert("choices".into(), json!([{"index": index, "delta": delta, "finish_reason": null}]));
    if !pad.is_empty() {
        chunk.insert("obfuscation".into(), json!(pad));
    }
    chunk.into()
}

fn choices(chunk: &Map<String, Value>) -> Vec<Value> {
    chunk["choices"].as_array().expect("`choices` is a list").clone()
}

/// The reader of one call's answers.
pub struct Call {
    decode: Box<dyn Decode>,
    /// The chunks' ids and times are made here, not by the provider: outcomes show them alike.
    made_here: bool,
    content_type: &'static str,
}

impl Call {
    /// A streamed completion of `provider` with these arguments beside the usual ones.
    pub fn new(provider: &str, arguments: Value) -> Call {
        let model = format!("{provider}/gpt-4o-mini");
        Call { made_here: false, ..Call::of(&model, "text/event-stream", arguments) }
    }

    /// A streamed completion of a model whose protocol is not OpenAI's, answered with this content type.
    pub fn of(model: &str, content_type: &'static str, arguments: Value) -> Call {
        let mut request = json!({
            "model": model,
            "messages": [{"role": "user", "content": "hi"}],
            "stream": true,
            "api_key": "sk-0123456789abcdef0123456789abcdef",
            "api_base": "http://127.0.0.1:1/v1",
            "api_version": "2024-10-21",
        });
        request.as_object_mut().unwrap().extend(arguments.as_object().expect("an object of arguments").clone());
        let text = request.to_string();
        let request = Request::parse(text.as_bytes()).expect("a good request");
        let route = route::resolve(&request).expect("a known provider");
        let call = dialect(&route).prepare(Operation::Completion, &route, &request).expect("a good request");
        assert!(call.stream);
        Call { decode: call.decode, made_here: true, content_type }
    }

    pub fn run<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let headers = vec![("content-type".to_owned(), self.content_type.to_owned())];
        let mut decoder = self.decode.stream(&Head { status: 200, headers });
        let mut events = Vec::new();
        let read = || {
            for piece in pieces {
                if decoder.feed(piece, &mut events)? {
                    return Ok(());
                }
            }
            decoder.end(&mut events)
        };
        let error = read().err();
        if self.made_here {
            events.iter_mut().for_each(alike);
        }
        Outcome { events, error }
    }

    /// The outcome of a transcript, after it was made sure that no way to cut it in two, nor single bytes, changes it.
    #[track_caller]
    pub fn outcome(&self, transcript: impl AsRef<[u8]>) -> Outcome {
        let transcript = transcript.as_ref();
        let whole = self.run([transcript]);
        assert_eq!(self.run(transcript.chunks(1)), whole, "one byte at a time");
        for cut in 0..=transcript.len() {
            let (first, second) = transcript.split_at(cut);
            assert_eq!(self.run([first, second]), whole, "cut at {cut}");
        }
        whole
    }
}

/// Gives a chunk the ids and the time that all chunks made here get.
fn alike(event: &mut StreamEvent) {
    if let StreamEvent::Chunk { json, .. } = event {
        let mut chunk: Value = serde_json::from_slice(json).expect("a chunk is JSON");
        (chunk["id"], chunk["created"]) = (json!("chatcmpl-1"), json!(1760000000));
        if let Some(Value::Array(calls)) = chunk.pointer_mut("/choices/0/delta/tool_calls") {
            for call in calls.iter_mut().filter(|call| call["id"].as_str().is_some_and(is_random)) {
                call["id"] = json!(format!("call_{}", call["index"]));
            }
        }
        *json = chunk.to_string().into_bytes();
    }
}

/// Is this the id of a tool call that was made here?
fn is_random(id: &str) -> bool {
    id.strip_prefix("call_").is_some_and(|uuid| uuid.len() == 36 && uuid.matches('-').count() == 4)
}

/// A call to OpenAI that asks for usage.
pub fn openai() -> Call {
    Call::new("openai", json!({"stream_options": {"include_usage": true}}))
}

/// What that call makes of a transcript.
#[track_caller]
pub fn outcome(transcript: impl AsRef<[u8]>) -> Outcome {
    openai().outcome(transcript)
}

/// What a call that does not ask for usage makes of it.
#[track_caller]
pub fn outcome_without_usage(transcript: impl AsRef<[u8]>) -> Outcome {
    Call::new("openai", json!({})).outcome(transcript)
}

/// Events with these data, and no end mark.
pub fn events<T: ToString>(data: impl IntoIterator<Item = T>) -> String {
    data.into_iter().map(|data| format!("data: {}\n\n", data.to_string())).collect()
}

/// The same with the end mark.
pub fn stream<T: ToString>(data: impl IntoIterator<Item = T>) -> String {
    events(data) + "data: [DONE]\n\n"
}

/// A chunk with these choices.
pub fn chunk(choices: Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "gpt-4o-mini", "choices": choices})
}

/// `chunk` with members added at the top.
pub fn chunk_with(choices: Value, members: Value) -> Value {
    let mut chunk = chunk(choices);
    for (name, value) in members.as_object().expect("an object of members") {
        chunk[name.as_str()] = value.clone();
    }
    chunk
}

/// A chunk with one choice that goes on.
pub fn delta(index: i32, delta: Value) -> Value {
    chunk(json!([{"index": index, "delta": delta, "finish_reason": null}]))
}

pub fn text(text: &str) -> Value {
    delta(0, json!({"content": text}))
}

pub fn first() -> Value {
    delta(0, json!({"role": "assistant", "content": ""}))
}

/// A chunk that ends a choice.
pub fn finish(index: i32, reason: &str) -> Value {
    chunk(json!([{"index": index, "delta": {}, "finish_reason": reason}]))
}
