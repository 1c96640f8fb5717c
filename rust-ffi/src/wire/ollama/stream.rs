//! Streams: one JSON object a line; `"done": true` in the last.

use serde_json::value::RawValue;
use serde_json::Map;

use super::answer::read_calls;
use super::think::Splitter;
use super::Endpoint;
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::Fields;
use crate::wire::chat::chunks::Chunks;
use crate::wire::chat::usage::Usage;
use crate::wire::errors::Origin;
use crate::wire::events::{self, cut_off};
use crate::wire::ndjson::Lines;
use crate::wire::{StreamDecode, StreamEvent};

pub struct Decoder {
    lines: Lines,
    stream: Stream,
}

impl Decoder {
    pub fn new(origin: Origin, endpoint: Endpoint, include_usage: bool) -> Self {
        let chunks = Chunks::new(&origin.model, include_usage);
        let stream = Stream { origin, endpoint, chunks, splitter: Splitter::default(), seen_line: false };
        Decoder { lines: Lines::default(), stream }
    }
}

impl StreamDecode for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        let stream = &mut self.stream;
        self.lines.feed(bytes, &mut |line| stream.line(line, out))
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let stream = &mut self.stream;
        let ended = self.lines.finish(&mut |line| {
            if stream.seen_line && serde_json::from_str::<&RawValue>(line).is_err() {
                return Err(cut_off("the stream was cut: it ended within a line"));
            }
            stream.line(line, out)
        })?;
        if ended {
            return Ok(());
        }
        Err(cut_off("the stream was cut: it ended without its last line, which says `\"done\": true`"))
    }
}

struct Stream {
    origin: Origin,
    endpoint: Endpoint,
    chunks: Chunks,
    splitter: Splitter,
    seen_line: bool,
}

impl Stream {
    /// Takes one line; true when it is the last.
    fn line(&mut self, line: &str, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let invalid = |what: &str| events::invalid(what, line);
        if let Some(flaw) = json::flaw(line.as_bytes(), false) {
            return Err(invalid(flaw.message()));
        }
        let top: Fields<'_> = match serde_json::from_str(line) {
            Ok(top) => top,
            // A page of HTML, or a server of another kind.
            Err(_) if !self.seen_line => {
                return Err(self.origin.unreadable(200, line.as_bytes(), "the answer is not a stream of JSON lines"))
            }
            Err(_) => return Err(invalid("a line of the stream is not a JSON object")),
        };
        self.seen_line = true;
        if top.get("error").is_some_and(|raw| !json::is_null(raw)) {
            let raw: &RawValue = serde_json::from_str(line).map_err(|_| invalid("the stream reports an error"))?;
            return Err(self.origin.from_error_object(raw));
        }
        if self.endpoint == Endpoint::Chat {
            if let Some(raw) = top.get("message").filter(|raw| !json::is_null(raw)) {
                let message: Fields<'_> = json::read(raw).ok_or_else(|| invalid("`message` of a line is not an object"))?;
                self.message(&message, out).ok_or_else(|| invalid("`message` of a line is not what the protocol says"))?;
            }
        } else {
            self.texts(&top, "response", out).ok_or_else(|| invalid("a line of the stream is not what the protocol says"))?;
        }
        if top.get("done").is_none_or(|raw| raw.get() != "true") {
            return Ok(false);
        }
        let left = self.splitter.finish();
        self.chunks.reasoning(out, 0, &left.thought);
        self.chunks.text(out, 0, &left.text);
        let told = top.get("done_reason").and_then(|raw| json::text(raw));
        let (reason, native) = reason(told.as_deref(), self.chunks.calls(0) > 0);
        self.chunks.finish(out, 0, reason, native, Map::new());
        if let Some(usage) = Counts::of(&top).usage() {
            self.chunks.usage(out, &usage);
        }
        Ok(true)
    }

    /// None: it is not what the protocol says.
    fn message(&mut self, message: &Fields<'_>, out: &mut Vec<StreamEvent>) -> Option<()> {
        self.texts(message, "content", out)?;
        if let Some(raw) = message.get("tool_calls").filter(|raw| !json::is_null(raw)) {
            for call in read_calls(raw)? {
                self.chunks.call(out, 0, &call.id, &call.name, &call.arguments, call.own);
            }
        }
        Some(())
    }

    fn texts(&mut self, fields: &Fields<'_>, name: &str, out: &mut Vec<StreamEvent>) -> Option<()> {
        let text = |name: &str| match fields.get(name).filter(|raw| !json::is_null(raw)) {
            Some(raw) => json::text(raw).map(Some),
            None => Some(None),
        };
        if let Some(thought) = text("thinking")? {
            self.chunks.reasoning(out, 0, &thought);
        }
        if let Some(content) = text(name)?.filter(|content| !content.is_empty()) {
            let pieces = self.splitter.push(&content);
            self.chunks.reasoning(out, 0, &pieces.thought);
            self.chunks.text(out, 0, &pieces.text);
        }
        Some(())
    }
}

/// OpenAI's word for how an answer ended, and Ollama's where it says more: `load` and `unload` answer a call without a prompt.
pub fn reason(told: Option<&str>, calls: bool) -> (&'static str, Option<&str>) {
    match told {
        _ if calls => ("tool_calls", None),
        Some("length") => ("length", None),
        None | Some("stop" | "") => ("stop", None),
        Some(other) => ("stop", Some(other)),
    }
}

/// Token counts. Ollama leaves out those that are zero.
pub struct Counts {
    prompt: Option<u64>,
    completion: Option<u64>,
}

impl Counts {
    pub fn of(top: &Fields<'_>) -> Self {
        let count = |name: &str| top.get(name).and_then(|raw| json::integer(raw)).and_then(|count| u64::try_from(count).ok());
        Counts { prompt: count("prompt_eval_count"), completion: count("eval_count") }
    }

    /// None where nothing was counted: a guess must not look like a count.
    pub fn usage(&self) -> Option<Usage> {
        if self.prompt.is_none() && self.completion.is_none() {
            return None;
        }
        Some(Usage { prompt: self.prompt.unwrap_or(0), completion: self.completion.unwrap_or(0), ..Usage::default() })
    }
}
