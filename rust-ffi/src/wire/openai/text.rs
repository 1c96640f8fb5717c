//! Text completions: a model continues a text.
//!
//! Source: OpenAI's API reference ("Completions"). A chunk of a stream has the form of the whole answer.

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::Value;

use super::answer::Reader;
use crate::engine::error::{Error, Result};
use crate::engine::id;
use crate::engine::json;
use crate::engine::request::{Fields, Request};
use crate::wire::body::{Body, Json};
use crate::wire::chat::now;
use crate::wire::events::{self, cut_off, Blame, Events};
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::sse::Event;
use crate::wire::{Operation, StreamEvent};

pub const OBJECT: &str = "text_completion";

/// The body, and whether the answer is a stream.
pub fn request<'r>(row: &Provider, model: &str, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<(Body<'r>, bool)> {
    if !request.has("prompt") {
        return Err(Error::bad_request("`prompt` is missing; give the text that the model shall continue"));
    }
    let mut body = sort::plain(row, model, request, rules, &Known::default())?;
    let stream = request.is_stream()?;
    if !stream {
        body.remove("stream");
        body.remove("stream_options");
    }
    sort::finish(&mut body, row, Operation::TextCompletion, request, rules)?;
    Ok((body, stream))
}

impl Reader<'_> {
    /// A `text_completion`.
    pub fn text_completion(&self, body: Bytes) -> Result<Vec<u8>> {
        let (_, top) = self.top(&body)?;
        let choices = top.get("choices").and_then(|raw| json::read::<Vec<Fields<'_>>>(raw));
        if choices.is_none_or(|choices| choices.iter().any(|choice| !choice.contains_key("text"))) {
            return Err(self.origin.incomplete(&body, "the answer has no list of `choices` with a text each"));
        }
        let mut out = Body::default();
        for (name, raw) in &top {
            out.set(name.as_str(), Json::Raw(raw));
        }
        let text = |out: &Body<'_>, name: &str| out.get(name).and_then(Json::read::<String>).filter(|text| !text.is_empty());
        let mut changed = false;
        let mut fix = |out: &mut Body<'_>, name: &'static str, value: Value| {
            out.set(name, value.into());
            changed = true;
        };
        if text(&out, "id").is_none() {
            fix(&mut out, "id", id::unique("cmpl-").into());
        }
        if out.get("created").and_then(Json::read::<u64>).is_none() {
            fix(&mut out, "created", now().into());
        }
        if text(&out, "object").as_deref() != Some(OBJECT) {
            fix(&mut out, "object", OBJECT.into());
        }
        if text(&out, "model").is_none() {
            fix(&mut out, "model", self.origin.model.as_str().into());
        }
        Ok(if changed { out.write() } else { body.into() })
    }
}

/// The chunks of a stream, each as the provider wrote it.
pub struct Stream {
    /// Makes an error of the provider's error object.
    pub error: Blame<RawValue>,
    /// Makes an error of a body that is no stream.
    pub foreign: Blame<[u8]>,
    begun: bool,
    /// The choices that were begun, and whether each has its finish reason.
    choices: Vec<(i64, bool)>,
}

impl Stream {
    pub fn new(error: Blame<RawValue>, foreign: Blame<[u8]>) -> Self {
        Stream { error, foreign, begun: false, choices: Vec::new() }
    }

    fn chunk(&mut self, text: &str) -> Result<StreamEvent> {
        let invalid = |what: &str| events::invalid(what, text);
        if let Some(flaw) = json::flaw(text.as_bytes(), false) {
            return Err(invalid(&format!("a chunk of the stream is unreadable: {}", flaw.message())));
        }
        let top: IndexMap<String, &RawValue> =
            serde_json::from_str(text).map_err(|_| invalid("a chunk of the stream is not a JSON object"))?;
        if top.get("error").is_some_and(|raw| !json::is_null(raw)) {
            let whole = serde_json::from_str(text).map_err(|_| invalid("the stream reports an error"))?;
            return Err((self.error)(whole));
        }
        let choices: Vec<Value> = top.get("choices").and_then(|raw| json::read(raw)).unwrap_or_default();
        let mut event = StreamEvent::Chunk { json: text.as_bytes().to_vec(), index: 0, text: String::new() };
        for choice in &choices {
            let at = choice["index"].as_i64().unwrap_or(0);
            let place = self.choices.iter().position(|(index, _)| *index == at).unwrap_or_else(|| {
                self.choices.push((at, false));
                self.choices.len() - 1
            });
            self.choices[place].1 |= choice["finish_reason"].as_str().is_some_and(|reason| !reason.is_empty());
        }
        if let ([choice], StreamEvent::Chunk { index, text, .. }) = (choices.as_slice(), &mut event) {
            *index = choice["index"].as_i64().and_then(|at| i32::try_from(at).ok()).unwrap_or(0);
            *text = choice["text"].as_str().unwrap_or_default().to_owned();
        }
        Ok(event)
    }
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let text = event.data.trim();
        if text.is_empty() {
            return Ok(false);
        }
        self.begun = true;
        if event.is_done() {
            return Ok(true);
        }
        out.push(self.chunk(text)?);
        Ok(false)
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        if !self.choices.is_empty() && self.choices.iter().all(|(_, finished)| *finished) {
            return Ok(());
        }
        Err(cut_off("the stream was cut: it ended without a finish reason and without its end mark"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        (self.foreign)(body)
    }
}
