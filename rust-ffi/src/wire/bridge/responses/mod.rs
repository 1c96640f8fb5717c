//! The Responses API of providers that only chat: the request is a chat, and what comes back is a response again.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use self::answer::Events as ResponseEvents;
use super::over_chat::{answered, Words};
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::HttpCall;

/// The chat that stands for a request of the Responses API.
pub fn responses_over_chat(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let (chat, repeated) = request::read(route, request)?;
    let call = chat.prepare(route, request, request::TAKEN)?;
    Ok(answered(call, Own { model: route.model.clone(), repeated }))
}

/// The words of the Responses API.
struct Own {
    model: String,
    /// What an answer says again of its request.
    repeated: Map<String, Value>,
}

impl Words for Own {
    type Writer = ResponseEvents;

    fn answer(&self, chat: &[u8]) -> Result<Vec<u8>> {
        answer::of_chat(chat, &self.repeated)
    }

    fn writer(&self) -> ResponseEvents {
        ResponseEvents::new(&self.model, self.repeated.clone())
    }
}
