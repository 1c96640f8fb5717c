//! What is known of one deployment, and how calls to it end.

use std::collections::VecDeque;
use std::time::Duration;

use super::health::Health;
use crate::engine::error::Error;

/// What a call has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
}

/// How a call has ended.
pub enum Outcome<'e> {
    Answered {
        took: Duration,
        /// Of a stream, until its first piece.
        first: Option<Duration>,
        usage: Usage,
    },
    Failed(&'e Error),
    /// The caller did not wait for it: that says nothing.
    Gone,
    /// It was not sent after all.
    Unsent,
}

/// What is known of one deployment.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub in_flight: u64,
    /// Of this minute.
    pub requests: u64,
    pub used: Usage,
    /// It stands in the list of those that were used in this minute.
    pub touched: bool,
    pub health: Health,
    /// Seconds for each token of an answer.
    pub times: VecDeque<f64>,
    /// Seconds to the first piece of a stream.
    pub firsts: VecDeque<f64>,
    /// When the times above count no more.
    pub stale: Option<Duration>,
    pub answered: u64,
    pub failed: u64,
}

impl State {
    pub fn latency(&self) -> Option<f64> {
        mean(&self.times)
    }

    pub fn first_token(&self) -> Option<f64> {
        mean(&self.firsts)
    }
}

/// Keeps the last `most` samples.
pub fn push(samples: &mut VecDeque<f64>, sample: f64, most: usize) {
    while samples.len() >= most {
        samples.pop_front();
    }
    samples.push_back(sample);
}

fn mean(samples: &VecDeque<f64>) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

pub fn percentile(samples: &VecDeque<f64>, part: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = samples.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied()
}
