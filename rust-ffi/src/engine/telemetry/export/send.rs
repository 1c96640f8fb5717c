//! One request to a collector: OTLP over HTTP, or the unary call of gRPC, which is HTTP/2 with a length before the message and the outcome
//! in the trailers. Tried again as the specification says.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hyper::body::Body;
use prost::Message;
use reqwest::header::{HeaderMap, HeaderValue, CONTENT_TYPE, TE};
use tokio::sync::Notify;

use crate::engine::error::Result;
use crate::engine::telemetry::otlp::ExportResponse;
use crate::engine::telemetry::settings::{Protocol, Target};
use crate::engine::transport::{self, Tls, Verify};
use crate::engine::{log, retry};

/// Requests for one batch at most; with the waits between them, half a minute.
const MOST_ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Of an answer, which says in a few words what was refused.
const LONGEST_ANSWER: usize = 64 << 10;
const CONNECT: Duration = Duration::from_secs(5);

/// gRPC's codes that name a passing failure: cancelled, deadline exceeded, aborted, out of range, unavailable, data loss. "Resource
/// exhausted" is one only where the server says when to come again, which takes its details to read.
const PASSING: [i32; 6] = [1, 4, 10, 11, 14, 15];

pub struct Sender {
    target: Target,
    headers: HeaderMap,
    client: reqwest::Client,
    /// The last batch was not taken, and it was logged.
    failing: AtomicBool,
}

/// Why a request was not taken.
struct Failure {
    why: String,
    /// Worth another try; after this long, where the server says so.
    passing: Option<Option<Duration>>,
}

impl Failure {
    fn lasting(why: String) -> Self {
        Failure { why, passing: None }
    }

    fn passing(why: String) -> Self {
        Failure { why, passing: Some(None) }
    }
}

impl Sender {
    pub fn new(target: Target) -> Result<Sender> {
        let verify = target.certificate.clone().map_or(Verify::System, Verify::File);
        let tls = Tls { verify, certificate: None };
        let mut builder = transport::builder(CONNECT.min(target.timeout), &tls).map_err(|mut error| {
            error.message = error.message.replace("ssl_verify", "telemetry.otlp.certificate");
            error
        })?;
        if target.protocol == Protocol::Grpc {
            builder = builder.http2_prior_knowledge();
        }
        let client = transport::built(builder)?;
        let mut headers = transport::header_map(&target.headers)?;
        // What a collector asks for may be named anything: none of it is to stand in another library's log.
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        let kind = if target.protocol == Protocol::Grpc { "application/grpc" } else { "application/x-protobuf" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if target.protocol == Protocol::Grpc {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        Ok(Sender { target, headers, client, failing: AtomicBool::new(false) })
    }

    /// Sends a message, `what`; None where it was not taken, else how much of it was rejected. Waits are over as soon as `hurried` says so,
    /// which is asked again whenever `wake` is notified.
    pub async fn send(&self, what: &str, message: &impl Message, hurried: impl Fn() -> bool, wake: &Notify) -> Option<u64> {
        let body = self.body(message);
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(body.clone()).await {
                Ok(answer) => {
                    self.succeeded(what);
                    return Some(self.rejected(what, answer));
                }
                Err(failure) => failure,
            };
            let wait = match failure.passing {
                Some(wait) if attempt < MOST_ATTEMPTS && !hurried() => {
                    wait.unwrap_or_else(|| FIRST_WAIT.mul_f64(f64::from(1u32 << (attempt - 1)) * (0.5 + fastrand::f64() / 2.0)))
                }
                _ => {
                    self.failed(what, &failure.why);
                    return None;
                }
            };
            let over = tokio::time::sleep(wait.min(LONGEST_WAIT));
            tokio::pin!(over);
            loop {
                tokio::select! {
                    () = &mut over => break,
                    () = wake.notified() => if hurried() { break },
                }
            }
            attempt += 1;
        }
    }

    fn body(&self, message: &impl Message) -> Bytes {
        let length = message.encoded_len();
        let mut body = BytesMut::with_capacity(5 + length);
        if self.target.protocol == Protocol::Grpc {
            body.put_u8(0); // Not compressed.
            body.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        }
        // The buffer grows as it must: this cannot fail.
        let _ = message.encode(&mut body);
        body.freeze()
    }

    async fn attempt(&self, body: Bytes) -> std::result::Result<ExportResponse, Failure> {
        let timeout = self.target.timeout;
        match tokio::time::timeout(timeout, self.request(body)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::passing(format!("no answer within {} s", timeout.as_secs_f64()))),
        }
    }

    async fn request(&self, body: Bytes) -> std::result::Result<ExportResponse, Failure> {
        let request = self.client.post(self.target.url.clone()).headers(self.headers.clone()).body(body);
        let failed = |error: reqwest::Error| Failure::passing(transport::cause(&error));
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        if status != 200 {
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            let wait = retry::retry_after(header, SystemTime::now());
            let passing = matches!(status, 429 | 502 | 503 | 504);
            return Err(Failure { why: format!("status {status}"), passing: passing.then_some(wait) });
        }
        let (head, body) = hyper::Response::<reqwest::Body>::from(response).into_parts();
        let (mut bytes, trailers) = read(body).await.map_err(failed)?;
        if self.target.protocol == Protocol::Grpc {
            // Where there is no message, the trailers are in the head.
            let told = |name: &str| trailers.get(name).or_else(|| head.headers.get(name)).and_then(|value| value.to_str().ok());
            match told("grpc-status").and_then(|code| code.parse().ok()) {
                Some(0) => {}
                Some(code) => {
                    let message = told("grpc-message").unwrap_or_default();
                    let message = percent_encoding::percent_decode_str(message).decode_utf8_lossy();
                    let why = self.conceal(format!("gRPC status {code} {message}").trim_end());
                    return Err(if PASSING.contains(&code) { Failure::passing(why) } else { Failure::lasting(why) });
                }
                None => return Err(Failure::lasting("an answer that is not gRPC".to_owned())),
            }
            bytes.advance(bytes.len().min(5));
        }
        // A collector that took all need not say more, and one that answers something else has taken it all the same.
        Ok(ExportResponse::decode(bytes).unwrap_or_default())
    }

    fn rejected(&self, what: &str, answer: ExportResponse) -> u64 {
        let Some(partial) = answer.partial_success else { return 0 };
        let rejected = u64::try_from(partial.rejected).unwrap_or(0);
        if rejected > 0 {
            let why = self.conceal(&partial.error_message);
            self.record(log::Level::Warning, format!("the collector has refused {rejected} {what}: {why}"));
        }
        rejected
    }

    fn succeeded(&self, what: &str) {
        if self.failing.swap(false, Ordering::Relaxed) {
            self.record(log::Level::Info, format!("the collector takes {what} again"));
        }
    }

    /// Once for a row of failures.
    fn failed(&self, what: &str, why: &str) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            self.record(log::Level::Warning, format!("{what} are not taken by the collector, and dropped: {why}"));
        }
    }

    fn record(&self, level: log::Level, message: String) {
        log::record(level, || {
            let host = self.target.url.host_str().unwrap_or_default();
            let fields = serde_json::json!({ "collector": host, "port": self.target.url.port_or_known_default() });
            (message, fields.to_string())
        });
    }

    /// Takes the keys out of what a collector says.
    fn conceal(&self, said: &str) -> String {
        let secrets = self.target.headers.iter().map(|(_, value)| value.rsplit(' ').next().unwrap_or_default());
        let said: String = said.chars().take(500).collect();
        secrets.filter(|secret| secret.len() >= 6).fold(said, |said, secret| said.replace(secret, "***"))
    }
}

/// The bytes of an answer, as many as are looked at, and its trailers.
async fn read(mut body: reqwest::Body) -> std::result::Result<(Bytes, HeaderMap), reqwest::Error> {
    let (mut bytes, mut trailers) = (BytesMut::new(), HeaderMap::new());
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame?.into_data() {
            Ok(data) if bytes.len() < LONGEST_ANSWER => bytes.extend_from_slice(&data),
            Ok(_) => {}
            Err(frame) => {
                if let Ok(more) = frame.into_trailers() {
                    trailers = more;
                }
            }
        }
    }
    Ok((bytes.freeze(), trailers))
}
