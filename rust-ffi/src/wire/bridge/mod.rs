//! Operations that a provider does not have, asked of what it has: a text completion is a chat of one message and the other way round, and
//! a message of Anthropic's API or a response of OpenAI's is a chat.

mod chat;
mod google;
mod messages;
mod over_chat;
mod pieces;
mod responses;
#[cfg(test)]
mod testing;
mod text;

pub use chat::chat_over_text;
pub use google::{content_of_chat, content_over_chat, ContentEvents};
pub use messages::{message_of_chat, messages_over_chat, MessageEvents};
pub use pieces::Pieces;
pub use responses::{responses_over_chat, ResponseEvents};
pub use text::{text_of_chat, text_over_chat, texts_of_chat};
