//! Leaves a server alone that does not answer.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// A single late answer is no dead server. One that cannot be reached is.
const TIMEOUTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Default)]
pub struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    /// Late answers since the last one in time.
    timeouts: u32,
    /// How often the server was left alone since it last answered.
    waits: u32,
    /// Until when nobody asks.
    until: Option<Instant>,
    /// One command finds out whether the server is back.
    probing: bool,
}

/// The right to send a command. Dropped without a word (the task was cancelled), it says nothing about the server.
pub struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// May a command be sent now? If not: how long nothing will be.
    pub fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut state = self.lock();
        let probe = match state.until {
            Some(until) if now < until => return Err(until - now),
            // Somebody asks already: his answer comes soon.
            Some(_) if state.probing => return Err(Duration::ZERO),
            Some(_) => true,
            None => false,
        };
        state.probing = probe;
        Ok(Permit { breaker: self, probe })
    }

    /// Is the server left alone just now? For those who were admitted before it failed.
    pub fn check(&self, now: Instant) -> Result<(), Duration> {
        match self.lock().until {
            Some(until) if now < until => Err(until - now),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Permit<'_> {
    /// The server answered. True if it had been left alone before.
    pub fn succeed(self) -> bool {
        let mut state = self.breaker.lock();
        let was_down = state.waits > 0;
        // A command that was sent before the server failed says nothing about it now.
        if self.probe || state.until.is_none() {
            *state = State { probing: state.probing, ..State::default() };
        }
        was_down && self.probe
    }

    /// The server did not. Gives the wait if it begins with this.
    pub fn fail(self, now: Instant, unreachable: bool) -> Option<Duration> {
        let mut state = self.breaker.lock();
        state.timeouts += 1;
        let open = state.until.is_some();
        // Those that fail with the one that opened it lengthen nothing.
        if (open && !self.probe) || (!open && !unreachable && state.timeouts < TIMEOUTS) {
            return None;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << state.waits.min(16)).min(LONGEST_WAIT);
        state.waits += 1;
        state.until = Some(now + wait);
        Some(wait)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_in_a_while_asks_a_dead_server() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        assert_eq!(breaker.admit(start).unwrap().fail(start, true), Some(FIRST_WAIT));
        assert_eq!(breaker.admit(start).err(), Some(FIRST_WAIT));
        let mut now = start + FIRST_WAIT;
        let probe = breaker.admit(now).unwrap();
        assert!(breaker.admit(now).is_err(), "one is enough");
        drop(probe);
        for seconds in [2, 4, 8, 16, 30, 30] {
            let wait = breaker.admit(now).unwrap().fail(now, false);
            assert_eq!(wait, Some(Duration::from_secs(seconds)));
            now += wait.unwrap();
        }
        assert!(breaker.admit(now).unwrap().succeed(), "it is told that the server is back");
        assert!(!breaker.admit(now).unwrap().succeed(), "once");
        assert_eq!(breaker.admit(now).unwrap().fail(now, true), Some(FIRST_WAIT), "and forgotten that it was away");
    }

    #[test]
    fn a_late_answer_is_no_dead_server() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            for _ in 1..TIMEOUTS {
                assert_eq!(breaker.admit(now).unwrap().fail(now, false), None);
            }
            assert!(!breaker.admit(now).unwrap().succeed());
        }
        let late: Vec<_> = (0..9).map(|_| breaker.admit(now).unwrap()).collect();
        let waits: Vec<_> = late.into_iter().filter_map(|permit| permit.fail(now, false)).collect();
        assert_eq!(waits, [FIRST_WAIT], "those that fail together open it once");
    }

    #[test]
    fn an_answer_from_before_the_failure_closes_nothing() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let (early, late) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
        late.fail(now, true);
        assert!(!early.succeed());
        assert!(breaker.admit(now).is_err());
    }
}
