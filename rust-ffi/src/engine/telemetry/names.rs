//! What OpenTelemetry's conventions for generative AI call the operations and the providers. They are still in development: these are the
//! names of semantic-conventions-genai in 2026.

use std::borrow::Cow;

use crate::wire::Operation;

/// `gen_ai.operation.name`; one that the conventions have no name for keeps litellm's.
pub fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Completion | Operation::Responses | Operation::AnthropicMessages => "chat",
        Operation::Embedding => "embeddings",
        other => other.name(),
    }
}

/// `gen_ai.provider.name`; one that the conventions have no name for keeps litellm's.
pub fn provider(name: &str) -> Cow<'static, str> {
    Cow::Borrowed(match name {
        "openai" | "text-completion-openai" => "openai",
        "azure" | "azure_text" => "azure.ai.openai",
        "azure_ai" => "azure.ai.inference",
        "bedrock" | "bedrock_converse" => "aws.bedrock",
        "vertex_ai" => "gcp.vertex_ai",
        "gemini" => "gcp.gemini",
        "watsonx" | "watsonx_text" => "ibm.watsonx.ai",
        "mistral" => "mistral_ai",
        "moonshot" => "moonshot_ai",
        "xai" => "x_ai",
        "cohere" | "cohere_chat" => "cohere",
        other => return Cow::Owned(other.to_owned()),
    })
}
