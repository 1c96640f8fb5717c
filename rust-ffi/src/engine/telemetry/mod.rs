//! Telemetry: a span for each call and metrics of them, by OpenTelemetry's conventions for generative AI, over OTLP and as Prometheus'
//! text.
//!
//! Nothing of it exists until a client is configured with `telemetry`. A call then takes notes ([`Watch`]) and hands them over at its end;
//! all else is done by a thread of the exporter's own, which never holds a call up: what a dead collector does not take is
//! dropped, and counted. No attribute holds a key, and none holds the content of a message unless that was asked for.

mod content;
mod context;
mod export;
mod facts;
mod metrics;
mod names;
mod otlp;
mod prometheus;
mod settings;
mod span;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use self::export::Exporter;
use self::metrics::Metrics;
use self::prometheus::Exported;
use self::settings::Settings;
use self::span::Finished;
pub use self::watch::Watch;
use super::error::{Error, Result};
use super::request::Request;
use super::{id, limits};
use crate::wire::Operation;

/// How long `telemetry_flush` waits where nothing is said.
const FLUSHING: Duration = Duration::from_secs(5);

/// How long a client that is freed waits for what it has still to export.
pub const CLOSING: Duration = Duration::from_secs(1);

pub struct Telemetry {
    settings: Arc<Settings>,
    /// None where nobody would read them.
    metrics: Option<Arc<Metrics>>,
    exporter: Option<Exporter>,
    /// Tells this client's metrics from those of others with the same names.
    instance: String,
}

impl Telemetry {
    /// Starts nothing yet. What `before` has counted goes on being counted.
    pub fn new(config: &RawValue, before: Option<&Telemetry>) -> Result<Telemetry> {
        let settings = Arc::new(Settings::read(config)?);
        let measures = settings.prometheus || settings.otlp.as_ref().is_some_and(|otlp| otlp.metrics.is_some());
        let metrics = measures.then(|| before.and_then(|before| before.metrics.clone()).unwrap_or_default());
        let instance = before.map_or_else(|| id::unique(""), |before| before.instance.clone());
        let exporter = match &settings.otlp {
            Some(_) => Some(Exporter::new(settings.clone(), metrics.clone(), &instance)?),
            None => None,
        };
        Ok(Telemetry { settings, metrics, exporter, instance })
    }

    /// Begins to watch a call.
    pub fn watch(self: &Arc<Self>, operation: Operation, request: &Request<'_>) -> Watch {
        Watch::new(self.clone(), operation, request)
    }

    fn exports_spans(&self) -> bool {
        self.settings.otlp.as_ref().is_some_and(|otlp| otlp.traces.is_some())
    }

    fn ended(&self, span: Option<Finished>) {
        if let Some(exporter) = &self.exporter {
            exporter.ended(span);
        }
    }

    /// Answers the question `prometheus`.
    pub fn prometheus(&self) -> Result<String> {
        match &self.metrics {
            Some(metrics) if self.settings.prometheus => Ok(prometheus::text(metrics, self.exported())),
            _ => Err(Error::bad_request(
                "this client has no metrics for Prometheus: configure it with telemetry: {\"prometheus\": true}",
            )),
        }
    }

    /// Waits until what has ended by now is exported, or given up, or until `limit` has passed; then tells whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        self.exporter.as_ref().is_none_or(|exporter| exporter.flush(limit))
    }

    /// Spans that were exported and dropped so far.
    pub fn exported(&self) -> Option<Exported> {
        self.exporter.as_ref().filter(|_| self.exports_spans()).map(Exporter::counts)
    }
}

/// Answers a question about a client's telemetry.
pub fn ask(telemetry: Option<Arc<Telemetry>>, name: &str, request: &[u8]) -> Result<Vec<u8>> {
    let answer = if name == "prometheus" {
        let telemetry = telemetry.ok_or_else(|| {
            Error::bad_request("this client has no telemetry: configure it with telemetry: {\"prometheus\": true}")
        })?;
        serde_json::Value::from(telemetry.prometheus()?)
    } else {
        let request = Request::parse(if request.is_empty() { b"{}" } else { request })?;
        let limit = request.raw("timeout").map_or(Ok(FLUSHING), |raw| limits::seconds("timeout", raw))?;
        let flushed = telemetry.as_ref().is_none_or(|telemetry| telemetry.flush(limit));
        let counts = telemetry.and_then(|telemetry| telemetry.exported()).unwrap_or_default();
        serde_json::json!({ "flushed": flushed, "sent": counts.sent, "dropped": counts.dropped })
    };
    Ok(answer.to_string().into_bytes())
}
