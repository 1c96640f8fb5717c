//! The table of providers that are spoken to over HTTP: one row each, facts only.
//!
//! Source of the facts: litellm 1.106's behaviour (addresses, environment names and their order, supported parameters), observed by
//! running it, and the providers' own API references.

mod names;
mod openai_models;
mod row;
mod supported;
mod table;

pub use names::{is_known, known, model_owner};
pub use openai_models::{is_o_series, Gpt5};
pub use table::ALL;

use serde::Serialize;

use super::operation::Operations;
use super::params::{Param, Supported};
use super::Operation;

/// A protocol of `wire/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    OpenAi,
    Azure,
    Cohere,
    Bedrock,
    Ollama,
    Anthropic,
    /// The Gemini API of Google's AI Studio.
    Gemini,
    /// Gemini's models on Vertex AI.
    Vertex,
    Watsonx,
    Replicate,
}

impl Protocol {
    /// What programs show.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::OpenAi => "OpenAI",
            Protocol::Azure => "Azure OpenAI",
            Protocol::Cohere => "Cohere v2",
            Protocol::Bedrock => "Bedrock Converse",
            Protocol::Ollama => "Ollama",
            Protocol::Anthropic => "Anthropic Messages",
            Protocol::Gemini => "Gemini",
            Protocol::Vertex => "Gemini on Vertex AI",
            Protocol::Watsonx => "watsonx.ai",
            Protocol::Replicate => "Replicate",
        }
    }
}

/// Where a value comes from when the request does not carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A program-wide setting, by litellm's name of its module global.
    Setting(&'static str),
    Env(&'static str),
}

/// How an error's status becomes one of litellm's classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFamily {
    OpenAi,
    Anthropic,
    Azure,
    Bedrock,
    OpenRouter,
    HuggingFace,
    /// By the status, but for Cohere's own words.
    Cohere,
    /// By the status alone; Ollama's texts are never looked at.
    Ollama,
    Google,
    Replicate,
    /// The class says what the status says, without litellm's exceptions to that.
    ByStatus,
}

/// What litellm raises for a 2xx answer that is not what it should be (HTML, half a JSON text). It depends on which of its HTTP layers
/// serves the provider; programs that retry on one of these classes rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    InternalServer,
    ApiConnection,
    /// `APIError` with status 500.
    Api,
    /// `APIError` with the answer's own 2xx status.
    ApiWithStatus,
    /// `BadRequestError` with status 422, which litellm makes of any answer of Google's that it cannot read.
    /// `BadRequestError` with status 422.
    BadRequest,
}

/// Where a provider departs from OpenAI's protocol. Each is handled at one place of `wire/openai`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// OpenAI's own reasoning models have rules of their own (o-series, gpt-5).
    OpenAiFamilies,

    // Messages.
    /// Content must be text: lists of text parts are joined.
    TextContent,
    /// Only the content of tool messages must be text.
    TextToolContent,
    /// Assistant messages must not carry `reasoning_content` and `thinking_blocks`.
    NoReasoningContent,
    /// Assistant messages must not carry `thinking_blocks`.
    NoThinkingBlocks,
    /// Assistant messages must carry OpenAI's members only, and `reasoning_content`.
    PlainAssistant,
    /// An assistant message without content and calls is refused.
    NoEmptyAssistant,
    /// `name` is allowed on user messages only.
    NamesOnUsers,
    /// `name` is allowed on tool messages only.
    NamesOnTools,
    /// `cache_control` marks are understood.
    CacheControl,
    /// `cache_control` marks are understood by some models, and on content parts only.
    CacheControlByModel,

    // Parameters.
    /// `thinking` is a switch without a budget, and `reasoning_effort` is not known.
    ThinkingSwitch,
    /// `thinking` is not known, `reasoning_effort` is.
    ThinkingToEffort,
    /// `max_tokens` has to be above the budget of `thinking`.
    ThinkingBudget,
    /// Tools must not hold `strict` nor `additionalProperties: false`.
    PlainTools,
    /// Tools must not hold `strict`.
    NoStrictTools,
    /// Mistral's own names.
    Mistral,
    /// `tool_choice` is "auto" or "none".
    ToolChoiceAutoOrNone,
    /// `tool_choice` is not "required".
    ToolChoiceNotRequired,
    /// A model without a slash is one of Fireworks's own account.
    FireworksModels,
    /// Streams are asked for their usage in any case.
    UsageInStreams,
    /// vLLM's `guided_choice` is a schema here.
    GuidedChoice,
    /// Some of Groq's models know no schemas: a tool stands for them.
    GroqSchemas,
    /// Search is a tool at Groq.
    GroqSearch,
    /// The highest effort has another name.
    OpenRouterEffort,
    /// litellm sends its own `max_retries` on to servers at an address of the caller's; they read over it.
    SendsMaxRetries,
    /// An answer without words has "" where others have null.
    EmptyIsNull,
    /// What Databricks's models other than Claude refuse in messages.
    DatabricksMessages,
    /// Vectors are asked for in base64 where the caller does not say.
    Base64Vectors,
    /// `dimensions` is `output_dimension`, and the usage of vectors is a total.
    VoyageVectors,
    /// The input of vectors is a list, and images in it are objects.
    JinaInput,

    // Address and credentials.
    /// `/v1` stands before the path of the operation.
    V1Path,
    /// `/v1` stands before the path of embeddings only.
    V1Embeddings,
    /// The key travels in a header of Sarvam's own, too.
    SarvamKey,
    /// Vectors are asked for without a content type, as litellm does: the body is JSON whatever a header says.
    NoContentType,
}

/// One provider.
#[derive(Debug)]
pub struct Provider {
    /// litellm's name, which is also the prefix of its models.
    pub name: &'static str,
    pub protocol: Protocol,
    /// What it does over its protocol. A text completion or a response that it does not have is asked of its chat (`wire/bridge`); a
    /// reranking has a table of its own (`wire/rerank`).
    pub operations: Operations,
    /// The public address; None where every user has their own.
    pub api_base: Option<&'static str>,
    /// The dialect makes the address of other facts (a region, an account) where the caller gives none; it then gets an empty one.
    pub derives_base: bool,
    pub base_sources: &'static [Source],
    pub key_sources: &'static [Source],
    /// Sent where no key is known: servers at home ask for none, but some clients must send one.
    pub default_key: Option<&'static str>,
    /// False where a call without a key may succeed (servers at home).
    pub needs_key: bool,
    pub errors: ErrorFamily,
    pub unreadable: Unreadable,
    /// The same for embeddings, which litellm serves by other layers.
    pub unreadable_vectors: Unreadable,
    /// What a chat model supports, by its name.
    pub chat: fn(&str) -> Supported,
    /// What embedding models support, besides `input`.
    pub embedding: &'static [&'static str],
    /// Parameters that the provider knows under another name.
    pub renames: &'static [(Param, &'static str)],
    pub quirks: &'static [Quirk],
    /// Members of every body that the caller did not write, as JSON.
    pub body: &'static [(&'static str, &'static str)],
    /// Headers of every call, with where their value may come from and what it is otherwise.
    pub headers: &'static [(&'static str, &'static [Source], &'static str)],
    /// litellm shows an answer's model with the provider's name before it (not in streams).
    pub qualified: bool,
}

impl Provider {
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Does it have the operation itself? What other protocols than OpenAI's have, their dialects know.
    pub fn does(&self, operation: Operation) -> bool {
        matches!(self.protocol, Protocol::OpenAi | Protocol::Azure) && self.operations.has(operation)
    }

    /// The names that litellm's `get_supported_openai_params` shows.
    pub fn supported(&self, model: &str, operation: Operation) -> Vec<&'static str> {
        match operation {
            Operation::Completion if super::anthropic::hosts::serves(self, model) => {
                super::anthropic::supported((self.chat)(model).names())
            }
            Operation::Completion => (self.chat)(model).names(),
            Operation::Embedding if self.protocol == Protocol::Bedrock => super::bedrock::embedding::supported(model),
            Operation::Embedding => self.embedding.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The word before the message of litellm's exceptions: `GroqException`.
    pub fn exception(&self) -> String {
        match self.name {
            "openai" => "OpenAIException".to_owned(),
            name => {
                let (first, rest) = name.split_at(1);
                format!("{}{rest}Exception", first.to_ascii_uppercase())
            }
        }
    }

    /// The environment variables that may hold the key, in the order they are looked at.
    pub fn key_env(&self) -> impl Iterator<Item = &'static str> + '_ {
        env_names(self.key_sources)
    }
}

fn env_names(sources: &'static [Source]) -> impl Iterator<Item = &'static str> {
    sources.iter().filter_map(|source| match source {
        Source::Env(name) => Some(*name),
        Source::Setting(_) => None,
    })
}

/// The row of a provider by litellm's name.
pub fn find(name: &str) -> Option<&'static Provider> {
    ALL.iter().find(|row| row.name == name)
}

/// The provider whose public address this is (`https://api.groq.com/openai/v1` → groq). Only the host decides: it is what the key is sent to.
pub fn at_address(api_base: &str) -> Option<&'static Provider> {
    let host = host(api_base)?;
    // Servers at home share their addresses with everything else at home.
    let public = |row: &Provider| row.api_base.filter(|base| base.starts_with("https://")).and_then(self::host);
    ALL.iter().find(|row| public(row).is_some_and(|own| own.eq_ignore_ascii_case(host)))
}

/// The host of an address, without user, port and path.
fn host(address: &str) -> Option<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    (!host.is_empty()).then_some(host)
}

/// What a program may ask about a provider: `eq_query("providers")`.
#[derive(Serialize)]
pub struct View {
    pub name: &'static str,
    pub protocol: &'static str,
    pub api_base: Option<&'static str>,
    pub api_base_env: Vec<&'static str>,
    pub api_key_env: Vec<&'static str>,
    pub needs_key: bool,
    pub exception: String,
}

/// Every row, for programs to show.
pub fn views() -> Vec<View> {
    ALL.iter()
        .map(|row| View {
            name: row.name,
            protocol: row.protocol.name(),
            api_base: row.api_base,
            api_base_env: env_names(row.base_sources).collect(),
            api_key_env: row.key_env().collect(),
            needs_key: row.needs_key,
            exception: row.exception(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_known() {
        for (at, row) in ALL.iter().enumerate() {
            assert!(is_known(row.name), "{}", row.name);
            assert!(ALL[at + 1..].iter().all(|other| other.name != row.name), "{} stands twice", row.name);
        }
        assert!(ALL.len() >= 70, "{}", ALL.len());
    }

    #[test]
    fn addresses_are_complete_and_recognised() {
        for row in ALL.iter() {
            if let Some(base) = row.api_base {
                assert!(
                    base.starts_with("https://") || base.starts_with("http://localhost") || base.starts_with("http://127."),
                    "{base}"
                );
                assert!(!base.ends_with('/'), "{base}");
            }
            assert!(!row.needs_key || row.default_key.is_none());
            assert!(!row.needs_key || row.key_env().next().is_some(), "{} has no name for its key", row.name);
        }
        let name = |address| at_address(address).map(|row| row.name);
        assert_eq!(name("https://api.groq.com/openai/v1"), Some("groq"));
        assert_eq!(name("api.groq.com/openai/v1"), Some("groq"));
        assert_eq!(name("https://API.Mistral.ai:443/v1"), Some("mistral"));
        assert_eq!(name("https://evil.example/api.groq.com/openai/v1"), None);
        assert_eq!(name("https://api.groq.com.evil.example/v1"), None);
        assert_eq!(name("https://api.groq.com@evil.example/v1"), None);
        assert_eq!(name("http://localhost:8000/v1"), None);
        assert_eq!(name("http://127.0.0.1:8080/v1"), None);
    }

    #[test]
    fn exceptions_are_named_as_litellm_does() {
        assert_eq!(find("openai").unwrap().exception(), "OpenAIException");
        assert_eq!(find("groq").unwrap().exception(), "GroqException");
        assert_eq!(find("azure").unwrap().exception(), "AzureException");
        assert_eq!(find("hosted_vllm").unwrap().exception(), "Hosted_vllmException");
    }
}
