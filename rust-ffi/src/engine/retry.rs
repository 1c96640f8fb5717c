//! When a failed attempt is made again, and after how long.
//!
//! One layer of retries for the whole library. Facts: OpenAI's and Anthropic's SDKs (2 retries, 0.5 s doubling to 8 s, `x-should-retry`,
//! `retry-after-ms` before `retry-after`), botocore's retry token bucket (500 tokens; a retry costs 14, a throttled one 5, a success gives 1
//! back), RFC 9110 §10.2.3 for Retry-After.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::error::{Error, ErrorKind, Result};
use super::request::Request;

pub(crate) const DEFAULT_RETRIES: u32 = 2;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(8);
/// A server that asks for more than this is not waited for: the caller can do something better with the time.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

const BUCKET_SIZE: u32 = 500;
const COST: u32 = 14;
const COST_THROTTLED: u32 = 5;
/// Buckets kept; beyond it all are forgotten, which fills them again. A program has a handful of hosts and keys.
const BUCKETS: usize = 4096;

/// How often a request may be sent again: `num_retries` (litellm's own layer) before `max_retries` (its OpenAI client's), before the
/// settings. litellm multiplies the two; here there is one layer.
pub fn retries_of(request: &Request<'_>) -> Result<u32> {
    for name in ["num_retries", "max_retries"] {
        if let Some(n) = request.count(name)? {
            return Ok(n);
        }
    }
    Ok(request.setting_count("num_retries")?.unwrap_or(DEFAULT_RETRIES))
}

/// May this failure go away by itself?
pub fn is_retryable(error: &Error) -> bool {
    if error.mid_stream {
        return false;
    }
    if let Some(answer) = error.should_retry {
        return answer;
    }
    // An exhausted account answers 429 too, but no wait fills it.
    if error.code.as_deref() == Some("insufficient_quota") || error.error_type.as_deref() == Some("insufficient_quota") {
        return false;
    }
    match error.http_status {
        Some(status) => matches!(status, 408 | 409 | 429) || status >= 500,
        None => matches!(error.kind, ErrorKind::ApiConnection),
    }
}

/// The wait before the attempt after `attempt` (1 = the first), or None when the server asks for too long a wait. The server's own
/// Retry-After decides; else full jitter below 0.5 s, 1 s, 2 s, … 8 s.
pub fn delay(error: &Error, attempt: u32, random: f64) -> Option<Duration> {
    if let Some(asked) = error.retry_after {
        return (asked <= LONGEST_RETRY_AFTER).then_some(asked);
    }
    let ceiling = FIRST_DELAY.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_DELAY);
    Some(ceiling.mul_f64(random))
}

/// `retry-after-ms` before `retry-after`; seconds, fractions and dates. A date in the past or a negative number means at once.
pub fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Option<Duration> {
    let number = |text: &str, unit: f64| {
        let n: f64 = text.trim().parse().ok().filter(|n: &f64| n.is_finite())?;
        Some(Duration::from_secs_f64((n * unit).clamp(0.0, 1e9)))
    };
    if let Some(wait) = header("retry-after-ms").and_then(|ms| number(ms, 0.001)) {
        return Some(wait);
    }
    let text = header("retry-after")?;
    number(text, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(text.trim()).ok()?;
        Some(date.duration_since(now).unwrap_or(Duration::ZERO))
    })
}

/// One token bucket for each (host, credentials): when everything fails, retries stop adding to the load.
#[derive(Default)]
pub struct Buckets(Mutex<HashMap<u64, u32>>);

impl Buckets {
    /// Takes the price of a retry; false when the bucket cannot pay.
    pub fn take(&self, key: u64, error: &Error) -> bool {
        let price = if error.http_status == Some(429) { COST_THROTTLED } else { COST };
        let mut buckets = self.lock();
        if buckets.len() >= BUCKETS && !buckets.contains_key(&key) {
            buckets.clear();
        }
        let tokens = buckets.entry(key).or_insert(BUCKET_SIZE);
        match tokens.checked_sub(price) {
            Some(left) => {
                *tokens = left;
                true
            }
            None => false,
        }
    }

    pub fn give_back(&self, key: u64) {
        // A bucket that was never drawn from is full and not in the map.
        if let Some(tokens) = self.lock().get_mut(&key) {
            *tokens = (*tokens + 1).min(BUCKET_SIZE);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, u32>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn http(status: u16) -> Error {
        let mut error = Error::new(ErrorKind::Api, "x");
        error.http_status = Some(status);
        error
    }

    #[test]
    fn h1_retry_after_in_all_its_forms() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let read = |ms: Option<&'static str>, s: Option<&'static str>| {
            retry_after(|name| if name == "retry-after-ms" { ms } else { s }, now)
        };
        assert_eq!(read(None, Some("3")), Some(Duration::from_secs(3)));
        assert_eq!(read(None, Some("0.25")), Some(Duration::from_millis(250)));
        assert_eq!(read(Some("1500"), Some("3")), Some(Duration::from_millis(1500)));
        assert_eq!(read(Some("soon"), Some("3")), Some(Duration::from_secs(3)));
        assert_eq!(read(None, Some("Sun, 06 Nov 1994 08:49:40 GMT")), Some(Duration::from_secs(3)));
        assert_eq!(read(None, Some("Sun, 06 Nov 1994 08:00:00 GMT")), Some(Duration::ZERO));
        assert_eq!(read(None, Some("-5")), Some(Duration::ZERO));
        for nonsense in ["", "NaN", "inf", "tomorrow"] {
            assert_eq!(read(None, Some(nonsense)), None, "{nonsense}");
        }
    }

    #[test]
    fn h1_an_absurd_retry_after_means_no_retry() {
        let mut error = http(429);
        error.retry_after = Some(Duration::from_secs(9999));
        assert_eq!(delay(&error, 1, 0.5), None);
        error.retry_after = Some(Duration::from_secs(120));
        assert_eq!(delay(&error, 1, 0.5), Some(Duration::from_secs(120)));
    }

    #[test]
    fn h2_what_is_tried_again() {
        for status in [408, 409, 429, 500, 502, 503, 504, 520, 529] {
            assert!(is_retryable(&http(status)), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 413, 422] {
            assert!(!is_retryable(&http(status)), "{status}");
        }
        assert!(is_retryable(&Error::new(ErrorKind::ApiConnection, "refused")));
        assert!(!is_retryable(&Error::new(ErrorKind::Timeout, "the caller's own deadline")));
        let mut quota = http(429);
        quota.code = Some("insufficient_quota".into());
        assert!(!is_retryable(&quota));
        let mut told = http(500);
        told.should_retry = Some(false);
        assert!(!is_retryable(&told));
        let mut streamed = Error::new(ErrorKind::ApiConnection, "cut");
        streamed.mid_stream = true;
        assert!(!is_retryable(&streamed));
    }

    #[test]
    fn a_bucket_bounds_retries_under_total_failure() {
        let buckets = Buckets::default();
        let retries = (0..1000).filter(|_| buckets.take(7, &http(500))).count();
        assert_eq!(retries, (BUCKET_SIZE / COST) as usize);
        assert!(buckets.take(8, &http(500)), "another key has a bucket of its own");
        (0..COST).for_each(|_| buckets.give_back(7));
        assert!(buckets.take(7, &http(500)));
    }

    proptest! {
        #[test]
        fn delays_stay_within_the_jitter_ceiling(attempt in 1u32..1000, random in 0.0f64..1.0) {
            let wait = delay(&http(500), attempt, random).unwrap();
            prop_assert!(wait <= LONGEST_DELAY);
            prop_assert!(wait <= FIRST_DELAY * 2u32.saturating_pow((attempt - 1).min(10)));
        }

        #[test]
        fn no_header_text_breaks_the_reader(text in ".*") {
            let _ = retry_after(|_| Some(text.as_str()), SystemTime::UNIX_EPOCH);
        }
    }
}
