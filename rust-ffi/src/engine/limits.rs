//! The times and sizes that bound a call.

use std::time::Duration;

use serde_json::value::RawValue;

use super::error::{Error, Result};
use super::json;
use super::request::{wrong_type, Request};

/// litellm's `request_timeout`.
const DEFAULT_TOTAL: Duration = Duration::from_secs(6000);
/// Name lookup, TCP and TLS together. Providers answer within a second; ten leave room for a slow proxy.
const DEFAULT_CONNECT: Duration = Duration::from_secs(10);
/// A stream that says nothing for this long is dead. Ten minutes is the total limit of OpenAI's SDKs; thinking models pause for minutes.
const DEFAULT_IDLE: Duration = Duration::from_secs(600);
/// Longest time that can be asked for; beyond it timers overflow.
const LONGEST: f64 = 30.0 * 86_400.0;

/// An answer that is not streamed. Batches of embeddings reach 130 MB.
pub(crate) const MAX_BODY: usize = 512 << 20;
/// What is kept of an error's body.
pub(crate) const MAX_ERROR_BODY: usize = 64 << 10;

/// How long each part of a call may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub connect: Duration,
    /// From the first attempt to the end of the answer; for a stream, to its first byte. Spans all attempts and waits between them.
    pub total: Duration,
    /// Between two reads.
    pub idle: Duration,
}

impl Limits {
    /// `stream_timeout` before `timeout`, before the settings' `request_timeout`. A number limits the whole call (of a stream: the wait for
    /// its first byte, and each silence after it); an object gives httpx's parts.
    pub fn of(request: &Request<'_>) -> Result<Limits> {
        let stream = request.is_stream()?;
        let (name, raw) = match (request.raw("stream_timeout").filter(|_| stream), request.raw("timeout")) {
            (Some(raw), _) => ("stream_timeout", raw),
            (None, Some(raw)) => ("timeout", raw),
            (None, None) => match request.setting_raw("request_timeout") {
                Some(raw) => ("request_timeout", raw),
                None => return Ok(Limits { connect: DEFAULT_CONNECT, total: DEFAULT_TOTAL, idle: DEFAULT_IDLE }),
            },
        };
        if raw.get().starts_with('{') {
            return Limits::of_parts(name, raw);
        }
        let total = seconds(name, raw)?;
        Ok(Limits { connect: DEFAULT_CONNECT.min(total), total, idle: if stream { total } else { DEFAULT_TOTAL.max(total) } })
    }

    /// Whether what a configuration has as `timeout` or `stream_timeout` can be one.
    pub fn check(name: &str, raw: &RawValue) -> Result<()> {
        if raw.get().starts_with('{') {
            Limits::of_parts(name, raw).map(drop)
        } else {
            seconds(name, raw).map(drop)
        }
    }

    /// httpx's parts: `connect`, `read` (a silence), `write` and `pool` (never waited for here: accepted and checked), and `total`.
    fn of_parts(name: &str, raw: &RawValue) -> Result<Limits> {
        let parts = json::read::<indexmap::IndexMap<String, &RawValue>>(raw)
            .ok_or_else(|| wrong_type(name, "a number of seconds or an object of them", raw))?;
        let mut limits = Limits { connect: DEFAULT_CONNECT, total: DEFAULT_TOTAL, idle: DEFAULT_TOTAL };
        for (part, value) in parts {
            if json::is_null(value) {
                continue;
            }
            let time = seconds(&format!("{name}.{part}"), value)?;
            match part.as_str() {
                "connect" => limits.connect = time,
                "read" => limits.idle = time,
                "total" => limits.total = time,
                "write" | "pool" => {}
                _ => {
                    return Err(Error::bad_request(format!(
                        "`{name}.{part}` is unknown; the parts of a timeout are connect, read, write, pool and total"
                    )))
                }
            }
        }
        Ok(limits)
    }
}

/// Seconds as a caller writes them: a number or, as litellm accepts, a number in a string.
pub fn seconds(name: &str, raw: &RawValue) -> Result<Duration> {
    let number = json::read::<f64>(raw).or_else(|| json::read::<String>(raw).and_then(|s| s.trim().parse().ok()));
    match number {
        Some(s) if s.is_finite() && s > 0.0 => Ok(Duration::from_secs_f64(s.min(LONGEST))),
        Some(_) => Err(Error::bad_request(format!("`{name}` must be a number of seconds above 0"))),
        None => Err(wrong_type(name, "a number of seconds", raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(request: &str) -> Result<Limits> {
        Limits::of(&Request::parse(request.as_bytes()).unwrap())
    }

    #[test]
    fn a_number_limits_the_whole_call_and_a_streams_silences() {
        let one = limits(r#"{"timeout":1.5}"#).unwrap();
        assert_eq!((one.connect, one.total), (Duration::from_millis(1500), Duration::from_millis(1500)));
        let stream = limits(r#"{"timeout":9,"stream_timeout":2,"stream":true}"#).unwrap();
        assert_eq!((stream.total, stream.idle), (Duration::from_secs(2), Duration::from_secs(2)));
        assert_eq!(limits(r#"{"settings":{"request_timeout":7}}"#).unwrap().total, Duration::from_secs(7));
        assert_eq!(limits("{}").unwrap().total, DEFAULT_TOTAL);
    }

    #[test]
    fn httpx_parts_are_taken_one_by_one() {
        let split = limits(r#"{"timeout":{"connect":2,"read":3,"write":null,"pool":1}}"#).unwrap();
        assert_eq!((split.connect, split.idle, split.total), (Duration::from_secs(2), Duration::from_secs(3), DEFAULT_TOTAL));
        assert!(limits(r#"{"timeout":{"conect":2}}"#).unwrap_err().message.contains("timeout.conect"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["0", "-1", "[]", "\"soon\"", "true"] {
            assert!(limits(&format!("{{\"timeout\":{bad}}}")).is_err(), "{bad}");
        }
        assert_eq!(limits(r#"{"timeout":"2"}"#).unwrap().total, Duration::from_secs(2));
        assert!(limits(r#"{"timeout":1e300}"#).is_ok());
    }
}
