//! Questions about models: facts, capabilities, costs.

use std::borrow::Cow;

use super::to_json;
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route;
use crate::models::{self, Entry, Tokens};

/// The provider and the model that a question is about: as named, or as the model's name tells them.
fn subject(request: &Request<'_>) -> Result<(Option<String>, String)> {
    let model = request.str("model")?.unwrap_or_default().into_owned();
    let given = request.str("custom_llm_provider")?.filter(|name| !name.is_empty()).map(Cow::into_owned);
    Ok(match (given, route::resolve_name(request)) {
        (_, Ok(route)) => (Some(route.provider), route.model),
        // A provider that nobody knows may still have registered models.
        (given, Err(_)) => (given, model),
    })
}

fn own(request: &Request<'_>) -> Result<Option<Entry>> {
    request.raw("own").map(|raw| json::read(raw).ok_or_else(|| wrong_type("own", "an object of entries", raw))).transpose()
}

/// The entry under the subject's names, else under the model's name as it was given.
fn found(request: &Request<'_>) -> Result<Option<models::Found>> {
    let (provider, model) = subject(request)?;
    let own = own(request)?;
    let found = models::find(provider.as_deref(), &model, own.as_ref());
    Ok(match found {
        Some(found) => Some(found),
        None => {
            let name = request.str("model")?.unwrap_or_default();
            let own =
                own.as_ref().and_then(|own| Some((name.clone().into_owned(), own.get(name.as_ref())?.as_object()?.clone())));
            own.map(|(key, entry)| models::Found { key, entry })
        }
    })
}

pub fn entry(request: &Request<'_>) -> Result<Vec<u8>> {
    to_json(&found(request)?.map(|found| serde_json::json!({ "key": found.key, "entry": found.entry })))
}

pub fn names(request: &Request<'_>) -> Result<Vec<u8>> {
    let (provider, model) = subject(request)?;
    to_json(&models::names(provider.as_deref(), &model))
}

pub fn info(request: &Request<'_>) -> Result<Vec<u8>> {
    let (provider, model) = subject(request)?;
    to_json(&models::info(provider.as_deref(), &model, own(request)?.as_ref()))
}

pub fn supports(request: &Request<'_>) -> Result<Vec<u8>> {
    let (provider, model) = subject(request)?;
    let capability = request.str("capability")?.unwrap_or_default();
    to_json(&(provider.is_some() && models::supports(provider.as_deref(), &model, &capability, own(request)?.as_ref())))
}

pub fn cost(request: &Request<'_>) -> Result<Vec<u8>> {
    let count = |name: &str| -> Result<u64> {
        let Some(raw) = request.raw(name) else { return Ok(0) };
        // Programs compute counts, and some come out as floats.
        let number = json::read::<f64>(raw).filter(|n| (0.0..=9e15).contains(n));
        number.map(|n| n as u64).ok_or_else(|| wrong_type(name, "a number of tokens, 0 or more", raw))
    };
    let tokens = Tokens {
        prompt: count("prompt")?,
        completion: count("completion")?,
        cache_read: count("cache_read")?,
        cache_write: count("cache_write")?,
        cache_write_1h: count("cache_write_1h")?,
        prompt_audio: count("prompt_audio")?,
        prompt_image: count("prompt_image")?,
        reasoning: count("reasoning")?,
        completion_audio: count("completion_audio")?,
        completion_image: count("completion_image")?,
        web_searches: count("web_searches")?,
    };
    let size = request.str("search_context_size")?;
    let tier = request.str("service_tier")?;
    to_json(&found(request)?.map(|found| {
        let cost = models::cost(&found.entry, &tokens, tier.as_deref(), size.as_deref());
        serde_json::json!({ "prompt": cost.prompt, "completion": cost.completion, "tools": cost.tools })
    }))
}
