//! Where a call goes and with whose credentials: the call's own words, then the settings, then the environment.

use edgequake_llm::google_auth;
use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::params::Gate;
use super::pool::{Spec, Use};
use super::table::{Credentials, Kind, Row};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Request};
use crate::engine::route::Secret;

/// Headers that the crate sets itself, over or beside the caller's.
const RESERVED: &[&str] = &["authorization", "content-type", "content-length", "host", "accept"];

const NO_PLACE: &str = "the crate's traits have no place for it";

pub fn spec(gate: &Gate<'_>, row: &'static Row, model: &str, usage: Use, request: &Request<'_>) -> Result<Spec> {
    refuse_what_steers_nothing(gate, row, request)?;
    Ok(Spec {
        id: row.id,
        usage,
        model: model.to_owned(),
        base: base(gate, row, request)?,
        key: key(gate, row, request)?,
        headers: headers(gate, row, request)?,
        place: if row.kind == Kind::Vertex { Some(place(request)?) } else { None },
        google: if row.kind == Kind::Vertex { google(request)? } else { None },
    })
}

/// Controls that the crate's clients do not take. They are never dropped: a call that goes another way than its caller said is wrong.
fn refuse_what_steers_nothing(gate: &Gate<'_>, row: &Row, request: &Request<'_>) -> Result<()> {
    for name in ["extra_body", "extra_query"] {
        if request.raw(name).is_some_and(|raw| raw.get() != "{}") {
            return Err(gate.refuse_control(name, NO_PLACE));
        }
    }
    let unverified = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get() != "true");
    if unverified(request.raw("ssl_verify")) || unverified(request.setting_raw("ssl_verify")) {
        return Err(gate.refuse_control(
            "ssl_verify",
            "the crate's clients check certificates by the system's and the built-in authorities",
        ));
    }
    if request.has("api_version") {
        return Err(gate.refuse_control("api_version", "the crate's client speaks one version"));
    }
    if row.id != "openai" {
        for name in ["organization", "project"] {
            if request.has(name) {
                return Err(gate.refuse_control(name, "it is OpenAI's"));
            }
        }
    }
    Ok(())
}

fn base(gate: &Gate<'_>, row: &Row, request: &Request<'_>) -> Result<String> {
    let mut given = None;
    for name in ["api_base", "base_url"] {
        given = given.or(request.str(name)?.filter(|text| !text.is_empty()));
    }
    if !row.takes_base() {
        return match given {
            Some(_) if row.kind != Kind::Mock => {
                Err(gate.refuse_control("api_base", "the crate has the address of this provider built in"))
            }
            _ => Ok(String::new()),
        };
    }
    let text = match given.or(request.setting_str("api_base")?) {
        Some(text) => text.into_owned(),
        None => match (env(row.base_env), row.base) {
            (Some(text), _) => text,
            (None, Some(base)) => base.to_owned(),
            (None, None) if row.kind == Kind::Copilot => return Ok(String::new()),
            (None, None) => {
                return Err(Error::bad_request(format!(
                    "{} needs an address: set `api_base` or {}",
                    row.id,
                    row.base_env.join(" or ")
                )))
            }
        },
    };
    let text = text.trim().trim_end_matches('/');
    let url = reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err(Error::bad_request("`api_base` must be an address that begins with http:// or https://"));
    };
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::bad_request("`api_base` must be an address without query, fragment, user and password"));
    }
    Ok(match row.kind {
        Kind::CompatibleHost if !text.ends_with("/v1") => format!("{text}/v1"),
        Kind::Azure if !text.ends_with("/v1") => format!("{}/openai/v1", text.trim_end_matches("/openai")),
        // The crate puts /v1 behind it itself.
        Kind::Anthropic | Kind::Jina => text.trim_end_matches("/v1").to_owned(),
        _ => text.to_owned(),
    })
}

fn key(gate: &Gate<'_>, row: &Row, request: &Request<'_>) -> Result<Option<Secret>> {
    let mut given = request.str("api_key")?.filter(|key| !key.is_empty());
    if row.kind == Kind::Azure {
        // An Entra token travels in the same header as a key.
        given = given.or(request.str("azure_ad_token")?.filter(|token| !token.is_empty()));
    }
    match row.kind {
        Kind::Copilot if given.is_some() => {
            return Err(gate.refuse_control("api_key", "the crate signs in to Copilot by itself, with its token files"))
        }
        Kind::Copilot | Kind::Mock => return Ok(None),
        _ => {}
    }
    if given.is_none() && row.id == "openai" {
        given = request.setting_str("openai_key")?;
    }
    let key = match given.or(request.setting_str("api_key")?) {
        Some(key) => Some(("`api_key`".to_owned(), key.into_owned())),
        None => row.key_env.iter().find_map(|name| Some(((*name).to_owned(), var(name)?))),
    };
    match key {
        Some((from, key)) => {
            // Such a key would panic inside the crate, or be sent as something else.
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                let message =
                    format!("{from} holds a space, a line break or a character that no key has; copy it again without them");
                return Err(Error::new(ErrorKind::Authentication, message));
            }
            Ok(Some(Secret::new(key)))
        }
        None if row.credentials == Credentials::Key => {
            let message = format!("no key for {}: set `api_key` or {}", row.id, row.key_env.join(" or "));
            Err(Error::new(ErrorKind::Authentication, message))
        }
        None => Ok(None),
    }
}

fn headers(gate: &Gate<'_>, row: &Row, request: &Request<'_>) -> Result<Vec<(String, String)>> {
    let mut all: IndexMap<String, String> = IndexMap::new();
    let sources = [
        ("headers", request.setting_raw("headers")),
        ("headers", request.raw("headers")),
        ("extra_headers", request.raw("extra_headers")),
    ];
    for (name, raw) in sources.into_iter().filter_map(|(name, raw)| Some((name, raw?))) {
        let given: IndexMap<String, String> = json::read(raw).ok_or_else(|| wrong_type(name, "an object of strings", raw))?;
        all.extend(given.into_iter().map(|(header, value)| (header.to_ascii_lowercase(), value)));
    }
    if row.kind == Kind::Mock {
        return Ok(Vec::new());
    }
    if !all.is_empty() && !row.kind.is_compatible() {
        return Err(gate.refuse_control("extra_headers", "the crate's client of this provider takes none, or not all"));
    }
    if let Some(reserved) = all.keys().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(gate.refuse_control("extra_headers", &format!("the crate sets {reserved} itself")));
    }
    if row.id == "openai" {
        for (name, header) in [("organization", "openai-organization"), ("project", "openai-project")] {
            if let Some(value) = request.str(name)?.or(request.setting_str(name)?) {
                all.entry(header.to_owned()).or_insert(value.into_owned());
            }
        }
    }
    let sendable = |name: &str, value: &str| {
        reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok() && reqwest::header::HeaderValue::from_str(value).is_ok()
    };
    if let Some((name, _)) = all.iter().find(|(name, value)| !sendable(name, value)) {
        return Err(Error::bad_request(format!(
            "the header {name:?} holds a line break or a character that HTTP cannot carry; remove it"
        )));
    }
    Ok(all.into_iter().collect())
}

/// Google's project and location.
fn place(request: &Request<'_>) -> Result<(String, String)> {
    let location = match request.str("vertex_location")? {
        Some(location) => location.into_owned(),
        None => env(&["VERTEXAI_LOCATION", "VERTEX_LOCATION", "GOOGLE_CLOUD_REGION"]).unwrap_or_else(|| "us-central1".to_owned()),
    };
    let project = match request.str("vertex_project")? {
        Some(project) => Some(project.into_owned()),
        None => env(&["VERTEXAI_PROJECT"]).or_else(|| google_auth::resolve_project_id(None)),
    };
    let project =
        project.ok_or_else(|| Error::bad_request("Vertex AI needs a project: set `vertex_project` or GOOGLE_CLOUD_PROJECT"))?;
    // Both become part of the address.
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
    };
    if !plain(&project) || !plain(&location) {
        return Err(Error::bad_request(
            "`vertex_project` and `vertex_location` may hold letters, digits, '-', '_', '.' and ':' only",
        ));
    }
    Ok((project, location))
}

fn google(request: &Request<'_>) -> Result<Option<Secret>> {
    let Some(raw) = request.raw("vertex_credentials") else { return Ok(None) };
    Ok(Some(Secret::new(match raw.get().starts_with('{') {
        true => raw.get().to_owned(),
        false => string("vertex_credentials", raw)?.into_owned(),
    })))
}

fn env(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| var(name))
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
