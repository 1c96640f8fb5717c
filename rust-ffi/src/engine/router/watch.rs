//! What a router learns from an answer: how long it took and what it used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use memchr::memmem;
use serde::Deserialize;

use super::live::Usage;
use super::Ticket;
use crate::engine::error::{Error, ErrorKind};
use crate::engine::observe::Observer;
use crate::wire::StreamEvent;

/// The call that is on its way, for the one who chose it and the one who sees it end.
#[derive(Clone, Default)]
pub struct Slot(Arc<Inner>);

#[derive(Default)]
struct Inner {
    ticket: Mutex<Option<Ticket>>,
    /// The request's tokens, where they were counted.
    input: AtomicU64,
}

impl Slot {
    pub fn put(&self, ticket: Ticket) {
        *self.lock() = Some(ticket);
    }

    pub fn input(&self, tokens: u64) {
        self.0.input.store(tokens, Ordering::Relaxed);
    }

    /// False where no call was on its way.
    pub fn failed(&self, error: &Error) -> bool {
        let ticket = self.lock().take();
        ticket.map(|ticket| if error.kind == ErrorKind::Cancelled { drop(ticket) } else { ticket.failed(error) }).is_some()
    }

    /// The call is about to be sent.
    pub fn sent(&self) {
        if let Some(ticket) = &mut *self.lock() {
            ticket.sent = true;
        }
    }

    /// The call is not sent after all.
    pub fn unsent(&self) {
        if let Some(mut ticket) = self.lock().take() {
            ticket.sent = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ticket>> {
        self.0.ticket.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

pub struct Watch {
    slot: Slot,
    pieces: u64,
    usage: Option<Usage>,
}

impl Watch {
    pub fn new(slot: Slot) -> Watch {
        Watch { slot, pieces: 0, usage: None }
    }
}

impl Observer for Watch {
    fn event(&mut self, event: &StreamEvent) {
        if self.pieces == 0 {
            if let Some(ticket) = &mut *self.slot.lock() {
                ticket.first_piece();
            }
        }
        self.pieces += 1;
        if let StreamEvent::Chunk { json, .. } = event {
            if memmem::find(json, b"\"usage\"").is_some() {
                self.usage = usage(json).or(self.usage);
            }
        }
    }

    fn done(&mut self, answer: &[u8], _meta: &[u8]) {
        // A stream that tells no usage has about one token in each piece.
        let guess = Usage { input: self.slot.0.input.load(Ordering::Relaxed), output: self.pieces };
        let usage = if answer.is_empty() { self.usage } else { usage(answer) };
        let ticket = self.slot.lock().take();
        if let Some(ticket) = ticket {
            ticket.answered(usage.unwrap_or(guess));
        }
    }

    fn failed(&mut self, error: &Error) {
        self.slot.failed(error);
    }
}

/// The counts of an answer or of a stream's piece, under the names of either of OpenAI's protocols.
fn usage(json: &[u8]) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Counts {
        #[serde(alias = "input_tokens")]
        prompt_tokens: Option<f64>,
        #[serde(alias = "output_tokens")]
        completion_tokens: Option<f64>,
        total_tokens: Option<f64>,
    }
    #[derive(Deserialize)]
    struct Within {
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Answer {
        usage: Option<Counts>,
        response: Option<Within>,
    }
    let answer: Answer = serde_json::from_slice(json).ok()?;
    let counts = answer.usage.or_else(|| answer.response?.usage)?;
    let count = |number: Option<f64>| number.unwrap_or(0.0).max(0.0) as u64;
    let input = count(counts.prompt_tokens.or(counts.total_tokens));
    Some(Usage { input, output: count(counts.completion_tokens) })
}

#[cfg(test)]
mod tests {
    #[test]
    fn usage_is_read_wherever_it_stands() {
        let usage = |text: &str| super::usage(text.as_bytes()).map(|usage| (usage.input, usage.output));
        assert_eq!(usage(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#), Some((7, 5)));
        assert_eq!(usage(r#"{"usage":{"input_tokens":3,"output_tokens":2}}"#), Some((3, 2)));
        assert_eq!(
            usage(r#"{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":2}}}"#),
            Some((3, 2))
        );
        assert_eq!(usage(r#"{"usage":{"prompt_tokens":9,"total_tokens":9}}"#), Some((9, 0)));
        assert_eq!(usage(r#"{"usage":null}"#), None);
        assert_eq!(usage("not JSON"), None);
    }
}
