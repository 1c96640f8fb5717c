//! Questions that are answered at once, without a network: one JSON in, one JSON out.

mod models;
mod tokens;

use serde::Serialize;

use super::error::{Error, ErrorKind, Result};
use super::request::{wrong_type, Request};
use super::route;
use super::secrets;
use crate::edgequake;
use crate::wire::params;
use crate::wire::providers::{self, View};
use crate::wire::{self, Operation};

/// The questions by name.
const NAMES: [&str; 16] = [
    "providers",
    "provider_names",
    "get_llm_provider",
    "supported_params",
    "control_names",
    "secret_names",
    "model_cost",
    "model_entry",
    "model_info",
    "model_names",
    "supports",
    "cost",
    "token_count",
    "encode",
    "decode",
    "as_chat",
];

/// Answers the question `name`:
///
/// - `providers`: {"wire": [the table of providers], "edgequake": [the providers of the crate edgequake-llm]}.
/// - `provider_names` {}: every provider that litellm knows, reached or not.
/// - `get_llm_provider` {model, custom_llm_provider, api_base, api_key}: {model, custom_llm_provider, dynamic_api_key, api_base}.
/// - `supported_params` {model, custom_llm_provider, request_type, base_model}: a list of names, or null for a provider that is not known.
/// - `control_names` {names}: those of a list of arguments' names that steer a call and are never part of its body.
/// - `secret_names` {names}: those of a list of arguments' names that hold credentials: what tells others of a call leaves them out.
/// - `model_cost` {}: the whole table of facts about models, an object by name.
/// - `model_names` {model, custom_llm_provider}: the names that a model's entry may stand under, most specific first.
/// - `model_entry` {model, custom_llm_provider, own}: {key, entry}, or null. `own` are entries that go before the table's, here and below.
/// - `model_info` {model, custom_llm_provider, own}: litellm's `get_model_info` without `supported_openai_params`, or null.
/// - `supports` {model, custom_llm_provider, capability, own}: true or false.
/// - `cost` {model, custom_llm_provider, own, service_tier, search_context_size, and the counts of [`crate::models::Tokens`]}: {prompt,
///   completion, tools} in US dollars, or null for a model that is in no table.
/// - `token_count` {model, text | messages, tools, tool_choice, response, default_images}: a number.
/// - `encode` {text, encoding}: a list of tokens; `decode` {tokens, encoding}: a text. `encoding` is cl100k_base or o200k_base.
/// - `as_chat` {operation, model, answer | events}: what an answer of `anthropic_messages` or `generate_content` is in a chat's words, for
///   records of all calls in one form: of a whole `answer` a `chat.completion`, of the server-sent `events` of a stream, one text, a list of
///   its chunks.
pub fn ask(name: &str, request: &[u8]) -> Result<Vec<u8>> {
    let request = Request::parse(if request.is_empty() { b"{}" } else { request })?;
    match name {
        "providers" => providers(),
        "provider_names" => to_json(&providers::known()),
        "get_llm_provider" => route::get_llm_provider(&request),
        "supported_params" => supported_params(&request),
        "control_names" => names_that(&request, params::is_control),
        "secret_names" => names_that(&request, secrets::is_argument),
        "model_cost" => Ok(crate::models::text().as_bytes().to_vec()),
        "model_entry" => models::entry(&request),
        "model_info" => models::info(&request),
        "model_names" => models::names(&request),
        "supports" => models::supports(&request),
        "cost" => models::cost(&request),
        "token_count" => tokens::count(&request),
        "encode" => tokens::encode(&request),
        "decode" => tokens::decode(&request),
        "as_chat" => as_chat(&request),
        _ => Err(Error::bad_request(format!("{name:?} is not a question of this library; it knows {}", NAMES.join(", ")))),
    }
}

fn providers() -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Providers {
        wire: Vec<View>,
        edgequake: Vec<edgequake::Provider>,
    }
    to_json(&Providers { wire: providers::views(), edgequake: edgequake::catalog() })
}

fn supported_params(request: &Request<'_>) -> Result<Vec<u8>> {
    let operation = match request.str("request_type")?.as_deref() {
        None | Some("chat_completion") => Operation::Completion,
        Some("embeddings") => Operation::Embedding,
        Some(other) => {
            return Err(Error::bad_request(format!("`request_type` {other:?} is unknown; it is chat_completion or embeddings")))
        }
    };
    if let Some(model) = edgequake::model_of(request)? {
        return to_json(&edgequake::supported_params(&model, operation));
    }
    // litellm answers None, not an error, for what it does not know.
    let Ok(route) = route::resolve_name(request) else { return to_json(&()) };
    let Some(provider) = providers::find(&route.provider) else { return to_json(&()) };
    let mut names = provider.supported(&route.model, operation);
    if let Some(base) = request.str("base_model")? {
        // What the model behind a deployment's name supports can only add.
        names.extend(provider.supported(&base, operation));
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
    }
    to_json(&names)
}

fn as_chat(request: &Request<'_>) -> Result<Vec<u8>> {
    let name = request.str("operation")?.unwrap_or_default();
    let operation =
        Operation::from_name(&name).ok_or_else(|| Error::bad_request(format!("`operation` {name:?} is no operation")))?;
    let model = request.str("model")?.unwrap_or_default();
    match (request.raw("answer"), request.str("events")?) {
        (Some(answer), None) => to_json(&wire::as_chat::answer(operation, &model, answer.get().as_bytes())?),
        (None, Some(events)) => to_json(&wire::as_chat::chunks(operation, &model, events.as_bytes())?),
        _ => Err(Error::bad_request("give either `answer`, an object, or `events`, a text")),
    }
}

fn names_that(request: &Request<'_>, fit: fn(&str) -> bool) -> Result<Vec<u8>> {
    let Some(raw) = request.raw("names") else {
        return Err(Error::bad_request("`names` is missing: give a list of arguments' names"));
    };
    let names: Vec<String> = serde_json::from_str(raw.get()).map_err(|_| wrong_type("names", "a list of strings", raw))?;
    to_json(&names.iter().filter(|name| fit(name)).collect::<Vec<_>>())
}

fn to_json(answer: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(answer).map_err(|e| Error::new(ErrorKind::InternalServer, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &str, request: &str) -> String {
        String::from_utf8(ask(name, request.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_table_is_one_question_away() {
        let table = answer("providers", "");
        assert!(table.contains("\"groq\"") && table.contains("GROQ_API_KEY"), "{table}");
    }

    #[test]
    fn supported_params_follow_the_model_and_unknown_providers_have_none() {
        let reasoning = answer("supported_params", r#"{"model":"openai/o3-mini"}"#);
        assert!(reasoning.contains("reasoning_effort") && !reasoning.contains("\"top_p\""), "{reasoning}");
        assert_eq!(answer("supported_params", r#"{"model":"nobody/knows"}"#), "null");
        assert!(answer("supported_params", r#"{"model":"openai/e","request_type":"embeddings"}"#).contains("dimensions"));
    }

    #[test]
    fn what_steers_a_call_is_told_from_what_is_sent() {
        let names = answer("control_names", r#"{"names":["api_key","temperature","metadata","top_k","litellm_call_id"]}"#);
        assert_eq!(names, r#"["api_key","metadata","litellm_call_id"]"#);
        assert_eq!(
            answer("secret_names", r#"{"names":["api_key","temperature","vertex_credentials"]}"#),
            r#"["api_key","vertex_credentials"]"#
        );
        assert!(ask("control_names", br#"{"names":3}"#).unwrap_err().message.contains("a list of strings"));
    }

    #[test]
    fn a_base_model_adds_to_what_is_supported() {
        let names = answer("supported_params", r#"{"model":"azure/mine","base_model":"o3-mini"}"#);
        assert!(names.contains("reasoning_effort") && names.contains("top_p"), "{names}");
    }

    #[test]
    fn an_unknown_question_lists_the_known_ones() {
        let error = ask("weather", b"{}").unwrap_err();
        assert!(error.message.contains("supported_params"), "{}", error.message);
    }
}
