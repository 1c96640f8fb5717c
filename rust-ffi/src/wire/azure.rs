//! Azure OpenAI: the same bodies, other addresses and credentials.
//!
//! Source: Microsoft's reference of the data plane. A deployment has an address of its own with an `api-version`; the versions `v1`, `latest`
//! and `preview` mean the newer surface, which is OpenAI's own under `/openai/v1`.

use percent_encoding::utf8_percent_encode;

use super::body::Body;
use super::http::{bearer, join, UNRESERVED};
use super::openai::request::{self, Target};
use super::openai::{kept, path, quirks, row};
use super::params::sort::Rules;
use super::providers::Gpt5;
use super::{Dialect, HttpCall, Operation};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::{self, Route};

/// litellm 1.106's version where none is given.
const DEFAULT_VERSION: &str = "2025-02-01-preview";

pub struct Azure;

impl Dialect for Azure {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        // The Responses API came with the newer surface.
        let responses = operation.keeper().unwrap_or(operation) == Operation::Responses;
        let default = if responses { "preview" } else { DEFAULT_VERSION };
        let version = version(request, default)?;
        let newer = matches!(version.as_str(), "v1" | "latest" | "preview");
        // litellm's prefixes that tell what is behind a deployment are no part of its name.
        let deployment = route.model.strip_prefix("o_series/").or_else(|| route.model.strip_prefix("gpt5_series/"));
        let route = &Route { model: deployment.unwrap_or(&route.model).to_owned(), ..route.clone() };
        let base_model = request.str("base_model")?;
        let hint = request.str("model")?.filter(|_| deployment.is_some());
        let name = base_model.or(hint).unwrap_or_else(|| route.model.as_str().into());
        let kept = kept::path(operation, request)?;
        let target = Target {
            url: match &kept {
                Some(path) => beside_deployments(&route.api_base, path, &version, newer, responses),
                None => url(operation, route, &version, newer)?,
            },
            credentials: credentials(route, request, newer && !responses)?,
            family: family(&name),
            adjust: &|body, rules| by_version(body, rules, &version, &route.model),
        };
        if kept.is_some() {
            return kept::prepare(row, operation, route, request, target);
        }
        request::prepare(row, operation, route, request, target)
    }
}

/// The model that a deployment's name, or a hint, stands for: people name deployments after their models, with words of their own.
fn family(name: &str) -> &str {
    if Gpt5::of(name).is_some() {
        return name;
    }
    if name.contains("gpt5_series/") {
        return "gpt-5";
    }
    if name.contains("o_series/") {
        return "o1";
    }
    name.split(['-', '_', '.', '/']).find(|word| matches!(*word, "o1" | "o3" | "o4")).unwrap_or(name)
}

/// What older versions of the API do not know. Source: Microsoft's notes on the versions of the API.
fn by_version(body: &mut Body<'_>, rules: &Rules<'_>, version: &str, model: &str) -> Result<Option<&'static str>> {
    let Some((year, month)) = date(version) else { return Ok(None) };
    if let Some(choice) = body.get("tool_choice") {
        let required = choice.text() == "\"required\"";
        if (year, month) < (2023, 12) || (required && year == 2024 && month <= 5) {
            let given = choice.text().to_owned();
            rules.refuse(body, "tool_choice", || format!("Azure's api_version={version} does not know tool_choice={given}"))?;
        }
    }
    let no_schemas = (year, month) < (2024, 8) || model.contains("gpt-35") || model.contains("gpt-3.5");
    if no_schemas && !body.has("stream") && !body.has("tools") {
        return quirks::schema_as_tool(body, model);
    }
    Ok(None)
}

/// Year and month of a version that is a date.
fn date(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('-');
    let (year, month) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?;
    Some((year, month))
}

fn version(request: &Request<'_>, default: &str) -> Result<String> {
    let given = request.str("api_version")?.filter(|version| !version.is_empty());
    let version = match given {
        Some(version) => version.into_owned(),
        None => match request.setting_str("api_version")? {
            Some(version) => version.into_owned(),
            None => std::env::var("AZURE_API_VERSION").ok().filter(|v| !v.is_empty()).unwrap_or_else(|| default.to_owned()),
        },
    };
    if version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) {
        return Ok(version);
    }
    Err(Error::bad_request("`api_version` must be a date as in 2024-10-21, or v1, latest or preview"))
}

/// Where a deployment is reached.
fn url(operation: Operation, route: &Route, version: &str, newer: bool) -> Result<String> {
    let path = path(operation).filter(|_| operation != Operation::Moderation).ok_or_else(|| operation.unavailable("azure"))?;
    let base = route.api_base.as_str();
    if newer {
        let base = if base.contains("/openai/v1") { base.to_owned() } else { join(base, "openai/v1") };
        let url = join(&base, path);
        return Ok(if operation == Operation::Responses { versioned(url, version) } else { url });
    }
    if operation == Operation::Responses {
        // It knows no deployments in its address: the body names one.
        return Ok(versioned(if base.contains("/openai/") { join(base, path) } else { join(base, "openai/responses") }, version));
    }
    // A slash, a dot-dot or a question mark in a deployment's name must not lead to another address (H14).
    let deployment = match route.model.as_str() {
        "." | ".." => return Err(Error::bad_request("the deployment's name is not one")),
        model => utf8_percent_encode(model, UNRESERVED).to_string(),
    };
    let full = if base.contains("/openai/deployments/") {
        join(base, path)
    } else {
        join(base, &format!("openai/deployments/{deployment}/{path}"))
    };
    Ok(versioned(full, version))
}

/// Where the resource keeps what belongs to no deployment: files, batches, responses.
fn beside_deployments(base: &str, path: &str, version: &str, newer: bool, responses: bool) -> String {
    if newer {
        let base = if base.contains("/openai/v1") { base.to_owned() } else { join(base, "openai/v1") };
        let url = join(&base, path);
        return if responses { versioned(url, version) } else { url };
    }
    versioned(if base.contains("/openai/") { join(base, path) } else { join(base, &format!("openai/{path}")) }, version)
}

fn versioned(url: String, version: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    if url.contains("api-version=") {
        url
    } else {
        format!("{url}{separator}api-version={version}")
    }
}

/// Microsoft's token before the key; the newer surface takes both as a bearer.
fn credentials(route: &Route, request: &Request<'_>, newer: bool) -> Result<Vec<(String, String)>> {
    let token = match request.str("azure_ad_token")?.filter(|token| !token.is_empty()) {
        Some(token) => Some(token.into_owned()),
        None if route.api_key.is_some() => None,
        None => std::env::var("AZURE_AD_TOKEN").ok().filter(|token| !token.is_empty()),
    };
    if let Some(token) = token {
        let token = token.strip_prefix("Bearer ").unwrap_or(&token);
        route::check_key(token)?;
        return Ok(vec![bearer(token)]);
    }
    Ok(match &route.api_key {
        Some(key) if newer => vec![bearer(key.expose())],
        Some(key) => vec![("api-key".to_owned(), key.expose().to_owned())],
        None => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::route::Secret;

    fn call(model: &str, base: &str, request: &str) -> Result<HttpCall> {
        let route =
            Route { provider: "azure".into(), model: model.into(), api_base: base.into(), api_key: Some(Secret::new("the-key")) };
        let text = format!(r#"{{"messages":[{{"role":"user","content":"x"}}],"input":"x"{request}}}"#);
        Azure.prepare(Operation::Completion, &route, &Request::parse(text.as_bytes()).unwrap())
    }

    fn header<'c>(call: &'c HttpCall, name: &str) -> Option<&'c str> {
        call.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    #[test]
    fn z1_deployments_have_their_address_and_the_newer_surface_is_openais() {
        let base = "https://x.openai.azure.com";
        let old = call("gpt-4o", base, r#","api_version":"2024-10-21""#).unwrap();
        assert_eq!(old.url, "https://x.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21");
        assert_eq!((header(&old, "api-key"), header(&old, "authorization")), (Some("the-key"), None));
        for version in ["v1", "latest", "preview"] {
            let new = call("gpt-4o", base, &format!(r#","api_version":"{version}""#)).unwrap();
            assert_eq!(new.url, "https://x.openai.azure.com/openai/v1/chat/completions");
            assert_eq!((header(&new, "api-key"), header(&new, "authorization")), (None, Some("Bearer the-key")));
        }
        assert!(call("gpt-4o", base, "").unwrap().url.ends_with(&format!("?api-version={DEFAULT_VERSION}")));
        let full = call("d", "https://gw/openai/deployments/d/chat/completions?api-version=1", "").unwrap();
        assert_eq!(full.url, "https://gw/openai/deployments/d/chat/completions?api-version=1");
    }

    #[test]
    fn a_token_goes_before_the_key() {
        let with = call("m", "https://h", r#","azure_ad_token":"tok""#).unwrap();
        assert_eq!((header(&with, "authorization"), header(&with, "api-key")), (Some("Bearer tok"), None));
        let error = call("m", "https://h", r#","azure_ad_token":"to\nk""#).err().unwrap();
        assert!(!error.message.contains("to\nk"));
    }

    #[test]
    fn h14_a_deployment_cannot_leave_its_place() {
        let url = |model: &str| call(model, "https://h", r#","api_version":"1""#).unwrap().url;
        assert_eq!(
            url("../../admin?x=1#y"),
            "https://h/openai/deployments/..%2F..%2Fadmin%3Fx%3D1%23y/chat/completions?api-version=1"
        );
        assert_eq!(url("a b%2f"), "https://h/openai/deployments/a%20b%252f/chat/completions?api-version=1");
        assert!(call("..", "https://h", "").is_err());
        assert!(call("m", "https://h", r#","api_version":"1&x=2""#).is_err());
    }

    #[test]
    fn a_hint_tells_what_is_behind_a_deployment() {
        let body = |request: &str| String::from_utf8(call("my-deployment", "https://h", request).unwrap().body.to_vec()).unwrap();
        assert!(body(r#","max_tokens":5,"base_model":"azure/o3-mini","reasoning_effort":"low""#)
            .contains(r#""max_completion_tokens":5"#));
        assert!(body(r#","max_tokens":5"#).contains(r#""max_tokens":5"#));
        for (name, model) in [
            ("my-o3-mini-eu", "o3"),
            ("o_series/mine", "o1"),
            ("gpt5_series/mine", "gpt-5"),
            ("demo1", "demo1"),
            ("gpt-4o", "gpt-4o"),
        ] {
            assert_eq!(family(name), model, "{name}");
        }
    }

    #[test]
    fn older_versions_refuse_what_they_do_not_know() {
        let tools = r#","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required""#;
        let with = |version: &str| call("gpt-4o", "https://h", &format!(r#"{tools},"api_version":"{version}""#));
        assert_eq!(with("2024-02-01").err().unwrap().kind, crate::engine::error::ErrorKind::UnsupportedParams);
        for version in ["2024-10-21", "2025-02-01-preview", "preview"] {
            assert!(with(version).is_ok(), "{version}");
        }
        let schema = r#","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#;
        let body = |version: &str| {
            String::from_utf8(
                call("gpt-4o", "https://h", &format!(r#"{schema},"api_version":"{version}""#)).unwrap().body.to_vec(),
            )
            .unwrap()
        };
        assert!(body("2024-10-21").contains("json_schema"));
        assert!(body("2024-05-01-preview").contains("json_tool_call"));
    }
}
