//! Operations that a provider does not have, asked of what it has: a text completion is a chat of one message, and the other way round.

mod chat;
mod text;

pub use chat::chat_over_text;
pub use text::{text_of_chat, text_over_chat, texts_of_chat};
