//! Predictions: their states, their outputs and how they fail.

use serde_json::{json, Value};

use crate::engine::error::{Error, Result};
use crate::wire::chat::answer::{Answer, Choice, Message};
use crate::wire::chat::usage::Usage;
use crate::wire::errors::Origin;
use crate::wire::job::State;

/// litellm's status for a prediction that failed: of a whole answer, and of a stream.
pub const WHOLE: u16 = 422;
pub const STREAM: u16 = 400;

/// A prediction as Replicate writes it.
pub struct Prediction(Value);

impl Prediction {
    pub fn read(origin: &Origin, status: u16, body: &[u8]) -> Result<Prediction> {
        let text = origin.text(status, body)?;
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        if !value["status"].is_string() {
            return Err(origin.unreadable(status, body, "the answer is no prediction: it has no `status`"));
        }
        Ok(Prediction(value))
    }

    fn status(&self) -> &str {
        self.0["status"].as_str().unwrap_or_default()
    }

    pub fn ended(&self) -> bool {
        matches!(self.status(), "succeeded" | "failed" | "canceled" | "aborted")
    }

    pub fn succeeded(&self) -> bool {
        self.status() == "succeeded"
    }

    pub fn urls(&self) -> State {
        let url = |name: &str| self.0["urls"][name].as_str().map(str::to_owned);
        State { ended: false, get: url("get"), cancel: url("cancel"), events: url("stream") }
    }

    /// The output so far. None: it is not text.
    pub fn text(&self) -> Option<String> {
        match &self.0["output"] {
            Value::Null => Some(String::new()),
            Value::String(text) => Some(text.clone()),
            Value::Array(pieces) => pieces.iter().map(Value::as_str).collect(),
            _ => None,
        }
    }

    /// The error of a prediction that ended otherwise than well.
    pub fn failure(&self, origin: &Origin, status: u16) -> Error {
        failure(origin, status, self.status(), self.0["error"].as_str().unwrap_or_default())
    }

    /// None where Replicate counted nothing: a guess must not look like a count.
    pub fn usage(&self) -> Option<Usage> {
        let metric = |name: &str| self.0["metrics"][name].as_u64();
        let (prompt, completion) = (metric("input_token_count")?, metric("output_token_count")?);
        Some(Usage { prompt, completion, ..Usage::default() })
    }

    pub fn answer(&self, origin: &Origin, body: &[u8]) -> Result<Vec<u8>> {
        if !self.succeeded() {
            return Err(self.failure(origin, WHOLE));
        }
        let text = self.text().ok_or_else(|| origin.incomplete(body, NOT_TEXT))?;
        let mut answer = Answer::new(&format!("{}/{}", origin.row.name, origin.model));
        answer.usage = self.usage();
        let message = Message { content: Some(text), ..Message::default() };
        answer.choices.push(Choice { message, finish_reason: "stop", ..Choice::default() });
        Ok(answer.write())
    }
}

pub const NOT_TEXT: &str = "the prediction's output is not text: the model is no language model";

/// The error of a prediction with this end. What is said of it alone decides on its class: a prediction repeats its prompt.
pub fn failure(origin: &Origin, status: u16, end: &str, said: &str) -> Error {
    let said = match said.trim() {
        "" if end == "failed" => "the prediction failed, and Replicate does not say why".to_owned(),
        "" => format!("the prediction has ended without an answer: {end}"),
        said => said.to_owned(),
    };
    let mut error = origin.exception(status, end, json!({"status": end, "error": said}).to_string().as_bytes());
    // Nobody sent this status: the prediction was there, and told of its end.
    error.http_status = None;
    error
}
