//! The operations: what a call asks for.

use crate::engine::error::Error;

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a call asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Operation { $($(#[$doc])* $variant,)* }

        impl Operation {
            pub const ALL: &'static [Operation] = &[$(Operation::$variant,)*];

            /// litellm's name of the function.
            pub fn name(self) -> &'static str {
                match self { $(Operation::$variant => $name,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Operation::$variant),)* _ => None }
            }
        }
    };
}

operations! {
    Completion = "completion",
    Embedding = "embedding",
    TextCompletion = "text_completion",
    Responses = "responses",
    ImageGeneration = "image_generation",
    ImageEdit = "image_edit",
    Transcription = "transcription",
    Speech = "speech",
    Rerank = "rerank",
    Moderation = "moderation",
}

impl Operation {
    /// May the caller ask for a stream of events?
    pub fn streams(self) -> bool {
        matches!(self, Operation::Completion | Operation::TextCompletion | Operation::Responses)
    }

    /// The error of an operation that a provider does not have.
    pub fn unavailable(self, provider: &str) -> Error {
        Error::bad_request(format!(
            "{provider} has no {} in this library; use a provider that has it, or api_base with model=\"custom_openai/…\" for a server that \
             speaks OpenAI's protocol",
            self.name()
        ))
    }
}
