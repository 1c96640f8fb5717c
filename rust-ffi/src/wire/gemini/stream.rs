//! Streams of `streamGenerateContent?alt=sse`: each event is an answer of its own with the next pieces.
//!
//! There is no end mark: the end of the connection is the end of the stream, and every candidate must have its finish reason by then. Counts of
//! tokens come with every event and the last ones count. A finish reason may come early and more than once (older models put it on every
//! event), so that it is handed on at the end.

use serde_json::{json, Map, Value};

use super::answer;
use super::calls::{Call, Calls};
use super::content::{self, Candidate, Metadata, Piece, Response};
use super::own::Own;
use super::usage;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::wire::chat::chunks::Chunks;
use crate::wire::errors::Origin;
use crate::wire::events::{self, cut_off, Events};
use crate::wire::sse::Event;
use crate::wire::{Head, StreamEvent};

pub struct Stream {
    origin: Origin,
    chunks: Chunks,
    /// In the order in which they came.
    candidates: Vec<State>,
    /// The last counts, as JSON; empty before the first.
    usage: String,
    grounding: Vec<Value>,
    seen_event: bool,
}

/// A candidate on its way.
#[derive(Default)]
struct State {
    index: i32,
    /// The last one that was told.
    reason: Option<String>,
    calls: Calls,
    own: Own,
}

impl Stream {
    pub fn new(origin: &Origin, head: &Head, include_usage: bool) -> Self {
        let mut chunks = Chunks::new(&origin.model, include_usage);
        if let Some(tier) = answer::service_tier(head) {
            chunks.set_top("service_tier", tier.into());
        }
        Stream {
            origin: origin.clone(),
            chunks,
            candidates: Vec::new(),
            usage: String::new(),
            grounding: Vec::new(),
            seen_event: false,
        }
    }
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(false);
        }
        self.seen_event = true;
        if event.is_done() {
            // Gateways that speak OpenAI's protocol elsewhere end Gemini's streams so, too.
            return self.finish(out).map(|()| true);
        }
        let invalid = |what: &str| events::invalid(what, data);
        if let Some(flaw) = json::flaw(data.as_bytes(), false) {
            return Err(invalid(&format!("an event of the stream is unreadable: {}", flaw.message())));
        }
        let response: Response<'_> = match serde_json::from_str(data) {
            Ok(response) => response,
            Err(_) => {
                let reported = serde_json::from_str(data).ok().filter(|_| event.event == "error" || data.contains("\"error\""));
                return Err(match (answer::listed_error(&self.origin, data.as_bytes()), reported) {
                    (Some(error), _) => error,
                    (None, Some(raw)) => self.origin.from_error_object(raw),
                    (None, None) => invalid("an event of the stream is not what Gemini's protocol says"),
                });
            }
        };
        let whole = (event.event == "error").then(|| serde_json::from_str(data).ok()).flatten();
        if let Some(error) = response.error.filter(|raw| !json::is_null(raw)).or(whole) {
            return Err(self.origin.from_error_object(error));
        }
        if let Some(id) = &response.response_id {
            self.chunks.set_id(id);
        }
        if let Some(blocked) = response.prompt_feedback.as_ref().and_then(|feedback| feedback.block_reason.as_deref()) {
            self.candidate(0).reason = Some(blocked.to_owned());
        }
        for (at, candidate) in response.candidates.iter().flatten().enumerate() {
            self.take(i32::try_from(at).unwrap_or_default(), candidate, out).map_err(|what| invalid(&what))?;
        }
        if let Some(usage) = response.usage_metadata.filter(|raw| !json::is_null(raw)) {
            self.usage.clear();
            self.usage.push_str(usage.get());
        }
        Ok(false)
    }

    fn begun(&self) -> bool {
        self.seen_event
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        self.finish(out)
    }

    fn foreign(&self, body: &[u8]) -> Error {
        let head = Head { status: 200, headers: Vec::new() };
        match answer::completion(&self.origin, &head, body.to_vec().into()) {
            Err(error) => error,
            Ok(_) => self.origin.unreadable(200, body, "the answer is a whole one, not the stream that was asked for"),
        }
    }
}

impl Stream {
    fn candidate(&mut self, index: i32) -> &mut State {
        let at = self.candidates.iter().position(|known| known.index == index).unwrap_or_else(|| {
            self.candidates.push(State { index, ..State::default() });
            self.candidates.len() - 1
        });
        &mut self.candidates[at]
    }

    /// Hands on what an event holds of a candidate. The error says what is wrong with it.
    fn take(&mut self, position: i32, candidate: &Candidate<'_>, out: &mut Vec<StreamEvent>) -> std::result::Result<(), String> {
        let index = candidate.index.unwrap_or(position);
        let state = self.candidate(index);
        if let Some(reason) = &candidate.finish_reason {
            state.reason = Some(reason.clone().into_owned());
        }
        let mut calls = std::mem::take(&mut state.calls);
        let parts = candidate.parts();
        let fields = state.own.add(parts);
        let chunks = &mut self.chunks;
        // They belong to the text of this event.
        let mut logprobs = candidate.logprobs_result.as_ref().and_then(content::logprobs);
        for part in parts {
            match part.piece()? {
                Piece::Text(text) => match logprobs.take() {
                    Some(logprobs) => {
                        let of_choice = Map::from_iter([("logprobs".to_owned(), logprobs)]);
                        chunks.special(out, index, json!({ "content": text }), of_choice, Map::new());
                    }
                    None => chunks.text(out, index, &text),
                },
                Piece::Reasoning(text) => match part.signature() {
                    Some(signature) => {
                        let block = json!({"type": "thinking", "thinking": text, "signature": signature});
                        chunks.delta(out, index, json!({"reasoning_content": text, "thinking_blocks": [block]}));
                    }
                    None => chunks.reasoning(out, index, &text),
                },
                Piece::Call(call) => {
                    if let Some(Call { id, name, arguments, own }) = calls.take(call, part.signature())? {
                        chunks.call(out, index, &id, &name, &arguments, own);
                    }
                }
                Piece::Image(image) => chunks.delta(out, index, json!({ "images": [image] })),
                Piece::Audio(audio) => chunks.delta(out, index, json!({ "audio": audio })),
                Piece::Own | Piece::Empty => {}
            }
        }
        if !fields.is_empty() {
            chunks.delta(out, index, json!({ "provider_specific_fields": fields }));
        }
        let mut about = Metadata::default();
        about.add(candidate);
        let members = about.members(false);
        if !members.is_empty() {
            let annotations: Vec<Value> = about.grounding.iter().flat_map(content::annotations).collect();
            let delta = if annotations.is_empty() { json!({}) } else { json!({ "annotations": annotations }) };
            chunks.special(out, index, delta, Map::new(), members);
            self.grounding.extend(about.grounding);
        }
        self.candidate(index).calls = calls;
        Ok(())
    }

    /// The end of the stream: what every candidate ended with, and the counts.
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        if self.candidates.is_empty() {
            return Err(cut_off("the stream ended before its first candidate"));
        }
        if self.candidates.iter().any(|candidate| candidate.reason.is_none()) {
            return Err(cut_off("the stream was cut: it ended without a finish reason"));
        }
        if let Some(name) = self.candidates.iter().find_map(|candidate| candidate.calls.unfinished()) {
            return Err(cut_off(&format!("the stream was cut: it ended within the arguments of the call of {name:?}")));
        }
        for candidate in &self.candidates {
            let (index, native) = (candidate.index, candidate.reason.as_deref().unwrap_or_default());
            // The reasons for which a prompt is blocked are no finish reasons.
            let known =
                if is_block(native) { "content_filter" } else { content::ending(Some(native), self.chunks.calls(index) > 0) };
            let more = !matches!(native, "STOP" | "MAX_TOKENS");
            self.chunks.finish(out, index, known, more.then_some(native), Map::new());
        }
        if let Ok(metadata) = serde_json::from_str(&self.usage) {
            self.chunks.usage(out, &usage::read(&metadata, &self.grounding));
        }
        Ok(())
    }
}

/// `promptFeedback.blockReason` beyond those that are finish reasons, too.
fn is_block(native: &str) -> bool {
    matches!(native, "BLOCK_REASON_UNSPECIFIED" | "MODEL_ARMOR" | "JAILBREAK")
}
