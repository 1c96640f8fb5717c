//! litellm's `get_llm_provider` for those who ask without a call.

use std::borrow::Cow;

use super::name::name_of;
use super::place::given_base;
use super::{process_env, Env};
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::wire::providers::{self, Provider, Source};

/// litellm's `get_llm_provider` as a pure question: model, provider, the key it would add, and the address.
///
/// `request`: `{"model", "custom_llm_provider"?, "api_base"?, "api_key"?}`; the answer has the four values of litellm's tuple.
pub fn get_llm_provider(request: &Request<'_>) -> Result<Vec<u8>> {
    get_llm_provider_in(request, &process_env)
}

pub(super) fn get_llm_provider_in(request: &Request<'_>, env: Env<'_>) -> Result<Vec<u8>> {
    let (provider, model) = name_of(request, env)?;
    let given_base = given_base(request)?.map(Cow::into_owned);
    let given_key = request.str("api_key")?.map(Cow::into_owned);
    let (mut api_base, mut key) = (given_base, given_key);
    if let Some(row) = providers::find(&provider).filter(|row| fills_in(row)) {
        api_base = api_base
            .or_else(|| row.base_sources.iter().find_map(|source| from_env(*source, env)))
            .or_else(|| row.api_base.map(str::to_owned));
        key = key
            .or_else(|| row.key_sources.iter().find_map(|source| from_env(*source, env)))
            .or_else(|| row.default_key.map(str::to_owned));
    }
    let answer = serde_json::json!({
        "model": model, "custom_llm_provider": provider, "dynamic_api_key": key, "api_base": api_base,
    });
    Ok(answer.to_string().into_bytes())
}

/// litellm leaves address and key of these to the call itself.
fn fills_in(row: &Provider) -> bool {
    !matches!(
        row.name,
        "openai"
            | "anthropic"
            | "azure"
            | "custom_openai"
            | "openai_like"
            | "openrouter"
            | "huggingface"
            | "databricks"
            | "cometapi"
            | "ovhcloud"
            | "ollama_chat"
            | "maritalk"
            | "minimax"
            | "watsonx"
            | "replicate"
            | "cohere"
            | "cohere_chat"
            | "gemini"
            | "vertex_ai"
            | "bedrock"
    )
}

fn from_env(source: Source, env: Env<'_>) -> Option<String> {
    match source {
        Source::Env(name) => env(name),
        Source::Setting(_) => None,
    }
}
