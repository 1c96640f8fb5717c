//! Converse's answers. Source: AWS's API reference of Converse's response.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::tools::Names;
use crate::engine::request::Fields;
use crate::wire::chat::answer::{Answer, Choice, Message, ToolCall};
use crate::wire::chat::usage::{sum, Usage};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    #[serde(borrow)]
    output: Output<'a>,
    stop_reason: Option<String>,
    usage: Option<Value>,
    trace: Option<Value>,
    service_tier: Option<Value>,
    additional_model_response_fields: Option<Value>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Said<'a>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    reasoning_content: Option<Value>,
    citations_content: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    tool_use_id: String,
    name: String,
    #[serde(borrow)]
    input: &'a RawValue,
}

/// OpenAI's word for a stop reason, and Bedrock's own where it says more.
pub fn finish_reason(reason: &str) -> (&'static str, Option<&str>) {
    match reason {
        "end_turn" | "stop_sequence" => ("stop", None),
        "tool_use" => ("tool_calls", None),
        "max_tokens" => ("length", None),
        "model_context_window_exceeded" => ("length", Some(reason)),
        "guardrail_intervened" | "content_filtered" | "refusal" => ("content_filter", Some(reason)),
        _ => ("stop", Some(reason)),
    }
}

/// The whole answer; None when it is not what the protocol says. `json_tool` names the tool whose arguments are the answer's text.
pub fn read(body: &[u8], model: &str, names: &Names, json_tool: Option<&str>) -> Option<Answer> {
    let response: Response<'_> = serde_json::from_slice(body).ok()?;
    let mut message = Message::default();
    let (mut text, mut thoughts, mut citations) = (String::new(), Vec::new(), Vec::new());
    let mut structured: Option<String> = None;
    for (place, block) in response.output.message.content.into_iter().enumerate() {
        if let Some(piece) = block.text {
            text.push_str(&piece);
        }
        if let Some(call) = block.tool_use {
            if json_tool == Some(call.name.as_str()) {
                structured.get_or_insert_with(|| unwrapped(call.input.get()).to_owned());
                continue;
            }
            let mut own = Map::new();
            // litellm counts the calls by the blocks of the answer.
            own.insert("index".to_owned(), place.into());
            let name = names.own(&call.name).to_owned();
            message.tool_calls.push(ToolCall { id: call.tool_use_id, name, arguments: call.input.get().to_owned(), own });
        }
        thoughts.extend(block.reasoning_content);
        citations.extend(block.citations_content);
    }
    text.push_str(structured.as_deref().unwrap_or_default());
    let mut own = Map::new();
    if !thoughts.is_empty() {
        let said = thoughts.iter().filter_map(|thought| thought["reasoningText"]["text"].as_str());
        message.reasoning_content = Some(said.collect());
        message.own.insert("thinking_blocks".to_owned(), thoughts.iter().filter_map(thinking_block).collect());
    }
    let reasoned = !thoughts.is_empty();
    if reasoned {
        own.insert("reasoningContentBlocks".to_owned(), thoughts.into());
    }
    if !citations.is_empty() {
        cite(&citations, &mut text, &mut message);
        own.insert("citationsContent".to_owned(), citations.into());
    }
    if !own.is_empty() {
        message.own.insert("provider_specific_fields".to_owned(), own.into());
    }
    message.content = Some(text);
    let told = response.stop_reason.unwrap_or_default();
    let (mut reason, native) = finish_reason(&told);
    let native = native.map(str::to_owned);
    if structured.is_some() && message.tool_calls.is_empty() && reason == "tool_calls" {
        reason = "stop";
    }
    let mut answer = Answer::new(model);
    let thinking_tokens = thinking_tokens(response.additional_model_response_fields.as_ref());
    answer.usage = response.usage.as_ref().map(|usage| read_usage(usage, reasoned, thinking_tokens));
    answer.choices.push(Choice { message, finish_reason: reason, native_finish_reason: native, logprobs: None });
    if let Some(trace) = response.trace {
        answer.own.insert("trace".to_owned(), trace);
    }
    if let Some(tier) = response.service_tier.and_then(|tier| tier.get("type").cloned()) {
        answer.own.insert("service_tier".to_owned(), tier);
    }
    Some(answer)
}

/// Some models wrap what they were asked for in the schema's own member.
pub fn unwrapped(input: &str) -> &str {
    let members: Option<Fields<'_>> = serde_json::from_str(input).ok();
    match members.as_ref().map(|members| (members.len(), members.get(WRAPPER))) {
        Some((1, Some(inner))) => inner.get(),
        _ => input,
    }
}

/// May the whole of a text that begins so be what [`unwrapped`] takes apart?
pub fn may_be_wrapped(start: &str) -> bool {
    let mut rest = start.trim_start();
    for token in ["{", "\"properties\"", ":"] {
        if rest.len() < token.len() {
            return token.starts_with(rest);
        }
        let Some(behind) = rest.strip_prefix(token) else { return false };
        rest = behind.trim_start();
    }
    true
}

const WRAPPER: &str = "properties";

/// Anthropic's form of a `reasoningContent`, as litellm shows it.
pub fn thinking_block(thought: &Value) -> Option<Value> {
    if let Some(data) = thought.get("redactedContent") {
        return Some(json!({"type": "redacted_thinking", "data": data}));
    }
    let text = thought.get("reasoningText")?;
    let mut block = json!({"type": "thinking", "thinking": text["text"].as_str().unwrap_or_default()});
    if let Some(signature) = text.get("signature").filter(|signature| !signature.is_null()) {
        block["signature"] = signature.clone();
    }
    Some(block)
}

/// Anthropic's count of what was thought, which Converse hands on beside its own.
pub fn thinking_tokens(fields: Option<&Value>) -> Option<u64> {
    fields?.pointer("/usage/output_tokens_details/thinking_tokens")?.as_u64()
}

/// Converse's `inputTokens` do not count what came from or went into the cache.
pub fn read_usage(usage: &Value, reasoned: bool, thinking_tokens: Option<u64>) -> Usage {
    let count = |names: &[&str]| names.iter().find_map(|name| usage[*name].as_u64());
    let (input, output) = (count(&["inputTokens"]).unwrap_or(0), count(&["outputTokens"]).unwrap_or(0));
    let read = count(&["cacheReadInputTokens", "cacheReadInputTokenCount"]).unwrap_or(0);
    let written = count(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]).unwrap_or(0);
    let mut out =
        Usage { prompt: sum([input, read, written]), completion: output, total: count(&["totalTokens"]), ..Usage::default() };
    let mut prompt = Map::new();
    prompt.insert("cached_tokens".to_owned(), read.into());
    prompt.insert("cache_creation_tokens".to_owned(), written.into());
    if let Some(details) = cache_details(usage, written) {
        prompt.insert("cache_creation_token_details".to_owned(), details);
    }
    prompt.insert("text_tokens".to_owned(), input.into());
    out.prompt_details = prompt;
    let mut completion = Map::new();
    let (thought, said) = match thinking_tokens.map(|tokens| tokens.min(output)) {
        Some(tokens) if tokens > 0 => (Value::from(tokens), Value::from(output - tokens)),
        // What was thought is part of the output, and nothing says how much it is.
        _ if reasoned => (Value::Null, Value::Null),
        _ => (0.into(), output.into()),
    };
    completion.insert("reasoning_tokens".to_owned(), thought);
    completion.insert("text_tokens".to_owned(), said);
    out.completion_details = completion;
    out.own.insert("cache_creation_input_tokens".to_owned(), written.into());
    out.own.insert("cache_read_input_tokens".to_owned(), read.into());
    out
}

/// What was written into the cache by how long it lives; None where the parts are not the whole.
fn cache_details(usage: &Value, written: u64) -> Option<Value> {
    let parts = usage["cacheDetails"].as_array().filter(|parts| !parts.is_empty())?;
    let of = |ttl: &str| sum(parts.iter().filter(|part| part["ttl"] == ttl).filter_map(|part| part["inputTokens"].as_u64()));
    let (short, long) = (of("5m"), of("1h"));
    (sum([short, long]) == written).then(|| json!({"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}))
}

/// Cited text stands in blocks of its own: without other words it is the answer, and its citations are OpenAI's annotations.
fn cite(blocks: &[Value], text: &mut String, message: &mut Message) {
    let (mut cited, mut annotations) = (String::new(), Vec::new());
    let mut offset = 0;
    for block in blocks {
        let start = offset;
        for piece in block["content"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()) {
            cited.push_str(piece);
            // Positions are counted in characters, as Python counts.
            offset += piece.chars().count() as u64;
        }
        for citation in block["citations"].as_array().into_iter().flatten() {
            let place = &citation["location"]["searchResultLocation"];
            if let (Some(from), Some(to)) = (place["start"].as_u64(), place["end"].as_u64()) {
                annotations.push(json!({"type": "url_citation", "url_citation": {
                    "start_index": sum([start, from]),
                    "end_index": sum([start, to]),
                    "title": citation["title"].as_str().unwrap_or_default(),
                    "url": citation["source"].as_str().unwrap_or_default(),
                }}));
            }
        }
    }
    if cited.is_empty() || text.chars().any(char::is_alphanumeric) {
        return;
    }
    // Bedrock puts the sentence into the citation, and at times its full stop into a text.
    text.truncate(text.trim_end().len());
    text.insert_str(0, &cited);
    if !annotations.is_empty() {
        message.own.insert("annotations".to_owned(), annotations.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON_TOOL: &str = "json_tool_call_2";

    fn answer(content: &str, more: &str, json_tool: bool) -> Value {
        let body = format!(
            r#"{{"output":{{"message":{{"role":"assistant","content":{content}}}}},"stopReason":"tool_use","usage":{{"inputTokens":14,"outputTokens":9,
            "totalTokens":33,"cacheReadInputTokens":7,"cacheWriteInputTokens":3,"cacheDetails":[{{"ttl":"1h","inputTokens":3}}]}}{more}}}"#
        );
        let mut names = Names::default();
        names.send("get.weather");
        let json_tool = json_tool.then_some(JSON_TOOL);
        serde_json::from_slice(&read(body.as_bytes(), "m", &names, json_tool).unwrap().write()).unwrap()
    }

    #[test]
    fn b4_calls_keep_their_arguments_and_get_their_names_back() {
        let value = answer(
            r#"[{"text":"Look. "},{"toolUse":{"toolUseId":"t1","name":"get_weather","input":{"n":1.0,"big":123456789012345678901}}}]"#,
            "",
            false,
        );
        let choice = &value["choices"][0];
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["function"], json!({"name": "get.weather", "arguments": r#"{"n":1.0,"big":123456789012345678901}"#}));
        assert_eq!(
            (&call["index"], &choice["finish_reason"], &choice["message"]["content"]),
            (&json!(1), &json!("tool_calls"), &json!("Look. "))
        );
        assert_eq!(value["usage"]["prompt_tokens"], 24);
        assert_eq!(value["usage"]["prompt_tokens_details"]["cache_creation_token_details"]["ephemeral_1h_input_tokens"], 3);
        assert_eq!(value["usage"]["cache_read_input_tokens"], 7);
    }

    #[test]
    fn b4_thoughts_keep_signature_and_redacted_bytes() {
        let value = answer(
            r#"[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s=="}}},{"reasoningContent":{"redactedContent":"AAE="}},{"text":"42"}]"#,
            r#","additionalModelResponseFields":{"usage":{"output_tokens_details":{"thinking_tokens":4}}},"trace":{"guardrail":{}},"serviceTier":{"type":"flex"}"#,
            false,
        );
        let message = &value["choices"][0]["message"];
        assert_eq!(message["reasoning_content"], "hm");
        assert_eq!(
            message["thinking_blocks"],
            json!([{"type": "thinking", "thinking": "hm", "signature": "s=="}, {"type": "redacted_thinking", "data": "AAE="}])
        );
        assert_eq!(value["usage"]["completion_tokens_details"], json!({"reasoning_tokens": 4, "text_tokens": 5}));
        assert_eq!((&value["trace"], &value["service_tier"]), (&json!({"guardrail": {}}), &json!("flex")));
    }

    #[test]
    fn a_tool_that_stands_for_a_schema_is_the_text() {
        let call = |name: &str, input: &str| format!(r#"{{"toolUse":{{"toolUseId":"t","name":"{name}","input":{input}}}}}"#);
        let alone = answer(&format!("[{}]", call(JSON_TOOL, r#"{"a":1}"#)), "", true);
        let choice = &alone["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("{\"a\":1}"), &json!("stop")));
        assert!(choice["message"].get("tool_calls").is_none());
        let wrapped = answer(&format!("[{}]", call(JSON_TOOL, r#"{"properties":{"a":1}}"#)), "", true);
        assert_eq!(wrapped["choices"][0]["message"]["content"], "{\"a\":1}");
        let both = answer(&format!("[{},{}]", call(JSON_TOOL, "{}"), call("get_weather", "{}")), "", true);
        let choice = &both["choices"][0];
        assert_eq!(
            (choice["message"]["tool_calls"].as_array().unwrap().len(), &choice["finish_reason"]),
            (1, &json!("tool_calls"))
        );
    }

    #[test]
    fn a_wrapped_answer_is_known_from_its_start() {
        for text in ["{\"properties\":{\"a\":1}}", " { \"properties\" : {\"a\":1}}"] {
            for end in 0..=text.len() {
                assert!(may_be_wrapped(&text[..end]), "{}", &text[..end]);
            }
            assert_eq!(unwrapped(text), "{\"a\":1}");
        }
        for text in ["[", "{\"a", "{\"properties2", "{\"propertiesx\":1", "{\"properties\",", "x"] {
            assert!(!may_be_wrapped(text), "{text}");
        }
        assert_eq!(unwrapped("{\"properties\":{\"n\":1.0},\"b\":2}"), "{\"properties\":{\"n\":1.0},\"b\":2}");
        assert_eq!(unwrapped("{\"properties\":{\"n\":12345678901234567890123}}"), "{\"n\":12345678901234567890123}");
    }

    #[test]
    fn numbers_beyond_all_numbers_are_read() {
        let most = u64::MAX;
        let usage = json!({"inputTokens": most, "outputTokens": most, "cacheReadInputTokens": 9, "cacheWriteInputTokens": 1,
            "cacheDetails": [{"ttl": "1h", "inputTokens": most}, {"ttl": "1h", "inputTokens": most}]});
        let read = read_usage(&usage, false, None).to_value();
        assert_eq!((&read["prompt_tokens"], &read["total_tokens"]), (&json!(most), &json!(most)));
        let cited = |start: u64, end: u64| {
            format!(
                r#"{{"citationsContent":{{"content":[{{"text":"abc"}}],"citations":[{{"location":
            {{"searchResultLocation":{{"start":{start},"end":{end}}}}}}}]}}}}"#
            )
        };
        let value = answer(&format!("[{},{}]", cited(1, 2), cited(most, most)), "", false);
        assert_eq!(value["choices"][0]["message"]["annotations"][1]["url_citation"]["end_index"], most);
    }

    #[test]
    fn cited_text_becomes_the_answer() {
        let value = answer(
            r#"[{"citationsContent":{"content":[{"text":"Paris is big"}],"citations":[{"title":"T","source":"https://e.org","location":
                {"searchResultLocation":{"start":0,"end":5}}}]}},{"text":". "}]"#,
            "",
            false,
        );
        let message = &value["choices"][0]["message"];
        assert_eq!(message["content"], "Paris is big.");
        assert_eq!(
            message["annotations"][0]["url_citation"],
            json!({"start_index": 0, "end_index": 5, "title": "T", "url": "https://e.org"})
        );
    }

    #[test]
    fn stop_reasons_become_openais_words() {
        for (reason, word, native) in [
            ("end_turn", "stop", false),
            ("stop_sequence", "stop", false),
            ("tool_use", "tool_calls", false),
            ("max_tokens", "length", false),
            ("model_context_window_exceeded", "length", true),
            ("guardrail_intervened", "content_filter", true),
            ("content_filtered", "content_filter", true),
            ("malformed_tool_use", "stop", true),
        ] {
            assert_eq!(finish_reason(reason), (word, native.then_some(reason)), "{reason}");
        }
    }
}
