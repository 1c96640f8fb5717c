//! Rerankings as they come, brought into Cohere's form: `{"id", "results": [{"index", "relevance_score", "document"?}], "meta"}`.

use bytes::Bytes;
use serde_json::{json, Map, Value};

use super::forms::{Answer, Form};
use crate::engine::error::{Error, Result};
use crate::wire::errors::Origin;
use crate::wire::openai::answer::Reader;
use crate::wire::{Decode, Head};

pub struct Decoder {
    pub origin: Origin,
    pub form: &'static Form,
    /// How many documents were sent.
    pub count: usize,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let whole = if self.form.answer == Answer::List && body.trim_ascii_start().starts_with(b"[") {
            serde_json::from_slice(&body).map_err(|_| self.unreadable(head, &body))?
        } else {
            let reader = Reader { origin: &self.origin, status: head.status, json_tool: None, qualified: false };
            reader.top(&body)?;
            serde_json::from_slice::<Value>(&body).map_err(|_| self.unreadable(head, &body))?
        };
        let results = self.results(&whole).ok_or_else(|| self.origin.incomplete(&body, "the answer has no list of results"))?;
        let mut out = Map::new();
        if self.form.answer == Answer::Cohere {
            out.extend(whole.as_object().cloned().unwrap_or_default());
        }
        if !whole["id"].is_string() {
            out.insert("id".to_owned(), self.id(&whole));
        } else {
            out.insert("id".to_owned(), whole["id"].clone());
        }
        out.insert("results".to_owned(), results.into());
        if let Some(meta) = self.meta(&whole) {
            out.insert("meta".to_owned(), meta);
        }
        Ok(Value::Object(out).to_string().into_bytes())
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }
}

impl Decoder {
    fn unreadable(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.unreadable(head.status, body, "the answer is not JSON")
    }

    fn id(&self, whole: &Value) -> Value {
        match whole["request_id"].as_str() {
            Some(id) => id.into(),
            None => uuid::Uuid::new_v4().to_string().into(),
        }
    }

    /// None when they are not what a reranking's results are: an index of a document and a score each.
    fn results(&self, whole: &Value) -> Option<Vec<Value>> {
        let (list, score) = match self.form.answer {
            Answer::Scores => {
                let scores = whole["scores"].as_array().filter(|scores| scores.len() == self.count)?;
                return scores
                    .iter()
                    .enumerate()
                    .map(|(index, score)| score.is_number().then(|| json!({"index": index, "relevance_score": score})))
                    .collect();
            }
            Answer::List => (whole.as_array(), "score"),
            Answer::Voyage => (whole["data"].as_array().or_else(|| whole["results"].as_array()), "relevance_score"),
            _ => (whole["results"].as_array(), "relevance_score"),
        };
        list?.iter().map(|result| self.result(result, score)).collect()
    }

    fn result(&self, result: &Value, score: &str) -> Option<Value> {
        let known = result["index"].as_u64().is_some_and(|index| (index as usize) < self.count);
        if !known || !result[score].is_number() {
            return None;
        }
        if self.form.answer == Answer::Cohere {
            return Some(result.clone());
        }
        let mut out = json!({"index": result["index"], "relevance_score": result[score]});
        match (&result["document"], &result["text"]) {
            (Value::String(text), _) | (Value::Null, Value::String(text)) => out["document"] = json!({ "text": text }),
            (Value::Null, _) => {}
            (document, _) => out["document"] = document.clone(),
        }
        Some(out)
    }

    fn meta(&self, whole: &Value) -> Option<Value> {
        let usage = &whole["usage"];
        let total = &usage["total_tokens"];
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        Some(match self.form.answer {
            // It has been taken over with everything else.
            Answer::Cohere => return None,
            Answer::Jina => {
                let pick = |names: &[&str]| -> Map<String, Value> {
                    let members = usage.as_object().into_iter().flatten();
                    members.filter(|(name, _)| names.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
                };
                json!({"billed_units": pick(&["search_units", "total_tokens"]), "tokens": pick(&["input_tokens", "output_tokens"])})
            }
            Answer::Voyage => json!({
                "billed_units": {"total_tokens": count(total)}, "tokens": {"input_tokens": count(total), "output_tokens": 0},
            }),
            Answer::Total => json!({"billed_units": {"total_tokens": count(total)}, "tokens": {"input_tokens": count(total)}}),
            Answer::PromptAndTotal => {
                let (prompt, total) = (count(&usage["prompt_tokens"]), count(total));
                json!({
                    "billed_units": {"total_tokens": total},
                    "tokens": {"input_tokens": prompt, "output_tokens": total.saturating_sub(prompt)},
                })
            }
            Answer::Scores => {
                let tokens = count(&whole["input_tokens"]);
                json!({"billed_units": {"total_tokens": tokens}, "tokens": {"input_tokens": tokens, "output_tokens": 0}})
            }
            // It tells nothing, and a guess must not look like a count.
            Answer::List => return None,
        })
    }
}
