//! AWS's time. A signature holds the time, and one that is five minutes off is refused: a machine whose clock is wrong learns from the
//! refusal how far off it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;

/// AWS takes signatures that are five minutes off; a clock nearer than this is not what it complains of.
const TOLERANCE: i64 = 240;
/// A `Date` that is further away is a flaw of who wrote it: machines' clocks are minutes or hours off, a wrong time zone at most.
const FURTHEST: i64 = 86_400;
/// More hosts than this in one process means that they are being generated; then what is known of them is worth nothing.
const MAX_HOSTS: usize = 256;

/// How far each host's clock is ahead of this machine's. One host must not set the time for another: a proxy or a test server whose clock
/// is wrong would break the calls to all regions.
pub static CLOCKS: Clocks = Clocks::new();

/// Without a lock, which a thread that a fork leaves behind could hold for ever in the child. Of two that learn at once one may have to
/// learn again.
#[derive(Default)]
pub struct Clocks(ArcSwapOption<HashMap<String, i64>>);

impl Clocks {
    pub const fn new() -> Self {
        Clocks(ArcSwapOption::const_empty())
    }

    /// The time to sign with for the host of an address.
    pub fn now(&self, url: &str) -> SystemTime {
        let ahead = self.ahead(url);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        if ahead < 0 {
            now.checked_sub(by).unwrap_or(now)
        } else {
            now.checked_add(by).unwrap_or(now)
        }
    }

    /// Takes a host's time over from the `Date` of its refusal; true when it is another than what was signed with, and believable.
    pub fn learn(&self, url: &str, date: Option<&str>, ours: SystemTime) -> bool {
        let Some(theirs) = date.and_then(|text| httpdate::parse_http_date(text).ok()) else { return false };
        let difference = seconds(theirs).saturating_sub(seconds(ours));
        if difference.abs() > FURTHEST {
            return false;
        }
        let before = self.ahead(url);
        let mut known = self.0.load().as_deref().cloned().unwrap_or_default();
        if known.len() >= MAX_HOSTS && !known.contains_key(host(url)) {
            known.clear();
        }
        known.insert(host(url).to_owned(), difference);
        self.0.store(Some(Arc::new(known)));
        (difference - before).abs() > TOLERANCE
    }

    fn ahead(&self, url: &str) -> i64 {
        self.0.load().as_ref().and_then(|known| known.get(host(url)).copied()).unwrap_or(0)
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The host and port of an address.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse";
    const THERE: &str = "https://sts.us-east-1.amazonaws.com/";

    fn ahead(clocks: &Clocks, url: &str) -> i64 {
        seconds(clocks.now(url)) - seconds(SystemTime::now())
    }

    #[test]
    fn b3_a_clock_that_is_wrong_is_set_by_the_hosts_answer_once() {
        let clocks = Clocks::new();
        let ours = SystemTime::now();
        let date = |by: u64| httpdate::fmt_http_date(ours + Duration::from_secs(by));
        assert!(clocks.learn(HERE, Some(&date(3600)), ours));
        assert!((3598..3603).contains(&ahead(&clocks, HERE)));
        // The same difference again: the time was not what the signature failed for.
        assert!(!clocks.learn(HERE, Some(&date(3602)), ours));
        // What one host says counts for no other.
        assert!(ahead(&clocks, THERE).abs() < 2);
        // And a clock that is right stays.
        assert!(!clocks.learn(THERE, Some(&date(30)), ours));
        assert!(!clocks.learn(HERE, Some("no date"), ours) && !clocks.learn(HERE, None, ours));
    }

    #[test]
    fn a_date_of_another_age_is_not_believed() {
        let clocks = Clocks::new();
        let ours = SystemTime::now();
        for date in ["Wed, 01 Jan 2020 00:00:00 GMT", "Fri, 01 Jan 9999 00:00:00 GMT"] {
            assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
            assert!(!clocks.learn(HERE, Some(date), ours), "{date}");
            assert!(ahead(&clocks, HERE).abs() < 2, "{date}");
        }
    }

    #[test]
    fn hosts_are_forgotten_before_they_fill_the_memory() {
        let clocks = Clocks::new();
        for number in 0..MAX_HOSTS * 2 {
            let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
            clocks.learn(&format!("https://h{number}.example/"), Some(&date), SystemTime::now());
        }
        assert!(clocks.0.load().as_ref().is_some_and(|known| known.len() <= MAX_HOSTS));
    }
}
