//! Which failures say that a deployment is ill, and for how long it is then left alone.
//!
//! Facts: Envoy's outlier detection (5 failures in a row, 30 s, longer with each time, at most 300 s); which statuses count is litellm's.

use std::collections::HashMap;
use std::time::Duration;

use super::config::HealthRules;
use super::deployment::OwnHealth;
use crate::engine::error::{Error, ErrorKind};

/// Failures in a row after which a deployment is left alone.
pub const FAILURES: u32 = 5;
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);
/// litellm's numbers of allowed failures are for this long.
const WINDOW: Duration = Duration::from_secs(60);
/// Ends that are told twice differ by what the telling takes.
const HEARD_AGAIN: Duration = Duration::from_secs(1);

/// How a deployment has fared.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The latest end that it was left alone to, by this process or another.
    heard: Duration,
    /// Left alone until then.
    pub until: Option<Duration>,
    /// And from then.
    from: Duration,
    /// Failures since the last success.
    row: u32,
    /// Times that it was left alone since the last success.
    times: u32,
    /// Failures in the window that began then, where a number of them is allowed: of a kind, or of all.
    counts: HashMap<Option<ErrorKind>, (Duration, u32)>,
}

impl Health {
    /// Notes that a call that began then has succeeded. True where it was made while the deployment is left alone: that is over.
    pub fn succeeded(&mut self, began: Duration) -> bool {
        let resting = self.until.is_some();
        if !resting || began >= self.from {
            (self.row, self.times) = (0, 0);
        }
        resting && began >= self.from
    }

    pub fn failures(&self) -> u32 {
        self.row
    }

    /// Notes a failure; how long the deployment is to be left alone for it. Whether it may be is for the caller to know: the last one of a
    /// group never is.
    pub fn failed(&mut self, error: &Error, now: Duration, rules: &HealthRules, own: &OwnHealth) -> Option<Duration> {
        let named = own.allowed_by_kind.of(error);
        if rules.off || own.never || (named.is_none() && !says_ill(error)) {
            return None;
        }
        self.row += 1;
        let by_kind = named.or_else(|| rules.allowed_by_kind.of(error).filter(|_| own.allowed_fails.is_none()));
        let enough = match by_kind.or(own.allowed_fails).or(rules.allowed) {
            Some(allowed) => self.count(by_kind.map(|_| error.kind), now) > allowed,
            // One that failed again after it was left alone has not recovered.
            None => self.row >= FAILURES || self.times > 0 || at_once(error),
        };
        if !enough || self.until.is_some() {
            return None;
        }
        let asked = error.retry_after.filter(|wait| *wait <= LONGEST && !wait.is_zero());
        let doubled = (FIRST * 2u32.saturating_pow(self.times.min(8))).min(LONGEST);
        let time = own.cooldown.or(asked).or(rules.cooldown).unwrap_or(doubled);
        (!time.is_zero()).then_some(time)
    }

    /// Notes that it is left alone.
    pub fn rest(&mut self, now: Duration, until: Duration) {
        (self.from, self.until) = (now, Some(until));
        self.heard = self.heard.max(until);
        self.times += 1;
        self.counts.clear();
    }

    /// Notes that another process leaves it alone; false where that is no news: it may have recovered here meanwhile.
    pub fn rest_as_told(&mut self, now: Duration, until: Duration) -> bool {
        if self.until.is_some() || until <= self.heard + HEARD_AGAIN {
            return false;
        }
        (self.from, self.until, self.heard) = (now, Some(until), until);
        true
    }

    fn count(&mut self, kind: Option<ErrorKind>, now: Duration) -> u32 {
        let (began, count) = self.counts.entry(kind).or_insert((now, 0));
        if now.saturating_sub(*began) >= WINDOW {
            (*began, *count) = (now, 0);
        }
        *count += 1;
        *count
    }
}

/// Does this failure say something of the deployment? A bad request does not.
fn says_ill(error: &Error) -> bool {
    match error.kind {
        ErrorKind::Cancelled | ErrorKind::BudgetExceeded | ErrorKind::JsonSchemaValidation => false,
        _ => matches!(error.status_code, 401 | 402 | 404 | 408 | 429) || error.status_code >= 500,
    }
}

/// What no second try mends: a wrong key, an empty account, a model that is not there; and a server that says itself when to come back.
fn at_once(error: &Error) -> bool {
    matches!(error.status_code, 401 | 402 | 404) || (error.status_code == 429 && error.retry_after.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::Request;
    use crate::engine::router::errors::ByKind;

    const SECOND: Duration = Duration::from_secs(1);

    fn rules() -> HealthRules {
        HealthRules { allowed: None, allowed_by_kind: ByKind::default(), cooldown: None, off: false }
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "x")
    }

    /// What each of several failures, a second apart, leads to.
    fn fail(rules: &HealthRules, own: &OwnHealth, kind: ErrorKind, times: u32) -> Vec<Option<u64>> {
        let mut health = Health::default();
        let failed = |n| health.failed(&error(kind), SECOND * n, rules, own).map(|time| time.as_secs());
        (0..times).map(failed).collect()
    }

    #[test]
    fn five_in_a_row_then_one_each_time_and_twice_as_long() {
        let (rules, own, mut health) = (rules(), OwnHealth::default(), Health::default());
        let mut waits = Vec::new();
        for n in 0..40 {
            if let Some(time) = health.failed(&error(ErrorKind::InternalServer), SECOND * 400 * n, &rules, &own) {
                waits.push((n, time.as_secs()));
                health.rest(SECOND * 400 * n, SECOND * 400 * n + time);
                health.until = None;
            }
            if n == 10 {
                health.succeeded(SECOND * 400 * n);
            }
        }
        assert_eq!(waits[..5], [(4, 30), (5, 60), (6, 120), (7, 240), (8, 300)]);
        assert_eq!(waits[7..10], [(15, 30), (16, 60), (17, 120)], "a success heals");
    }

    #[test]
    fn a_call_from_before_says_nothing_of_now() {
        let mut health = Health::default();
        health.rest(SECOND * 10, SECOND * 40);
        assert!(!health.succeeded(SECOND * 9));
        assert!(health.succeeded(SECOND * 11));
    }

    #[test]
    fn requests_that_are_wrong_say_nothing_and_keys_that_are_wrong_say_all() {
        let own = OwnHealth::default();
        assert_eq!(fail(&rules(), &own, ErrorKind::BadRequest, 9), vec![None; 9]);
        assert_eq!(fail(&rules(), &own, ErrorKind::Cancelled, 9), vec![None; 9]);
        assert_eq!(fail(&rules(), &own, ErrorKind::Authentication, 1), [Some(30)]);
        let mut told = error(ErrorKind::RateLimit);
        told.retry_after = Some(SECOND * 7);
        assert_eq!(Health::default().failed(&told, SECOND, &rules(), &own), Some(SECOND * 7));
        assert_eq!(fail(&HealthRules { off: true, ..rules() }, &own, ErrorKind::Authentication, 1), [None]);
        assert_eq!(fail(&rules(), &OwnHealth { never: true, ..own }, ErrorKind::Authentication, 1), [None]);
    }

    #[test]
    fn numbers_that_are_given_count_within_a_minute() {
        let own = OwnHealth::default();
        let two = HealthRules { allowed: Some(2), cooldown: Some(SECOND * 9), ..rules() };
        assert_eq!(fail(&two, &own, ErrorKind::Timeout, 3), [None, None, Some(9)]);
        let mut health = Health::default();
        assert!((0..9).all(|n| health.failed(&error(ErrorKind::Timeout), SECOND * 31 * n, &two, &own).is_none()));
        let policy = Request::parse(br#"{"RateLimitErrorAllowedFails":0}"#).unwrap();
        let kinds = HealthRules { allowed_by_kind: ByKind::read(&policy, "AllowedFails").unwrap(), ..two.clone() };
        assert_eq!(fail(&kinds, &own, ErrorKind::RateLimit, 1), [Some(9)]);
        let own = OwnHealth { allowed_fails: Some(1), cooldown: Some(SECOND * 4), ..OwnHealth::default() };
        assert_eq!(fail(&two, &own, ErrorKind::Timeout, 2), [None, Some(4)]);
    }
}
