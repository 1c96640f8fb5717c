//! The crate's answers in OpenAI's shape.

use std::time::{SystemTime, UNIX_EPOCH};

use edgequake_llm::traits::StreamUsage;
use edgequake_llm::{LLMResponse, ToolCall};
use serde_json::{json, Map, Value};

use super::messages::SIGNATURE;
use super::table::Kind;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::id;
use crate::wire::openai::finish_reason;

/// What both a whole answer and a stream's chunks bear.
#[derive(Clone)]
pub struct Stamp {
    pub id: String,
    pub created: u64,
    pub model: String,
}

impl Stamp {
    pub fn new(id: Option<String>, model: &str) -> Self {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Stamp { id: id.unwrap_or_else(|| id::unique("chatcmpl-")), created, model: model.to_owned() }
    }

    /// The provider's own id and model where the crate hands them on.
    pub fn of(response: &LLMResponse, model: &str) -> Self {
        let id = ["id", "response_id"].iter().find_map(|name| response.metadata.get(*name)?.as_str().map(str::to_owned));
        let named = Some(response.model.as_str()).filter(|name| !name.is_empty());
        Stamp::new(id.filter(|id| !id.is_empty()), named.unwrap_or(model))
    }
}

/// A `chat.completion`.
pub fn completion(kind: Kind, model: &str, response: &LLMResponse) -> Vec<u8> {
    let stamp = Stamp::of(response, model);
    let mut answer = json!({
        "id": stamp.id,
        "created": stamp.created,
        "model": stamp.model,
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "finish_reason": finish(response.finish_reason.as_deref(), !response.tool_calls.is_empty()),
            "message": message(response),
        }],
    });
    if let Some(usage) = usage_of(kind, response) {
        answer["usage"] = usage;
    }
    answer.to_string().into_bytes()
}

fn message(response: &LLMResponse) -> Value {
    let mut message = json!({"role": "assistant", "content": content(response)});
    if let Some(text) = response.thinking_content.as_deref().filter(|text| !text.is_empty()) {
        message["reasoning_content"] = text.into();
    }
    if let Some(refusal) = &response.refusal {
        message["refusal"] = refusal.as_str().into();
    }
    if !response.tool_calls.is_empty() {
        message["tool_calls"] = response.tool_calls.iter().map(tool_call).collect();
    }
    message
}

/// OpenAI says null where a model only calls tools; the crate says "".
pub fn content(response: &LLMResponse) -> Value {
    match response.content.as_str() {
        "" if !response.tool_calls.is_empty() => Value::Null,
        text => text.into(),
    }
}

pub fn tool_call(call: &ToolCall) -> Value {
    let mut value = json!({
        "id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments},
    });
    if let Some(signature) = &call.thought_signature {
        value["provider_specific_fields"] = json!({ SIGNATURE: signature });
    }
    value
}

/// OpenAI's word for the provider's. A model that calls tools finished for that, whatever Gemini and Ollama say.
pub fn finish(reason: Option<&str>, calls: bool) -> &'static str {
    match finish_reason::known(reason.unwrap_or("stop")).0 {
        "stop" if calls => "tool_calls",
        known => known,
    }
}

/// The tokens that the crate tells of. Zero prompt and zero completion is how it says that it does not know: then there is no usage, for
/// no number would be true.
pub fn usage(kind: Kind, told: &StreamUsage) -> Option<Value> {
    if told.prompt_tokens == 0 && told.completion_tokens == 0 {
        return None;
    }
    let (cached, written) = (told.cache_hit_tokens.unwrap_or(0), told.cache_write_tokens.unwrap_or(0));
    // Anthropic counts what comes from or goes to its cache beside the prompt, OpenAI within it.
    let prompt = told.prompt_tokens + if kind == Kind::Anthropic { cached + written } else { 0 };
    // Gemini counts its thoughts beside the answer, OpenAI within it.
    let thoughts = told.thinking_tokens.filter(|_| matches!(kind, Kind::Gemini | Kind::Vertex)).unwrap_or(0);
    let completion = told.completion_tokens + thoughts;
    let mut usage = Map::new();
    usage.insert("prompt_tokens".into(), prompt.into());
    usage.insert("completion_tokens".into(), completion.into());
    usage.insert("total_tokens".into(), (prompt + completion).into());
    if let Some(cached) = told.cache_hit_tokens {
        usage.insert("prompt_tokens_details".into(), json!({ "cached_tokens": cached }));
    }
    if let Some(thinking) = told.thinking_tokens {
        usage.insert("completion_tokens_details".into(), json!({ "reasoning_tokens": thinking }));
    }
    if kind == Kind::Anthropic {
        usage.insert("cache_creation_input_tokens".into(), written.into());
        usage.insert("cache_read_input_tokens".into(), cached.into());
    }
    Some(Value::Object(usage))
}

pub fn usage_of(kind: Kind, response: &LLMResponse) -> Option<Value> {
    usage(
        kind,
        &StreamUsage {
            prompt_tokens: response.prompt_tokens,
            completion_tokens: response.completion_tokens,
            cache_hit_tokens: response.cache_hit_tokens,
            cache_write_tokens: response.cache_write_tokens,
            thinking_tokens: response.thinking_tokens,
        },
    )
}

/// The answer of an embedding. The crate hands on neither the tokens nor the indices: the order is the server's, the number is checked.
pub fn embedding(model: &str, asked: usize, vectors: Vec<Vec<f32>>) -> Result<Vec<u8>> {
    if vectors.len() != asked || vectors.iter().any(Vec::is_empty) {
        let message =
            format!("{asked} texts were sent and {} vectors came back", vectors.iter().filter(|v| !v.is_empty()).count());
        return Err(Error::new(ErrorKind::ApiResponseValidation, message));
    }
    #[derive(serde::Serialize)]
    struct Item<'a> {
        object: &'static str,
        index: usize,
        embedding: &'a [f32],
    }
    #[derive(serde::Serialize)]
    struct List<'a> {
        object: &'static str,
        model: &'a str,
        data: Vec<Item<'a>>,
    }
    let data = vectors.iter().enumerate().map(|(index, vector)| Item { object: "embedding", index, embedding: vector }).collect();
    serde_json::to_vec(&List { object: "list", model, data }).map_err(|e| Error::new(ErrorKind::InternalServer, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgequake_llm::FunctionCall;

    fn parsed(kind: Kind, response: &LLMResponse) -> Value {
        serde_json::from_slice(&completion(kind, "asked", response)).unwrap()
    }

    #[test]
    fn an_answer_keeps_reasoning_tools_and_tokens() {
        let call = ToolCall {
            id: "c1".into(),
            call_type: "function".into(),
            function: FunctionCall { name: "look".into(), arguments: "{}".into() },
            thought_signature: Some("sig".into()),
        };
        let response = LLMResponse::new("", "served")
            .with_usage(10, 5)
            .with_cache_hit_tokens(4)
            .with_thinking_tokens(3)
            .with_thinking_content("hm")
            .with_finish_reason("STOP")
            .with_tool_calls(vec![call])
            .with_metadata("id", "resp-1".into());
        let answer = parsed(Kind::Vertex, &response);
        assert_eq!((&answer["id"], &answer["model"]), (&json!("resp-1"), &json!("served")));
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(choice["message"]["reasoning_content"], "hm");
        assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "look");
        assert_eq!(choice["message"]["tool_calls"][0]["provider_specific_fields"]["thought_signature"], "sig");
        assert_eq!(answer["usage"]["completion_tokens"], 8, "Gemini counts its thoughts beside the answer");
        assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
        assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 3);
    }

    #[test]
    fn anthropics_cached_tokens_are_part_of_the_prompt() {
        let response = LLMResponse::new("x", "m").with_usage(10, 5).with_cache_hit_tokens(100).with_cache_write_tokens(20);
        let usage = &parsed(Kind::Anthropic, &response)["usage"];
        assert_eq!((&usage["prompt_tokens"], &usage["total_tokens"]), (&json!(130), &json!(135)));
        assert_eq!((&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]), (&json!(100), &json!(20)));
    }

    #[test]
    fn unknown_tokens_are_not_called_zero() {
        assert_eq!(parsed(Kind::Compatible, &LLMResponse::new("x", "")).get("usage"), None);
        assert_eq!(parsed(Kind::Compatible, &LLMResponse::new("x", ""))["model"], "asked");
    }

    #[test]
    fn finish_reasons_are_openais() {
        for (theirs, ours) in [
            ("end_turn", "stop"),
            ("max_tokens", "length"),
            ("MAX_TOKENS", "length"),
            ("tool_use", "tool_calls"),
            ("SAFETY", "content_filter"),
        ] {
            assert_eq!(finish(Some(theirs), false), ours);
        }
        assert_eq!((finish(None, false), finish(Some("length"), true)), ("stop", "length"));
    }

    #[test]
    fn a_missing_vector_is_an_error() {
        assert_eq!(embedding("m", 2, vec![vec![1.0]]).unwrap_err().kind, ErrorKind::ApiResponseValidation);
        let text = String::from_utf8(embedding("m", 1, vec![vec![0.1, -2.0]]).unwrap()).unwrap();
        assert!(text.contains("[0.1,-2.0]"), "{text}");
    }
}
