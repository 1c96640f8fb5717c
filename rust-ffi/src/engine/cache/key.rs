//! The name under which an answer is kept: a digest of everything in a request that can change the answer.

use sha2::{Digest, Sha256};

use crate::engine::json;
use crate::engine::request::{Fields, Request};
use crate::engine::route::Route;
use crate::wire::{params, Operation};

/// Control keys that change what is sent, or what comes back without sending.
const CONTROL: [&str; 28] = [
    "api_version",
    "deployment_id",
    "extra_body",
    "extra_query",
    "additional_drop_params",
    "use_chat_completions_api",
    "mock_response",
    "mock_tool_calls",
    "custom_prompt_dict",
    "roles",
    "initial_prompt_value",
    "final_prompt_value",
    "bos_token",
    "eos_token",
    "prompt_id",
    "prompt_variables",
    "prompt_version",
    "prompt_label",
    "prompt_environment",
    "ensure_alternating_roles",
    "user_continue_message",
    "assistant_continue_message",
    "supports_system_message",
    "cache_control_injection_points",
    "drop_params",
    "allowed_openai_params",
    "base_model",
    "modify_params",
];

/// Settings of the program that change what is sent.
const SETTINGS: [&str; 2] = ["drop_params", "modify_params"];

/// Who answers.
pub enum Target<'a> {
    /// A provider at its address.
    Route(&'a Route),
    /// Groups that the program says share their answers, by name.
    Group(&'a str),
    /// Any deployment of a router's group: `among` tells which there are to choose from.
    Router { group: &'a str, among: &'a str },
}

/// 64 hexadecimal digits that two requests share when they ask the same of the same.
///
/// Everything counts that is sent to the provider, in the caller's own spelling, but for the order of the arguments and for how the answer
/// travels (`stream`, `stream_options`). Keys, headers, time limits, metadata and what else steers a call without changing its answer do
/// not count. A file counts by its bytes, not by its name.
pub fn of(operation: Operation, request: &Request<'_>, target: &Target<'_>) -> String {
    digest(operation, request, target, None)
}

/// The key of one item of a request for embeddings: that of the request with this item as its `input`.
pub fn of_item(request: &Request<'_>, target: &Target<'_>, item: &str) -> String {
    digest(Operation::Embedding, request, target, Some(item))
}

fn digest(operation: Operation, request: &Request<'_>, target: &Target<'_>, input: Option<&str>) -> String {
    let mut hash = Hash(Sha256::new());
    hash.part(operation.name());
    match target {
        Target::Route(route) => [&route.provider, &route.model, &route.api_base].into_iter().for_each(|text| hash.part(text)),
        Target::Group(name) => ["", name, ""].into_iter().for_each(|text| hash.part(text)),
        Target::Router { group, among } => ["", group, among].into_iter().for_each(|text| hash.part(text)),
    }
    let mut names: Vec<&str> = request.fields.keys().map(String::as_str).filter(|name| counts(name)).collect();
    names.sort_unstable();
    for name in names {
        hash.part(name);
        match (name, input) {
            ("input", Some(item)) => hash.part(item),
            _ => match attachment(request, name) {
                Some(bytes) => hash.bytes(bytes),
                None => hash.part(request.fields[name].get()),
            },
        }
    }
    for name in SETTINGS {
        if let Some(value) = request.setting_raw(name).filter(|_| !request.has(name)) {
            hash.part(name);
            hash.part(value.get());
        }
    }
    hash.hex()
}

fn counts(name: &str) -> bool {
    match name {
        "stream" | "stream_options" => false,
        _ => CONTROL.contains(&name) || !params::is_control(name),
    }
}

/// The bytes of an argument that is a file.
fn attachment<'a>(request: &Request<'a>, name: &str) -> Option<&'a [u8]> {
    if request.attachments.is_empty() {
        return None;
    }
    let reference = json::read::<Fields<'_>>(request.fields[name])?;
    let number = json::read::<usize>(reference.get("attachment").copied()?)?;
    request.attachments.get(number).copied()
}

/// Hashes parts so that no two lists of parts are the same text: each with its length before it.
struct Hash(Sha256);

impl Hash {
    fn part(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// `bytes` in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{json, Map, Value};

    fn route() -> Route {
        Route { provider: "openai".into(), model: "gpt-4o".into(), api_base: "https://api.openai.com/v1".into(), api_key: None }
    }

    fn key(request: &Value) -> String {
        key_at(request, &route())
    }

    fn key_at(request: &Value, route: &Route) -> String {
        of(Operation::Completion, &Request::parse(request.to_string().as_bytes()).unwrap(), &Target::Route(route))
    }

    #[test]
    fn what_steers_a_call_is_no_part_of_its_key() {
        let plain = json!({"messages": [{"role": "user", "content": "hi"}], "temperature": 0});
        for (name, value) in [
            ("api_key", json!("sk-1")),
            ("timeout", json!(3)),
            ("num_retries", json!(5)),
            ("metadata", json!({"trace": "1"})),
            ("extra_headers", json!({"x-trace": "1"})),
            ("stream", json!(true)),
            ("stream_options", json!({"include_usage": true})),
            ("cache", json!({"ttl": 3})),
            ("caching", json!(true)),
            ("settings", json!({"openai_key": "sk-2"})),
            ("n", Value::Null),
        ] {
            let mut more = plain.clone();
            more[name] = value;
            assert_eq!(key(&more), key(&plain), "{name}");
        }
    }

    #[test]
    fn what_changes_the_answer_changes_the_key() {
        let mut seen = std::collections::HashSet::new();
        for request in [
            json!({"messages": []}),
            json!({"messages": [], "temperature": 0}),
            json!({"messages": [], "temperature": 1}),
            json!({"messages": [], "top_k": 1}),
            json!({"messages": [], "user": "u"}),
            json!({"messages": [], "seed": 1}),
            json!({"messages": [], "extra_body": {"top_k": 1}}),
            json!({"messages": [], "api_version": "1"}),
            json!({"messages": [], "drop_params": true}),
            json!({"messages": [], "allowed_openai_params": ["reasoning_effort"]}),
            json!({"messages": [], "supports_system_message": false}),
            json!({"messages": [], "base_model": "o3-mini"}),
            json!({"messages": [], "settings": {"modify_params": true}}),
            json!({"messages": [], "mock_response": "m"}),
            json!({"messages": [{"role": "user", "content": ""}]}),
        ] {
            assert!(seen.insert(key(&request)), "{request}");
        }
        let request = json!({"messages": []});
        for other in [
            Route { provider: "azure".into(), ..route() },
            Route { model: "gpt-4".into(), ..route() },
            Route { api_base: "http://localhost:8000/v1".into(), ..route() },
        ] {
            assert!(seen.insert(key_at(&request, &other)));
        }
        assert_eq!(
            key_at(&request, &Route { api_key: Some(crate::engine::route::Secret::new("sk-1")), ..route() }),
            key(&request)
        );
        let parsed = Request::parse(b"{\"messages\":[]}").unwrap();
        assert!(seen.insert(of(Operation::Completion, &parsed, &Target::Group("gpt-4o"))));
        assert!(seen.insert(of(Operation::Responses, &parsed, &Target::Route(&route()))));
    }

    #[test]
    fn a_file_counts_by_its_bytes() {
        let key = |name: &str, bytes: &[u8]| {
            let text = format!(r#"{{"file":{{"attachment":0,"filename":"{name}"}}}}"#);
            let request = Request { attachments: vec![bytes], ..Request::parse(text.as_bytes()).unwrap() };
            of(Operation::Transcription, &request, &Target::Route(&route()))
        };
        assert_eq!(key("a.mp3", b"sound"), key("b.mp3", b"sound"));
        assert_ne!(key("a.mp3", b"sound"), key("a.mp3", b"other"));
    }

    proptest! {
        #[test]
        fn the_order_of_arguments_is_no_matter_and_any_other_value_is(
            fields in proptest::collection::btree_map("[a-z_]{1,9}", ".{0,9}", 1..8), at: prop::sample::Index, more in ".{1,9}",
        ) {
            // A prefix keeps the random names from being keys that steer the call.
            let given = |pairs: Vec<(String, String)>| Value::Object(pairs.into_iter().map(|(k, v)| (format!("x-{k}"), json!(v))).collect::<Map<_, _>>());
            let pairs: Vec<_> = fields.clone().into_iter().collect();
            let mut turned = pairs.clone();
            turned.rotate_left(at.index(pairs.len()));
            prop_assert_eq!(key(&given(pairs.clone())), key(&given(turned)));
            let mut changed = pairs.clone();
            changed[at.index(pairs.len())].1.push_str(&more);
            prop_assert_ne!(key(&given(pairs.clone())), key(&given(changed)));
            let mut fewer = pairs.clone();
            fewer.remove(at.index(pairs.len()));
            prop_assert_ne!(key(&given(pairs)), key(&given(fewer)));
        }
    }
}
