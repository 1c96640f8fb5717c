//! What a call takes from limits, and what answers that it may: the same for a store in memory and for one that processes share.

use std::time::Duration;

/// Into how many slices a window is cut. The slice that leaves it counts until it has left entirely, so that no window of that length ever
/// holds more than the limit; a call may be refused for 1/60 of the window longer than it had to be.
pub const SLICES: u64 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// So much within a span of time, whenever it begins.
    Window,
    /// So many at once.
    Parallel,
    /// So much since a period began, which begins with the first call after the last one.
    Budget,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Window => "window",
            Kind::Parallel => "parallel",
            Kind::Budget => "budget",
        }
    }
}

/// One thing that a call takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// Names the counter within its store.
    pub key: String,
    pub kind: Kind,
    pub limit: u64,
    /// Requests, tokens, or billionths of a dollar.
    pub amount: u64,
    /// Of a window; of a budget its period, zero for ever.
    pub span: Duration,
}

/// What was taken, to be settled once.
#[derive(Clone, Debug)]
pub struct Taken {
    pub wants: Vec<Want>,
    /// In which slice each want was counted.
    pub places: Vec<u64>,
    /// Names the call.
    pub id: String,
}

/// The limit that has no room.
#[derive(Clone, Debug, PartialEq)]
pub struct Met {
    /// Of the wants.
    pub index: usize,
    pub used: u64,
    /// When there will be room, as far as time alone makes it.
    pub wait: Option<Duration>,
}
