//! Streams of this road: read from the provider where the crate's stream tells the truth, else a whole answer handed on as chunks.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use edgequake_llm::traits::{StreamChunk, StreamUsage};
use edgequake_llm::LLMResponse;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use serde_json::{json, Value};

use super::answer::{self, Stamp};
use super::errors::from_llm;
use super::messages::SIGNATURE;
use super::table::Kind;
use super::{panicked, Call};
use crate::engine::error::{Error, ErrorKind};
use crate::engine::id;
use crate::wire::StreamEvent;

/// What may still come behind the end is read for this long, so that the connection can serve again.
const DRAIN_TIME: Duration = Duration::from_millis(250);

/// One streamed answer. Dropping it closes the connection.
pub struct Stream<'a> {
    call: &'a Call,
    writer: Writer,
    ready: VecDeque<StreamEvent>,
    /// None once it has ended or failed: the crate's streams connect again when they are polled after an error.
    source: Option<BoxStream<'static, edgequake_llm::Result<StreamChunk>>>,
}

impl<'a> Stream<'a> {
    pub(super) fn live(call: &'a Call, source: BoxStream<'static, edgequake_llm::Result<StreamChunk>>) -> Self {
        let writer = Writer::new(call.row.kind, Stamp::new(None, &call.spec.model), call.include_usage());
        Stream { call, writer, ready: VecDeque::new(), source: Some(source) }
    }

    /// A whole answer as the chunks that a stream of it would have had.
    pub(super) fn replay(call: &'a Call, response: &LLMResponse) -> Self {
        let mut writer = Writer::new(call.row.kind, Stamp::of(response, &call.spec.model), call.include_usage());
        let mut ready = VecDeque::new();
        writer.whole(response, &mut ready);
        Stream { call, writer, ready, source: None }
    }

    /// The next event; None after the last. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            let source = self.source.as_mut()?;
            let item = AssertUnwindSafe(source.next()).catch_unwind().await;
            let error = match item {
                Ok(Some(Ok(chunk))) => match self.writer.chunk(chunk, &mut self.ready) {
                    Ok(false) => continue,
                    Ok(true) => {
                        if let Some(mut rest) = self.source.take() {
                            let _ = tokio::time::timeout(DRAIN_TIME, async { while let Some(Ok(_)) = rest.next().await {} }).await;
                        }
                        continue;
                    }
                    Err(error) => error,
                },
                Ok(Some(Err(error))) => from_llm(error),
                Ok(None) => Error::new(
                    ErrorKind::ApiConnection,
                    "the stream ended before the model had finished: the connection was closed, or the provider left its end mark out",
                ),
                Err(_) => panicked(),
            };
            self.source = None;
            return Some(Err(self.call.spec.finish(error)));
        }
    }
}

/// Writes chunks in OpenAI's shape.
struct Writer {
    kind: Kind,
    stamp: Stamp,
    include_usage: bool,
    started: bool,
    /// The crate's index of each tool call, in the order in which they came: Anthropic's counts text blocks too.
    calls: Vec<usize>,
}

impl Writer {
    fn new(kind: Kind, stamp: Stamp, include_usage: bool) -> Self {
        Writer { kind, stamp, include_usage, started: false, calls: Vec::new() }
    }

    /// Takes one piece of the crate's. Ok(true): the model has finished, and all that belongs to it was written.
    fn chunk(&mut self, chunk: StreamChunk, out: &mut VecDeque<StreamEvent>) -> Result<bool, Error> {
        match chunk {
            StreamChunk::Content(text) if !text.is_empty() => {
                intact(&text)?;
                match self.started {
                    true => out.push_back(StreamEvent::Content { index: 0, text, pad: String::new() }),
                    false => self.delta(json!({ "content": text }), out),
                }
            }
            StreamChunk::ThinkingContent { text, .. } if !text.is_empty() => {
                intact(&text)?;
                match self.started {
                    true => out.push_back(StreamEvent::Reasoning { index: 0, text, pad: String::new() }),
                    false => self.delta(json!({ "reasoning_content": text }), out),
                }
            }
            StreamChunk::ToolCallDelta { index, id, function_name, function_arguments, thought_signature } => {
                let arguments = function_arguments.unwrap_or_default();
                intact(&arguments)?;
                self.call(index, id, function_name, arguments, thought_signature, out);
            }
            StreamChunk::Finished { reason, usage, .. } => {
                self.end(Some(&reason), usage.as_ref(), out);
                return Ok(true);
            }
            // Progress of the transport, and empty pieces.
            _ => {}
        }
        Ok(false)
    }

    fn call(
        &mut self,
        index: usize,
        id: Option<String>,
        name: Option<String>,
        arguments: String,
        signature: Option<String>,
        out: &mut VecDeque<StreamEvent>,
    ) {
        if let Some(slot) = self.calls.iter().position(|known| *known == index) {
            if !arguments.is_empty() {
                out.push_back(StreamEvent::Arguments { index: 0, slot: slot as i32, text: arguments, pad: String::new() });
            }
            return;
        }
        self.calls.push(index);
        // Gemini need not name its calls; a result must be able to name the call that it answers.
        let id = id.unwrap_or_else(|| id::unique("call_"));
        let function = json!({"name": name.unwrap_or_default(), "arguments": arguments});
        let mut call = json!({"index": self.calls.len() - 1, "id": id, "type": "function", "function": function});
        if let Some(signature) = signature {
            call["provider_specific_fields"] = json!({ SIGNATURE: signature });
        }
        self.delta(json!({ "tool_calls": [call] }), out);
    }

    fn whole(&mut self, response: &LLMResponse, out: &mut VecDeque<StreamEvent>) {
        if let Some(text) = response.thinking_content.as_deref().filter(|text| !text.is_empty()) {
            self.delta(json!({ "reasoning_content": text }), out);
        }
        if let Value::String(text) = answer::content(response) {
            self.delta(json!({ "content": text }), out);
        }
        if let Some(refusal) = &response.refusal {
            self.delta(json!({ "refusal": refusal }), out);
        }
        for (index, call) in response.tool_calls.iter().enumerate() {
            let mut call_delta = answer::tool_call(call);
            call_delta["index"] = index.into();
            self.calls.push(index);
            self.delta(json!({ "tool_calls": [call_delta] }), out);
        }
        let told = StreamUsage {
            prompt_tokens: response.prompt_tokens,
            completion_tokens: response.completion_tokens,
            cache_hit_tokens: response.cache_hit_tokens,
            cache_write_tokens: response.cache_write_tokens,
            thinking_tokens: response.thinking_tokens,
        };
        self.end(response.finish_reason.as_deref(), Some(&told), out);
    }

    fn end(&mut self, reason: Option<&str>, told: Option<&StreamUsage>, out: &mut VecDeque<StreamEvent>) {
        let finish = answer::finish(reason, !self.calls.is_empty());
        let choice = json!({"index": 0, "delta": self.with_role(json!({})), "finish_reason": finish});
        self.push(json!([choice]), None, String::new(), out);
        if self.include_usage {
            if let Some(usage) = told.and_then(|told| answer::usage(self.kind, told)) {
                self.push(json!([]), Some(usage), String::new(), out);
            }
        }
    }

    fn delta(&mut self, delta: Value, out: &mut VecDeque<StreamEvent>) {
        let text = delta["content"].as_str().unwrap_or_default().to_owned();
        let choice = json!({"index": 0, "delta": self.with_role(delta), "finish_reason": null});
        self.push(json!([choice]), None, text, out);
    }

    /// The first delta says who speaks.
    fn with_role(&mut self, mut delta: Value) -> Value {
        if !std::mem::replace(&mut self.started, true) {
            delta["role"] = "assistant".into();
        }
        delta
    }

    fn push(&self, choices: Value, usage: Option<Value>, text: String, out: &mut VecDeque<StreamEvent>) {
        let Stamp { id, created, model } = &self.stamp;
        let mut chunk =
            json!({"id": id, "created": created, "model": model, "object": "chat.completion.chunk", "choices": choices});
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        out.push_back(StreamEvent::Chunk { json: chunk.to_string().into_bytes(), index: 0, text });
    }
}

/// The crate decodes each network read by itself: a character that two reads share becomes U+FFFD, twice. Text that is wrong without a sign
/// is worse than a failed call, so that character ends the stream. A model that means it is refused too, which is rare and loud.
fn intact(text: &str) -> Result<(), Error> {
    if !text.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ApiResponseValidation,
        "the stream holds the replacement character U+FFFD: the crate edgequake-llm breaks characters that two network reads share. \
         Send the request without stream=True, or use the model without the prefix edgequake/",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(chunks: Vec<StreamChunk>) -> (Vec<StreamEvent>, bool) {
        let mut writer = Writer::new(Kind::Anthropic, Stamp::new(Some("id".into()), "m"), true);
        let mut out = VecDeque::new();
        let mut ended = false;
        for chunk in chunks {
            ended = writer.chunk(chunk, &mut out).unwrap();
        }
        (out.into(), ended)
    }

    fn json_of(event: &StreamEvent) -> Value {
        match event {
            StreamEvent::Chunk { json, .. } => serde_json::from_slice(json).unwrap(),
            other => panic!("{other:?} is no whole chunk"),
        }
    }

    fn call(index: usize, id: Option<&str>, name: Option<&str>, arguments: Option<&str>) -> StreamChunk {
        let own = |text: Option<&str>| text.map(str::to_owned);
        StreamChunk::ToolCallDelta {
            index,
            id: own(id),
            function_name: own(name),
            function_arguments: own(arguments),
            thought_signature: None,
        }
    }

    #[test]
    fn pieces_become_chunks_and_what_equals_them() {
        let finished = StreamChunk::Finished { reason: "tool_use".into(), ttft_ms: None, usage: Some(StreamUsage::new(3, 4)) };
        let (events, ended) = write(vec![
            StreamChunk::Connected { phase: "sse_open".into() },
            StreamChunk::Content("He".into()),
            StreamChunk::Content("y".into()),
            call(1, Some("c1"), Some("f"), None),
            call(1, None, None, Some("{\"a\"")),
            call(3, Some("c2"), Some("g"), Some("{}")),
            call(1, None, None, Some(":1}")),
            finished,
        ]);
        assert!(ended);
        assert_eq!(json_of(&events[0])["choices"][0]["delta"], json!({"role": "assistant", "content": "He"}));
        assert_eq!(events[1], StreamEvent::Content { index: 0, text: "y".into(), pad: String::new() });
        let first = &json_of(&events[2])["choices"][0]["delta"]["tool_calls"][0];
        assert_eq!((&first["index"], &first["id"], &first["function"]["name"]), (&json!(0), &json!("c1"), &json!("f")));
        assert_eq!(events[3], StreamEvent::Arguments { index: 0, slot: 0, text: "{\"a\"".into(), pad: String::new() });
        assert_eq!(json_of(&events[4])["choices"][0]["delta"]["tool_calls"][0]["index"], 1);
        assert_eq!(events[5], StreamEvent::Arguments { index: 0, slot: 0, text: ":1}".into(), pad: String::new() });
        assert_eq!(json_of(&events[6])["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(json_of(&events[7])["usage"]["total_tokens"], 7);
        assert_eq!(json_of(&events[7])["choices"], json!([]));
    }

    #[test]
    fn a_broken_character_ends_the_stream() {
        let mut writer = Writer::new(Kind::Cohere, Stamp::new(None, "m"), false);
        let error = writer.chunk(StreamChunk::Content("caf\u{fffd}".into()), &mut VecDeque::new()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ApiResponseValidation);
    }

    #[test]
    fn an_empty_answer_is_a_stream_too() {
        let (events, ended) = write(vec![StreamChunk::Finished { reason: "end_turn".into(), ttft_ms: None, usage: None }]);
        assert!(ended && events.len() == 1);
        assert_eq!(
            json_of(&events[0])["choices"][0],
            json!({"index": 0, "delta": {"role": "assistant"}, "finish_reason": "stop"})
        );
    }
}
