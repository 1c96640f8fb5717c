//! Streams of server-sent events whose data are JSON objects, as most protocols have them: how they are read, and how they may end.

use serde_json::value::RawValue;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::wire::errors::without_keys;
use crate::wire::sse::{Event, Flaw, Parser};
use crate::wire::{StreamDecode, StreamEvent};

/// Bytes kept of an answer that shows no event, to tell what it was instead.
pub const HEAD: usize = 64 << 10;

const DONE: &str = "[DONE]";

/// What one kind of stream makes of its events.
pub trait Events: Send {
    /// Takes one event; true when it is the end mark.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool>;

    /// Has there been an event yet?
    fn begun(&self) -> bool;

    /// The connection ended without an end mark: Ok when the answer is complete all the same.
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()>;

    /// The connection ended within an event, of which there is this much. Ok when that takes nothing from the answer.
    fn half(&self, text: &str) -> Result<()> {
        if DONE.starts_with(text.trim()) {
            return Ok(());
        }
        Err(cut_off("the stream was cut: it ended within an event"))
    }

    /// The error of a body that is no stream of events at all.
    fn foreign(&self, body: &[u8]) -> Error;
}

/// A reader for one stream.
pub struct Decoder<E> {
    parser: Parser,
    events: E,
    head: Vec<u8>,
}

impl<E: Events> Decoder<E> {
    pub fn new(events: E) -> Self {
        Decoder { parser: Parser::new(), events, head: Vec::new() }
    }
}

impl<E: Events> StreamDecode for Decoder<E> {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        if !self.events.begun() && self.head.len() < HEAD {
            let room = HEAD - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let events = &mut self.events;
        let ended = self.parser.feed::<Error>(bytes, &mut |event| events.event(&event, out))?;
        if self.events.begun() && !self.head.is_empty() {
            self.head = Vec::new();
        }
        Ok(ended)
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let events = &mut self.events;
        let mut half = None;
        let ended = self.parser.finish::<Error>(&mut |event| {
            // Some servers leave out the last empty line: an event that is complete counts.
            if event.is_done() || serde_json::from_str::<&RawValue>(event.data).is_ok() {
                return events.event(&event, out);
            }
            half = Some(event.data.to_owned());
            Ok(false)
        })?;
        if ended {
            return Ok(());
        }
        if let Some(text) = half {
            self.events.half(&text)?;
        }
        if !self.events.begun() && !self.head.is_empty() {
            return Err(self.events.foreign(&self.head));
        }
        self.events.end(out)
    }
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        Error::new(ErrorKind::ApiResponseValidation, flaw.message())
    }
}

/// How a call makes an error of what came: the provider's error object, or a body that is no stream.
pub type Blame<T> = Box<dyn Fn(&T) -> Error + Send>;

/// The error of a piece of a stream that is not what the protocol says: what is wrong, and how the piece begins.
pub fn invalid(what: &str, piece: &str) -> Error {
    let excerpt: String = piece.chars().take(200).collect();
    let excerpt = without_keys(&excerpt).unwrap_or(excerpt);
    Error::new(ErrorKind::ApiResponseValidation, format!("{what}: {excerpt}"))
}

/// The error of a stream that ended too early.
pub fn cut_off(what: &str) -> Error {
    Error::new(ErrorKind::ApiConnection, what)
}
