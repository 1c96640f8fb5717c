//! Claude at other hosts: Azure AI Foundry and Vertex AI, which differ in address, credentials and a few members of the body.
//!
//! Sources: Anthropic's pages "Claude in Microsoft Foundry" and "Claude on Vertex AI", and what litellm 1.106 makes of addresses.

use super::request::{Betas, Target};
use super::{send, speaks};
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::gemini;
use crate::wire::http::{bearer, join};
use crate::wire::openai::row;
use crate::wire::providers::{Protocol, Provider};
use crate::wire::{Dialect, HttpCall, Operation};

/// Does this provider serve this model by Anthropic's protocol?
pub fn serves(row: &Provider, model: &str) -> bool {
    match row.protocol {
        Protocol::Anthropic => true,
        Protocol::Vertex => is_claude(model),
        _ => row.name == "azure_ai" && is_claude(model),
    }
}

fn is_claude(model: &str) -> bool {
    model.contains("claude")
}

/// `azure_ai/claude-…`
pub struct Foundry;

impl Dialect for Foundry {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        if !speaks(operation) {
            return Err(operation.unavailable(row.name));
        }
        let mut headers = vec![("anthropic-version".to_owned(), super::VERSION.to_owned())];
        match request.str("azure_ad_token")?.filter(|token| !token.is_empty()) {
            Some(token) => headers.push(bearer(&token)),
            None => {
                for name in ["api-key", "x-api-key"] {
                    headers.extend(route.api_key.as_ref().map(|key| (name.to_owned(), key.expose().to_owned())));
                }
            }
        }
        let target = Target {
            url: foundry(&route.api_base),
            headers,
            credentials: None,
            family: &route.model,
            version: None,
            says_stream: true,
            betas: Betas::InHeader,
            previews: &[],
            fetches: true,
            holds_to_schemas: true,
        };
        send(operation, row, route, request, target)
    }
}

/// A resource's address, with or without the path of Anthropic's surface.
fn foundry(base: &str) -> String {
    if base.ends_with("/v1/messages") {
        return base.to_owned();
    }
    let base = base.split_once("/anthropic").map_or(base, |(resource, _)| resource);
    join(base, "anthropic/v1/messages")
}

/// `vertex_ai/claude-…`
pub struct Vertex;

impl Dialect for Vertex {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        if !speaks(operation) {
            return Err(operation.unavailable(row.name));
        }
        let method = if request.is_stream()? { "streamRawPredict" } else { "rawPredict" };
        let destination = gemini::partner(route, request, "anthropic", method)?;
        let target = Target {
            url: destination.url,
            headers: destination.headers,
            credentials: destination.credentials,
            family: &route.model,
            version: Some("vertex-2023-10-16"),
            says_stream: true,
            betas: Betas::OfVertex,
            previews: &[],
            fetches: false,
            holds_to_schemas: false,
        };
        send(operation, row, route, request, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::route::Secret;
    use crate::wire::dialect;
    use serde_json::{json, Value};

    fn call(provider: &str, members: Value) -> (HttpCall, Value) {
        let mut request = json!({"messages": [{"role": "user", "content": "hi"}]});
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let text = request.to_string();
        let request = Request::parse(text.as_bytes()).unwrap();
        let route = Route {
            provider: provider.into(),
            model: "claude-sonnet-4-5@20250929".into(),
            api_base: request.str("api_base").unwrap().unwrap_or_default().into_owned(),
            api_key: request.str("api_key").unwrap().map(Secret::new),
        };
        let call = dialect(&route).prepare(Operation::Completion, &route, &request).unwrap();
        let body = serde_json::from_slice(&call.body).unwrap();
        (call, body)
    }

    fn header<'c>(call: &'c HttpCall, name: &str) -> Option<&'c str> {
        call.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn foundry_has_a_path_and_a_key_of_its_own() {
        for base in [
            "https://r.services.ai.azure.com",
            "https://r.services.ai.azure.com/anthropic",
            "https://r.services.ai.azure.com/anthropic/v1",
        ] {
            assert_eq!(foundry(base), "https://r.services.ai.azure.com/anthropic/v1/messages", "{base}");
        }
        let (key, body) = call("azure_ai", json!({"api_base": "http://h", "api_key": "k"}));
        assert_eq!((header(&key, "api-key"), header(&key, "anthropic-version")), (Some("k"), Some("2023-06-01")));
        assert_eq!((&body["model"], &body["max_tokens"]), (&json!("claude-sonnet-4-5@20250929"), &json!(64000)));
        let (token, _) = call("azure_ai", json!({"api_base": "http://h", "azure_ad_token": "t"}));
        assert_eq!((header(&token, "authorization"), header(&token, "api-key")), (Some("Bearer t"), None));
    }

    #[test]
    fn vertex_names_the_model_in_the_address() {
        let token = json!({"authorization": "Bearer t"});
        let place = json!({"vertex_project": "p", "vertex_location": "us-east5", "extra_headers": token});
        let (call_, body) = call("vertex_ai", place.clone());
        assert_eq!(
            call_.url,
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"
        );
        assert_eq!((body.get("model"), &body["anthropic_version"]), (None, &json!("vertex-2023-10-16")));
        let mut more = place;
        let search = json!({"type": "web_search_20250305", "name": "web_search"});
        let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": "https://h/i.png"}]}]);
        let format = json!({"type": "json_schema", "json_schema": {"name": "P", "schema": {"type": "object", "properties": {}}}});
        more.as_object_mut().unwrap().extend(
            [("stream", json!(true)), ("tools", json!([search])), ("messages", image), ("response_format", format)]
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let (call_, body) = call("vertex_ai", more);
        assert!(call_.url.ends_with(":streamRawPredict"), "{}", call_.url);
        assert_eq!((&body["stream"], body.get("output_format")), (&json!(true), None));
        assert_eq!(body["tools"][0]["name"], "json_tool_call");
        // Vertex fetches no addresses, and knows previews by names of its own.
        assert_eq!(call_.remotes.0.len(), 1);
        assert_eq!(header(&call_, "anthropic-beta"), Some("web-search-2025-03-05"));
    }
}
