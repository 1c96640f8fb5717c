//! A whole answer, written as a `chat.completion`.

use serde_json::{json, Map, Value};

use super::usage::Usage;

/// A chat completion in the making.
#[derive(Clone, Debug)]
pub struct Answer {
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
    /// The provider's own members at the top.
    pub own: Map<String, Value>,
}

#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub message: Message,
    /// One of OpenAI's words.
    pub finish_reason: &'static str,
    /// The provider's word where it says more than OpenAI's; kept in `provider_specific_fields.native_finish_reason`.
    pub native_finish_reason: Option<String>,
    pub logprobs: Option<Value>,
}

#[derive(Clone, Debug, Default)]
pub struct Message {
    /// None is `null`: the answer has no text.
    pub content: Option<String>,
    pub reasoning_content: Option<String>,
    pub tool_calls: Vec<ToolCall>,
    /// Other members: `thinking_blocks`, `annotations`, `images`, `audio`, `provider_specific_fields`, …
    pub own: Map<String, Value>,
}

#[derive(Clone, Debug, Default)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON, as text.
    pub arguments: String,
    /// Other members, such as `provider_specific_fields`.
    pub own: Map<String, Value>,
}

impl ToolCall {
    fn to_value(&self) -> Value {
        let mut call = json!({
            "id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments},
        });
        for (name, value) in &self.own {
            call[name.as_str()] = value.clone();
        }
        call
    }
}

impl Answer {
    /// An answer of `model` without choices yet.
    pub fn new(model: &str) -> Self {
        let (id, created) = (super::new_id(), super::now());
        Answer { id, created, model: model.to_owned(), choices: Vec::new(), usage: None, own: Map::new() }
    }

    pub fn write(self) -> Vec<u8> {
        let choices: Vec<Value> = self.choices.iter().enumerate().map(|(index, choice)| choice.to_value(index)).collect();
        let mut out = json!({
            "id": self.id, "created": self.created, "model": self.model, "object": "chat.completion", "choices": choices,
        });
        if let Some(usage) = &self.usage {
            out["usage"] = usage.to_value();
        }
        for (name, value) in self.own {
            out[name] = value;
        }
        out.to_string().into_bytes()
    }
}

impl Choice {
    fn to_value(&self, index: usize) -> Value {
        let message = &self.message;
        let mut out = json!({"role": "assistant", "content": message.content});
        if let Some(reasoning) = &message.reasoning_content {
            out["reasoning_content"] = reasoning.as_str().into();
        }
        if !message.tool_calls.is_empty() {
            out["tool_calls"] = message.tool_calls.iter().map(ToolCall::to_value).collect();
        }
        for (name, value) in &message.own {
            out[name.as_str()] = value.clone();
        }
        let mut choice = json!({"index": index, "message": out, "finish_reason": self.finish_reason});
        if let Some(logprobs) = &self.logprobs {
            choice["logprobs"] = logprobs.clone();
        }
        if let Some(native) = &self.native_finish_reason {
            choice["provider_specific_fields"] = json!({"native_finish_reason": native});
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_chat_completion() {
        let mut answer = Answer::new("m");
        answer.choices.push(Choice {
            message: Message {
                reasoning_content: Some("hm".into()),
                tool_calls: vec![ToolCall { id: "c1".into(), name: "f".into(), arguments: "{}".into(), own: Map::new() }],
                ..Message::default()
            },
            finish_reason: "tool_calls",
            native_finish_reason: Some("TOOL".into()),
            logprobs: None,
        });
        answer.own.insert("citations".into(), json!(["a"]));
        let value: Value = serde_json::from_slice(&answer.write()).unwrap();
        assert_eq!(value["object"], "chat.completion");
        assert!(value["id"].as_str().unwrap().starts_with("chatcmpl-"));
        let choice = &value["choices"][0];
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(choice["message"]["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{}"}));
        assert_eq!(choice["provider_specific_fields"]["native_finish_reason"], "TOOL");
        assert_eq!(value["citations"][0], "a");
    }
}
