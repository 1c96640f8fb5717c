//! Whole answers, and what they share with streams.

use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::Fields;
use crate::wire::chat::answer::{Answer, Choice, Message, ToolCall};
use crate::wire::chat::new_call_id;
use crate::wire::chat::usage::{sum, Usage};
use crate::wire::errors::Origin;

pub struct Reader<'a> {
    pub origin: &'a Origin,
    /// The HTTP status, a 2xx.
    pub status: u16,
}

impl Reader<'_> {
    pub fn chat(&self, body: &[u8]) -> Result<Vec<u8>> {
        let (raw, _) = self.top(body)?;
        let value: Value = json::read(raw).ok_or_else(|| self.incomplete(body, "the answer cannot be read"))?;
        let told = &value["message"];
        if !told.is_object() {
            return Err(self.incomplete(body, "the answer has no `message`"));
        }
        let calls = match &told["tool_calls"] {
            Value::Array(calls) => calls.iter().map(tool_call).collect(),
            _ => Vec::new(),
        };
        let reason = value["finish_reason"].as_str().unwrap_or_default();
        let (finish_reason, native) = reason_of(reason, !calls.is_empty(), || failed(self.origin, reason, raw))?;
        let mut message = Message { tool_calls: calls, ..Message::default() };
        match &told["content"] {
            Value::String(text) => message.content = Some(text.clone()),
            Value::Array(parts) => {
                for part in parts {
                    // litellm joins the texts; thoughts are reasoning.
                    if let Some(text) = part["text"].as_str() {
                        message.content.get_or_insert_default().push_str(text);
                    }
                    if let Some(thought) = part["thinking"].as_str() {
                        message.reasoning_content.get_or_insert_default().push_str(thought);
                    }
                }
            }
            _ => {}
        }
        let mut own = Map::new();
        if let Some(plan) = told["tool_plan"].as_str().filter(|plan| !plan.is_empty()) {
            own.insert("tool_plan".to_owned(), plan.into());
        }
        if let Value::Array(citations) = &told["citations"] {
            let annotations: Vec<Value> = citations.iter().flat_map(annotations).collect();
            if !annotations.is_empty() {
                message.own.insert("annotations".to_owned(), annotations.into());
            }
            if !citations.is_empty() {
                own.insert("citations".to_owned(), citations.clone().into());
            }
        }
        if !own.is_empty() {
            message.own.insert("provider_specific_fields".to_owned(), own.into());
        }
        let mut answer = Answer::new(&self.origin.model);
        answer.usage = usage(&value["usage"]);
        answer.choices.push(Choice { message, finish_reason, native_finish_reason: native.map(str::to_owned), logprobs: None });
        Ok(answer.write())
    }

    /// Vectors keep Cohere's own digits. Several types of vectors stand one after the other, as in litellm.
    /// `counted` are the tokens of the texts where they are told elsewhere.
    pub fn embedding(&self, body: &[u8], counted: Option<u64>) -> Result<Vec<u8>> {
        let (_, top) = self.top(body)?;
        let by_type: Fields<'_> = top
            .get("embeddings")
            .and_then(|raw| match raw.get().starts_with('[') {
                true => Some([("float".to_owned(), *raw)].into_iter().collect()),
                false => json::read(raw),
            })
            .ok_or_else(|| self.incomplete(body, "the answer has no vectors in `embeddings`"))?;
        let mut data = String::with_capacity(body.len());
        for (kind, raw) in &by_type {
            let vectors: Vec<&RawValue> = json::read(raw)
                .ok_or_else(|| self.incomplete(body, &format!("`embeddings.{kind}` of the answer is not a list")))?;
            for (index, vector) in vectors.iter().enumerate() {
                if !data.is_empty() {
                    data.push(',');
                }
                data.push_str(&format!("{{\"object\":\"embedding\",\"index\":{index},\"embedding\":{}}}", vector.get()));
            }
        }
        let billed: Value =
            top.get("meta").and_then(|raw| json::read::<Value>(raw)).map_or(Value::Null, |mut meta| meta["billed_units"].take());
        let (texts, images) = (count(&billed["input_tokens"]).or(counted), count(&billed["images"]));
        let mut usage = Usage { prompt: sum([texts.unwrap_or(0), images.unwrap_or(0)]), ..Usage::default() };
        for (name, count) in [("text_tokens", texts), ("image_tokens", images)] {
            if let Some(count) = count {
                usage.prompt_details.insert(name.to_owned(), count.into());
            }
        }
        let (model, usage) = (Value::from(self.origin.model.as_str()), usage.to_value());
        Ok(format!("{{\"object\":\"list\",\"model\":{model},\"data\":[{data}],\"usage\":{usage}}}").into_bytes())
    }

    fn top<'b>(&self, body: &'b [u8]) -> Result<(&'b RawValue, Fields<'b>)> {
        let unreadable = |why: &str| self.origin.unreadable(self.status, body, why);
        let text = self.origin.text(self.status, body)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| unreadable("the answer is not JSON"))?;
        let top: Fields<'b> = json::read(raw).ok_or_else(|| unreadable("the answer is JSON, but not an object"))?;
        // An error object in the place of an answer has a message that is text.
        let says = top.get("message").is_some_and(|raw| raw.get().starts_with('"'));
        if says || top.get("error").is_some_and(|raw| !json::is_null(raw)) {
            return Err(self.origin.from_error_object(raw));
        }
        Ok((raw, top))
    }

    fn incomplete(&self, body: &[u8], what: &str) -> Error {
        let mut error = self.origin.incomplete(body, what);
        // What litellm raises for it.
        error.kind = ErrorKind::ApiConnection;
        error
    }
}

/// OpenAI's word for how an answer ended, and Cohere's where it says more. ERROR and TIMEOUT are no answers (`failed`).
pub fn reason_of(told: &str, calls: bool, failed: impl FnOnce() -> Error) -> Result<(&'static str, Option<&str>)> {
    Ok(match told {
        "ERROR" | "TIMEOUT" => return Err(failed()),
        _ if calls => ("tool_calls", None),
        "" | "COMPLETE" => ("stop", None),
        "STOP_SEQUENCE" => ("stop", Some(told)),
        "MAX_TOKENS" => ("length", None),
        "TOOL_CALL" => ("tool_calls", None),
        "ERROR_TOXIC" => ("content_filter", Some(told)),
        _ => ("stop", Some(told)),
    })
}

/// The error of a generation that failed after it had begun; `raw` is what says so.
pub fn failed(origin: &Origin, reason: &str, raw: &RawValue) -> Error {
    let mut error = origin.from_error_object(raw);
    if reason == "TIMEOUT" {
        (error.kind, error.status_code) = (ErrorKind::Timeout, ErrorKind::Timeout.default_status());
    }
    let told = json::read::<Value>(raw).is_some_and(|value| value["error"].is_string() || value["message"].is_string());
    if !told {
        error.message = format!("Cohere ended the answer with the finish reason {reason}");
    }
    error
}

fn tool_call(call: &Value) -> ToolCall {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let arguments = match &call["function"]["arguments"] {
        Value::String(arguments) if !arguments.is_empty() => arguments.clone(),
        Value::String(_) | Value::Null => "{}".to_owned(),
        other => other.to_string(),
    };
    let id = Some(text(&call["id"])).filter(|id| !id.is_empty()).unwrap_or_else(new_call_id);
    ToolCall { id, name: text(&call["function"]["name"]), arguments, own: Map::new() }
}

/// OpenAI's annotations for a citation: one for each document that it names.
pub fn annotations(citation: &Value) -> Vec<Value> {
    let sources = citation["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    sources
        .iter()
        .filter(|source| source["type"] == "document" && source["document"].is_object())
        .map(|source| {
            let document = &source["document"];
            let url = source["url"].as_str().or(document["url"].as_str()).map(str::to_owned);
            json!({
                "type": "url_citation",
                "url_citation": {
                    "start_index": citation["start"].as_u64().unwrap_or(0),
                    "end_index": citation["end"].as_u64().unwrap_or(0),
                    "title": document["title"].as_str().unwrap_or_default(),
                    "url": url.unwrap_or_else(|| format!("source:{}", source["id"].as_str().unwrap_or("unknown"))),
                },
            })
        })
        .collect()
}

/// The tokens that went in and out, not those that are billed.
pub fn usage(told: &Value) -> Option<Usage> {
    let (prompt, completion) = (count(&told["tokens"]["input_tokens"]), count(&told["tokens"]["output_tokens"]));
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    let mut usage = Usage { prompt: prompt.unwrap_or(0), completion: completion.unwrap_or(0), ..Usage::default() };
    if let Some(cached) = count(&told["cached_tokens"]) {
        usage.prompt_details.insert("cached_tokens".to_owned(), cached.into());
    }
    Some(usage)
}

/// Cohere writes some counts as 5.0.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|count| *count >= 0.0).map(|count| count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::providers::find;
    use crate::wire::Operation;

    fn with<T>(read: impl FnOnce(&Reader<'_>) -> T) -> T {
        let origin = Origin::new(find("cohere_chat").unwrap(), Operation::Completion, "command-a-03-2025", None);
        read(&Reader { origin: &origin, status: 200 })
    }

    fn chat(reason: &str, message: Value) -> Result<Value> {
        let body = json!({"id": "c1", "finish_reason": reason, "message": message, "usage": {
            "billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": {"input_tokens": 71.0, "output_tokens": 9}}});
        Ok(serde_json::from_slice(&with(|reader| reader.chat(body.to_string().as_bytes()))?).unwrap())
    }

    #[test]
    fn texts_and_thoughts_are_joined_and_tokens_are_those_that_went_in() {
        let content =
            json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        let answer = chat("COMPLETE", json!({"role": "assistant", "content": content})).unwrap();
        let choice = &answer["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["message"]["reasoning_content"]), (&json!("ab"), &json!("hm")));
        assert_eq!((&choice["finish_reason"], &answer["model"]), (&json!("stop"), &json!("command-a-03-2025")));
        assert_eq!(answer["usage"], json!({"prompt_tokens": 71, "completion_tokens": 9, "total_tokens": 80}));
    }

    #[test]
    fn calls_keep_their_ids_and_the_plan() {
        let calls = json!([{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]);
        let answer = chat("TOOL_CALL", json!({"role": "assistant", "tool_plan": "I look.", "tool_calls": calls})).unwrap();
        let choice = &answer["choices"][0];
        assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
        assert_eq!(choice["message"]["tool_calls"], calls);
        assert_eq!(choice["message"]["provider_specific_fields"]["tool_plan"], "I look.");
    }

    #[test]
    fn citations_are_annotations() {
        let citation = json!({"start": 0, "end": 2, "text": "Hi", "sources": [
            {"type": "document", "id": "d1", "document": {"title": "T"}}, {"type": "document", "id": "d2", "document": {"url": "https://u"}},
            {"type": "tool", "id": "t"}]});
        let answer = chat("COMPLETE", json!({"content": [{"type": "text", "text": "Hi"}], "citations": [citation]})).unwrap();
        let message = &answer["choices"][0]["message"];
        let first =
            json!({"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 2, "title": "T", "url": "source:d1"}});
        assert_eq!(message["annotations"][0], first);
        assert_eq!(message["annotations"][1]["url_citation"]["url"], "https://u");
        assert_eq!(message["annotations"].as_array().unwrap().len(), 2);
        assert_eq!(message["provider_specific_fields"]["citations"][0], citation);
    }

    #[test]
    fn c1_ways_to_end() {
        let text = json!({"content": [{"type": "text", "text": "x"}]});
        for (told, reason) in
            [("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("ERROR_TOXIC", "content_filter"), ("NEW", "stop")]
        {
            assert_eq!(chat(told, text.clone()).unwrap()["choices"][0]["finish_reason"], reason, "{told}");
        }
        for (told, kind) in [("ERROR", ErrorKind::InternalServer), ("TIMEOUT", ErrorKind::Timeout)] {
            let error = chat(told, text.clone()).unwrap_err();
            assert_eq!(error.kind, kind, "{told}");
            assert!(error.message.contains(told), "{}", error.message);
        }
    }

    #[test]
    fn vectors_keep_their_digits() {
        let body = br#"{"embeddings":{"float":[[0.10],[1e-7]]},"meta":{"billed_units":{"input_tokens":6}}}"#;
        let bytes = with(|reader| reader.embedding(body, None)).unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("\"index\":0,\"embedding\":[0.10]"));
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer["usage"]["prompt_tokens_details"], json!({"text_tokens": 6}));
        assert_eq!((&answer["data"][1]["index"], &answer["usage"]["total_tokens"]), (&json!(1), &json!(6)));
    }

    #[test]
    fn counts_beyond_all_numbers_are_read() {
        let body = json!({"embeddings": {"float": [[1]]}, "meta": {"billed_units": {"input_tokens": u64::MAX, "images": 5}}});
        let answer: Value =
            serde_json::from_slice(&with(|reader| reader.embedding(body.to_string().as_bytes(), None)).unwrap()).unwrap();
        assert_eq!(answer["usage"]["total_tokens"], u64::MAX);
        let told = json!({"tokens": {"input_tokens": 1e300, "output_tokens": u64::MAX}});
        assert_eq!(usage(&told).unwrap().to_value()["total_tokens"], u64::MAX);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in [&b""[..], b"<html>", b"{}", b"[1]", b"{\"message\": 5}", b"\xff"] {
            assert_eq!(with(|reader| reader.chat(body)).unwrap_err().kind, ErrorKind::ApiConnection, "{body:?}");
        }
        assert!(with(|reader| reader.embedding(b"{\"embeddings\": 5}", None)).is_err());
        let error = with(|reader| reader.chat(br#"{"message": "invalid api token"}"#)).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Authentication, "invalid api token"));
    }
}
