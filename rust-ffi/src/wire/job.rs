//! Providers that answer later: what comes back at once only names a job, and the answer is fetched where the job says.
//!
//! The engine asks for the job's state until it has ended, within the call's deadline, and cancels it when the call ends first. A stream
//! reads the job's own events where there are some. Where there are none, and where they end before the decoder has seen the end, each new
//! state is handed to the decoder as one event.

use reqwest::Url;

use super::Head;
use crate::engine::error::Result;

/// The type of the events by which a stream's decoder is told of the states of a job.
pub const STATE: &str = "eq-state";

/// Reads what a provider says of a job.
pub trait Job: Send + Sync {
    /// What a 2xx body says. An error when it speaks of no job.
    fn state(&self, head: &Head, body: &[u8]) -> Result<State>;

    /// May a request for the job go to this address, which the provider named? `asked` is the address of the call.
    fn trusts(&self, asked: &Url, named: &Url) -> Trust;
}

/// Where a job is, and whether it is done.
#[derive(Debug, Default, PartialEq)]
pub struct State {
    /// The body is the answer, or says why there is none.
    pub ended: bool,
    /// Where its state is asked for (GET).
    pub get: Option<String>,
    /// Where it is cancelled (POST).
    pub cancel: Option<String>,
    /// Where its events are read (GET).
    pub events: Option<String>,
}

/// What may be sent to an address that a provider names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The call's headers, its key among them.
    Key,
    /// A request without any of them.
    NoKey,
    Nothing,
}

/// A state as one event of a stream. Line breaks of a JSON text are white space, so that none of it is lost.
pub fn event(state: &[u8]) -> Vec<u8> {
    let mut out = format!("event: {STATE}\n").into_bytes();
    for line in state.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sse::Parser;

    #[test]
    fn a_state_is_one_event_whatever_its_line_breaks() {
        for text in ["{\"a\": 1}", "{\n  \"a\": 1\r\n}\n", "{\r\"a\": 1}"] {
            let mut seen = Vec::new();
            let ended = Parser::new().feed::<crate::engine::error::Error>(&event(text.as_bytes()), &mut |event| {
                seen.push((event.event.to_owned(), serde_json::from_str::<serde_json::Value>(event.data).unwrap()));
                Ok(false)
            });
            assert!(!ended.unwrap());
            assert_eq!(seen, [(STATE.to_owned(), serde_json::json!({"a": 1}))], "{text:?}");
        }
    }
}
