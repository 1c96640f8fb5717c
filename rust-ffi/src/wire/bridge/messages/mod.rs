//! Anthropic's Messages API of providers that have another: the request is a chat, and what comes back is a message again.

mod answer;
mod request;
#[cfg(test)]
mod tests;

pub use self::answer::{of_chat as message_of_chat, Events as MessageEvents};
use super::over_chat::{answered, Words};
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::HttpCall;

/// The chat that stands for a request of the Messages API.
pub fn messages_over_chat(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let call = request::read(route, request)?.prepare(route, request, request::TAKEN)?;
    Ok(answered(call, Own { model: route.model.clone() }))
}

/// Anthropic's words.
struct Own {
    model: String,
}

impl Words for Own {
    type Writer = MessageEvents;

    fn answer(&self, chat: &[u8]) -> Result<Vec<u8>> {
        message_of_chat(chat)
    }

    fn writer(&self) -> MessageEvents {
        MessageEvents::new(&self.model)
    }
}
