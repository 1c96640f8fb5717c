//! The metrics as Prometheus reads them, in its text format: names and labels as OpenTelemetry's rules for Prometheus make them.

use std::fmt::Write;

use super::metrics::{Histogram, Labels, Metrics, Series, SECONDS, TOKENS};

/// Numbers of the exporter's own, where there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exported {
    pub sent: u64,
    pub dropped: u64,
}

/// A scrape's answer, `text/plain; version=0.0.4`.
pub fn text(metrics: &Metrics, exported: Option<Exported>) -> String {
    let all = metrics.all();
    let mut out = String::new();
    let seconds = |out: &mut String, name: &str, help: &str, of: fn(&Series) -> &Histogram| {
        head(out, name, help, "histogram");
        for (labels, series) in &all {
            histogram(out, name, &line_labels(labels), of(series), &SECONDS);
        }
    };
    seconds(&mut out, "gen_ai_client_operation_duration_seconds", "How long calls took, with their retries.", |s| &s.duration);
    let name = "gen_ai_client_operation_time_to_first_chunk_seconds";
    seconds(&mut out, name, "From the start of a streamed call to its first chunk.", |s| &s.first_chunk);
    let name = "gen_ai_client_operation_time_per_output_chunk_seconds";
    seconds(&mut out, name, "From each chunk of a stream to the next.", |s| &s.per_chunk);
    let name = "gen_ai_client_token_usage";
    head(&mut out, name, "Tokens by call, as providers count them.", "histogram");
    for (labels, series) in &all {
        for (kind, of) in [("input", &series.input_tokens), ("output", &series.output_tokens)] {
            histogram(&mut out, name, &format!("{},gen_ai_token_type=\"{kind}\"", line_labels(labels)), of, &TOKENS);
        }
    }
    head(&mut out, "edgequake_retries_total", "Requests to providers beyond the first of a call.", "counter");
    for (labels, series) in all.iter().filter(|(_, series)| series.retries > 0) {
        // Writing to a String cannot fail; so below.
        let _ = writeln!(out, "edgequake_retries_total{{{}}} {}", line_labels(labels), series.retries);
    }
    head(&mut out, "edgequake_calls_in_flight", "Calls that have not ended.", "gauge");
    let _ = writeln!(out, "edgequake_calls_in_flight {}", metrics.in_flight());
    if let Some(Exported { sent, dropped }) = exported {
        head(&mut out, "edgequake_spans_exported_total", "Spans that a collector has taken.", "counter");
        let _ = writeln!(out, "edgequake_spans_exported_total {sent}");
        head(&mut out, "edgequake_spans_dropped_total", "Spans that found no room, or no collector that took them.", "counter");
        let _ = writeln!(out, "edgequake_spans_dropped_total {dropped}");
    }
    out
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn histogram(out: &mut String, name: &str, labels: &str, histogram: &Histogram, bounds: &[f64]) {
    if histogram.count == 0 {
        return;
    }
    let mut sum = 0;
    for (bound, count) in bounds.iter().zip(histogram.counts) {
        sum += count;
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {sum}");
    }
    let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", histogram.count);
    let _ = writeln!(out, "{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {}", histogram.sum, histogram.count);
}

fn line_labels(labels: &Labels) -> String {
    if labels.overflow {
        return "otel_metric_overflow=\"true\"".to_owned();
    }
    let port = labels.server.as_ref().map(|(_, port)| port.to_string());
    let pairs = [
        ("gen_ai_operation_name", Some(labels.operation)),
        ("gen_ai_provider_name", Some(&*labels.provider).filter(|provider| !provider.is_empty())),
        ("gen_ai_request_model", Some(labels.request_model.as_str()).filter(|model| !model.is_empty())),
        ("gen_ai_response_model", labels.response_model.as_deref()),
        ("error_type", labels.error),
        ("server_address", labels.server.as_ref().map(|(address, _)| address.as_str())),
        ("server_port", port.as_deref()),
    ];
    let given = pairs.iter().filter_map(|(name, value)| Some(format!("{name}=\"{}\"", escaped((*value)?))));
    given.collect::<Vec<_>>().join(",")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::metrics::Measured;
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_labels_escaped() {
        let metrics = Metrics::default();
        let labels =
            || Labels { operation: "chat", provider: "openai".into(), request_model: "a\"b\\c\nd".into(), ..Labels::default() };
        for seconds in [0.015, 0.03, 500.0] {
            metrics.started();
            metrics.ended(labels(), &Measured { seconds, retries: 1, output_tokens: Some(4), ..Measured::default() });
        }
        metrics.started();
        let text = text(&metrics, Some(Exported { sent: 7, dropped: 2 }));
        let labels = r#"gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="a\"b\\c\nd""#;
        for line in [
            format!("gen_ai_client_operation_duration_seconds_bucket{{{labels},le=\"0.01\"}} 0"),
            format!("gen_ai_client_operation_duration_seconds_bucket{{{labels},le=\"0.04\"}} 2"),
            format!("gen_ai_client_operation_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("gen_ai_client_operation_duration_seconds_count{{{labels}}} 3"),
            format!("gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type=\"output\",le=\"4\"}} 3"),
            format!("edgequake_retries_total{{{labels}}} 3"),
            "edgequake_calls_in_flight 1".to_owned(),
            "edgequake_spans_dropped_total 2".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("\"input\""), "what was not measured has no line");
    }
}
