//! The Responses API.
//!
//! Source: OpenAI's API reference ("Responses", "Streaming events"). An answer and an event are handed on as they came: what they hold
//! grows with every model.

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::Value;

use super::answer::Reader;
use super::families;
use super::messages;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{Fields, Request};
use crate::wire::body::{Body, Json};
use crate::wire::events::{self, cut_off, Blame, Events};
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::{Provider, Quirk};
use crate::wire::sse::Event;
use crate::wire::{Operation, StreamEvent};

/// The body, and whether the answer is a stream.
pub fn request<'r>(
    row: &Provider,
    model: &str,
    family: &str,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
) -> Result<(Body<'r>, bool)> {
    if !request.has("input") && !request.has("prompt") {
        return Err(Error::bad_request("`input` is missing; give a text or a list of items"));
    }
    // Elsewhere it is the caller's own record; here the provider keeps it.
    let known = Known { own: &["metadata"], ..Known::default() };
    let mut body = sort::plain(row, model, request, rules, &known)?;
    let stream = request.is_stream()?;
    if !stream {
        body.remove("stream");
        body.remove("stream_options");
    }
    if row.has(Quirk::OpenAiFamilies) {
        families::apply_to_response(&mut body, family, rules)?;
        for name in ["input", "tools"] {
            if let Some(clean) = body.get(name).and_then(|value| match value {
                Json::Raw(raw) => messages::unmarked(raw),
                Json::Own(_) => None,
            }) {
                body.set(name, Json::Own(clean));
            }
        }
    }
    sort::finish(&mut body, row, Operation::Responses, request, rules)?;
    Ok((body, stream))
}

impl Reader<'_> {
    /// A `response`, as it came. One whose `status` is "failed" is an answer too: it says so itself.
    pub fn response(&self, body: Bytes) -> Result<Vec<u8>> {
        let is_response = json::flaw(&body, false).is_none()
            && serde_json::from_slice::<Fields<'_>>(&body)
                .is_ok_and(|top| top.get("output").is_some_and(|output| output.get().starts_with('[')));
        if is_response {
            return Ok(body.into());
        }
        let _ = self.top(&body)?;
        Err(self.origin.incomplete(&body, "the answer has no list `output`"))
    }
}

/// The events of a stream, each as the provider wrote it.
pub struct Stream {
    /// Makes an error of the provider's error object.
    error: Blame<RawValue>,
    /// Makes an error of a body that is no stream.
    foreign: Blame<[u8]>,
    begun: bool,
}

impl Stream {
    pub fn new(error: Blame<RawValue>, foreign: Blame<[u8]>) -> Self {
        Stream { error, foreign, begun: false }
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
            // Some servers send chat's mark too, but behind the event that ends a response.
            return self.end(out).map(|()| true);
        }
        let invalid = |what: &str| events::invalid(what, text);
        if let Some(flaw) = json::flaw(text.as_bytes(), false) {
            return Err(invalid(&format!("an event of the stream is unreadable: {}", flaw.message())));
        }
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|_| invalid("an event of the stream is not a JSON object"))?;
        // Servers that leave out `type` name the event.
        let kind = fields.get("type").and_then(|raw| json::read::<String>(raw)).unwrap_or_else(|| event.event.to_owned());
        let whole = || serde_json::from_str::<&RawValue>(text).map_err(|_| invalid("the stream reports an error"));
        match kind.as_str() {
            "error" => return Err((self.error)(whole()?)),
            "response.failed" => return Err(self.failure(&fields, whole()?)),
            "" if fields.contains_key("error") => return Err((self.error)(whole()?)),
            _ => {}
        }
        let said = if kind == "response.output_text.delta" {
            fields.get("delta").and_then(|raw| json::read::<String>(raw)).unwrap_or_default()
        } else {
            String::new()
        };
        out.push(StreamEvent::Chunk { json: text.as_bytes().to_vec(), index: 0, text: said });
        Ok(matches!(kind.as_str(), "response.completed" | "response.incomplete"))
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        Err(cut_off("the stream was cut: it ended before response.completed, response.incomplete or response.failed"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        (self.foreign)(body)
    }
}

impl Stream {
    /// `{"type": "response.failed", "response": {"error": {"code", "message"}, …}}`
    fn failure(&self, fields: &Fields<'_>, whole: &RawValue) -> Error {
        let error = fields.get("response").and_then(|raw| json::read::<Value>(raw)).map(|response| response["error"].clone());
        match error.filter(|error| !error.is_null()).and_then(|error| serde_json::value::to_raw_value(&error).ok()) {
            Some(raw) => (self.error)(&raw),
            None => (self.error)(whole),
        }
    }
}
