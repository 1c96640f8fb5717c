pub mod finish_reason;
pub mod stream;
mod template;
