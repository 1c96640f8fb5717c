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
    /// Anthropic's Messages API, of any provider.
    AnthropicMessages = "anthropic_messages",
    /// Google's `generateContent`, of any provider.
    GenerateContent = "generate_content",
    CreateFile = "create_file",
    FileRetrieve = "file_retrieve",
    FileDelete = "file_delete",
    FileList = "file_list",
    FileContent = "file_content",
    CreateBatch = "create_batch",
    RetrieveBatch = "retrieve_batch",
    CancelBatch = "cancel_batch",
    ListBatches = "list_batches",
    GetResponse = "get_responses",
    DeleteResponse = "delete_responses",
    CancelResponse = "cancel_responses",
    ListInputItems = "list_input_items",
}

/// Some of the operations: those that a provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations(u32);

impl Operations {
    pub const fn of(list: &[Operation]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < list.len() {
            bits |= 1 << list[at] as u8;
            at += 1;
        }
        Operations(bits)
    }

    pub const fn and(self, list: &[Operation]) -> Self {
        Operations(self.0 | Operations::of(list).0)
    }

    pub const fn has(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u8) != 0
    }

    pub fn names(self) -> Vec<&'static str> {
        Operation::ALL.iter().filter(|operation| self.has(**operation)).map(|operation| operation.name()).collect()
    }
}

impl Operation {
    /// The model that is meant where the caller names none: OpenAI's own defaults, as in litellm.
    pub fn default_model(self) -> Option<&'static str> {
        match self {
            Operation::ImageGeneration => Some("dall-e-2"),
            Operation::Moderation => Some("omni-moderation-latest"),
            _ => None,
        }
    }

    /// May the caller ask for a stream of events?
    pub fn streams(self) -> bool {
        matches!(
            self,
            Operation::Completion
                | Operation::TextCompletion
                | Operation::Responses
                | Operation::AnthropicMessages
                | Operation::GenerateContent
        )
    }

    /// The operation that stands for this one in a provider's row, where it concerns what a provider keeps for its user: whoever takes files
    /// gives them back. None for the operations that ask a model.
    pub fn keeper(self) -> Option<Operation> {
        Some(match self {
            Operation::CreateFile
            | Operation::FileRetrieve
            | Operation::FileDelete
            | Operation::FileList
            | Operation::FileContent => Operation::CreateFile,
            Operation::CreateBatch | Operation::RetrieveBatch | Operation::CancelBatch | Operation::ListBatches => {
                Operation::CreateBatch
            }
            Operation::GetResponse | Operation::DeleteResponse | Operation::CancelResponse | Operation::ListInputItems => {
                Operation::Responses
            }
            _ => return None,
        })
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
