//! Whole answers.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::stream::{reason, Counts};
use super::think;
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::Fields;
use crate::wire::chat::answer::{Answer, Choice, Message, ToolCall};
use crate::wire::chat::new_call_id;
use crate::wire::errors::Origin;
use crate::wire::events::cut_off;

pub struct Reader<'a> {
    pub origin: &'a Origin,
    /// The HTTP status, a 2xx.
    pub status: u16,
}

impl Reader<'_> {
    pub fn chat(&self, body: &[u8]) -> Result<Vec<u8>> {
        let top = self.top(body)?;
        let message: Fields<'_> = top
            .get("message")
            .and_then(|raw| json::read(raw))
            .ok_or_else(|| self.unreadable(body, "the answer has no `message`"))?;
        let text = |name: &str| message.get(name).and_then(|raw| json::text(raw));
        let (thought, content) = split(text("thinking"), text("content"));
        let calls = match message.get("tool_calls").filter(|raw| !json::is_null(raw)) {
            Some(raw) => read_calls(raw)
                .ok_or_else(|| self.unreadable(body, "`tool_calls` of the answer is not what the protocol says"))?,
            None => Vec::new(),
        };
        Ok(self.write(
            &top,
            Message { content: content.or(Some(String::new())), reasoning_content: thought, tool_calls: calls, own: Map::new() },
        ))
    }

    pub fn generate(&self, body: &[u8]) -> Result<Vec<u8>> {
        let top = self.top(body)?;
        let text = |name: &str| top.get(name).and_then(|raw| json::text(raw));
        if !top.contains_key("response") && !top.contains_key("done") {
            return Err(self.unreadable(body, "the answer has no `response`"));
        }
        let (thought, content) = split(text("thinking"), text("response"));
        Ok(self
            .write(&top, Message { content: content.or(Some(String::new())), reasoning_content: thought, ..Message::default() }))
    }

    fn write(&self, top: &Fields<'_>, message: Message) -> Vec<u8> {
        let mut answer = Answer::new(&format!("{}/{}", self.origin.row.name, self.origin.model));
        let told = top.get("done_reason").and_then(|raw| json::text(raw));
        let (finish_reason, native) = reason(told.as_deref(), !message.tool_calls.is_empty());
        answer.usage = Counts::of(top).usage();
        answer.choices.push(Choice { message, finish_reason, native_finish_reason: native.map(str::to_owned), logprobs: None });
        answer.write()
    }

    /// Vectors keep the server's own digits.
    pub fn embed(&self, body: &[u8]) -> Result<Vec<u8>> {
        let top = self.top(body)?;
        let vectors = top
            .get("embeddings")
            .and_then(|raw| json::read::<Vec<&RawValue>>(raw))
            .ok_or_else(|| self.unreadable(body, "the answer has no list of vectors in `embeddings`"))?;
        let mut data = String::with_capacity(body.len() + 64 * vectors.len());
        for (index, vector) in vectors.iter().enumerate() {
            if index > 0 {
                data.push(',');
            }
            data.push_str(&format!("{{\"object\":\"embedding\",\"index\":{index},\"embedding\":{}}}", vector.get()));
        }
        let model = Value::from(format!("{}/{}", self.origin.row.name, self.origin.model));
        let prompt = top.get("prompt_eval_count").and_then(|raw| json::integer(raw)).unwrap_or(0);
        Ok(format!(
            "{{\"object\":\"list\",\"model\":{model},\"data\":[{data}],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":0,\
             \"total_tokens\":{prompt}}}}}"
        )
        .into_bytes())
    }

    fn top<'b>(&self, body: &'b [u8]) -> Result<Fields<'b>> {
        let text = self.origin.text(self.status, body)?;
        let top: Fields<'b> = serde_json::from_str(text).map_err(|_| self.unreadable(body, "the answer is not a JSON object"))?;
        if top.get("error").is_some_and(|raw| !json::is_null(raw)) {
            // The whole was an object, so this reads it again without fail.
            let raw: &RawValue = serde_json::from_str(text).map_err(|_| self.unreadable(body, "the answer reports an error"))?;
            return Err(self.origin.from_error_object(raw));
        }
        // A first line of a stream, from a server or a proxy that streams unasked.
        if top.get("done").is_some_and(|raw| raw.get() == "false") {
            return Err(cut_off("the answer was cut: it says `\"done\": false`, so that more was to come"));
        }
        Ok(top)
    }

    fn unreadable(&self, body: &[u8], why: &str) -> crate::engine::error::Error {
        self.origin.unreadable(self.status, body, why)
    }
}

/// Reasoning comes in a member of its own, or at the content's beginning in tags.
fn split(thought: Option<String>, content: Option<String>) -> (Option<String>, Option<String>) {
    match (thought.filter(|thought| !thought.is_empty()), content) {
        (Some(thought), content) => (Some(thought), content),
        (None, Some(content)) => {
            let (thought, content) = think::split(&content);
            (thought.map(str::to_owned), Some(content.to_owned()))
        }
        (None, None) => (None, None),
    }
}

/// Calls with their arguments as text. None: they are not what the protocol says.
pub fn read_calls(raw: &RawValue) -> Option<Vec<ToolCall>> {
    let calls: Vec<Fields<'_>> = json::read(raw)?;
    let call = |call: &Fields<'_>| {
        let function: Fields<'_> = json::read(call.get("function")?)?;
        let id = call.get("id").and_then(|raw| json::text(raw)).filter(|id| !id.is_empty());
        let arguments = match function.get("arguments") {
            Some(raw) if json::is_null(raw) => "{}".to_owned(),
            Some(raw) if raw.get().starts_with('"') => json::text(raw)?,
            Some(raw) => raw.get().to_owned(),
            None => "{}".to_owned(),
        };
        Some(ToolCall {
            id: id.unwrap_or_else(new_call_id),
            name: json::text(function.get("name")?)?,
            arguments,
            own: Map::new(),
        })
    };
    calls.iter().map(call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::wire::providers::find;
    use crate::wire::Operation;
    use serde_json::json;

    fn with<T>(read: impl FnOnce(&Reader<'_>) -> T) -> T {
        let origin = Origin::new(find("ollama_chat").unwrap(), Operation::Completion, "llama3.1", None);
        read(&Reader { origin: &origin, status: 200 })
    }

    fn chat(body: Value) -> Value {
        serde_json::from_slice(&with(|reader| reader.chat(body.to_string().as_bytes())).unwrap()).unwrap()
    }

    #[test]
    fn a_chat_is_a_completion() {
        let answer = chat(json!({
            "model": "llama3.1", "done": true, "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 6,
            "message": {"role": "assistant", "content": "Look.", "thinking": "hm", "tool_calls": [
                {"function": {"name": "f", "arguments": {"city": "Paris"}}}, {"id": "mine", "function": {"name": "g", "arguments": "{}"}}]},
        }));
        assert_eq!(answer["model"], "ollama_chat/llama3.1");
        let choice = &answer["choices"][0];
        assert_eq!((&choice["finish_reason"], &choice["message"]["reasoning_content"]), (&json!("tool_calls"), &json!("hm")));
        assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{\"city\":\"Paris\"}");
        assert_eq!(choice["message"]["tool_calls"][1]["id"], "mine");
        assert_eq!(answer["usage"], json!({"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}));
    }

    #[test]
    fn calls_without_ids_get_ids_of_their_own() {
        let raw: &RawValue = serde_json::from_str(r#"[{"function": {"name": "f"}}, {"function": {"name": "f"}}]"#).unwrap();
        let calls = read_calls(raw).unwrap();
        assert!(calls.iter().all(|call| call.id.starts_with("call_") && call.arguments == "{}"));
        assert_ne!(calls[0].id, calls[1].id);
    }

    #[test]
    fn thoughts_in_tags_are_reasoning_and_counts_that_are_missing_are_not_made_up() {
        let answer = chat(json!({"message": {"content": "<think>a</think>b"}, "done": true, "done_reason": "length"}));
        let choice = &answer["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["message"]["reasoning_content"]), (&json!("b"), &json!("a")));
        assert_eq!((&choice["finish_reason"], answer.get("usage")), (&json!("length"), None));
    }

    #[test]
    fn a_prompts_answer_is_text() {
        let body = json!({"response": "Hi", "done": true, "done_reason": "length", "eval_count": 1});
        let bytes = with(|reader| reader.generate(body.to_string().as_bytes())).unwrap();
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (&answer["choices"][0]["message"]["content"], &answer["choices"][0]["finish_reason"]),
            (&json!("Hi"), &json!("length"))
        );
        assert_eq!(answer["usage"]["prompt_tokens"], 0);
    }

    #[test]
    fn vectors_keep_their_digits() {
        let bytes = with(|reader| reader.embed(br#"{"embeddings":[[0.10,1e-7],[2]],"prompt_eval_count":3}"#)).unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("\"index\":0,\"embedding\":[0.10,1e-7]"));
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&answer["data"][1]["index"], &answer["usage"]["total_tokens"]), (&json!(1), &json!(3)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in [
            &b""[..],
            b"<html>",
            b"{}",
            b"[1]",
            b"{\"message\": 5}",
            b"\xff",
            b"{\"message\": {\"tool_calls\": [{}]}}",
            br#"{"message": {"content": "Hel"}, "done": false}"#,
        ] {
            assert_eq!(with(|reader| reader.chat(body)).unwrap_err().kind, ErrorKind::ApiConnection, "{body:?}");
        }
        assert!(with(|reader| reader.generate(br#"{"response": "Hel", "done": false}"#)).is_err());
        assert!(with(|reader| reader.generate(b"{}")).is_err() && with(|reader| reader.embed(b"{}")).is_err());
        let error = with(|reader| reader.chat(br#"{"error": "model \"x\" not found"}"#)).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::InternalServer, "model \"x\" not found"));
    }
}
