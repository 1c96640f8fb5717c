//! The exporter: a bounded queue of ended calls, and one thread that sends them on.
//!
//! The thread is its own, not the client's: what it does takes no time of a call's, and it ends after the client, whose last calls end
//! with it. It starts with the first call that ends.

mod send;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use self::send::Sender;
use super::metrics::{Histogram as Measured, Labels, Metrics, Series, SECONDS, TOKENS};
use super::otlp::{
    attribute, Data, Histogram, HistogramPoint, KeyValue, Metric, MetricsRequest, NumberPoint, Resource, ResourceMetrics,
    ResourceSpans, Scope, ScopeMetrics, ScopeSpans, Sum, Temporality, TraceRequest,
};
use super::prometheus::Exported;
use super::settings::{Otlp, Settings};
use super::span::{nanoseconds, Finished};
use crate::engine::error::Result;
use crate::engine::log;
use crate::engine::threads;

/// Bytes of waiting spans at most: with content, a span may have a quarter of a megabyte.
const QUEUE_BYTES: usize = 32 << 20;
/// Of one request: gRPC servers refuse more than 4 MiB.
const BATCH_BYTES: usize = 2 << 20;

pub struct Exporter(Arc<Shared>);

struct Shared {
    settings: Arc<Settings>,
    metrics: Option<Arc<Metrics>>,
    resource: Resource,
    traces: Option<Sender>,
    measures: Option<Sender>,
    queue: Mutex<Queue>,
    /// There is something to do for the thread.
    wake: Notify,
    /// A flush was answered.
    flushed: Condvar,
}

#[derive(Default)]
struct Queue {
    spans: VecDeque<Finished>,
    bytes: usize,
    sent: u64,
    dropped: u64,
    /// Flushes that were asked for, and those of them that were answered.
    asked: u64,
    answered: u64,
    started: bool,
    closed: bool,
    /// Spans were dropped for lack of room, and it was logged.
    full: bool,
}

impl Exporter {
    pub fn new(settings: Arc<Settings>, metrics: Option<Arc<Metrics>>, instance: &str) -> Result<Exporter> {
        let otlp = settings.otlp.as_ref();
        let sender = |target: Option<&super::settings::Target>| target.cloned().map(Sender::new).transpose();
        let traces = sender(otlp.and_then(|otlp| otlp.traces.as_ref()))?;
        let measures = sender(otlp.and_then(|otlp| otlp.metrics.as_ref()))?;
        let mut attributes: Vec<KeyValue> =
            settings.resource.iter().map(|(name, value)| attribute(name, value.as_str())).collect();
        let own = [
            ("service.instance.id", instance),
            ("telemetry.sdk.name", "edgequake"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        for (name, value) in own {
            if !attributes.iter().any(|given| given.key == name) {
                attributes.push(attribute(name, value));
            }
        }
        let metrics = metrics.filter(|_| measures.is_some());
        let resource = Resource { attributes };
        let (queue, wake, flushed) = (Mutex::default(), Notify::new(), Condvar::new());
        Ok(Exporter(Arc::new(Shared { settings, metrics, resource, traces, measures, queue, wake, flushed })))
    }

    /// Takes a call that has ended: its span, where that is kept.
    pub fn ended(&self, span: Option<Finished>) {
        let shared = &self.0;
        let (most, batch) = shared.settings.otlp.as_ref().map_or((0, 1), |otlp| (otlp.queue, otlp.batch));
        let mut queue = shared.lock();
        if !queue.started {
            queue.started = true;
            let thread = self.0.clone();
            let spawned = std::thread::Builder::new()
                .name("edgequake-otlp".to_owned())
                .stack_size(threads::stack_size())
                .spawn(move || run(&thread));
            if spawned.is_err() {
                // Without a thread nothing is ever sent: the next call tries again.
                queue.started = false;
            }
        }
        let Some(span) = span else { return };
        let size = span.size();
        if queue.spans.len() >= most || queue.bytes + size > QUEUE_BYTES {
            queue.dropped += 1;
            if !std::mem::replace(&mut queue.full, true) {
                drop(queue);
                log::record(log::Level::Warning, || {
                    let fields = serde_json::json!({ "waiting": most }).to_string();
                    ("spans are dropped: they come faster than the collector takes them".to_owned(), fields)
                });
            }
            return;
        }
        queue.bytes += size;
        queue.spans.push_back(span);
        let waiting = queue.spans.len();
        drop(queue);
        if waiting == 1 || waiting == batch {
            shared.wake.notify_one();
        }
    }

    pub fn flush(&self, limit: Duration) -> bool {
        let shared = &self.0;
        let mut queue = shared.lock();
        if !queue.started {
            return queue.spans.is_empty();
        }
        queue.asked += 1;
        let mine = queue.asked;
        shared.wake.notify_one();
        let waited = shared.flushed.wait_timeout_while(queue, limit, |queue| queue.answered < mine);
        let (queue, _) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        queue.answered >= mine
    }

    pub fn counts(&self) -> Exported {
        let queue = self.0.lock();
        Exported { sent: queue.sent, dropped: queue.dropped }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Somebody waits: nothing is tried again for long.
    fn is_hurried(&self) -> bool {
        let queue = self.lock();
        queue.closed || queue.answered < queue.asked
    }
}

fn run(shared: &Arc<Shared>) {
    let Some(otlp) = &shared.settings.otlp else { return };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work(shared, otlp)),
        // No descriptors: as with a thread that could not be started.
        Err(_) => shared.lock().started = false,
    }
}

async fn work(shared: &Arc<Shared>, otlp: &Otlp) {
    let mut measured = Instant::now() + otlp.interval;
    loop {
        wait(shared, otlp, measured).await;
        let (asked, closed) = {
            let queue = shared.lock();
            (queue.asked, queue.closed)
        };
        send_spans(shared, otlp).await;
        let hurried = closed || shared.lock().answered < asked;
        if hurried || Instant::now() >= measured {
            send_metrics(shared).await;
            measured = Instant::now() + otlp.interval;
        }
        let mut queue = shared.lock();
        queue.answered = queue.answered.max(asked);
        shared.flushed.notify_all();
        if closed && queue.spans.is_empty() {
            return;
        }
    }
}

/// Until a batch is full, or the oldest span has waited long enough, or the metrics are due, or somebody cannot wait.
async fn wait(shared: &Shared, otlp: &Otlp, measured: Instant) {
    let mut due = shared.metrics.as_ref().map(|_| measured);
    let mut delayed = false;
    loop {
        let (waiting, hurried) = {
            let queue = shared.lock();
            (queue.spans.len(), queue.closed || queue.answered < queue.asked)
        };
        if hurried || waiting >= otlp.batch {
            return;
        }
        if waiting > 0 && !std::mem::replace(&mut delayed, true) {
            let sent = Instant::now() + otlp.delay;
            due = Some(due.map_or(sent, |due| due.min(sent)));
        }
        let woken = shared.wake.notified();
        let Some(due) = due else {
            woken.await;
            continue;
        };
        if tokio::time::timeout_at(due, woken).await.is_err() {
            return;
        }
    }
}

async fn send_spans(shared: &Shared, otlp: &Otlp) {
    let Some(sender) = &shared.traces else { return };
    loop {
        let mut batch = Vec::new();
        {
            let mut queue = shared.lock();
            let mut bytes = 0;
            while let Some(size) = queue.spans.front().map(Finished::size) {
                if batch.len() == otlp.batch || (bytes + size > BATCH_BYTES && !batch.is_empty()) {
                    break;
                }
                bytes += size;
                batch.extend(queue.spans.pop_front());
            }
            queue.bytes = queue.bytes.saturating_sub(bytes);
        }
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let scope_spans = ScopeSpans { scope: Some(scope()), spans: batch.into_iter().map(Finished::into_span).collect() };
        let spans = ResourceSpans { resource: Some(shared.resource.clone()), scope_spans: vec![scope_spans] };
        let message = TraceRequest { resource_spans: vec![spans] };
        let taken = sender.send("spans", &message, || shared.is_hurried(), &shared.wake).await;
        let refused = taken.map_or(count, |rejected| rejected.min(count));
        let mut queue = shared.lock();
        queue.sent += count - refused;
        queue.dropped += refused;
        queue.full = false;
    }
}

async fn send_metrics(shared: &Shared) {
    let (Some(sender), Some(metrics)) = (&shared.measures, &shared.metrics) else { return };
    let all = metrics.all();
    if all.is_empty() {
        return;
    }
    let scope = ScopeMetrics { scope: Some(scope()), metrics: told(&all, metrics.since) };
    let measured = ResourceMetrics { resource: Some(shared.resource.clone()), scope_metrics: vec![scope] };
    // What is not taken now is in the next export: the numbers are sums since the start.
    let _ = sender.send("metrics", &MetricsRequest { resource_metrics: vec![measured] }, || true, &shared.wake).await;
}

fn scope() -> Scope {
    Scope { name: "edgequake".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// The metrics as OTLP has them.
fn told(all: &[(Labels, Series)], since: SystemTime) -> Vec<Metric> {
    let (start, now) = (nanoseconds(since), nanoseconds(SystemTime::now()));
    let point = |labels: &Labels, kind: Option<&str>, measured: &Measured, bounds: &[f64]| {
        let mut attributes = attributes(labels);
        attributes.extend(kind.map(|kind| attribute("gen_ai.token.type", kind)));
        (measured.count > 0).then(|| HistogramPoint {
            start_time_unix_nano: start,
            time_unix_nano: now,
            count: measured.count,
            sum: Some(measured.sum),
            bucket_counts: measured.counts.to_vec(),
            explicit_bounds: bounds.to_vec(),
            attributes,
            min: Some(measured.min),
            max: Some(measured.max),
        })
    };
    let seconds = |of: fn(&Series) -> &Measured| {
        all.iter().filter_map(|(labels, series)| point(labels, None, of(series), &SECONDS)).collect::<Vec<_>>()
    };
    let tokens = all.iter().flat_map(|(labels, series)| {
        let kinds = [("input", &series.input_tokens), ("output", &series.output_tokens)];
        kinds.into_iter().filter_map(|(kind, measured)| point(labels, Some(kind), measured, &TOKENS)).collect::<Vec<_>>()
    });
    let histograms = [
        ("gen_ai.client.operation.duration", "GenAI operation duration.", "s", seconds(|s| &s.duration)),
        ("gen_ai.client.token.usage", "Number of input and output tokens used.", "{token}", tokens.collect()),
        ("gen_ai.client.operation.time_to_first_chunk", "Time to receive the first chunk.", "s", seconds(|s| &s.first_chunk)),
        ("gen_ai.client.operation.time_per_output_chunk", "Time per output chunk.", "s", seconds(|s| &s.per_chunk)),
    ];
    let made = histograms.into_iter().map(|(name, description, unit, data_points)| {
        let histogram = Histogram { data_points, aggregation_temporality: Temporality::Cumulative.into() };
        let (name, description, unit) = (name.to_owned(), description.to_owned(), unit.to_owned());
        Metric { name, description, unit, data: Some(Data::Histogram(histogram)) }
    });
    let mut metrics: Vec<Metric> = made
        .filter(|metric| matches!(&metric.data, Some(Data::Histogram(histogram)) if !histogram.data_points.is_empty()))
        .collect();
    let retries = all.iter().filter(|(_, series)| series.retries > 0).map(|(labels, series)| NumberPoint {
        start_time_unix_nano: start,
        time_unix_nano: now,
        as_int: Some(series.retries as i64),
        attributes: attributes(labels),
    });
    let data_points: Vec<NumberPoint> = retries.collect();
    if !data_points.is_empty() {
        metrics.push(Metric {
            name: "edgequake.retries".to_owned(),
            description: "Requests to providers beyond the first of a call.".to_owned(),
            unit: "{request}".to_owned(),
            data: Some(Data::Sum(Sum {
                data_points,
                aggregation_temporality: Temporality::Cumulative.into(),
                is_monotonic: true,
            })),
        });
    }
    metrics
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    if labels.overflow {
        return vec![attribute("otel.metric.overflow", true)];
    }
    let mut out = vec![attribute("gen_ai.operation.name", labels.operation)];
    for (name, value) in [("gen_ai.provider.name", &*labels.provider), ("gen_ai.request.model", labels.request_model.as_str())] {
        if !value.is_empty() {
            out.push(attribute(name, value));
        }
    }
    out.extend(labels.response_model.as_deref().map(|model| attribute("gen_ai.response.model", model)));
    out.extend(labels.error.map(|kind| attribute("error.type", kind)));
    if let Some((address, port)) = &labels.server {
        out.push(attribute("server.address", address.as_str()));
        out.push(attribute("server.port", i64::from(*port)));
    }
    out
}
