//! IBM watsonx.ai: OpenAI's messages and answers at addresses of its own, with a project and with tokens that expire.
//!
//! Source: IBM's API reference of watsonx.ai (`/ml/v1/text/chat`, `/ml/v1/deployments/{id}/text/chat`) and of IBM Cloud's IAM (`/identity/token`).

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::body::Body;
use super::http::{bearer, join, UNRESERVED};
use super::oauth::Grant;
use super::openai::request::{self, Target};
use super::openai::row;
use super::{Credentials, Dialect, HttpCall, Operation};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::{self, Route, Secret};

/// litellm 1.106's version of the API where none is given.
const DEFAULT_VERSION: &str = "2024-03-13";
const IAM: &str = "https://iam.cloud.ibm.com/identity/token";

/// Arguments and environment variables that name a project or a space, in the order they are looked at.
const PROJECT: Names =
    Names { arguments: &["project_id", "watsonx_project"], variables: &["WATSONX_PROJECT_ID", "WX_PROJECT_ID", "PROJECT_ID"] };
const SPACE: Names = Names {
    arguments: &["space_id"],
    variables: &["WATSONX_DEPLOYMENT_SPACE_ID", "WATSONX_SPACE_ID", "WX_SPACE_ID", "SPACE_ID"],
};
const TOKEN: Names = Names { arguments: &["token"], variables: &["WATSONX_TOKEN"] };
const ZEN_KEY: Names = Names { arguments: &["zen_api_key"], variables: &["WATSONX_ZENAPIKEY"] };

/// Arguments for the way of a call, which are no part of its body.
const OWN_ARGUMENTS: &[&str] =
    &["project_id", "watsonx_project", "space_id", "token", "zen_api_key", "region", "watsonx_region", "watsonx_region_name"];

pub struct Watsonx;

struct Names {
    arguments: &'static [&'static str],
    variables: &'static [&'static str],
}

impl Names {
    fn value(&self, request: &Request<'_>) -> Result<Option<String>> {
        for name in self.arguments {
            if let Some(value) = request.str(name)?.filter(|value| !value.is_empty()) {
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(self.variables.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty())))
    }
}

impl Dialect for Watsonx {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        if operation != Operation::Completion {
            return Err(operation.unavailable(row.name));
        }
        let deployment = route.model.strip_prefix("deployment/");
        // A deployment knows its project or space.
        let owner = match deployment {
            Some(_) => None,
            None => Some(owner(request)?),
        };
        let (headers, grant) = credentials(route, request)?;
        let adjust = |body: &mut Body<'_>, _: &super::params::sort::Rules<'_>| {
            adjust(body, &route.model, owner.as_ref());
            Ok(None)
        };
        let target =
            Target { url: url(route, request, deployment)?, credentials: headers, family: &route.model, adjust: &adjust };
        let call = request::prepare(row, operation, route, request, target)?;
        Ok(HttpCall { credentials: grant.map(|grant| Box::new(grant) as Box<dyn Credentials>), ..call })
    }
}

/// The project, or the space, that pays.
fn owner(request: &Request<'_>) -> Result<(&'static str, String)> {
    if let Some(project) = PROJECT.value(request)? {
        return Ok(("project_id", project));
    }
    if let Some(space) = SPACE.value(request)? {
        return Ok(("space_id", space));
    }
    Err(Error::bad_request(
        "watsonx needs a project or a space: pass project_id or space_id, or set the environment variable WATSONX_PROJECT_ID or \
         WATSONX_SPACE_ID",
    ))
}

fn adjust(body: &mut Body<'_>, model: &str, owner: Option<&(&'static str, String)>) {
    OWN_ARGUMENTS.iter().for_each(|name| drop(body.remove(name)));
    // A stream has an address of its own.
    if let Some((name, id)) = owner {
        body.set("model_id", Value::from(model).into());
        body.set(*name, Value::from(id.as_str()).into());
    } else {
        body.set("model", Value::from("").into());
    }
    // The words stand apart from a certain function.
    if body.get("tool_choice").is_some_and(|choice| choice.text().starts_with('"')) {
        if let Some(word) = body.remove("tool_choice") {
            body.set("tool_choice_option", word);
        }
    }
}

fn url(route: &Route, request: &Request<'_>, deployment: Option<&str>) -> Result<String> {
    let path = if request.is_stream()? { "text/chat_stream" } else { "text/chat" };
    let url = match deployment {
        Some("" | "." | "..") => return Err(Error::bad_request("the deployment's id is not one")),
        // A slash or a dot-dot in an id must not lead to another address (H14).
        Some(id) => join(&route.api_base, &format!("ml/v1/deployments/{}/{path}", utf8_percent_encode(id, UNRESERVED))),
        None => join(&route.api_base, &format!("ml/v1/{path}")),
    };
    let version = request.str("api_version")?.filter(|version| !version.is_empty());
    let version = version.as_deref().unwrap_or(DEFAULT_VERSION);
    let separator = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{separator}version={}", utf8_percent_encode(version, UNRESERVED)))
}

/// Headers that are known before the first attempt.
type Known = Vec<(String, String)>;

/// A token of the caller's, a key of Cloud Pak for Data, or a key that IAM gives tokens for.
fn credentials(route: &Route, request: &Request<'_>) -> Result<(Known, Option<Grant>)> {
    if let Some(token) = TOKEN.value(request)? {
        route::check_key(&token)?;
        return Ok((vec![bearer(&token)], None));
    }
    if let Some(key) = ZEN_KEY.value(request)? {
        route::check_key(&key)?;
        return Ok((vec![("authorization".to_owned(), format!("ZenApiKey {key}"))], None));
    }
    let Some(key) = &route.api_key else {
        if route::brings_header(request) {
            return Ok((Vec::new(), None));
        }
        return Err(Error::new(
            ErrorKind::Authentication,
            "no API key for watsonx: pass api_key, token or zen_api_key, or set one of the environment variables WATSONX_APIKEY, \
             WATSONX_API_KEY, WX_API_KEY, WATSONX_TOKEN, WATSONX_ZENAPIKEY",
        ));
    };
    let url = std::env::var("WATSONX_IAM_URL").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| IAM.to_owned());
    let key = utf8_percent_encode(key.expose(), UNRESERVED);
    let form = Secret::new(format!("grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey={key}"));
    Ok((Vec::new(), Some(Grant { issuer: "IBM's IAM", url, form, client: None })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(model: &str, arguments: &str) -> Result<HttpCall> {
        let route = Route {
            provider: "watsonx".into(),
            model: model.into(),
            api_base: "https://us-south.ml.cloud.ibm.com".into(),
            api_key: Some(Secret::new("the-key")),
        };
        let text = format!(r#"{{"messages":[{{"role":"user","content":"x"}}]{arguments}}}"#);
        Watsonx.prepare(Operation::Completion, &route, &Request::parse(text.as_bytes()).unwrap())
    }

    fn body(model: &str, arguments: &str) -> Value {
        serde_json::from_slice(&call(model, arguments).unwrap().body).unwrap()
    }

    #[test]
    fn models_need_a_project_and_deployments_have_an_address() {
        let own = call("ibm/granite", r#","project_id":"p","token":"tok","stream":true"#).unwrap();
        assert_eq!(own.url, "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat_stream?version=2024-03-13");
        let sent = body("ibm/granite", r#","space_id":"s","temperature":0.5"#);
        assert_eq!(
            (&sent["model_id"], &sent["space_id"], &sent["temperature"]),
            (&"ibm/granite".into(), &"s".into(), &0.5.into())
        );
        assert_eq!(call("ibm/granite", "").err().unwrap().kind, ErrorKind::BadRequest);
        let deployed = call("deployment/a/../b", r#","api_version":"2025-01-01""#).unwrap();
        assert_eq!(deployed.url, "https://us-south.ml.cloud.ibm.com/ml/v1/deployments/a%2F..%2Fb/text/chat?version=2025-01-01");
        assert_eq!(body("deployment/a", r#","project_id":"p""#).get("project_id"), None);
        assert!(call("deployment/..", "").is_err());
    }

    #[test]
    fn words_and_functions_are_chosen_in_two_places() {
        let tools = r#","project_id":"p","tools":[{"type":"function","function":{"name":"f","strict":true}}],"tool_choice":"#;
        let word = body("m", &format!("{tools}\"required\""));
        assert_eq!((&word["tool_choice_option"], word.get("tool_choice")), (&"required".into(), None));
        assert_eq!(word["tools"][0]["function"].get("strict"), None);
        let certain = body("m", &format!(r#"{tools}{{"type":"function","function":{{"name":"f"}}}}"#));
        assert_eq!(certain["tool_choice"]["function"]["name"], "f");
    }

    #[test]
    fn credentials_are_a_token_a_key_or_made_for_each_attempt() {
        let with = |arguments: &str| call("deployment/d", arguments).unwrap();
        let header =
            |call: &HttpCall| call.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone());
        assert_eq!(header(&with(r#","token":"tok""#)).as_deref(), Some("Bearer tok"));
        assert_eq!(header(&with(r#","zen_api_key":"zen""#)).as_deref(), Some("ZenApiKey zen"));
        let made = with("");
        assert!(made.credentials.is_some() && header(&made).is_none());
        assert!(!String::from_utf8_lossy(&with(r#","token":"tok""#).body).contains("tok\""));
        assert!(call("deployment/d", r#","token":"to\nk""#).is_err());
        let keyless =
            Route { api_key: None, provider: "watsonx".into(), model: "deployment/d".into(), api_base: "https://h".into() };
        let ask = |text: &str| Watsonx.prepare(Operation::Completion, &keyless, &Request::parse(text.as_bytes()).unwrap());
        let error = ask(r#"{"messages":[{"role":"user","content":"x"}]}"#).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Authentication);
        assert!(ask(r#"{"messages":[{"role":"user","content":"x"}],"extra_headers":{"Authorization":"Bearer x"}}"#).is_ok());
    }
}
