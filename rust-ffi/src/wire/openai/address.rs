//! Where a request goes, for the providers of OpenAI's protocol whose addresses and keys are made in ways of their own.
//!
//! Sources: the providers' API references, and litellm 1.106's ways to name a deployment, an account or an agent.

use std::borrow::Cow;

use percent_encoding::utf8_percent_encode;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::{self, Route, Secret};
use crate::wire::http::{bearer, join, UNRESERVED};
use crate::wire::oauth::Grant;
use crate::wire::providers::{Provider, Quirk};
use crate::wire::Operation;

/// A request's place.
pub struct Place<'r> {
    pub url: String,
    /// The model's name at that place.
    pub model: Cow<'r, str>,
    /// Headers that carry the key, in lower case.
    pub credentials: Vec<(String, String)>,
    /// Where tokens for the call are got, instead of a key.
    pub grant: Option<Grant>,
    /// Arguments that were used up here and are no part of the body.
    pub used: &'static [&'static str],
}

/// The place of a request; `path` is OpenAI's path of the operation.
pub fn of<'r>(row: &Provider, operation: Operation, route: &'r Route, request: &Request<'_>, path: &str) -> Result<Place<'r>> {
    let base = route.api_base.as_str();
    let key = route.api_key.as_ref().map(|key| key.expose());
    let mut place = Place {
        url: String::new(),
        model: Cow::Borrowed(&route.model),
        credentials: key.map(bearer).into_iter().collect(),
        grant: None,
        used: &[],
    };
    place.url = match row.name {
        "azure_ai" => {
            if let (Some(key), true) = (key, is_microsoft(base)) {
                place.credentials = vec![("api-key".to_owned(), key.to_owned())];
            }
            azure_ai(base, path, request)?
        }
        "cloudflare" => cloudflare(base, path)?,
        "databricks" => {
            place.grant = databricks(base, request)?;
            if place.grant.is_some() {
                place.credentials.clear();
            } else if key.is_none() && !route::brings_header(request) {
                return Err(Error::new(
                    ErrorKind::Authentication,
                    "no API key for databricks: pass api_key, or set the environment variable DATABRICKS_API_KEY, or DATABRICKS_CLIENT_ID \
                     and DATABRICKS_CLIENT_SECRET of a service principal",
                ));
            }
            join(base, path)
        }
        "datarobot" => datarobot(base, path),
        // Agents have an address of their own; the other is that of the models.
        "gradient_ai" if base == "https://inference.do-ai.run" => join(base, &format!("v1/{path}")),
        "gradient_ai" => join(base, &format!("api/v1/{path}")),
        "huggingface" => {
            let (url, model) = huggingface(base, &route.model, path);
            place.model = model;
            url
        }
        "minimax" => with_version(base, path),
        "ragflow" => {
            let (url, model) = ragflow(base, &route.model, path)?;
            place.model = model.into();
            url
        }
        "snowflake" => {
            place.used = &["account_id"];
            let key = key.unwrap_or_default();
            // litellm's prefix that tells a programmatic access token from a key pair's JWT.
            let (kind, key) = match key.strip_prefix("pat/") {
                Some(token) => ("PROGRAMMATIC_ACCESS_TOKEN", token),
                None => ("KEYPAIR_JWT", key),
            };
            place.credentials = vec![bearer(key), ("x-snowflake-authorization-token-type".to_owned(), kind.to_owned())];
            snowflake(base, path, request)?
        }
        "voyage" => join(voyage(row, base, key), path),
        _ => {
            let v1 = row.has(Quirk::V1Path) || (row.has(Quirk::V1Embeddings) && operation != Operation::Completion);
            if v1 {
                with_version(base, path)
            } else {
                join(base, path)
            }
        }
    };
    Ok(place)
}

/// Voyage's keys from MongoDB are known to MongoDB's host only, which the caller need not tell.
pub fn voyage<'b>(row: &Provider, base: &'b str, key: Option<&str>) -> &'b str {
    if row.api_base == Some(base) && key.is_some_and(|key| key.starts_with("al-")) {
        "https://ai.mongodb.com/v1"
    } else {
        base
    }
}

/// `path` below `/v1`, whether the base ends in that, in the whole path or in neither.
fn with_version(base: &str, path: &str) -> String {
    let bare = base.split('?').next().unwrap_or(base).trim_end_matches('/');
    if bare.ends_with(path) {
        return join(base, path);
    }
    join(&join(base, "v1"), path)
}

fn is_microsoft(base: &str) -> bool {
    host(base).is_some_and(|host| host.ends_with(".services.ai.azure.com") || host.ends_with(".openai.azure.com"))
}

fn host(base: &str) -> Option<&str> {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    rest.split(['/', '?', ':']).next()
}

/// Azure AI Foundry: models have a path of their own, and the version stands in the query.
fn azure_ai(base: &str, path: &str, request: &Request<'_>) -> Result<String> {
    let foundry = host(base).is_some_and(|host| host.ends_with(".services.ai.azure.com"));
    let url = match base.split('?').next().is_some_and(|bare| bare.trim_end_matches('/').ends_with("/models")) {
        false if foundry && !base.contains("/models/") => join(base, &format!("models/{path}")),
        _ => join(base, path),
    };
    let version = request.str("api_version")?.filter(|version| !version.is_empty());
    Ok(match version {
        Some(version) if !url.contains("api-version=") => {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}api-version={}", utf8_percent_encode(&version, UNRESERVED))
        }
        _ => url,
    })
}

/// Workers AI: every account has its own address. The older one (`/ai/run`) does not speak OpenAI's protocol.
fn cloudflare(base: &str, path: &str) -> Result<String> {
    if !base.is_empty() {
        let base = base.strip_suffix("/ai/run").map_or_else(|| base.to_owned(), |account| format!("{account}/ai/v1"));
        return Ok(join(&base, path));
    }
    let account = variable("CLOUDFLARE_ACCOUNT_ID").ok_or_else(|| {
        Error::bad_request("cloudflare needs your account: set the environment variable CLOUDFLARE_ACCOUNT_ID or pass api_base")
    })?;
    let account = utf8_percent_encode(&account, UNRESERVED);
    Ok(format!("https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1/{path}"))
}

/// A service principal's tokens (Databricks's OAuth M2M), where its id and secret are in the environment and the call names no key.
fn databricks(base: &str, request: &Request<'_>) -> Result<Option<Grant>> {
    let (Some(id), Some(secret), false) =
        (variable("DATABRICKS_CLIENT_ID"), variable("DATABRICKS_CLIENT_SECRET"), request.has("api_key"))
    else {
        return Ok(None);
    };
    principal(base, id, secret).map(Some)
}

/// The workspace of the address gives the tokens.
fn principal(base: &str, id: String, secret: String) -> Result<Grant> {
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let workspace = rest.split(['/', '?']).next().unwrap_or_default();
    for value in [&id, &secret] {
        route::check_key(value)?;
    }
    Ok(Grant {
        issuer: "the Databricks workspace",
        url: format!("{scheme}://{workspace}/oidc/v1/token"),
        form: Secret::new("grant_type=client_credentials&scope=all-apis"),
        client: Some((id, Secret::new(secret))),
    })
}

/// The gateway of all models, unless the address is that of one deployment.
fn datarobot(base: &str, path: &str) -> String {
    let gateway = format!("genai/llmgw/{path}");
    let whole = if base.contains("api/v2/deployments") || base.contains("/genai/llmgw") {
        base.to_owned()
    } else if base.contains("api/v2") {
        join(base, &gateway)
    } else if base.split_once("://").is_none_or(|(_, rest)| !rest.contains('/')) {
        join(base, &format!("api/v2/{gateway}"))
    } else {
        base.to_owned()
    };
    // DataRobot's addresses end in a slash.
    format!("{}/", whole.trim_end_matches('/'))
}

/// Hugging Face: an address as the model is that of an endpoint of the caller's own; at the router, the provider that serves a model stands
/// behind its name (`org/model:provider`), and before it in litellm (`provider/org/model`).
fn huggingface<'r>(base: &'r str, model: &'r str, path: &str) -> (String, Cow<'r, str>) {
    if model.starts_with("http://") || model.starts_with("https://") {
        return (with_version(model.trim_end_matches('/'), path), Cow::Borrowed(model));
    }
    let url = with_version(base, path);
    if host(base) != Some("router.huggingface.co") {
        return (url, Cow::Borrowed(model));
    }
    match model.split_once('/') {
        Some((provider, rest)) if rest.contains('/') => (url, Cow::Owned(format!("{rest}:{provider}"))),
        _ => (url, Cow::Borrowed(model)),
    }
}

/// The model's name says which chat or agent: `chat/<id>/<model>`, `agent/<id>/<model>`.
fn ragflow<'m>(base: &str, model: &'m str, path: &str) -> Result<(String, &'m str)> {
    let mut parts = model.splitn(3, '/');
    let (kind, id, name) = (parts.next(), parts.next(), parts.next());
    let (kind, id, name) = match (kind, id, name) {
        (Some("chat"), Some(id), Some(name)) if !id.is_empty() && !name.is_empty() => ("chats_openai", id, name),
        (Some("agent"), Some(id), Some(name)) if !id.is_empty() && !name.is_empty() => ("agents_openai", id, name),
        _ => {
            return Err(Error::bad_request(format!(
                "the model {model:?} names no chat and no agent of RAGFlow; write ragflow/chat/<id>/<model> or ragflow/agent/<id>/<model>"
            )))
        }
    };
    let base = base.strip_suffix("/api/v1").or_else(|| base.strip_suffix("/v1")).unwrap_or(base);
    // An id must not lead to another address.
    let id = match id {
        "." | ".." => return Err(Error::bad_request("the id of the chat or agent is not one")),
        id => utf8_percent_encode(id, UNRESERVED),
    };
    Ok((join(base, &format!("api/v1/{kind}/{id}/{path}")), name))
}

/// Cortex: every account has its own host.
fn snowflake(base: &str, path: &str, request: &Request<'_>) -> Result<String> {
    let base = if base.is_empty() {
        let account = match request.str("account_id")? {
            Some(account) => Some(account.into_owned()),
            None => variable("SNOWFLAKE_ACCOUNT_ID"),
        };
        let account = account.ok_or_else(|| {
            Error::bad_request(
                "snowflake needs your account: pass account_id or api_base, or set the environment variable SNOWFLAKE_ACCOUNT_ID",
            )
        })?;
        if !account.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(Error::new(ErrorKind::BadRequest, "`account_id` holds letters, digits, - and _ only"));
        }
        format!("https://{account}.snowflakecomputing.com/api/v2")
    } else if base.contains("/api/v2") {
        base.to_owned()
    } else {
        join(base, "api/v2")
    };
    Ok(if base.contains("/cortex/v1") { join(&base, path) } else { join(&base, &format!("cortex/v1/{path}")) })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::providers::find;

    /// Address, model and the headers of the key.
    type Found = (String, String, Vec<(String, String)>);

    fn place(provider: &str, model: &str, base: &str, request: &str) -> Result<Found> {
        let route = Route {
            provider: provider.into(),
            model: model.into(),
            api_base: base.into(),
            api_key: Some(Secret::new("pat/the-key")),
        };
        let request = Request::parse(request.as_bytes()).unwrap();
        let place = of(find(provider).unwrap(), Operation::Completion, &route, &request, "chat/completions")?;
        Ok((place.url, place.model.into_owned(), place.credentials))
    }

    fn url(provider: &str, base: &str) -> String {
        place(provider, "m", base, "{}").unwrap().0
    }

    #[test]
    fn versions_are_added_where_they_are_missing() {
        for base in ["https://h", "https://h/", "https://h/v1", "https://h/v1/chat/completions"] {
            assert_eq!(url("mistral", base), "https://h/v1/chat/completions", "{base}");
            assert_eq!(url("minimax", base), "https://h/v1/chat/completions", "{base}");
            assert_eq!(url("huggingface", base), "https://h/v1/chat/completions", "{base}");
        }
    }

    #[test]
    fn hugging_faces_router_has_the_provider_behind_the_model() {
        let router = "https://router.huggingface.co/v1";
        let (url, model, _) = place("huggingface", "together/deepseek-ai/DeepSeek-R1", router, "{}").unwrap();
        assert_eq!(
            (url.as_str(), model.as_str()),
            ("https://router.huggingface.co/v1/chat/completions", "deepseek-ai/DeepSeek-R1:together")
        );
        assert_eq!(place("huggingface", "org/model", router, "{}").unwrap().1, "org/model");
        assert_eq!(place("huggingface", "a/b/c", "https://own", "{}").unwrap().1, "a/b/c");
        let own = place("huggingface", "https://mine.example/x/", router, "{}").unwrap();
        assert_eq!(own.0, "https://mine.example/x/v1/chat/completions");
    }

    #[test]
    fn azures_models_have_a_path_a_version_and_a_header_of_their_own() {
        let (url, _, credentials) =
            place("azure_ai", "m", "https://x.services.ai.azure.com", r#"{"api_version":"2024-05-01"}"#).unwrap();
        assert_eq!(url, "https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01");
        assert_eq!(credentials[0].0, "api-key");
        let (url, _, credentials) = place("azure_ai", "m", "https://x.inference.ai.azure.com/v1", "{}").unwrap();
        assert_eq!(
            (url.as_str(), credentials[0].0.as_str()),
            ("https://x.inference.ai.azure.com/v1/chat/completions", "authorization")
        );
        let whole = "https://x.services.ai.azure.com/models/chat/completions?api-version=1";
        assert_eq!(place("azure_ai", "m", whole, r#"{"api_version":"2"}"#).unwrap().0, whole);
        assert_eq!(place("azure_ai", "m", "https://x.services.ai.azure.com.evil.example", "{}").unwrap().2[0].0, "authorization");
    }

    #[test]
    fn accounts_agents_and_deployments() {
        assert_eq!(url("cloudflare", "https://h/accounts/a/ai/run"), "https://h/accounts/a/ai/v1/chat/completions");
        assert_eq!(
            url("datarobot", "https://app.datarobot.com"),
            "https://app.datarobot.com/api/v2/genai/llmgw/chat/completions/"
        );
        assert_eq!(url("datarobot", "https://h/api/v2"), "https://h/api/v2/genai/llmgw/chat/completions/");
        assert_eq!(url("datarobot", "https://h/api/v2/deployments/d/"), "https://h/api/v2/deployments/d/");
        assert_eq!(url("gradient_ai", "https://inference.do-ai.run"), "https://inference.do-ai.run/v1/chat/completions");
        assert_eq!(url("gradient_ai", "https://agent"), "https://agent/api/v1/chat/completions");
        let (url, model, _) = place("ragflow", "chat/c 1/deep/seek", "http://h:9380/api/v1", "{}").unwrap();
        assert_eq!((url.as_str(), model.as_str()), ("http://h:9380/api/v1/chats_openai/c%201/chat/completions", "deep/seek"));
        for wrong in ["m", "chat/m", "room/1/m", "chat/../m"] {
            assert_eq!(place("ragflow", wrong, "http://h", "{}").err().unwrap().kind, ErrorKind::BadRequest, "{wrong}");
        }
    }

    #[test]
    fn a_service_principals_tokens_come_from_the_workspace() {
        let grant = principal("https://w.cloud.databricks.com/serving-endpoints", "id".into(), "secret".into()).unwrap();
        assert_eq!(grant.url, "https://w.cloud.databricks.com/oidc/v1/token");
        assert!(principal("https://w", "id".into(), "line\nbreak".into()).is_err());
    }

    #[test]
    fn snowflakes_accounts_are_hosts_and_its_tokens_have_kinds() {
        let (url, _, credentials) = place("snowflake", "m", "", r#"{"account_id":"my-org"}"#).unwrap();
        assert_eq!(url, "https://my-org.snowflakecomputing.com/api/v2/cortex/v1/chat/completions");
        assert_eq!(credentials[0].1, "Bearer the-key");
        assert_eq!(credentials[1].1, "PROGRAMMATIC_ACCESS_TOKEN");
        for wrong in [r#"{"account_id":"evil.example/"}"#, r#"{"account_id":"a@b"}"#] {
            assert!(place("snowflake", "m", "", wrong).is_err(), "{wrong}");
        }
    }
}
