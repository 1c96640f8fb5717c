//! `generateContent` as it is: for those who write its requests themselves and read its answers.
//!
//! Source: Google's REST reference ("generateContent"). Request, answer and events pass as they come.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::address::Door;
use super::{answer, request};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Fields, Request};
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::errors::Origin;
use crate::wire::events::{self, cut_off, Events};
use crate::wire::http::{headers, with_query};
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::sse::Event;
use crate::wire::{Decode, Head, HttpCall, Operation, StreamDecode, StreamEvent};

/// What stands beside `generationConfig` in the request, and in it in the configuration of Google's own libraries.
pub const BESIDE: &[(&str, &str)] = &[
    ("systemInstruction", "system_instruction"),
    ("tools", "tools"),
    ("toolConfig", "tool_config"),
    ("safetySettings", "safety_settings"),
    ("cachedContent", "cached_content"),
    ("labels", "labels"),
];

/// Makes the call of a request that is written in Google's words.
pub fn prepare(door: Door, row: &'static Provider, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    if !request.has("contents") {
        return Err(Error::bad_request("`contents` is missing; give at least one"));
    }
    let rules = Rules::of(request)?;
    let mut body = sort::plain(row, &route.model, request, &rules, &Known::default())?;
    for name in ["model", "stream", "config", "use_psc_endpoint_format"] {
        body.remove(name);
    }
    if let Some(raw) = request.raw("config") {
        let config: Fields<'_> = json::read(raw).ok_or_else(|| wrong_type("config", "an object", raw))?;
        let mut generation = Body::default();
        for (name, raw) in config {
            match BESIDE.iter().find(|(own, snake)| [*own, *snake].contains(&name.as_str())) {
                Some((own, _)) => body.set(*own, Json::Raw(raw)),
                None => generation.set(name, Json::Raw(raw)),
            }
        }
        body.set("generationConfig", Json::Own(String::from_utf8_lossy(&generation.write()).into_owned()));
    }
    sort::finish(&mut body, row, Operation::GenerateContent, request, &rules)?;
    let stream = request.is_stream()?;
    let method = if stream { "streamGenerateContent" } else { "generateContent" };
    let destination = request::destination(door, route, request, method, stream, None)?;
    let headers = headers(row, request, destination.headers, stream)?;
    let origin = Origin::new(row, Operation::GenerateContent, &route.model, route.api_key.clone());
    let call = HttpCall::post(with_query(destination.url, request)?, body.write(), Box::new(Decoder(origin)));
    let credentials = destination.credentials.filter(|_| !headers.iter().any(|(name, _)| name == "authorization"));
    Ok(HttpCall { headers, stream, credentials, ..call })
}

struct Decoder(Origin);

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let text = self.0.text(head.status, &body)?;
        if let Some(error) = answer::listed_error(&self.0, &body) {
            return Err(error);
        }
        let top: Fields<'_> = serde_json::from_str(text)
            .map_err(|error| self.0.unreadable(head.status, &body, &format!("the answer is not a JSON object ({error})")))?;
        if top.contains_key("candidates") || top.contains_key("promptFeedback") {
            return Ok(body.into());
        }
        Err(failure(&self.0, &top, text).unwrap_or_else(|| self.0.incomplete(&body, "the answer has no `candidates`")))
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.0.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        Box::new(events::Decoder::new(Stream { origin: self.0.clone(), begun: false, finished: false }))
    }
}

fn failure(origin: &Origin, top: &Fields<'_>, text: &str) -> Option<Error> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    top.contains_key("error").then(|| origin.from_error_object(whole))
}

/// The events, each as the provider wrote it. There is no end mark: a finish reason has to have come by the end.
struct Stream {
    origin: Origin,
    begun: bool,
    finished: bool,
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
        let top: Fields<'_> = serde_json::from_str(text).map_err(|_| invalid("an event of the stream is not a JSON object"))?;
        if let Some(error) = failure(&self.origin, &top, text) {
            return Err(error);
        }
        let member = |name: &str| top.get(name).and_then(|raw| json::read::<serde_json::Value>(raw)).unwrap_or_default();
        let (candidates, feedback) = (member("candidates"), member("promptFeedback"));
        let candidate = &candidates[0];
        self.finished |= candidate["finishReason"].is_string() || feedback["blockReason"].is_string();
        let parts = candidate["content"]["parts"].as_array().into_iter().flatten();
        let said: String = parts.filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str()).collect();
        out.push(StreamEvent::Chunk { json: text.as_bytes().to_vec(), index: 0, text: said });
        Ok(false)
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        if self.finished {
            return Ok(());
        }
        Err(cut_off("the stream was cut: it ended before a finish reason"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        answer::listed_error(&self.origin, body)
            .unwrap_or_else(|| self.origin.unreadable(200, body, "the answer is not the stream that was asked for"))
    }
}
