//! Watches one call: takes notes while it runs, and gives them to telemetry when it ends.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::content::{self, Streamed};
use super::context::{Context, Parent};
use super::facts::{self, Answer};
use super::metrics::{Histogram, Labels, Measured, SECONDS};
use super::otlp::{attribute, KeyValue};
use super::span::{Failed, Finished};
use super::{names, Telemetry};
use crate::engine::error::{Error, ErrorKind};
use crate::engine::observe::{Observer, Seen};
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::{Operation, StreamEvent};

/// Attempts that a span tells of; a call with more has a setting to be looked at, and says how many there were.
const MOST_ATTEMPTS: usize = 32;

pub struct Watch {
    telemetry: Arc<Telemetry>,
    /// None for a span that is not kept.
    kept: Option<Kept>,
    context: Context,
    operation: &'static str,
    /// By litellm's name.
    provider: String,
    model: String,
    server: Option<(String, u16)>,
    stream: bool,
    started: Instant,
    start: SystemTime,
    first: Option<Instant>,
    last: Instant,
    per_chunk: Histogram,
    answer: Answer,
    retries: u64,
    /// Are the words of the request and of its answer exported?
    captures: bool,
    ended: bool,
}

/// What only a span needs.
struct Kept {
    attributes: Vec<KeyValue>,
    failed: Vec<Failed>,
    input: Option<String>,
    streamed: Option<Streamed>,
}

impl Watch {
    pub fn new(telemetry: Arc<Telemetry>, operation: Operation, request: &Request<'_>) -> Watch {
        let settings = &telemetry.settings;
        let text = |name: &str| request.raw(name).and_then(crate::engine::json::text);
        let parent = text("traceparent").and_then(|parent| Parent::parse(&parent, text("tracestate").as_deref()));
        let context = Context::new(parent, &settings.sampler);
        let stream = operation.streams() && request.is_stream().unwrap_or_default();
        // litellm's switch goes before what the exporter is told: a call whose words are nobody's is not exported either.
        let name = "turn_off_message_logging";
        let silent = request.bool(name).ok().flatten().or_else(|| request.setting_bool(name).ok().flatten()) == Some(true);
        let captures = settings.capture_content && !silent;
        let kept = (context.sampled && telemetry.exports_spans()).then(|| Kept {
            attributes: facts::request(operation, request, stream),
            failed: Vec::new(),
            input: captures.then(|| content::input(request)).flatten(),
            streamed: (captures && stream).then(Streamed::default),
        });
        if let Some(metrics) = &telemetry.metrics {
            metrics.started();
        }
        let now = Instant::now();
        Watch {
            kept,
            captures,
            context,
            operation: names::operation(operation),
            provider: text("custom_llm_provider").unwrap_or_default(),
            model: text("model").unwrap_or_default(),
            server: None,
            stream,
            started: now,
            start: SystemTime::now(),
            first: None,
            last: now,
            per_chunk: Histogram::default(),
            answer: Answer::default(),
            retries: 0,
            ended: false,
            telemetry,
        }
    }

    /// The headers by which the provider joins the trace, where that was asked for.
    pub fn headers(&self) -> Vec<(String, String)> {
        if !self.telemetry.settings.propagate {
            return Vec::new();
        }
        let state = Some(self.context.state.clone()).filter(|state| !state.is_empty());
        let traceparent = ("traceparent".to_owned(), self.context.traceparent());
        [traceparent].into_iter().chain(state.map(|state| ("tracestate".to_owned(), state))).collect()
    }

    /// Where the call goes.
    pub fn routed(&mut self, route: &Route) {
        if !route.provider.is_empty() {
            self.provider.clone_from(&route.provider);
            self.model.clone_from(&route.model);
        }
        if let Ok(url) = reqwest::Url::parse(&route.api_base) {
            self.server = server_of(&url);
        }
    }

    fn end(&mut self, error: Option<&Error>, finished: impl FnOnce(&mut Kept, bool)) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let now = Instant::now();
        let first_chunk = self.first.map(|first| (first - self.started).as_secs_f64());
        let provider: Cow<'static, str> = names::provider(&self.provider);
        if let Some(metrics) = &self.telemetry.metrics {
            let labels = Labels {
                operation: self.operation,
                provider: provider.clone(),
                request_model: self.model.clone(),
                response_model: self.answer.model.clone(),
                error: error.map(|error| error.kind.name()),
                server: self.server.clone(),
                overflow: false,
            };
            let measured = Measured {
                seconds: (now - self.started).as_secs_f64(),
                input_tokens: self.answer.usage.input(),
                output_tokens: self.answer.usage.output(),
                first_chunk,
                per_chunk: std::mem::take(&mut self.per_chunk),
                retries: self.retries,
            };
            metrics.ended(labels, &measured);
        }
        let mut kept = self.kept.take();
        if let Some(kept) = &mut kept {
            finished(kept, self.captures);
        }
        let finished = kept.map(|kept| Finished {
            context: self.context.clone(),
            operation: self.operation,
            provider,
            model: std::mem::take(&mut self.model),
            server: self.server.take(),
            start: self.start,
            // By the clock that does not jump.
            end: self.start + (now - self.started),
            first_chunk,
            answer: std::mem::take(&mut self.answer),
            retries: self.retries,
            error: error.map(|error| {
                let message = self.captures.then(|| error.message.clone());
                (error.kind, error.http_status, message)
            }),
            attributes: kept.attributes,
            failed: kept.failed,
            input: kept.input,
            output: kept.streamed.map(|streamed| streamed.output()),
        });
        self.telemetry.ended(finished);
    }
}

impl Observer for Watch {
    fn attempt(&mut self, seen: &Seen<'_>) {
        if seen.number > 1 {
            self.retries += 1;
        }
        let known = self.provider == seen.route.provider && self.model == seen.route.model;
        if !known {
            self.routed(seen.route);
        }
        self.server = server_of(seen.url);
        if let (Some(kept), Some(error)) = (&mut self.kept, seen.error) {
            if kept.failed.len() < MOST_ATTEMPTS {
                kept.failed.push(Failed {
                    number: seen.number,
                    provider: seen.route.provider.clone(),
                    model: seen.route.model.clone(),
                    kind: error.kind,
                    status: error.http_status,
                    started: self.start + (seen.started - self.started),
                    at: self.start + self.started.elapsed(),
                });
            }
        }
    }

    fn event(&mut self, event: &StreamEvent) {
        let now = Instant::now();
        if self.first.is_none() {
            self.first = Some(now);
        } else {
            self.per_chunk.record(&SECONDS, (now - self.last).as_secs_f64());
        }
        self.last = now;
        if let StreamEvent::Chunk { json, .. } = event {
            self.answer.read(json);
        }
        if let Some(streamed) = self.kept.as_mut().and_then(|kept| kept.streamed.as_mut()) {
            streamed.event(event);
        }
    }

    fn done(&mut self, answer: &[u8], meta: &[u8]) {
        if !answer.is_empty() {
            self.answer.read(answer);
        }
        if self.provider.is_empty() {
            // No attempt has said it: the answer was kept from an earlier call.
            (self.provider, self.model) = facts::origin(meta).unwrap_or_else(|| (String::new(), std::mem::take(&mut self.model)));
        }
        let stream = self.stream;
        self.end(None, |kept, content| {
            kept.attributes.extend(facts::meta(meta));
            if content && !stream {
                kept.attributes.extend(content::output(answer).map(|text| attribute("gen_ai.output.messages", text)));
            }
        });
    }

    fn failed(&mut self, error: &Error) {
        if !error.provider.is_empty() && self.provider.is_empty() {
            self.provider.clone_from(&error.provider);
        }
        let id = error.request_id.clone();
        self.end(Some(error), |kept, _| kept.attributes.extend(id.map(|id| attribute("edgequake.request_id", id))));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Its task was dropped with its client.
        if !self.ended {
            self.end(Some(&Error::new(ErrorKind::Cancelled, "the client was closed")), |_, _| {});
        }
    }
}

fn server_of(url: &reqwest::Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}
