//! The Messages API as it is: for those who write its requests themselves and read its answers.
//!
//! Source: Anthropic's API reference ("Create a Message", "Streaming Messages"). Request, answer and events pass as they come.

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::Value;

use super::request::{self, Target};
use super::{answer, betas, not_a_stream};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{Fields, Request};
use crate::engine::route::Route;
use crate::wire::errors::Origin;
use crate::wire::events::{self, cut_off, Blame, Events};
use crate::wire::http::{headers, with_query};
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::sse::Event;
use crate::wire::{Decode, Head, HttpCall, Operation, StreamDecode, StreamEvent};

/// Makes the call of a request that is written in Anthropic's words.
pub fn prepare(row: &'static Provider, route: &Route, request: &Request<'_>, target: Target<'_>) -> Result<HttpCall> {
    if !request.has("messages") {
        return Err(Error::bad_request("`messages` is missing; give at least one"));
    }
    let rules = Rules::of(request)?;
    // Elsewhere it is the caller's own record; here the provider takes it.
    let known = Known { own: &["metadata"], ..Known::default() };
    let mut body = sort::plain(row, &route.model, request, &rules, &known)?;
    let stream = request.is_stream()?;
    if !stream || !target.says_stream {
        body.remove("stream");
    }
    if let Some(version) = target.version {
        body.remove("model");
        body.set("anthropic_version", Value::from(version).into());
    }
    sort::finish(&mut body, row, Operation::AnthropicMessages, request, &rules)?;
    let mut headers = headers(row, request, target.headers, stream)?;
    match target.betas {
        request::Betas::InBody => request::in_body(&mut body, &mut headers, target.previews),
        _ => betas::add(&mut headers, target.previews),
    }
    let url = with_query(target.url, request)?;
    let origin = Origin::new(row, Operation::AnthropicMessages, &route.model, route.api_key.clone());
    let call = HttpCall::post(url, body.write(), Box::new(Decoder(origin)));
    Ok(HttpCall { headers, stream, credentials: target.credentials, ..call })
}

struct Decoder(Origin);

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let text = self.0.text(head.status, &body)?;
        let top: Fields<'_> = serde_json::from_str(text)
            .map_err(|error| self.0.unreadable(head.status, &body, &format!("the answer is not a JSON object ({error})")))?;
        if let Some(error) = answer::error_object(&self.0, &body) {
            return Err(error);
        }
        if top.get("content").is_some_and(|content| content.get().starts_with('[')) {
            return Ok(body.into());
        }
        Err(self.0.incomplete(&body, "the answer has no list of `content`"))
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.0.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        let (origin, foreign) = (self.0.clone(), self.0.clone());
        Box::new(events::Decoder::new(Stream {
            error: Box::new(move |raw: &RawValue| origin.from_error_object(raw)),
            foreign: Box::new(move |body: &[u8]| not_a_stream(&foreign, body)),
            begun: false,
        }))
    }
}

/// The events, each as the provider wrote it.
struct Stream {
    error: Blame<RawValue>,
    foreign: Blame<[u8]>,
    begun: bool,
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let text = event.data.trim();
        if text.is_empty() {
            return Ok(false);
        }
        self.begun = true;
        let invalid = |what: &str| events::invalid(what, text);
        if let Some(flaw) = json::flaw(text.as_bytes(), false) {
            return Err(invalid(&format!("an event of the stream is unreadable: {}", flaw.message())));
        }
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|_| invalid("an event of the stream is not a JSON object"))?;
        let kind = fields.get("type").and_then(|raw| json::read::<String>(raw)).unwrap_or_default();
        if kind == "error" {
            let whole: &RawValue = serde_json::from_str(text).map_err(|_| invalid("the stream reports an error"))?;
            return Err((self.error)(whole));
        }
        let said = fields.get("delta").and_then(|raw| json::read::<Value>(raw)).unwrap_or_default();
        let said = said["text"].as_str().unwrap_or_default().to_owned();
        out.push(StreamEvent::Chunk { json: text.as_bytes().to_vec(), index: 0, text: said });
        Ok(kind == "message_stop")
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        Err(cut_off("the stream was cut: it ended before message_stop"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        (self.foreign)(body)
    }
}
