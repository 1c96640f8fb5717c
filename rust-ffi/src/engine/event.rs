//! What a call tells its caller, and how the caller answers.

use super::error::Error;
use crate::wire::StreamEvent;

/// One event of a call. Owned, so that a queue keeps it without a copy. See `docs/architecture.md` for what each carries.
#[derive(Debug)]
pub enum Event {
    Opened { meta: Vec<u8> },
    Stream(StreamEvent),
    Done { answer: Vec<u8>, meta: Vec<u8> },
    Failed(Error),
}

impl Event {
    pub fn is_terminal(&self) -> bool {
        matches!(self, Event::Done { .. } | Event::Failed(_))
    }
}

/// The caller's answer to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Continue,
    /// Nothing more is read from the provider until the call is resumed; the server feels it through TCP.
    Pause,
    Cancel,
}

/// Where a call's events go. Called from the engine's threads, one event at a time for each call, never after a terminal event.
pub trait Sink: Send + Sync {
    fn emit(&self, event: Event) -> Action;

    /// All events that arrived together have been emitted: a good moment to wake a reader.
    fn flush(&self) {}
}
