//! What telemetry is configured with: the client's JSON, then OpenTelemetry's `OTEL_…` variables of the environment, then its defaults.

use std::time::Duration;

use reqwest::Url;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::wrong_type;

/// The variables of the environment; empty ones count as unset.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

pub struct Settings {
    /// None where nothing is exported.
    pub otlp: Option<Otlp>,
    /// The question `prometheus` is answered.
    pub prometheus: bool,
    /// Messages and answers become attributes of spans.
    pub capture_content: bool,
    /// The span is told to the provider, as `traceparent`.
    pub propagate: bool,
    pub sampler: Sampler,
    /// The resource's attributes, `service.name` among them.
    pub resource: Vec<(String, String)>,
}

/// How spans and metrics are exported.
pub struct Otlp {
    pub traces: Option<Target>,
    pub metrics: Option<Target>,
    /// Between an ended call and its export, so that many travel together.
    pub delay: Duration,
    /// Between two exports of the metrics.
    pub interval: Duration,
    /// Spans that wait at most; more are dropped, and counted.
    pub queue: usize,
    /// Spans of one request at most.
    pub batch: usize,
}

/// Where one signal goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub protocol: Protocol,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub timeout: Duration,
    /// A PEM file of the authorities that the collector's certificate is checked with.
    pub certificate: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Grpc,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    pub root: Root,
    /// A call within a trace does as its parent does.
    pub parent_based: bool,
}

/// What decides where no parent does.
#[derive(Clone, Debug, PartialEq)]
pub enum Root {
    On,
    Off,
    /// The share of traces that are kept, from 0 to 1.
    Ratio(f64),
}

/// A signal's names: in variables, of its path over HTTP, of its method over gRPC.
struct Signal {
    variable: &'static str,
    exporter: &'static str,
    path: &'static str,
    method: &'static str,
}

const TRACES: Signal = Signal {
    variable: "TRACES",
    exporter: "OTEL_TRACES_EXPORTER",
    path: "v1/traces",
    method: "opentelemetry.proto.collector.trace.v1.TraceService/Export",
};
const METRICS: Signal = Signal {
    variable: "METRICS",
    exporter: "OTEL_METRICS_EXPORTER",
    path: "v1/metrics",
    method: "opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

impl Settings {
    pub fn read(config: &RawValue) -> Result<Settings> {
        Settings::of(config, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(config: &RawValue, env: Environment<'_>) -> Result<Settings> {
        let config: Map<String, Value> =
            json::read(config).ok_or_else(|| wrong_type("telemetry", "an object, or null", config))?;
        let mut given = Given { path: "telemetry", config };
        let settings = Settings {
            otlp: match given.object("otlp", "telemetry.otlp")? {
                Some(otlp) => Otlp::of(otlp, env)?,
                None => None,
            },
            prometheus: given.flag("prometheus")?.unwrap_or(false),
            capture_content: match given.flag("capture_content")? {
                Some(capture) => capture,
                // The conventions' own variable; EVENT_ONLY asks for what is not made here.
                None => env("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")
                    .is_some_and(|text| ["true", "span_only", "span_and_event"].contains(&text.to_ascii_lowercase().as_str())),
            },
            propagate: given.flag("propagate")?.unwrap_or(false),
            sampler: sampler(&mut given, env)?,
            resource: resource(&mut given, env)?,
        };
        given.end()?;
        Ok(settings)
    }
}

impl Otlp {
    fn of(mut given: Given, env: Environment<'_>) -> Result<Option<Otlp>> {
        let (endpoint, protocol) = (given.text("endpoint")?, given.text("protocol")?);
        let common = Common {
            endpoint,
            protocol: protocol.map(|name| Protocol::from_name("telemetry.otlp.protocol", &name)).transpose()?,
            headers: given.texts("headers")?,
            timeout: given.seconds("timeout")?,
            certificate: given.text("certificate")?,
        };
        let wanted = |signal: &Signal, given: Option<bool>| {
            given.unwrap_or_else(|| env(signal.exporter).is_none_or(|name| name != "none"))
        };
        let traces = wanted(&TRACES, given.flag("traces")?).then(|| common.target(&TRACES, env)).transpose()?;
        let metrics = wanted(&METRICS, given.flag("metrics")?).then(|| common.target(&METRICS, env)).transpose()?;
        let milliseconds = |name: &str, default: u64| -> Result<Duration> {
            Ok(Duration::from_millis(env(name).map(|text| number(name, &text)).transpose()?.unwrap_or(default)))
        };
        let count = |name: &str, default: u64| -> Result<usize> {
            let count = env(name).map(|text| number(name, &text)).transpose()?.unwrap_or(default);
            Ok(count.clamp(1, 1 << 20) as usize)
        };
        let otlp = Otlp {
            traces,
            metrics,
            delay: given.seconds("delay")?.map_or_else(|| milliseconds("OTEL_BSP_SCHEDULE_DELAY", 5_000), Ok)?,
            interval: given.seconds("interval")?.map_or_else(|| milliseconds("OTEL_METRIC_EXPORT_INTERVAL", 60_000), Ok)?,
            queue: count("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?,
            batch: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?,
        };
        given.end()?;
        let disabled = env("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok(Some(otlp).filter(|otlp| !disabled && (otlp.traces.is_some() || otlp.metrics.is_some())))
    }
}

/// What the configuration says for all signals; it goes before the environment.
struct Common {
    endpoint: Option<String>,
    protocol: Option<Protocol>,
    headers: Option<Vec<(String, String)>>,
    timeout: Option<Duration>,
    certificate: Option<String>,
}

impl Common {
    fn target(&self, signal: &Signal, env: Environment<'_>) -> Result<Target> {
        // The variable of the signal alone, with its name, before that of all signals.
        let variable = |name: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_{}_{name}", signal.variable), format!("OTEL_EXPORTER_OTLP_{name}")];
            names.into_iter().find_map(|name| env(&name).map(|text| (name, text)))
        };
        let protocol = match self.protocol {
            Some(protocol) => protocol,
            None => variable("PROTOCOL").map_or(Ok(Protocol::Http), |(name, text)| Protocol::from_name(&name, &text))?,
        };
        let headers = match &self.headers {
            Some(headers) => headers.clone(),
            None => variable("HEADERS").map_or(Ok(Vec::new()), |(name, text)| pairs(&name, &text))?,
        };
        let timeout = match self.timeout {
            Some(timeout) => timeout,
            None => Duration::from_millis(variable("TIMEOUT").map_or(Ok(10_000), |(name, text)| number(&name, &text))?),
        };
        let own = env(&format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable)).filter(|_| self.endpoint.is_none());
        let url = match (own, protocol) {
            // As it stands, says the specification.
            (Some(text), Protocol::Http) => address("OTEL_EXPORTER_OTLP_…_ENDPOINT", &text)?,
            (own, _) => {
                let (name, text) = match own.or_else(|| self.endpoint.clone()) {
                    Some(text) => ("telemetry.otlp.endpoint", text),
                    None => match env("OTEL_EXPORTER_OTLP_ENDPOINT") {
                        Some(text) => ("OTEL_EXPORTER_OTLP_ENDPOINT", text),
                        None => ("", format!("http://localhost:{}", if protocol == Protocol::Grpc { 4317 } else { 4318 })),
                    },
                };
                below(address(name, &text)?, protocol, signal)
            }
        };
        // Refused here rather than with every batch.
        crate::engine::transport::header_map(&headers)?;
        let certificate = self.certificate.clone().or_else(|| Some(variable("CERTIFICATE")?.1));
        Ok(Target { protocol, url, headers, timeout, certificate })
    }
}

impl Protocol {
    fn from_name(setting: &str, name: &str) -> Result<Protocol> {
        match name {
            "http/protobuf" => Ok(Protocol::Http),
            "grpc" => Ok(Protocol::Grpc),
            _ => Err(Error::bad_request(format!("`{setting}` {name:?} is not spoken here; it is \"http/protobuf\" or \"grpc\""))),
        }
    }
}

/// An address of a collector. Never shown: it may hold a password.
fn address(setting: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    url.ok_or_else(|| {
        Error::bad_request(format!("`{setting}` is not an address of a collector; it is like http://collector.example:4318"))
    })
}

/// The address of one signal below that of the collector. People also give the address of the traces for all.
fn below(mut url: Url, protocol: Protocol, signal: &Signal) -> Url {
    if protocol == Protocol::Grpc {
        url.set_path(signal.method);
        return url;
    }
    let path = url.path().trim_end_matches('/');
    let base = ["/v1/traces", "/v1/metrics", "/v1/logs"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let path = format!("{base}/{}", signal.path);
    url.set_path(&path);
    url
}

fn sampler(given: &mut Given, env: Environment<'_>) -> Result<Sampler> {
    let (setting, name) = match given.text("sampler")? {
        Some(name) => ("telemetry.sampler", name),
        None => ("OTEL_TRACES_SAMPLER", env("OTEL_TRACES_SAMPLER").unwrap_or_else(|| "parentbased_always_on".to_owned())),
    };
    let share = match given.take("sampler_arg") {
        Some(Value::Number(share)) => share.as_f64(),
        Some(Value::String(text)) => Some(text.parse().unwrap_or(f64::NAN)),
        Some(_) => Some(f64::NAN),
        None => env("OTEL_TRACES_SAMPLER_ARG").map(|text| text.trim().parse().unwrap_or(f64::NAN)),
    };
    let (parent_based, root) = match name.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, name.as_str()),
    };
    let root = match root {
        "always_on" => Root::On,
        "always_off" => Root::Off,
        "traceidratio" => {
            let share = share.unwrap_or(1.0);
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::bad_request("`telemetry.sampler_arg` (OTEL_TRACES_SAMPLER_ARG) must be a number from 0 to 1"));
            }
            Root::Ratio(share)
        }
        _ => {
            return Err(Error::bad_request(format!(
            "`{setting}` {name:?} is unknown; it is always_on, always_off, traceidratio, or one of them after \"parentbased_\""
        )))
        }
    };
    Ok(Sampler { root, parent_based })
}

/// The configuration's attributes before the environment's.
fn resource(given: &mut Given, env: Environment<'_>) -> Result<Vec<(String, String)>> {
    let mut attributes = Vec::new();
    let mut set =
        |name: String, value: String| match attributes.iter_mut().find(|(known, _): &&mut (String, String)| *known == name) {
            Some((_, old)) => *old = value,
            None => attributes.push((name, value)),
        };
    set("service.name".to_owned(), "edgequake".to_owned());
    if let Some(text) = env("OTEL_RESOURCE_ATTRIBUTES") {
        pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?.into_iter().for_each(|(name, value)| set(name, value));
    }
    if let Some(name) = env("OTEL_SERVICE_NAME") {
        set("service.name".to_owned(), name);
    }
    for (name, value) in given.texts("resource")?.unwrap_or_default() {
        set(name, value);
    }
    if let Some(name) = given.text("service_name")? {
        set("service.name".to_owned(), name);
    }
    Ok(attributes)
}

/// `name=value,name=value`, with %-escapes, as the environment has it. Values are not shown: headers hold keys.
fn pairs(setting: &str, text: &str) -> Result<Vec<(String, String)>> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| Error::bad_request(format!("`{setting}` must be a list like name=value,name=value")))?;
            let decoded = percent_encoding::percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
            Ok((name.trim().to_owned(), decoded))
        })
        .collect()
}

fn number(setting: &str, text: &str) -> Result<u64> {
    text.trim().parse().map_err(|_| Error::bad_request(format!("`{setting}` must be a whole number of 0 or more")))
}

/// An object of the configuration, whose members are taken out one by one: what is left nobody knows.
struct Given {
    path: &'static str,
    config: Map<String, Value>,
}

impl Given {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.config.shift_remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, expected: &str) -> Error {
        Error::bad_request(format!("`{}.{name}` must be {expected}", self.path))
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        self.take(name).map(|value| value.as_bool().ok_or_else(|| self.wrong(name, "true or false"))).transpose()
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let seconds = value.as_f64().filter(|seconds| (0.001..=86_400.0).contains(seconds));
        seconds
            .map(|seconds| Some(Duration::from_secs_f64(seconds)))
            .ok_or_else(|| self.wrong(name, "a number of seconds above 0 and up to a day"))
    }

    fn texts(&mut self, name: &str) -> Result<Option<Vec<(String, String)>>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = || self.wrong(name, "an object of strings");
        let Value::Object(members) = value else { return Err(wrong()) };
        let text = |(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(wrong()),
        };
        members.into_iter().map(text).collect::<Result<_>>().map(Some)
    }

    fn object(&mut self, name: &str, path: &'static str) -> Result<Option<Given>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(config)) => Ok(Some(Given { path, config })),
            Some(_) => Err(self.wrong(name, "an object, or null")),
        }
    }

    fn end(self) -> Result<()> {
        let Some(name) = self.config.keys().next() else { return Ok(()) };
        Err(Error::bad_request(format!(
            "`{}.{name}` is unknown: take it away, or see docs/telemetry.md for the names",
            self.path
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(config: &str, env: &[(&str, &str)]) -> Result<Settings> {
        let find = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::of(&RawValue::from_string(config.to_owned()).unwrap(), &find)
    }

    fn targets(config: &str, env: &[(&str, &str)]) -> (Target, Target) {
        let otlp = settings(config, env).unwrap().otlp.unwrap();
        (otlp.traces.unwrap(), otlp.metrics.unwrap())
    }

    #[test]
    fn addresses_follow_the_specification() {
        let of = |config: &str, env: &[(&str, &str)]| {
            let (traces, metrics) = targets(config, env);
            (traces.url.to_string(), metrics.url.to_string())
        };
        let pair = |traces: &str, metrics: &str| (traces.to_owned(), metrics.to_owned());
        assert_eq!(of(r#"{"otlp":{}}"#, &[]), pair("http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics"));
        let base = pair("https://c/otlp/v1/traces", "https://c/otlp/v1/metrics");
        assert_eq!(of(r#"{"otlp":{}}"#, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c/otlp/")]), base);
        assert_eq!(of(r#"{"otlp":{"endpoint":"https://c/otlp/v1/traces"}}"#, &[]), base);
        let own = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/in"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all")];
        assert_eq!(of(r#"{"otlp":{}}"#, &own), pair("http://t/in", "http://all/v1/metrics"));
        let grpc = of(r#"{"otlp":{}}"#, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert_eq!(grpc.0, "http://localhost:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    }

    #[test]
    fn the_configuration_goes_before_the_environment() {
        let env = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b, other=c"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
            ("OTEL_SERVICE_NAME", "of-env"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,team=red"),
        ];
        let (traces, _) = targets(r#"{"otlp":{}}"#, &env);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(traces.headers, [pair("x-key", "a b"), pair("other", "c")]);
        assert_eq!(traces.timeout, Duration::from_millis(1500));
        let resource = settings("{}", &env).unwrap().resource;
        assert_eq!(resource, [pair("service.name", "of-env"), pair("team", "red")]);
        let own =
            settings(r#"{"service_name":"mine","resource":{"team":"blue"},"otlp":{"headers":{"k":"v"},"timeout":2}}"#, &env)
                .unwrap();
        assert_eq!(own.resource, [pair("service.name", "mine"), pair("team", "blue")]);
        let target = own.otlp.unwrap().metrics.unwrap();
        assert_eq!((target.headers, target.timeout), (vec![pair("k", "v")], Duration::from_secs(2)));
    }

    #[test]
    fn what_the_environment_turns_off_is_off() {
        assert!(settings(r#"{"otlp":{}}"#, &[("OTEL_SDK_DISABLED", "true")]).unwrap().otlp.is_none());
        let otlp = settings(r#"{"otlp":{}}"#, &[("OTEL_METRICS_EXPORTER", "none")]).unwrap().otlp.unwrap();
        assert!(otlp.metrics.is_none() && otlp.traces.is_some());
        let content =
            |value| settings("{}", &[("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", value)]).unwrap().capture_content;
        assert!(content("SPAN_ONLY") && content("true") && !content("NO_CONTENT"));
    }

    #[test]
    fn samplers_have_their_names() {
        let of = |env: &[(&str, &str)]| settings("{}", env).unwrap().sampler;
        assert_eq!(of(&[]), Sampler { root: Root::On, parent_based: true });
        let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")];
        assert_eq!(of(&ratio), Sampler { root: Root::Ratio(0.25), parent_based: false });
        assert_eq!(settings(r#"{"sampler":"parentbased_always_off"}"#, &ratio).unwrap().sampler.root, Root::Off);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        for (config, named) in [
            (r#"{"otpl":{}}"#, "telemetry.otpl"),
            (r#"{"otlp":{"endpont":"x"}}"#, "telemetry.otlp.endpont"),
            (r#"{"otlp":{"endpoint":"user:hunter2@c:4317"}}"#, "telemetry.otlp.endpoint"),
            (r#"{"otlp":{"headers":{"k":7}}}"#, "telemetry.otlp.headers"),
            (r#"{"otlp":{"headers":{"k":"hunter2\n"}}}"#, "`k`"),
            (r#"{"otlp":{"protocol":"http/json"}}"#, "http/json"),
            (r#"{"otlp":{"timeout":0}}"#, "telemetry.otlp.timeout"),
            (r#"{"sampler":"sometimes"}"#, "sometimes"),
            (r#"{"sampler":"traceidratio","sampler_arg":2}"#, "sampler_arg"),
            (r#"{"prometheus":1}"#, "telemetry.prometheus"),
            ("[]", "`telemetry`"),
        ] {
            let error = settings(config, &[]).err().expect(config);
            assert!(error.message.contains(named) && !error.message.contains("hunter2"), "{}", error.message);
        }
    }
}
