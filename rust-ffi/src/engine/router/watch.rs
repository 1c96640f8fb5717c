//! What a router learns from an answer: how long it took and what it used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::state::Usage;
use super::Ticket;
use crate::engine::error::{Error, ErrorKind};
use crate::engine::observe::Observer;
use crate::engine::usage;
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
    usage: Option<usage::Usage>,
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
            if let Some(told) = usage::Usage::read(json) {
                self.usage.get_or_insert_default().take(told);
            }
        }
    }

    fn done(&mut self, answer: &[u8], _meta: &[u8]) {
        // A stream that tells no usage has about one token in each piece.
        let guess = Usage { input: self.slot.0.input.load(Ordering::Relaxed), output: self.pieces };
        let told = if answer.is_empty() { self.usage } else { usage::Usage::read(answer) };
        let usage = told.map(|told| Usage { input: told.input().unwrap_or(0), output: told.output().unwrap_or(0) });
        let ticket = self.slot.lock().take();
        if let Some(ticket) = ticket {
            ticket.answered(usage.unwrap_or(guess));
        }
    }

    fn failed(&mut self, error: &Error) {
        self.slot.failed(error);
    }
}
