//! The Responses API of providers that only chat: the request is a chat, and what comes back is a response again.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value};

pub use self::answer::Events as ResponseEvents;
use super::pieces::Stream;
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::{Decode, Head, HttpCall, StreamDecode};

/// The chat that stands for a request of the Responses API.
pub fn responses_over_chat(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let (chat, repeated) = request::read(route, request)?;
    let call = chat.prepare(route, request, request::TAKEN)?;
    Ok(HttpCall { decode: Box::new(Bridge { chat: call.decode, model: route.model.clone(), repeated }), ..call })
}

struct Bridge {
    chat: Box<dyn Decode>,
    model: String,
    repeated: Map<String, Value>,
}

impl Decode for Bridge {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        answer::of_chat(&self.chat.answer(head, body)?, &self.repeated)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.chat.error(head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        Box::new(Stream::new(self.chat.stream(head), ResponseEvents::new(&self.model, self.repeated.clone())))
    }
}
