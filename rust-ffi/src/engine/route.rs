//! Which provider, model, address and credentials a request means: litellm's rules of `get_llm_provider`.

mod name;
mod place;
mod question;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::name::{name_of, unknown_provider};
use self::place::{base_of, given_base, key_of};
pub use self::place::{brings_header, check_address, check_key, value_of};
pub use self::question::get_llm_provider;
use super::error::{Error, Result};
use super::request::Request;
use crate::wire::providers;

/// Where a call goes.
#[derive(Clone, Debug)]
pub struct Route {
    /// litellm's name of the provider (`openai`, `azure`, `groq`, …).
    pub provider: String,
    /// The model as the provider knows it.
    pub model: String,
    /// Without a trailing slash.
    pub api_base: String,
    /// None where the provider needs none.
    pub api_key: Option<Secret>,
}

impl Route {
    /// The key, where it is one: what servers at home get for want of a key is none.
    pub fn secret(&self) -> Option<&Secret> {
        self.api_key.as_ref().filter(|key| !self.is_default(key.expose()))
    }

    /// Is this what the provider's servers get for want of a key?
    pub fn is_default(&self, key: &str) -> bool {
        providers::find(&self.provider).and_then(|row| row.default_key) == Some(key)
    }
}

/// A credential. Never shown: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }
    /// The credential itself, for the one header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The program's environment; a function, so that tests bring their own.
type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Everything a call needs to know of its way. All errors come before any network.
pub fn resolve(request: &Request<'_>) -> Result<Route> {
    resolve_in(request, &process_env)
}

/// Provider and model only: for answers that need no provider (`mock_response`).
pub fn resolve_name(request: &Request<'_>) -> Result<Route> {
    let (provider, model) = name_of(request, &process_env)?;
    let api_base = given_base(request)?.unwrap_or_default().into_owned();
    Ok(Route { provider, model, api_base, api_key: None })
}

/// The way to what a provider keeps, for which no model is asked: the provider that is named, else that of the model, else OpenAI.
pub fn resolve_keeper(request: &Request<'_>) -> Result<Route> {
    let named = request.str("model")?.is_some_and(|model| !model.is_empty());
    let (provider, model) = if named {
        name_of(request, &process_env)?
    } else {
        let custom = request.str("custom_llm_provider")?.filter(|name| !name.is_empty());
        let custom = custom.unwrap_or(Cow::Borrowed("openai"));
        if !providers::is_known(&custom) {
            return Err(unknown_provider("", Some(&custom)));
        }
        (custom.into_owned(), String::new())
    };
    resolve_at(provider, model, request, &process_env)
}

/// Provider, model and address without the key: what tells whose answer a request asks for.
pub fn resolve_address(request: &Request<'_>) -> Result<Route> {
    let (provider, model) = name_of(request, &process_env)?;
    let api_base = match providers::find(&provider) {
        Some(row) => base_of(row, request, &process_env).map_err(|error| error.at(&provider, &model))?,
        None => given_base(request)?.unwrap_or_default().into_owned(),
    };
    Ok(Route { provider, model, api_base, api_key: None })
}

fn resolve_in(request: &Request<'_>, env: Env<'_>) -> Result<Route> {
    let (provider, model) = name_of(request, env)?;
    resolve_at(provider, model, request, env)
}

fn resolve_at(provider: String, model: String, request: &Request<'_>, env: Env<'_>) -> Result<Route> {
    let Some(row) = providers::find(&provider) else {
        return Err(unreachable_provider(&provider, &model));
    };
    let at = |error: Error| error.at(&provider, &model);
    let api_base = base_of(row, request, env).map_err(at)?;
    let api_key = key_of(row, request, env).map_err(at)?;
    Ok(Route { provider, model, api_base, api_key })
}

/// Known to litellm, but not spoken to by this library over HTTP.
fn unreachable_provider(provider: &str, model: &str) -> Error {
    Error::bad_request(format!(
        "the provider {provider} has no protocol in this version of the library; \
         model=\"edgequake/{provider}/{model}\" reaches it where the crate edgequake-llm does, \
         and api_base with model=\"custom_openai/{model}\" does where it speaks OpenAI's protocol"
    ))
    .at(provider, model)
}
