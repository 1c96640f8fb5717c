//! What calls come to in numbers: histograms by the labels that the conventions name, of a bounded number of label sets.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

/// Label sets beyond this are counted together under `otel.metric.overflow`: the limit of OpenTelemetry's SDKs. Names of models come
/// from requests and answers, so that nobody else bounds them.
const MOST_SERIES: usize = 2000;

/// Both lists of bounds have as many, so that one type serves them.
const BOUNDS: usize = 14;

/// Seconds, as the conventions advise for all of their durations.
pub const SECONDS: [f64; BOUNDS] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Tokens, as the conventions advise.
pub const TOKENS: [f64; BOUNDS] =
    [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0];

/// How often each range of values came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// By bucket: up to and including each bound, then what is above all.
    pub counts: [u64; BOUNDS + 1],
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
}

impl Histogram {
    pub fn record(&mut self, bounds: &[f64; BOUNDS], value: f64) {
        self.counts[bounds.partition_point(|bound| *bound < value)] += 1;
        (self.min, self.max) = if self.count == 0 { (value, value) } else { (self.min.min(value), self.max.max(value)) };
        self.count += 1;
        self.sum += value;
    }

    pub fn add(&mut self, other: &Histogram) {
        if other.count == 0 {
            return;
        }
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        (self.min, self.max) =
            if self.count == 0 { (other.min, other.max) } else { (self.min.min(other.min), self.max.max(other.max)) };
        self.count += other.count;
        self.sum += other.sum;
    }
}

/// What a measurement is told by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    pub operation: &'static str,
    pub provider: Cow<'static, str>,
    pub request_model: String,
    pub response_model: Option<String>,
    pub error: Option<&'static str>,
    pub server: Option<(String, u16)>,
    /// The label sets that found no room.
    pub overflow: bool,
}

/// All that is measured under one label set.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub duration: Histogram,
    pub input_tokens: Histogram,
    pub output_tokens: Histogram,
    pub first_chunk: Histogram,
    pub per_chunk: Histogram,
    /// Requests to the provider beyond a call's first.
    pub retries: u64,
}

/// What one call adds.
#[derive(Debug, Default)]
pub struct Measured {
    pub seconds: f64,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub first_chunk: Option<f64>,
    pub per_chunk: Histogram,
    pub retries: u64,
}

/// The metrics of one client, from its first configuration on.
pub struct Metrics {
    pub since: SystemTime,
    in_flight: AtomicI64,
    series: Mutex<HashMap<Labels, Series>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { since: SystemTime::now(), in_flight: AtomicI64::new(0), series: Mutex::default() }
    }
}

impl Metrics {
    pub fn started(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that was [`Metrics::started`] has ended.
    pub fn ended(&self, labels: Labels, measured: &Measured) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let mut all = self.lock();
        let labels = if all.len() < MOST_SERIES || all.contains_key(&labels) {
            labels
        } else {
            Labels { overflow: true, ..Labels::default() }
        };
        let series = all.entry(labels).or_default();
        series.duration.record(&SECONDS, measured.seconds);
        if let Some(tokens) = measured.input_tokens {
            series.input_tokens.record(&TOKENS, tokens as f64);
        }
        if let Some(tokens) = measured.output_tokens {
            series.output_tokens.record(&TOKENS, tokens as f64);
        }
        if let Some(seconds) = measured.first_chunk {
            series.first_chunk.record(&SECONDS, seconds);
        }
        series.per_chunk.add(&measured.per_chunk);
        series.retries += measured.retries;
    }

    /// Calls on their way.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A copy, in an order that does not change.
    pub fn all(&self) -> Vec<(Labels, Series)> {
        let mut all: Vec<_> = self.lock().iter().map(|(labels, series)| (labels.clone(), series.clone())).collect();
        all.sort_by(|(a, _), (b, _)| {
            (a.operation, &a.provider, &a.request_model, &a.response_model, a.error, &a.server).cmp(&(
                b.operation,
                &b.provider,
                &b.request_model,
                &b.response_model,
                b.error,
                &b.server,
            ))
        });
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Labels, Series>> {
        self.series.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let mut histogram = Histogram::default();
        for value in [0.0, 0.01, 0.011, 81.92, 1000.0] {
            histogram.record(&SECONDS, value);
        }
        assert_eq!((histogram.counts[0], histogram.counts[1], histogram.counts[13], histogram.counts[14]), (2, 1, 1, 1));
        assert_eq!((histogram.count, histogram.min, histogram.max), (5, 0.0, 1000.0));
        let mut sum = Histogram::default();
        sum.add(&histogram);
        sum.add(&Histogram::default());
        assert_eq!(sum, histogram);
    }

    #[test]
    fn label_sets_that_find_no_room_are_counted_together() {
        let metrics = Metrics::default();
        for number in 0..MOST_SERIES + 10 {
            metrics.started();
            metrics.ended(Labels { request_model: number.to_string(), ..Labels::default() }, &Measured::default());
        }
        let all = metrics.all();
        let lost: u64 = all.iter().filter(|(labels, _)| labels.overflow).map(|(_, series)| series.duration.count).sum();
        assert_eq!((all.len(), lost, metrics.in_flight()), (MOST_SERIES + 1, 10, 0));
    }
}
