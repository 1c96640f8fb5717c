//! Address and key: from the request, the settings or the environment, in this order.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{process_env, Env, Secret};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::Request;
use crate::wire::providers::{Provider, Source};

/// `base_url` is OpenAI's name of `api_base` and wins, as in litellm.
pub(super) fn given_base<'a>(request: &Request<'a>) -> Result<Option<Cow<'a, str>>> {
    match request.str("base_url")?.filter(|base| !base.is_empty()) {
        Some(base) => Ok(Some(base)),
        None => Ok(request.str("api_base")?.filter(|base| !base.is_empty())),
    }
}

pub(super) fn base_of(row: &Provider, request: &Request<'_>, env: Env<'_>) -> Result<String> {
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

pub(super) fn key_of(row: &Provider, request: &Request<'_>, env: Env<'_>) -> Result<Option<Secret>> {
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
