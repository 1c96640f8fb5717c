//! Models of other companies on Vertex AI that speak OpenAI's protocol. Address and token are Google's.
//!
//! Sources: Google's pages on partner and open models ("Model Garden"); litellm 1.106 for which names are whose.

use super::address;
use super::request::on_vertex;
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::openai::request::Target;
use crate::wire::providers::Provider;
use crate::wire::{openai, HttpCall, Operation};

/// Whose model it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    /// Mistral and AI21, at an address of the model's own.
    Publisher { name: &'static str, version: &'static str },
    /// Open models, at one address for all.
    Open,
}

impl Partner {
    /// None for Google's own models, and for Claude, which speaks Anthropic's protocol.
    pub fn of(model: &str) -> Option<Partner> {
        const OPEN: &[&str] = &[
            "meta/",
            "deepseek-ai",
            "qwen",
            "openai/gpt-oss-",
            "minimaxai/",
            "moonshotai/",
            "zai-org/",
            "google/gemma-",
            "xai/",
        ];
        if model.starts_with("mistral") || model.starts_with("codestral") {
            Some(Partner::Publisher { name: "mistralai", version: "v1" })
        } else if model.starts_with("jamba") {
            Some(Partner::Publisher { name: "ai21", version: "v1beta1" })
        } else {
            OPEN.iter().any(|start| model.starts_with(start)).then_some(Partner::Open)
        }
    }
}

/// Makes the call of a completion.
pub fn prepare(partner: Partner, row: &'static Provider, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let method = if request.is_stream()? { "streamRawPredict" } else { "rawPredict" };
    let destination = on_vertex(request, |place| match partner {
        Partner::Publisher { name, version } => address::partner(route, place, version, name, method),
        Partner::Open => address::open_models(route, place),
    })?;
    let target = Target { url: destination.url, credentials: Vec::new(), family: &route.model, adjust: &|_, _| Ok(None) };
    let call = openai::request::prepare(row, Operation::Completion, route, request, target)?;
    Ok(HttpCall { credentials: destination.credentials, ..call })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::route;
    use crate::wire::dialect;
    use serde_json::{json, Value};

    fn call(model: &str, stream: bool) -> (String, Value) {
        let text = json!({
            "model": format!("vertex_ai/{model}"), "messages": [{"role": "user", "content": "hi"}], "stream": stream,
            "vertex_project": "p1", "vertex_location": "us-east5",
            "vertex_credentials": {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"},
        });
        let text = text.to_string();
        let request = Request::parse(text.as_bytes()).unwrap();
        let route = route::resolve(&request).unwrap();
        let call = dialect(&route).prepare(Operation::Completion, &route, &request).unwrap();
        assert!(call.credentials.is_some());
        (call.url.replace("https://us-east5-aiplatform.googleapis.com/", ""), serde_json::from_slice(&call.body).unwrap())
    }

    #[test]
    fn open_models_share_an_address_and_others_have_their_own() {
        let (url, body) = call("meta/llama-3.3-70b-instruct-maas", false);
        assert_eq!(url, "v1/projects/p1/locations/us-east5/endpoints/openapi/chat/completions");
        assert_eq!(body["model"], "meta/llama-3.3-70b-instruct-maas");
        let (url, body) = call("mistral-large-2411@001", false);
        assert_eq!(url, "v1/projects/p1/locations/us-east5/publishers/mistralai/models/mistral-large-2411@001:rawPredict");
        assert_eq!(body["messages"][0]["content"], "hi");
        assert!(call("jamba-1.5-large", true).0.starts_with("v1beta1/"));
    }

    #[test]
    fn googles_own_models_are_no_partners() {
        for model in ["gemini-2.5-flash", "gemini/123", "1234567890", "text-embedding-005", "claude-sonnet-4-5"] {
            assert_eq!(Partner::of(model), None, "{model}");
        }
    }
}
