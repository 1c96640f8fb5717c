//! Where a request goes: the Gemini API (AI Studio), or Vertex AI with its project and location.
//!
//! Sources: Google's REST references of both; litellm 1.106 for what an `api_base` of the caller's means.

use percent_encoding::{utf8_percent_encode, AsciiSet};

use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::{self, Route};
use crate::wire::http::{join, UNRESERVED};
use crate::wire::providers::Source::{Env, Setting};

use super::models;

/// litellm's location where none is given.
const DEFAULT_LOCATION: &str = "us-central1";

/// Characters of a model's name as it stands in a path: versions are written with an `@`.
const MODEL: &AsciiSet = &UNRESERVED.remove(b'@');

/// Google's two doors to the same models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// generativelanguage.googleapis.com, with a key.
    AiStudio,
    /// aiplatform.googleapis.com, with an access token.
    Vertex,
}

/// The project and the location of a call to Vertex AI.
pub struct Place {
    /// None where only an address of the caller's names it.
    pub project: Option<String>,
    pub location: String,
}

impl Place {
    /// From the call, the program's settings, the environment, and what the credentials say of themselves.
    pub fn of(request: &Request<'_>, of_credentials: Option<String>) -> Result<Self> {
        let given = |names: [&str; 2]| -> Result<Option<String>> {
            for name in names {
                if let Some(value) = request.str(name)?.filter(|value| !value.is_empty()) {
                    return Ok(Some(value.into_owned()));
                }
            }
            Ok(None)
        };
        let project = match given(["vertex_project", "vertex_ai_project"])? {
            Some(project) => Some(project),
            None => route::value_of(&[Setting("vertex_project"), Env("VERTEXAI_PROJECT"), Env("VERTEX_PROJECT")], request)?
                .or(of_credentials),
        };
        let location = match given(["vertex_location", "vertex_ai_location"])? {
            Some(location) => location,
            None => route::value_of(&[Setting("vertex_location"), Env("VERTEXAI_LOCATION"), Env("VERTEX_LOCATION")], request)?
                .unwrap_or_else(|| DEFAULT_LOCATION.to_owned()),
        };
        // Both become part of a host and a path that get the token.
        let word = |text: &str, more: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b));
        if !word(&location, "-") || !location.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(Error::bad_request(format!(
                "`vertex_location` is {location:?}; it must be a location such as \"us-central1\" or \"global\""
            )));
        }
        if let Some(project) = project.as_deref().filter(|project| !word(project, "-_.:")) {
            return Err(Error::bad_request(format!("`vertex_project` is {project:?}, which is no project's id")));
        }
        Ok(Place { project, location })
    }

    /// `https://…-aiplatform.googleapis.com`: of a region, of a geography (`us`, `eu`), or the global one.
    fn host(&self) -> String {
        match self.location.as_str() {
            "global" => "https://aiplatform.googleapis.com".to_owned(),
            geography if !geography.contains('-') => format!("https://aiplatform.{geography}.rep.googleapis.com"),
            region => format!("https://{region}-aiplatform.googleapis.com"),
        }
    }

    /// What stands in this project and at this location.
    fn path(&self, resource: &str) -> Result<String> {
        Ok(format!("projects/{}/locations/{}/{resource}", self.project()?, self.location))
    }

    fn project(&self) -> Result<&str> {
        self.project.as_deref().ok_or_else(|| {
            Error::bad_request(
                "no Google Cloud project is known: pass vertex_project, set VERTEXAI_PROJECT or GOOGLE_CLOUD_PROJECT, or use credentials that \
                 name one",
            )
        })
    }
}

/// The address of a method of the Gemini API: `…/models/gemini-2.5-flash:generateContent`.
pub fn ai_studio(route: &Route, method: &str, stream: bool, version: Option<&str>) -> Result<String> {
    let model = path_of(&route.model)?;
    // Models that were tuned have a collection of their own.
    let path = if model.starts_with("tunedModels/") { format!("{model}:{method}") } else { format!("models/{model}:{method}") };
    let base = if route.api_base.is_empty() {
        let version = version.unwrap_or(if models::is_gemini_3(&route.model) { "v1alpha" } else { "v1beta" });
        format!("https://generativelanguage.googleapis.com/{version}")
    } else {
        route.api_base.clone()
    };
    Ok(events(join(&base, &path), stream))
}

/// The address of a method of Vertex AI. A base of the caller's that has a path is taken for the model's whole address, but for the method.
pub fn vertex(route: &Route, place: &Place, method: &str, stream: bool, private_endpoint: bool) -> Result<String> {
    let model = match route.model.rsplit_once("gemini/") {
        // `vertex_ai/gemini/<id>`: a tuned model that speaks Gemini's protocol.
        Some((_, rest)) => path_of(rest)?,
        None => path_of(&route.model)?,
    };
    let tuned = model.bytes().all(|b| b.is_ascii_digit());
    let collection = if tuned || private_endpoint { "endpoints" } else { "publishers/google/models" };
    let resource = format!("{collection}/{model}:{method}");
    if private_endpoint && !route.api_base.is_empty() {
        return Ok(events(join(&route.api_base, &format!("v1/{}", place.path(&resource)?)), stream));
    }
    Ok(events(of_vertex(route, place, "v1", &resource, Some(method))?, stream))
}

/// The address of a model that another company serves on Vertex AI: `publishers/anthropic/models/…:rawPredict`.
pub fn partner(route: &Route, place: &Place, version: &str, publisher: &str, method: &str) -> Result<String> {
    let resource = format!("publishers/{publisher}/models/{}:{method}", path_of(&route.model)?);
    of_vertex(route, place, version, &resource, Some(method))
}

/// The address of Vertex AI's models that speak OpenAI's protocol, which all share it.
pub fn open_models(route: &Route, place: &Place) -> Result<String> {
    of_vertex(route, place, "v1", "endpoints/openapi/chat/completions", None)
}

/// `method` is what follows an address of the caller's own that is the model's whole one.
fn of_vertex(route: &Route, place: &Place, version: &str, resource: &str, method: Option<&str>) -> Result<String> {
    let base = route.api_base.as_str();
    if base.is_empty() {
        return Ok(format!("{}/{version}/{}", place.host(), place.path(resource)?));
    }
    let after_host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let own_path = after_host.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
    Ok(match (own_path, method) {
        ("", _) => join(base, &format!("{version}/{}", place.path(resource)?)),
        ("v1" | "v1beta1", _) => join(base, &place.path(resource)?),
        (_, Some(method)) => format!("{base}:{method}"),
        (_, None) => base.to_owned(),
    })
}

/// A stream is one of events only when asked for: otherwise it is one long JSON array.
fn events(mut url: String, stream: bool) -> String {
    if stream {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str("alt=sse");
    }
    url
}

/// A model's name as a path: its parts escaped, and none that leads elsewhere.
fn path_of(model: &str) -> Result<String> {
    if model.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Error::bad_request(format!("the model {model:?} is no name of a model of Google's")));
    }
    let parts: Vec<String> = model.split('/').map(|part| utf8_percent_encode(part, MODEL).to_string()).collect();
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(model: &str, api_base: &str) -> Route {
        Route { provider: "gemini".into(), model: model.into(), api_base: api_base.into(), api_key: None }
    }

    fn at(location: &str) -> Place {
        Place { project: Some("p1".into()), location: location.into() }
    }

    #[test]
    fn ai_studio_has_versions_and_methods() {
        let url = |model: &str, base: &str, stream| ai_studio(&route(model, base), "generateContent", stream, None).unwrap();
        assert_eq!(
            url("gemini-2.5-flash", "", false),
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
        );
        assert_eq!(
            url("gemini-3-pro-preview", "", true),
            "https://generativelanguage.googleapis.com/v1alpha/models/gemini-3-pro-preview:generateContent?alt=sse"
        );
        assert_eq!(url("m?x", "http://h/v1beta?a=1", true), "http://h/v1beta/models/m%3Fx:generateContent?a=1&alt=sse");
        assert_eq!(url("tunedModels/t", "http://h", false), "http://h/tunedModels/t:generateContent");
        for bad in ["../x", "a//b", "a/.."] {
            assert!(ai_studio(&route(bad, ""), "generateContent", false, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn g12_vertex_has_hosts_by_location() {
        let url =
            |location: &str, model: &str| vertex(&route(model, ""), &at(location), "generateContent", false, false).unwrap();
        let tail = "publishers/google/models/gemini-2.5-flash:generateContent";
        assert_eq!(
            url("us-central1", "gemini-2.5-flash"),
            format!("https://us-central1-aiplatform.googleapis.com/v1/projects/p1/locations/us-central1/{tail}")
        );
        assert_eq!(
            url("global", "gemini-2.5-flash"),
            format!("https://aiplatform.googleapis.com/v1/projects/p1/locations/global/{tail}")
        );
        assert_eq!(
            url("eu", "gemini-2.5-flash"),
            format!("https://aiplatform.eu.rep.googleapis.com/v1/projects/p1/locations/eu/{tail}")
        );
        assert!(url("us-east1", "gemini/123").ends_with("/locations/us-east1/endpoints/123:generateContent"));
    }

    #[test]
    fn vertex_takes_addresses_of_the_callers_own() {
        let url = |base: &str, stream, private| {
            vertex(&route("gemini-2.5-flash", base), &at("us-central1"), "generateContent", stream, private).unwrap()
        };
        let path = "projects/p1/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent";
        assert_eq!(url("http://h", false, false), format!("http://h/v1/{path}"));
        assert_eq!(url("http://h/v1beta1", true, false), format!("http://h/v1beta1/{path}?alt=sse"));
        assert_eq!(url("http://h/my/model", false, false), "http://h/my/model:generateContent");
        assert_eq!(
            url("http://10.0.0.1", false, true),
            "http://10.0.0.1/v1/projects/p1/locations/us-central1/endpoints/gemini-2.5-flash:generateContent"
        );
        let nowhere = Place { project: None, location: "us-central1".into() };
        assert!(vertex(&route("m", "http://h/my/model"), &nowhere, "x", false, false).is_ok());
        assert!(vertex(&route("m", ""), &nowhere, "x", false, false).unwrap_err().message.contains("vertex_project"));
    }

    #[test]
    fn h14_places_cannot_lead_the_token_elsewhere() {
        for request in [
            r#"{"vertex_location":"evil.example/"}"#,
            r#"{"vertex_location":"evil.example#"}"#,
            r#"{"vertex_location":"us-central1","vertex_project":"../../x"}"#,
        ] {
            assert!(Place::of(&Request::parse(request.as_bytes()).unwrap(), None).is_err(), "{request}");
        }
    }
}
