//! Token counts, as litellm shows them.

use serde_json::{json, Map, Value};

/// Token counts of an answer. Classes never overlap with their details: `prompt` counts everything that went in, cached or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    pub prompt: u64,
    pub completion: u64,
    /// What the provider says; the sum where it says nothing.
    pub total: Option<u64>,
    /// Members of `prompt_tokens_details`: `cached_tokens`, `cache_creation_tokens`, `text_tokens`, `audio_tokens`, `image_tokens`, …
    pub prompt_details: Map<String, Value>,
    /// Members of `completion_tokens_details`: `reasoning_tokens`, `text_tokens`, …
    pub completion_details: Map<String, Value>,
    /// The provider's own counts, kept beside OpenAI's: `cache_read_input_tokens`, `server_tool_use`, …
    pub own: Map<String, Value>,
}

/// The sum of counts. Providers choose them, and one of them must not end the process that adds them up.
pub fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

impl Usage {
    pub fn to_value(&self) -> Value {
        let mut out = json!({
            "completion_tokens": self.completion,
            "prompt_tokens": self.prompt,
            "total_tokens": self.total.unwrap_or_else(|| sum([self.prompt, self.completion])),
        });
        if !self.completion_details.is_empty() {
            out["completion_tokens_details"] = self.completion_details.clone().into();
        }
        if !self.prompt_details.is_empty() {
            out["prompt_tokens_details"] = self.prompt_details.clone().into();
        }
        for (name, value) in &self.own {
            out[name.as_str()] = value.clone();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beyond_all_numbers_stay_the_largest() {
        let usage = Usage { prompt: u64::MAX, completion: 2, ..Usage::default() };
        assert_eq!(usage.to_value()["total_tokens"], u64::MAX);
        assert_eq!(sum([u64::MAX, 1, 2]), u64::MAX);
    }

    #[test]
    fn details_stand_only_where_there_are_some() {
        let plain = Usage { prompt: 3, completion: 4, ..Usage::default() };
        assert_eq!(plain.to_value(), json!({"completion_tokens": 4, "prompt_tokens": 3, "total_tokens": 7}));
        let mut rich = Usage { total: Some(9), ..plain };
        rich.prompt_details.insert("cached_tokens".into(), 2.into());
        rich.own.insert("cache_read_input_tokens".into(), 2.into());
        let value = rich.to_value();
        assert_eq!((&value["total_tokens"], &value["prompt_tokens_details"]["cached_tokens"]), (&json!(9), &json!(2)));
        assert_eq!(value["cache_read_input_tokens"], 2);
    }
}
