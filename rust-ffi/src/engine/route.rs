//! Which provider, model, address and credentials a request means: litellm's rules of `get_llm_provider`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::error::{Error, ErrorKind, Result};
use super::json;
use super::request::Request;
use crate::wire::providers::{self, Provider, Source};

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

/// litellm's `get_llm_provider` as a pure question: model, provider, the key it would add, and the address.
///
/// `request`: `{"model", "custom_llm_provider"?, "api_base"?, "api_key"?}`; the answer has the four values of litellm's tuple.
pub fn get_llm_provider(request: &Request<'_>) -> Result<Vec<u8>> {
    get_llm_provider_in(request, &process_env)
}

fn get_llm_provider_in(request: &Request<'_>, env: Env<'_>) -> Result<Vec<u8>> {
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

/// Provider and model.
fn name_of(request: &Request<'_>, env: Env<'_>) -> Result<(String, String)> {
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
            return super::request::string("model_alias_map", raw).map(Some);
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

fn unknown_provider(model: &str, custom: Option<&str>) -> Error {
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

/// Known to litellm, but not spoken to by this library over HTTP.
fn unreachable_provider(provider: &str, model: &str) -> Error {
    Error::bad_request(format!(
        "the provider {provider} has no protocol in this version of the library; \
         model=\"edgequake/{provider}/{model}\" reaches it where the crate edgequake-llm does, \
         and api_base with model=\"custom_openai/{model}\" does where it speaks OpenAI's protocol"
    ))
    .at(provider, model)
}

/// `base_url` is OpenAI's name of `api_base` and wins, as in litellm.
fn given_base<'a>(request: &Request<'a>) -> Result<Option<Cow<'a, str>>> {
    match request.str("base_url")?.filter(|base| !base.is_empty()) {
        Some(base) => Ok(Some(base)),
        None => Ok(request.str("api_base")?.filter(|base| !base.is_empty())),
    }
}

fn base_of(row: &Provider, request: &Request<'_>, env: Env<'_>) -> Result<String> {
    let base = match given_base(request)? {
        Some(base) => base.into_owned(),
        None => match from_sources(row.base_sources, request, env)? {
            Some(base) => base,
            None if row.derives_base => return Ok(row.api_base.unwrap_or_default().to_owned()),
            None => row.api_base.ok_or_else(|| no_address(row))?.to_owned(),
        },
    };
    check_address("api_base", &base)?;
    Ok(base.trim_end_matches('/').to_owned())
}

fn no_address(row: &Provider) -> Error {
    Error::bad_request(format!("{} has no public address: pass api_base{}", row.name, or_set(row.base_sources)))
}

fn key_of(row: &Provider, request: &Request<'_>, env: Env<'_>) -> Result<Option<Secret>> {
    let key = match request.str("api_key")?.filter(|key| !key.is_empty()) {
        Some(key) => Some(key.into_owned()),
        None => from_sources(row.key_sources, request, env)?,
    };
    let key = key.or_else(|| row.default_key.map(str::to_owned));
    if let Some(key) = &key {
        check_key(key)?;
    } else if row.needs_key && !brings_credentials(request, env)? {
        return Err(Error::new(
            ErrorKind::Authentication,
            format!("no API key for {}: pass api_key{}", row.name, or_set(row.key_sources)),
        ));
    }
    Ok(key.map(Secret::new))
}

/// Other credentials than a key: Microsoft's token, or a header of the caller's own.
fn brings_credentials(request: &Request<'_>, env: Env<'_>) -> Result<bool> {
    if request.has("azure_ad_token") || env("AZURE_AD_TOKEN").is_some() {
        return Ok(true);
    }
    Ok(brings_header(request))
}

/// Is there a header of the caller's own that carries credentials?
pub fn brings_header(request: &Request<'_>) -> bool {
    let headers = [request.raw("extra_headers"), request.raw("headers"), request.setting_raw("headers")];
    headers.into_iter().flatten().any(|raw| {
        json::read::<indexmap::IndexMap<String, &RawValue>>(raw).is_some_and(|headers| {
            headers.keys().any(|name| {
                ["authorization", "api-key", "x-api-key", "x-goog-api-key"].iter().any(|own| name.eq_ignore_ascii_case(own))
            })
        })
    })
}

/// ", or set the environment variable A or B", for the end of a sentence.
fn or_set(sources: &[Source]) -> String {
    let env: Vec<&str> = sources.iter().filter_map(|s| if let Source::Env(name) = s { Some(*name) } else { None }).collect();
    match env.len() {
        0 => String::new(),
        1 => format!(" or set the environment variable {}", env[0]),
        _ => format!(" or set one of the environment variables {}", env.join(", ")),
    }
}

fn from_sources(sources: &[Source], request: &Request<'_>, env: Env<'_>) -> Result<Option<String>> {
    for source in sources {
        let value = match source {
            Source::Setting(name) => request.setting_str(name)?.map(Cow::into_owned),
            Source::Env(name) => env(name),
        };
        if value.is_some() {
            return Ok(value);
        }
    }
    Ok(None)
}

/// A value for a header or a body from where a provider's facts say it may come from.
pub fn value_of(sources: &[Source], request: &Request<'_>) -> Result<Option<String>> {
    from_sources(sources, request, &process_env)
}

fn refuse_control_characters(name: &str, value: &str) -> Result<()> {
    if value.chars().any(char::is_control) {
        return Err(Error::bad_request(format!("`{name}` holds a line break or another control character; remove it")));
    }
    Ok(())
}

/// A key goes into a header: visible ASCII only. The text of the error never shows it.
pub fn check_key(key: &str) -> Result<()> {
    if key.bytes().all(|b| (b' '..=b'~').contains(&b)) && key.trim() == key {
        return Ok(());
    }
    Err(Error::bad_request(
        "`api_key` holds a line break, a space at an end, or a character outside ASCII, which no header can carry; \
         remove it (keys read from files often end in a line break)",
    ))
}

/// An address that the caller gives in the argument `name`.
pub fn check_address(name: &str, base: &str) -> Result<()> {
    if !base.bytes().all(|b| (b'!'..=b'~').contains(&b)) {
        return Err(Error::bad_request(format!("`{name}` holds a line break, a space or a character outside ASCII; remove it")));
    }
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        base.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &base[scheme.len()..])
    });
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']) => Ok(()),
        _ => Err(Error::bad_request(format!(
            "`{name}` must begin with http:// or https:// and name a host, as in http://localhost:8000/v1"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(request: &str, env: &[(&str, &str)]) -> Result<Route> {
        let env: Vec<(String, String)> = env.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        let lookup = move |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        resolve_in(&Request::parse(request.as_bytes()).unwrap(), &lookup)
    }

    fn parts(request: &str, env: &[(&str, &str)]) -> (String, String, String, Option<String>) {
        let route = route(request, env).unwrap();
        (route.provider, route.model, route.api_base, route.api_key.map(|k| k.expose().to_owned()))
    }

    #[test]
    fn prefix_address_and_name_tell_the_provider() {
        let table = [
            (r#"{"model":"openai/gpt-4o","api_key":"k"}"#, "openai", "gpt-4o", "https://api.openai.com/v1"),
            (r#"{"model":"gpt-4o","api_key":"k"}"#, "openai", "gpt-4o", "https://api.openai.com/v1"),
            (r#"{"model":"openai/meta/llama-3","api_key":"k"}"#, "openai", "meta/llama-3", "https://api.openai.com/v1"),
            (
                r#"{"model":"groq/openai/gpt-oss-20b","api_key":"k"}"#,
                "groq",
                "openai/gpt-oss-20b",
                "https://api.groq.com/openai/v1",
            ),
            (
                r#"{"model":"mixtral","api_base":"https://api.groq.com/openai/v1","api_key":"k"}"#,
                "groq",
                "mixtral",
                "https://api.groq.com/openai/v1",
            ),
            (
                r#"{"model":"my-model","custom_llm_provider":"custom_openai","api_base":"http://h/v1/","api_key":"k"}"#,
                "custom_openai",
                "my-model",
                "http://h/v1",
            ),
            (
                r#"{"model":"openai/gpt-4o","custom_llm_provider":"openai","api_key":"k"}"#,
                "openai",
                "gpt-4o",
                "https://api.openai.com/v1",
            ),
            (
                r#"{"model":"openrouter/auto","custom_llm_provider":"openrouter","api_key":"k"}"#,
                "openrouter",
                "openrouter/auto",
                "https://openrouter.ai/api/v1",
            ),
            (r#"{"model":"openrouter/a/b","api_key":"k"}"#, "openrouter", "a/b", "https://openrouter.ai/api/v1"),
            (
                r#"{"model":"gpt","deployment_id":"d","api_base":"https://x.openai.azure.com","api_key":"k"}"#,
                "azure",
                "d",
                "https://x.openai.azure.com",
            ),
            (r#"{"model":"hosted_vllm/m","base_url":"http://b","api_base":"http://a"}"#, "hosted_vllm", "m", "http://b"),
            (r#"{"model":"ai21/jamba-large","api_key":"k"}"#, "ai21_chat", "jamba-large", "https://api.ai21.com/studio/v1"),
            (
                r#"{"model":"fast","model_alias_map":{"fast":"groq/x"},"api_key":"k"}"#,
                "groq",
                "x",
                "https://api.groq.com/openai/v1",
            ),
        ];
        for (request, provider, model, base) in table {
            let (p, m, b, _) = parts(request, &[]);
            assert_eq!((p.as_str(), m.as_str(), b.as_str()), (provider, model, base), "{request}");
        }
    }

    #[test]
    fn the_proxy_takes_every_model() {
        let env = [("USE_LITELLM_PROXY", "True"), ("LITELLM_PROXY_API_BASE", "http://p"), ("LITELLM_PROXY_API_KEY", "k")];
        assert_eq!(
            parts(r#"{"model":"anthropic/claude-x"}"#, &env),
            ("litellm_proxy".into(), "anthropic/claude-x".into(), "http://p".into(), Some("k".into()))
        );
    }

    #[test]
    fn keys_come_from_request_settings_environment() {
        let key = |request: &str, env: &[(&str, &str)]| parts(request, env).3.unwrap();
        let env = [("OPENAI_API_KEY", "env"), ("GROQ_API_KEY", "groq-env")];
        assert_eq!(key(r#"{"model":"openai/m","api_key":"own","settings":{"api_key":"any"}}"#, &env), "own");
        assert_eq!(key(r#"{"model":"openai/m","settings":{"openai_key":"o","api_key":"any"}}"#, &env), "any");
        assert_eq!(key(r#"{"model":"openai/m","settings":{"openai_key":"o"}}"#, &env), "o");
        assert_eq!(key(r#"{"model":"openai/m"}"#, &env), "env");
        // Another provider's key is nearer than the program's one key, and OpenAI's is never sent elsewhere.
        assert_eq!(key(r#"{"model":"groq/m","settings":{"api_key":"any"}}"#, &env), "groq-env");
        assert_eq!(key(r#"{"model":"groq/m","settings":{"groq_key":"g"}}"#, &env), "g");
        assert_eq!(key(r#"{"model":"xai/m","settings":{"api_key":"any"}}"#, &env), "any");
        assert!(route(r#"{"model":"xai/m"}"#, &env).is_err());
        assert_eq!(key(r#"{"model":"lm_studio/m","api_base":"http://h"}"#, &[]), "fake-api-key");
        let token = route(r#"{"model":"azure/m","azure_ad_token":"t","api_base":"https://h"}"#, &[]).unwrap();
        assert_eq!(token.api_key, None);
        assert!(route(r#"{"model":"groq/m","extra_headers":{"Authorization":"Bearer x"}}"#, &[]).unwrap().api_key.is_none());
    }

    #[test]
    fn addresses_come_from_request_settings_environment() {
        let base = |request: &str, env: &[(&str, &str)]| parts(request, env).2;
        let env = [("OPENAI_API_BASE", "http://old"), ("OPENAI_BASE_URL", "http://new/"), ("GROQ_API_BASE", "http://g")];
        assert_eq!(base(r#"{"model":"gpt-4o","api_key":"k"}"#, &env), "http://new");
        assert_eq!(base(r#"{"model":"gpt-4o","api_key":"k","settings":{"api_base":"http://set"}}"#, &env), "http://set");
        assert_eq!(base(r#"{"model":"groq/m","api_key":"k","settings":{"api_base":"http://set"}}"#, &env), "http://g");
        let error = route(r#"{"model":"hosted_vllm/m"}"#, &[]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains("HOSTED_VLLM_API_BASE"), "{}", error.message);
    }

    #[test]
    fn a_missing_key_names_the_variables() {
        let error = route(r#"{"model":"perplexity/sonar"}"#, &[]).unwrap_err();
        assert_eq!((error.kind, error.status_code), (ErrorKind::Authentication, 401));
        assert!(error.message.contains("PERPLEXITYAI_API_KEY, PERPLEXITY_API_KEY"), "{}", error.message);
        assert_eq!((error.provider.as_str(), error.model.as_str()), ("perplexity", "sonar"));
    }

    #[test]
    fn unknown_providers_are_refused_with_a_cure() {
        for request in [
            r#"{"model":"nonsense-model"}"#,
            r#"{"model":"nosuch/whatever","api_key":"k"}"#,
            r#"{"model":"m","custom_llm_provider":"nosuch"}"#,
        ] {
            let error = route(request, &[]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest);
            assert!(error.message.starts_with("LLM Provider NOT provided"), "{}", error.message);
        }
        assert!(route("{}", &[]).unwrap_err().message.contains("`model` is missing"));
        let error = route(r#"{"model":"anthropic_text/claude-x","api_key":"k"}"#, &[]).unwrap_err();
        assert_eq!((error.kind, error.provider.as_str()), (ErrorKind::BadRequest, "anthropic_text"));
    }

    #[test]
    fn h13_line_breaks_and_foreign_characters_are_refused_and_not_shown() {
        for bad in [
            r#"{"model":"openai/m\n","api_key":"k"}"#,
            r#"{"model":"openai/m\u0000","api_key":"k"}"#,
            r#"{"model":"openai/m","api_key":"sk-secret\r\nx"}"#,
            r#"{"model":"openai/m","api_key":"sk-secret\n"}"#,
            r#"{"model":"openai/m","api_key":"sk-secretü"}"#,
            r#"{"model":"openai/m","api_key":"k","api_base":"http://h\n/v1"}"#,
            r#"{"model":"openai/m","api_key":"k","api_base":"http://hö/v1"}"#,
            r#"{"model":"openai/m","api_key":"k","api_base":"file:///etc/passwd"}"#,
            r#"{"model":"openai/m","api_key":"k","api_base":"localhost:8000/v1"}"#,
            r#"{"model":"openai/m","api_key":"k","api_base":"https://"}"#,
            r#"{"model":"openai/m","api_key":"k","api_base":"https:///v1"}"#,
        ] {
            let error = route(bad, &[]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{bad}");
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
        assert!(!format!("{:?}", route(r#"{"model":"gpt-4o","api_key":"sk-secret"}"#, &[]).unwrap()).contains("sk-secret"));
    }

    #[test]
    fn the_question_answers_litellms_tuple() {
        let ask = |request: &str| {
            let answer = get_llm_provider_in(&Request::parse(request.as_bytes()).unwrap(), &|_| None).unwrap();
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            (
                answer["model"].as_str().unwrap().to_owned(),
                answer["custom_llm_provider"].as_str().unwrap().to_owned(),
                answer["dynamic_api_key"].as_str().map(str::to_owned),
                answer["api_base"].as_str().map(str::to_owned),
            )
        };
        let text = |s: &str| s.to_owned();
        assert_eq!(ask(r#"{"model":"anthropic/claude-x"}"#), (text("claude-x"), text("anthropic"), None, None));
        assert_eq!(ask(r#"{"model":"openrouter/a/b"}"#), (text("a/b"), text("openrouter"), None, None));
        assert_eq!(ask(r#"{"model":"lm_studio/x"}"#), (text("x"), text("lm_studio"), Some(text("fake-api-key")), None));
        assert_eq!(ask(r#"{"model":"text-embedding-3-small"}"#), (text("text-embedding-3-small"), text("openai"), None, None));
        assert_eq!(
            ask(r#"{"model":"deepseek/deepseek-chat"}"#),
            (text("deepseek-chat"), text("deepseek"), None, Some(text("https://api.deepseek.com/beta")))
        );
        assert_eq!(
            ask(r#"{"model":"ollama/llama3.1"}"#),
            (text("llama3.1"), text("ollama"), None, Some(text("http://localhost:11434")))
        );
    }
}
