//! Streams: Replicate's events, or the states of a prediction where it has none.

use serde_json::{Map, Value};

use super::prediction::{failure, Prediction, NOT_TEXT, STREAM};
use crate::engine::error::{Error, Result};
use crate::wire::chat::chunks::Chunks;
use crate::wire::errors::Origin;
use crate::wire::events::{self, cut_off, Events};
use crate::wire::job::STATE;
use crate::wire::sse::Event;
use crate::wire::StreamEvent;

pub struct Stream {
    origin: Origin,
    chunks: Chunks,
    include_usage: bool,
    begun: bool,
    /// The event `done` has come, and the state behind it is waited for: it alone tells the usage.
    done: bool,
    /// The answer so far.
    told: String,
}

impl Stream {
    pub fn new(origin: Origin, include_usage: bool) -> Self {
        let chunks = Chunks::new(&origin.model, include_usage);
        Stream { origin, chunks, include_usage, begun: false, done: false, told: String::new() }
    }

    fn text(&mut self, out: &mut Vec<StreamEvent>, text: &str) {
        self.told.push_str(text);
        self.chunks.text(out, 0, text);
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) {
        self.chunks.finish(out, 0, "stop", None, Map::new());
    }

    /// A state holds all of the output so far.
    fn state(&mut self, data: &str, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let prediction = Prediction::read(&self.origin, 200, data.as_bytes())?;
        if self.done && prediction.succeeded() {
            return Ok(self.end_with(&prediction, out));
        }
        let text = prediction.text().ok_or_else(|| self.origin.incomplete(data.as_bytes(), NOT_TEXT))?;
        // A prediction that ended badly may have lost its output.
        match text.strip_prefix(&self.told) {
            Some(news) => {
                let news = news.to_owned();
                self.text(out, &news);
            }
            // Where the events broke off, the states may be behind them.
            None if !prediction.ended() && self.told.starts_with(&text) => {}
            None if prediction.succeeded() || !prediction.ended() => {
                return Err(events::invalid("the prediction's output has changed in parts that were handed on already", &text))
            }
            None => {}
        }
        if !prediction.ended() {
            return Ok(false);
        }
        if !prediction.succeeded() {
            return Err(prediction.failure(&self.origin, STREAM));
        }
        Ok(self.end_with(&prediction, out))
    }

    fn end_with(&mut self, prediction: &Prediction, out: &mut Vec<StreamEvent>) -> bool {
        self.finish(out);
        if let Some(usage) = prediction.usage() {
            self.chunks.usage(out, &usage);
        }
        true
    }
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        self.begun = true;
        match event.event {
            STATE => self.state(event.data, out),
            "output" => {
                self.text(out, event.data);
                Ok(false)
            }
            "error" => Err(failure(&self.origin, STREAM, "failed", &said(event.data))),
            // `{}`, or why there is no more: `{"reason": "canceled"}`, `{"reason": "error"}`. Half of one is no end.
            "done" => {
                let Ok(data) = serde_json::from_str::<Value>(event.data) else { return Ok(false) };
                match data["reason"].as_str() {
                    None | Some("") if self.include_usage => self.done = true,
                    None | Some("") => {
                        self.finish(out);
                        return Ok(true);
                    }
                    Some("error") => return Err(failure(&self.origin, STREAM, "failed", "")),
                    Some(reason) => return Err(failure(&self.origin, STREAM, reason, "")),
                }
                Ok(false)
            }
            // `logs`, and what may come yet.
            _ => Ok(false),
        }
    }

    fn begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        if self.done {
            self.finish(out);
            return Ok(());
        }
        Err(cut_off("the stream was cut: it ended without the event `done`"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        self.origin.unreadable(200, body, "the answer is not a stream of events")
    }
}

/// An error's words: as they are, or in an object.
fn said(data: &str) -> String {
    let object: Value = serde_json::from_str(data).unwrap_or_default();
    let text = ["detail", "error", "message"].iter().find_map(|name| object[*name].as_str());
    text.or(object.as_str()).unwrap_or(data).to_owned()
}
