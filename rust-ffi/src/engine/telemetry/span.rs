//! The span of a call that has ended, as OTLP has it. Made where it is exported, which is no call's time.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use super::context::Context;
use super::facts::{self, Answer};
use super::names;
use super::otlp::{attribute, KeyValue, Span, SpanEvent, SpanKind, Status, StatusCode};
use crate::engine::error::ErrorKind;

/// The span is sampled, and it is known whether its parent was in another process (it was not).
const FLAGS: u32 = 0x101;

pub struct Finished {
    pub context: Context,
    pub operation: &'static str,
    pub provider: Cow<'static, str>,
    pub model: String,
    pub server: Option<(String, u16)>,
    pub start: SystemTime,
    pub end: SystemTime,
    /// Seconds.
    pub first_chunk: Option<f64>,
    pub answer: Answer,
    pub retries: u64,
    /// The kind, what the server answered, and the message for those who asked for content: providers quote what they were sent.
    pub error: Option<(ErrorKind, Option<u16>, Option<String>)>,
    pub attributes: Vec<KeyValue>,
    pub failed: Vec<Failed>,
    pub input: Option<String>,
    pub output: Option<String>,
}

/// An attempt that failed.
pub struct Failed {
    pub number: u32,
    pub provider: String,
    pub model: String,
    pub kind: ErrorKind,
    pub status: Option<u16>,
    pub started: SystemTime,
    pub at: SystemTime,
}

impl Finished {
    /// About how many bytes it takes to keep: what is not content is small.
    pub fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let attributes = self.attributes.iter().map(prost::Message::encoded_len).sum::<usize>();
        1024 + text(&self.input) + text(&self.output) + attributes
    }

    pub fn into_span(self) -> Span {
        let mut attributes = vec![attribute("gen_ai.operation.name", self.operation)];
        if !self.provider.is_empty() {
            attributes.push(attribute("gen_ai.provider.name", self.provider.into_owned()));
        }
        let mut name = self.operation.to_owned();
        if !self.model.is_empty() {
            name = format!("{name} {}", self.model);
            attributes.push(attribute("gen_ai.request.model", self.model));
        }
        if let Some((address, port)) = self.server {
            attributes.push(attribute("server.address", address));
            attributes.push(attribute("server.port", i64::from(port)));
        }
        attributes.extend(self.attributes);
        let Answer { id, model, finish_reasons, usage } = self.answer;
        attributes.extend(id.map(|id| attribute("gen_ai.response.id", id)));
        attributes.extend(model.map(|model| attribute("gen_ai.response.model", model)));
        if !finish_reasons.is_empty() {
            attributes.push(attribute("gen_ai.response.finish_reasons", finish_reasons));
        }
        attributes.extend(self.first_chunk.map(|seconds| attribute("gen_ai.response.time_to_first_chunk", seconds)));
        attributes.extend(facts::usage(&usage));
        if self.retries > 0 {
            attributes.push(attribute("edgequake.retries", self.retries as i64));
        }
        attributes.extend(self.input.map(|text| attribute("gen_ai.input.messages", text)));
        attributes.extend(self.output.map(|text| attribute("gen_ai.output.messages", text)));
        let status = self.error.map(|(kind, status, message)| {
            attributes.push(attribute("error.type", kind.name()));
            attributes.extend(status.map(|status| attribute("http.response.status_code", i64::from(status))));
            Status { message: message.unwrap_or_default(), code: StatusCode::Error.into() }
        });
        Span {
            trace_id: self.context.trace_id.to_be_bytes().to_vec(),
            span_id: self.context.span_id.to_be_bytes().to_vec(),
            parent_span_id: match self.context.parent_span_id {
                0 => Vec::new(),
                id => id.to_be_bytes().to_vec(),
            },
            trace_state: self.context.state,
            name,
            kind: SpanKind::Client.into(),
            start_time_unix_nano: nanoseconds(self.start),
            end_time_unix_nano: nanoseconds(self.end),
            attributes,
            events: self.failed.into_iter().map(Failed::into_event).collect(),
            status,
            flags: FLAGS,
        }
    }
}

impl Failed {
    fn into_event(self) -> SpanEvent {
        let seconds = self.at.duration_since(self.started).unwrap_or_default().as_secs_f64();
        let mut attributes = vec![
            attribute("edgequake.attempt", i64::from(self.number)),
            attribute("edgequake.attempt.duration", seconds),
            attribute("gen_ai.provider.name", names::provider(&self.provider).into_owned()),
            attribute("gen_ai.request.model", self.model),
            attribute("error.type", self.kind.name()),
        ];
        attributes.extend(self.status.map(|status| attribute("http.response.status_code", i64::from(status))));
        SpanEvent { time_unix_nano: nanoseconds(self.at), name: "edgequake.attempt.failed".to_owned(), attributes }
    }
}

/// Since 1970; a clock before that is taken for then.
pub fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
