//! Those who watch a request: told of its attempts, its stream and its end.

use tokio::time::Instant;

use super::error::Error;
use super::route::Route;
use crate::wire::StreamEvent;

/// Watches one request. Called from its task, in order; what it does is part of the request's time, so it only takes notes.
pub trait Observer: Send {
    /// An attempt has ended: of a stream, with its end.
    fn attempt(&mut self, _seen: &Seen<'_>) {}

    /// A piece of a stream is about to be handed on.
    fn event(&mut self, _event: &StreamEvent) {}

    /// The request has succeeded. `answer` is empty for a stream; `meta` is that of the terminal event.
    fn done(&mut self, _answer: &[u8], _meta: &[u8]) {}

    /// The request has failed, or was cancelled. A task that is dropped with its client tells nothing: `drop` is for that.
    fn failed(&mut self, _error: &Error) {}
}

/// An attempt that has ended.
pub struct Seen<'a> {
    pub route: &'a Route,
    /// Where it was sent. Its path and query may hold a key.
    pub url: &'a reqwest::Url,
    /// 1 is the first of the request, over all its calls.
    pub number: u32,
    pub started: Instant,
    pub error: Option<&'a Error>,
}
