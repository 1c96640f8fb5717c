//! The `anthropic-beta` header: which previews a request needs.
//!
//! Source: Anthropic's reference of beta headers, and litellm 1.106's rules for when each is sent.

use serde_json::Value;

use super::models::Claude;
use crate::wire::body::{Body, Json};

pub const HEADER: &str = "anthropic-beta";

/// Tokens of people's own subscriptions.
pub const OAUTH: &str = "oauth-2025-04-20";

/// What of the messages needs a beta.
#[derive(Clone, Copy, Debug, Default)]
pub struct Messages {
    pub files: bool,
    pub signed_compaction: bool,
}

/// The betas that a body needs, in a fixed order.
pub fn of(body: &Body<'_>, model: &str, messages: Messages) -> Vec<&'static str> {
    let value = |name: &str| body.get(name).and_then(Json::read::<Value>).unwrap_or_default();
    let tools = value("tools");
    let tools: &[Value] = tools.as_array().map_or(&[], Vec::as_slice);
    let has_tool = |kind: &str| tools.iter().any(|tool| tool["type"].as_str().is_some_and(|own| own.starts_with(kind)));
    let config = value("output_config");
    let thinking = value("thinking");
    let mut out = Vec::new();
    let mut need = |needed: bool, beta: &'static str| {
        if needed && !out.contains(&beta) {
            out.push(beta);
        }
    };
    need(config["effort"].is_string() && !Claude::of(model).is_adaptive(), "effort-2025-11-24");
    need(has_tool("computer_20250124"), "computer-use-2025-01-24");
    need(has_tool("computer_20251124"), "computer-use-2025-11-24");
    need(has_tool("computer_20241022"), "computer-use-2024-10-22");
    need(messages.files, "files-api-2025-04-14");
    need(messages.files, "code-execution-2025-05-22");
    need(value("mcp_servers").as_array().is_some_and(|list| !list.is_empty()), "mcp-client-2025-04-04");
    let advanced = has_tool("tool_search_tool")
        || tools.iter().any(|tool| {
            let callers = tool["allowed_callers"].as_array().into_iter().flatten();
            tool["input_examples"].as_array().is_some_and(|list| !list.is_empty())
                || callers.into_iter().any(|caller| caller == "code_execution_20250825")
        });
    need(advanced, "advanced-tool-use-2025-11-20");
    need(has_tool("code_execution_20250825"), "code-execution-2025-08-25");
    need(value("container")["skills"].as_array().is_some_and(|list| !list.is_empty()), "skills-2025-10-02");
    need(has_tool("web_fetch"), "web-fetch-2025-09-10");
    need(has_tool("memory"), "context-management-2025-06-27");
    for edit in value("context_management")["edits"].as_array().into_iter().flatten() {
        let compact = edit["type"] == "compact_20260112";
        need(compact, "compact-2026-01-12");
        need(!compact, "context-management-2025-06-27");
    }
    need(body.has("output_format") || !config["format"].is_null(), "structured-outputs-2025-11-13");
    need(value("speed") == "fast", "fast-mode-2026-02-01");
    need(has_tool("advisor_20260301"), "advisor-tool-2026-03-01");
    need(thinking["display"] == "updates" && thinking["type"] != "disabled", "thinking-display-updates-2026-08-18");
    need(messages.signed_compaction || body.has("compaction"), "compact-2026-09-04");
    out
}

/// Those that Vertex AI knows, by its names: it refuses others. What is no preview there any more needs none.
///
/// Source: Google's page on Claude's features, and litellm 1.106's list.
pub fn of_vertex(betas: &[&'static str], body: &Body<'_>) -> Vec<&'static str> {
    const KNOWN: &[&str] =
        &["effort-", "computer-use-", "context-management-", "compact-2026-01-12", "code-execution-2025-05-22"];
    let mut out: Vec<&str> = betas.iter().copied().filter(|beta| KNOWN.iter().any(|known| beta.starts_with(known))).collect();
    let tools = body.get("tools").and_then(Json::read::<Value>).unwrap_or_default();
    let has_tool = |kind: &str| {
        tools
            .as_array()
            .is_some_and(|list| list.iter().any(|tool| tool["type"].as_str().is_some_and(|own| own.starts_with(kind))))
    };
    for (kind, beta) in [("web_search", "web-search-2025-03-05"), ("tool_search_tool", "tool-search-tool-2025-10-19")] {
        if has_tool(kind) {
            out.push(beta);
        }
    }
    out
}

/// Adds betas to the header that the caller wrote, if they did; each stands once.
pub fn add(headers: &mut Vec<(String, String)>, betas: &[&'static str]) {
    if betas.is_empty() {
        return;
    }
    match headers.iter_mut().find(|(name, _)| name == HEADER) {
        Some((_, value)) => {
            for beta in betas {
                if !value.split(',').any(|own| own.trim() == *beta) {
                    value.push(',');
                    value.push_str(beta);
                }
            }
        }
        None => headers.push((HEADER.to_owned(), betas.join(","))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn betas(members: &[(&'static str, Value)]) -> Vec<&'static str> {
        let mut body = Body::default();
        for (name, value) in members {
            body.set(*name, value.clone().into());
        }
        of(&body, "claude-sonnet-4-5", Messages::default())
    }

    #[test]
    fn each_preview_is_asked_for_when_it_is_used() {
        assert!(betas(&[("tools", json!([{"type": "custom", "name": "f"}])), ("output_config", json!({}))]).is_empty());
        assert_eq!(betas(&[("output_format", json!({}))]), ["structured-outputs-2025-11-13"]);
        assert_eq!(betas(&[("output_config", json!({"effort": "low"}))]), ["effort-2025-11-24"]);
        assert_eq!(betas(&[("mcp_servers", json!([{}]))]), ["mcp-client-2025-04-04"]);
        assert_eq!(betas(&[("tools", json!([{"type": "computer_20241022"}]))]), ["computer-use-2024-10-22"]);
        assert_eq!(betas(&[("tools", json!([{"type": "custom", "input_examples": [1]}]))]), ["advanced-tool-use-2025-11-20"]);
        let edits = json!({"edits": [{"type": "compact_20260112"}, {"type": "clear_tool_uses_20250919"}]});
        assert_eq!(betas(&[("context_management", edits)]), ["compact-2026-01-12", "context-management-2025-06-27"]);
        assert_eq!(betas(&[("speed", json!("fast"))]), ["fast-mode-2026-02-01"]);
        let files = of(&Body::default(), "claude-sonnet-4-5", Messages { files: true, signed_compaction: false });
        assert_eq!(files, ["files-api-2025-04-14", "code-execution-2025-05-22"]);
    }

    #[test]
    fn a_callers_own_betas_stay() {
        let mut headers = vec![(HEADER.to_owned(), "a, b".to_owned())];
        add(&mut headers, &["b", "c"]);
        assert_eq!(headers[0].1, "a, b,c");
        let mut headers = Vec::new();
        add(&mut headers, &["c", "d"]);
        assert_eq!(headers[0].1, "c,d");
        add(&mut headers, &[]);
        assert_eq!(headers.len(), 1);
    }
}
