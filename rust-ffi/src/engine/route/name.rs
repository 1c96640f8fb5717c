//! Provider and model: what a request's `model` means.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::place::given_base;
use super::Env;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{string, Request};
use crate::wire::providers;

/// Provider and model.
pub(super) fn name_of(request: &Request<'_>, env: Env<'_>) -> Result<(String, String)> {
    let (model, mut custom) = match request.str("deployment_id")?.filter(|id| !id.is_empty()) {
        Some(deployment) => (deployment, Some(Cow::Borrowed("azure"))),
        None => {
            let model = request.str("model")?.filter(|m| !m.is_empty());
            let model = model.ok_or_else(|| Error::bad_request("`model` is missing; name one, as in model=\"openai/gpt-4o\""))?;
            (alias(request, &model)?.unwrap_or(model), None)
        }
    };
    refuse_control_characters("model", &model)?;
    if custom.is_none() {
        custom = request.str("custom_llm_provider")?.filter(|name| !name.is_empty());
    }
    if through_proxy(request, env)? {
        let model = model.strip_prefix("litellm_proxy/").unwrap_or(&model);
        return Ok(("litellm_proxy".to_owned(), model.to_owned()));
    }
    let (provider, model) = split(&model, custom.as_deref(), given_base(request)?.as_deref())?;
    // One provider under two names in litellm.
    let provider = match provider {
        "ai21" => "ai21_chat",
        // Chat models are the other provider's even where the caller names this one. litellm's list has their names with dates and sizes.
        "cohere" if providers::model_owner(model) == Some("cohere_chat") && model.bytes().any(|b| b.is_ascii_digit()) => {
            "cohere_chat"
        }
        provider => provider,
    };
    Ok((provider.to_owned(), model.to_owned()))
}

/// The model that `model_alias_map` (of the call or of the program) puts in a name's place.
fn alias<'a>(request: &Request<'a>, model: &str) -> Result<Option<Cow<'a, str>>> {
    for map in [request.raw("model_alias_map"), request.setting_raw("model_alias_map")].into_iter().flatten() {
        let Some(map) = json::read::<indexmap::IndexMap<String, &'a RawValue>>(map) else { continue };
        if let Some(raw) = map.get(model) {
            return string("model_alias_map", raw).map(Some);
        }
    }
    Ok(None)
}

fn through_proxy(request: &Request<'_>, env: Env<'_>) -> Result<bool> {
    if let Some(asked) = request.bool("use_litellm_proxy")? {
        return Ok(asked);
    }
    if request.setting_bool("use_litellm_proxy")? == Some(true) {
        return Ok(true);
    }
    Ok(env("USE_LITELLM_PROXY").is_some_and(|value| value.eq_ignore_ascii_case("true")))
}

/// litellm's order: the provider that the caller names, the prefix, the address, the model's own name.
fn split<'m>(model: &'m str, custom: Option<&'m str>, api_base: Option<&str>) -> Result<(&'m str, &'m str)> {
    let prefixed = model.split_once('/');
    let custom = custom.map(|name| if name == "bedrock_converse" { "bedrock" } else { name });
    if let Some(custom) = custom {
        if !providers::is_known(custom) {
            return Err(unknown_provider(model, Some(custom)));
        }
        return Ok(match prefixed {
            // OpenRouter has models of its own under its own name: `openrouter/auto`.
            Some(("openrouter", rest)) if custom == "openrouter" && !rest.contains('/') => (custom, model),
            Some((prefix, rest)) if prefix == custom => (custom, rest),
            _ => (custom, model),
        });
    }
    if let Some(("bedrock_converse", rest)) = prefixed {
        // The name that litellm's lists of models give to Bedrock's Converse API.
        return Ok(("bedrock", rest));
    }
    if let Some((prefix, rest)) = prefixed {
        if providers::is_known(prefix) {
            return Ok((prefix, rest));
        }
    }
    if let Some(row) = api_base.and_then(providers::at_address) {
        return Ok((row.name, model));
    }
    if let Some(owner) = providers::model_owner(model) {
        return Ok((owner, model));
    }
    Err(unknown_provider(model, None))
}

pub(super) fn unknown_provider(model: &str, custom: Option<&str>) -> Error {
    let what = match custom {
        Some(custom) => format!("custom_llm_provider={custom:?} is not a provider's name"),
        None => format!("model={model:?} names none and is no model name that belongs to one"),
    };
    Error::bad_request(format!(
        "LLM Provider NOT provided: {what}. Write the provider before the model, as in model=\"openai/{model}\" or \
         model=\"hosted_vllm/{model}\", or pass custom_llm_provider."
    ))
    .at("", model)
}

fn refuse_control_characters(name: &str, value: &str) -> Result<()> {
    if value.chars().any(char::is_control) {
        return Err(Error::bad_request(format!("`{name}` holds a line break or another control character; remove it")));
    }
    Ok(())
}
