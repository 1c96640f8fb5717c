//! Replicate: predictions of language models.
//!
//! Source: Replicate's HTTP API reference (`predictions.create`, `predictions.get`, `predictions.cancel`) and its guide to streaming. A
//! prediction takes whatever inputs its model names, so that a chat becomes the input `prompt`; its output is a text or a list of texts.

mod prediction;
mod prompt;
mod request;
mod stream;

use bytes::Bytes;
use reqwest::Url;

use self::prediction::Prediction;
use super::errors::Origin;
use super::events;
use super::job::{Job, State, Trust};
use super::{Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

pub struct Replicate;

impl Dialect for Replicate {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        request::prepare(super::openai::row(&route.provider)?, operation, route, request)
    }
}

struct Decoder {
    origin: Origin,
    include_usage: bool,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let prediction = Prediction::read(&self.origin, head.status, &body)?;
        prediction.answer(&self.origin, &body)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        Box::new(events::Decoder::new(stream::Stream::new(self.origin.clone(), self.include_usage)))
    }
}

/// A prediction, as the engine follows it.
struct Following {
    origin: Origin,
}

impl Job for Following {
    fn state(&self, head: &Head, body: &[u8]) -> Result<State> {
        let prediction = Prediction::read(&self.origin, head.status, body)?;
        Ok(State { ended: prediction.ended(), ..prediction.urls() })
    }

    /// The key stays with the host that was asked and with Replicate itself, which serves streams from a domain of its own that takes none.
    fn trusts(&self, asked: &Url, named: &Url) -> Trust {
        let within = |domain: &str| {
            let rest = named.host_str().and_then(|host| host.strip_suffix(domain));
            named.scheme() == "https" && named.port().is_none() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if !named.username().is_empty() || named.password().is_some() {
            Trust::Nothing
        } else if named.origin() == asked.origin() || within("replicate.com") {
            Trust::Key
        } else if within("replicate.net") {
            Trust::NoKey
        } else {
            Trust::Nothing
        }
    }
}

#[cfg(test)]
mod tests;
