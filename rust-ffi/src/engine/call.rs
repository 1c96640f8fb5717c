//! One call on the engine's threads: attempts, waits, the reading of the answer, and exactly one terminal event.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::Instant;

use super::client::Client;
use super::control::Control;
use super::error::{Error, ErrorKind, Result};
use super::event::{Action, Event, Sink};
use super::limits::{Limits, MAX_BODY, MAX_ERROR_BODY};
use super::log;
use super::mock::Mock;
use super::remote;
use super::retry;
use super::route::Route;
use super::secrets::Secrets;
use super::tokens::Tokens;
use super::transport;
use crate::edgequake;
use crate::wire::remote::Remotes;
use crate::wire::{Attempt, Credentials, Decode, Head, StreamEvent};

/// After a stream's end mark: this much is read to keep the connection usable, no more, and not for long.
const DRAIN_BYTES: usize = 64 << 10;
/// The text that a failed stream's error gives back is kept up to about this size, so that an endless stream needs no endless memory.
const GENERATED: usize = 1 << 20;
/// How long the body of an error is waited for; its status is known already.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);
const DRAIN_TIME: Duration = Duration::from_millis(250);

/// A call that has been checked and can be sent.
pub struct Call {
    route: Route,
    stream: bool,
    limits: Limits,
    retries: u32,
    bucket: u64,
    /// What no error may show.
    secrets: Secrets,
    job: Job,
}

pub enum Job {
    Wire(Box<Wire>),
    Edgequake(edgequake::Call),
    Local(edgequake::rerank::Local),
    Mock(Mock),
}

/// A request over HTTP, ready to be sent any number of times.
pub struct Wire {
    pub client: reqwest::Client,
    pub request: reqwest::Request,
    /// Credentials that are made for each attempt.
    pub signer: Option<Signer>,
    /// Files that the body still lacks.
    pub remotes: Remotes,
    pub decode: Box<dyn Decode>,
}

/// What signing an attempt takes: the request as the dialect made it.
pub struct Signer {
    pub credentials: Box<dyn Credentials>,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Call {
    pub fn new(route: Route, stream: bool, limits: Limits, retries: u32, bucket: u64, secrets: Secrets, job: Job) -> Self {
        Call { route, stream, limits, retries, bucket, secrets, job }
    }
}

/// The call's task: runs to its terminal event, whatever happens to it. The event is promised from here on, even if the task is dropped
/// before it was ever polled.
pub fn run(client: Arc<Client>, call: Call, sink: Arc<dyn Sink>, control: Arc<Control>) -> impl Future<Output = ()> {
    let (provider, model) = (call.route.provider.clone(), call.route.model.clone());
    let mut terminal = Terminal { sink: sink.clone(), sent: false, provider, model };
    async move {
        let output = Output { sink, control: control.clone() };
        let mut progress = Progress { attempts: 0, opened: false, content: false, generated: String::new() };
        let outcome = {
            let work = AssertUnwindSafe(work(&client, &call, &output, &mut progress)).catch_unwind();
            tokio::select! {
                biased;
                () = control.cancelled() => Err(cancelled()),
                done = work => done.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::InternalServer, "a defect in the library: the call's task panicked"))
                }),
            }
        };
        match outcome {
            Ok(Finish { event, rest }) => {
                terminal.send(event);
                if let Some(rest) = rest {
                    drain(rest).await;
                }
            }
            Err(error) => {
                let mut error = error.at(&call.route.provider, &call.route.model);
                // Whoever made it: a decoder quotes what came, and a provider may have written a key into it.
                call.secrets.conceal(&mut error);
                error.attempts = progress.attempts;
                error.num_retries = Some(progress.attempts.saturating_sub(1));
                if progress.opened {
                    error.mid_stream = true;
                    error.generated = Some(progress.generated);
                }
                terminal.send(Event::Failed(error));
            }
        }
    }
}

/// What an attempt has come to so far, for the error of a call that fails.
struct Progress {
    attempts: u32,
    opened: bool,
    /// Something of the answer was handed on: from here nothing is sent again.
    content: bool,
    generated: String,
}

/// The terminal event, and a stream's connection that may still hold bytes behind its end mark.
struct Finish {
    event: Event,
    rest: Option<reqwest::Response>,
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled")
}

async fn work(client: &Client, call: &Call, output: &Output, progress: &mut Progress) -> Result<Finish> {
    match &call.job {
        Job::Wire(wire) => {
            let deadline = Instant::now() + call.limits.total;
            let filled = if wire.remotes.is_empty() { None } else { Some(Box::pin(fill(call, wire, deadline)).await?) };
            let wire = WireCall { call, wire, filled, decode: wire.decode.as_ref(), tokens: &client.tokens, output };
            loop {
                progress.attempts += 1;
                let error = match wire.attempt(deadline, progress).await {
                    Ok(finish) => {
                        client.buckets.give_back(call.bucket);
                        return Ok(finish);
                    }
                    Err(error) => error,
                };
                wait_to_retry(client, call, error, deadline, progress).await?;
            }
        }
        Job::Edgequake(job) => {
            progress.attempts = 1;
            // Boxed: its state is larger than all of the usual road, and every call would carry the room for it.
            Box::pin(edgequake_job(call, job, output, progress)).await
        }
        Job::Local(job) => {
            progress.attempts = 1;
            let total = call.limits.total;
            let answer = tokio::time::timeout(total, job.run()).await.map_err(|_| timeout("the whole call", total))??;
            Ok(Finish { event: Event::Done { answer, meta: meta(call, None, 1) }, rest: None })
        }
        Job::Mock(mock) => {
            progress.attempts = 1;
            let meta = meta(call, None, 1);
            if call.stream {
                mock.wait().await?;
                output.open(meta.clone(), progress).await?;
                for event in mock.stream_events()? {
                    output.stream_event(event, progress).await?;
                }
                Ok(Finish { event: Event::Done { answer: Vec::new(), meta }, rest: None })
            } else {
                mock.wait().await?;
                Ok(Finish { event: Event::Done { answer: mock.answer()?, meta }, rest: None })
            }
        }
    }
}

/// The crate's road: the whole answer within the limit, or a stream's first event within it and then each silence within its own.
async fn edgequake_job(call: &Call, job: &edgequake::Call, output: &Output, progress: &mut Progress) -> Result<Finish> {
    let Limits { total, idle, .. } = call.limits;
    let deadline = Instant::now() + total;
    let meta = meta(call, None, 1);
    if !call.stream {
        let answer = tokio::time::timeout_at(deadline, job.run()).await.map_err(|_| timeout("the whole call", total))??;
        return Ok(Finish { event: Event::Done { answer, meta }, rest: None });
    }
    let mut stream = tokio::time::timeout_at(deadline, job.stream()).await.map_err(|_| timeout("the whole call", total))??;
    output.open(meta.clone(), progress).await?;
    let mut due = deadline;
    // The caller's own pauses lie outside of the waits.
    while let Some(event) =
        tokio::time::timeout_at(due, stream.next()).await.map_err(|_| timeout("the next event", total.min(idle)))?
    {
        output.stream_event(event?, progress).await?;
        output.sink.flush();
        due = Instant::now() + idle;
    }
    Ok(Finish { event: Event::Done { answer: Vec::new(), meta }, rest: None })
}

/// Waits for the next attempt, or gives the error back when there is to be none.
async fn wait_to_retry(client: &Client, call: &Call, error: Error, deadline: Instant, progress: &Progress) -> Result<()> {
    if progress.content || progress.attempts > call.retries || !retry::is_retryable(&error) {
        return Err(error);
    }
    let Some(wait) = retry::delay(&error, progress.attempts, fastrand::f64()) else { return Err(error) };
    // An attempt that could not even start before the deadline is not worth its wait.
    if Instant::now() + wait >= deadline || !client.buckets.take(call.bucket, &error) {
        return Err(error);
    }
    log::record(log::Level::Info, || {
        let fields = serde_json::json!({
            "provider": call.route.provider, "model": call.route.model, "attempt": progress.attempts,
            "kind": error.kind.name(), "http_status": error.http_status, "wait_ms": wait.as_millis() as u64,
        });
        (format!("retrying after {}", error.kind.name()), fields.to_string())
    });
    tokio::time::sleep(wait).await;
    Ok(())
}

/// The request with its files, read within the call's deadline and once for all attempts.
async fn fill(call: &Call, wire: &Wire, deadline: Instant) -> Result<(reqwest::Request, Bytes)> {
    let body = wire.request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let filled = tokio::time::timeout_at(deadline, remote::fill(&wire.remotes, &wire.client, body)).await;
    let filled = Bytes::from(filled.map_err(|_| timeout("the whole call", call.limits.total))??);
    let mut request = wire
        .request
        .try_clone()
        .ok_or_else(|| Error::new(ErrorKind::InternalServer, "the request's body cannot be sent twice"))?;
    *request.body_mut() = Some(filled.clone().into());
    Ok((request, filled))
}

/// What the attempts of a call share.
struct WireCall<'a> {
    call: &'a Call,
    wire: &'a Wire,
    /// The request with the files that it names, where it names some.
    filled: Option<(reqwest::Request, Bytes)>,
    decode: &'a dyn Decode,
    tokens: &'a Tokens,
    output: &'a Output,
}

impl WireCall<'_> {
    async fn attempt(&self, deadline: Instant, progress: &mut Progress) -> Result<Finish> {
        let limits = &self.call.limits;
        let total = limits.total;
        let late = |_| timeout("the whole call", total);
        let (mut response, sent) = tokio::time::timeout_at(deadline, self.send()).await.map_err(late)??;
        let mut head = transport::head(&response);
        let again = self.wire.signer.as_ref().is_some_and(|signer| match head.status {
            401 => signer.credentials.refused(&sent, self.tokens),
            403 => signer.credentials.forbidden(&sent, &head, self.tokens),
            _ => false,
        });
        if again {
            response = tokio::time::timeout_at(deadline, self.send()).await.map_err(late)??.0;
            head = transport::head(&response);
        }
        if !(200..300).contains(&head.status) {
            let patience = deadline.min(Instant::now() + ERROR_BODY_TIME);
            let body = tokio::time::timeout_at(patience, read_body(response, limits.idle, MAX_ERROR_BODY, true)).await;
            // The status is known: a body that breaks off or does not come must not hide it.
            let body = body.ok().and_then(Result::ok).unwrap_or_default();
            let mut error = self.decode.error(&head, &body);
            finish_error(&mut error, &head);
            return Err(error);
        }
        if self.call.stream {
            return self.stream(response, head, deadline, progress).await;
        }
        let body = tokio::time::timeout_at(deadline, read_body(response, limits.idle, MAX_BODY, false)).await.map_err(late)??;
        let answer = self.decode.answer(&head, body).map_err(|mut error| {
            finish_error(&mut error, &head);
            error
        })?;
        let meta = meta(self.call, Some(&head), progress.attempts);
        Ok(Finish { event: Event::Done { answer, meta }, rest: None })
    }

    /// Sends the request, with credentials made for this attempt where the call has such; gives them back, too.
    async fn send(&self) -> Result<(reqwest::Response, Vec<(String, String)>)> {
        let Wire { client, signer, .. } = self.wire;
        let request = self.filled.as_ref().map_or(&self.wire.request, |(request, _)| request);
        let Some(signer) = signer else {
            return Ok((self.first_byte(transport::send(client, request)).await?, Vec::new()));
        };
        // Boxed: few calls sign, and every call would carry the room for it.
        let signed = Box::pin(async {
            let attempt = Attempt {
                method: request.method(),
                url: request.url().as_str(),
                headers: &signer.headers,
                body: self.filled.as_ref().map_or(&signer.body, |(_, body)| body),
                http: client,
                tokens: self.tokens,
                secrets: &self.call.secrets,
            };
            let own = signer.credentials.headers(attempt).await?;
            let mut request = request
                .try_clone()
                .ok_or_else(|| Error::new(ErrorKind::InternalServer, "the request's body cannot be sent twice"))?;
            for (name, value) in transport::header_map(&own)? {
                if let Some(name) = name {
                    request.headers_mut().insert(name, value);
                }
            }
            Ok((self.first_byte(transport::send(client, &request)).await?, own))
        });
        signed.await
    }

    /// The idle limit holds for the wait for the answer's head too.
    async fn first_byte<T>(&self, sent: impl std::future::Future<Output = Result<T>>) -> Result<T> {
        let limits = &self.call.limits;
        if limits.idle >= limits.total {
            return sent.await;
        }
        tokio::time::timeout(limits.idle, sent).await.map_err(|_| timeout("the first byte", limits.idle))?
    }

    async fn stream(
        &self,
        mut response: reqwest::Response,
        head: Head,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Finish> {
        let (limits, control) = (&self.call.limits, &self.output.control);
        let opened = meta(self.call, Some(&head), progress.attempts);
        self.output.open(opened.clone(), progress).await?;
        let mut decoder = self.decode.stream(&head);
        let mut events = Vec::new();
        let mut last_read = Instant::now();
        let mut first = true;
        let idle = tokio::time::sleep_until(deadline.min(last_read + limits.idle));
        tokio::pin!(idle);
        loop {
            if control.is_paused() {
                self.output.wait_while_paused().await;
                // The caller's own pause is not the provider's silence.
                last_read = Instant::now();
            }
            let bytes = tokio::select! {
                biased;
                read = response.chunk() => read.map_err(|e| transport::connection_error(&e)),
                () = &mut idle => {
                    // One timer for the whole stream, moved on only when it fires: a timer for each read would cost more than the read.
                    let due = if first { deadline } else { last_read + limits.idle };
                    if Instant::now() < due {
                        idle.as_mut().reset(due);
                        continue;
                    }
                    Err(if first { timeout("the first event", limits.total) } else { timeout("the next byte", limits.idle) })
                }
            };
            last_read = Instant::now();
            let mut eof = false;
            let ended = match bytes {
                Ok(Some(bytes)) => {
                    let fed = decoder.feed(&bytes, &mut events);
                    // A comment keeps the connection alive; the wait for the first event goes on.
                    if first && !events.is_empty() {
                        first = false;
                        idle.as_mut().reset(last_read + limits.idle);
                    }
                    fed
                }
                Ok(None) => {
                    eof = true;
                    decoder.end(&mut events).map(|()| true)
                }
                Err(error) => Err(error),
            };
            for event in events.drain(..) {
                self.output.stream_event(event, progress).await?;
            }
            match ended {
                Ok(false) => self.output.sink.flush(),
                Ok(true) => {
                    let rest = (!eof).then_some(response);
                    return Ok(Finish { event: Event::Done { answer: Vec::new(), meta: opened }, rest });
                }
                Err(mut error) => {
                    self.output.sink.flush();
                    // What the server said of this request still helps, but its 200 is not the error's status.
                    let status = error.http_status.take().filter(|status| *status >= 400);
                    finish_error(&mut error, &head);
                    error.http_status = status;
                    return Err(error);
                }
            }
        }
    }
}

/// Adds what the answer's headers say, where the decoder did not.
fn finish_error(error: &mut Error, head: &Head) {
    if error.http_status.is_none() {
        error.http_status = Some(head.status);
    }
    if error.request_id.is_none() {
        error.request_id = head.request_id().map(str::to_owned);
    }
    if error.retry_after.is_none() {
        error.retry_after = retry::retry_after(|name| head.header(name), SystemTime::now());
    }
    if error.should_retry.is_none() {
        error.should_retry = head.header("x-should-retry").and_then(|text| text.parse().ok());
    }
    if error.headers.is_empty() {
        error.headers = head.headers.clone();
    }
}

fn timeout(what: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the time limit of {} s for {what} has passed", limit.as_secs_f64()))
}

/// The whole body within a cap; `truncate` keeps what fits instead of failing (an error's body).
async fn read_body(mut response: reqwest::Response, idle: Duration, cap: usize, truncate: bool) -> Result<Bytes> {
    let mut whole: Option<Bytes> = None;
    let mut joined: Vec<u8> = Vec::new();
    loop {
        let read = tokio::time::timeout(idle, response.chunk()).await.map_err(|_| timeout("the next byte", idle))?;
        let Some(bytes) = read.map_err(|e| transport::connection_error(&e))? else { break };
        if joined.len() + whole.as_ref().map_or(0, Bytes::len) + bytes.len() > cap {
            if truncate {
                joined.extend_from_slice(&whole.take().unwrap_or_default());
                joined.extend_from_slice(&bytes);
                joined.truncate(cap);
                break;
            }
            return Err(Error::new(ErrorKind::ApiResponseValidation, format!("the answer is larger than {} MiB", cap >> 20)));
        }
        // Most answers come in one piece, which is then used as it is.
        match whole.take() {
            None if joined.is_empty() => whole = Some(bytes),
            first => {
                joined.extend_from_slice(&first.unwrap_or_default());
                joined.extend_from_slice(&bytes);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| joined.into()))
}

/// Reads what stands behind a stream's end mark, so that the connection can serve again.
async fn drain(mut response: reqwest::Response) {
    let _ = tokio::time::timeout(DRAIN_TIME, async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(bytes)) = response.chunk().await {
            left = match left.checked_sub(bytes.len()) {
                Some(left) => left,
                None => return,
            };
        }
    })
    .await;
}

/// The `meta` of an event.
fn meta(call: &Call, head: Option<&Head>, attempts: u32) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Meta<'a> {
        provider: &'a str,
        model: &'a str,
        api_base: &'a str,
        status: Option<u16>,
        request_id: Option<&'a str>,
        attempts: u32,
        #[serde(serialize_with = "pairs")]
        headers: &'a [(String, String)],
    }
    fn pairs<S: serde::Serializer>(headers: &&[(String, String)], serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
    }
    let meta = Meta {
        provider: &call.route.provider,
        model: &call.route.model,
        api_base: &call.route.api_base,
        status: head.map(|head| head.status),
        request_id: head.and_then(Head::request_id),
        attempts,
        headers: head.map_or(&[], |head| &head.headers),
    };
    serde_json::to_vec(&meta).unwrap_or_default()
}

/// The way of a call's events to its caller.
struct Output {
    sink: Arc<dyn Sink>,
    control: Arc<Control>,
}

impl Output {
    async fn open(&self, meta: Vec<u8>, progress: &mut Progress) -> Result<()> {
        // A second attempt of a stream that had been opened goes on silently: nothing of the first was handed on.
        if progress.opened {
            return Ok(());
        }
        progress.opened = true;
        self.emit(Event::Opened { meta }).await?;
        self.sink.flush();
        Ok(())
    }

    async fn stream_event(&self, event: StreamEvent, progress: &mut Progress) -> Result<()> {
        progress.content = true;
        match &event {
            StreamEvent::Chunk { text, .. } | StreamEvent::Content { text, .. } if progress.generated.len() < GENERATED => {
                progress.generated.push_str(text);
            }
            _ => {}
        }
        self.emit(Event::Stream(event)).await
    }

    async fn emit(&self, event: Event) -> Result<()> {
        let seen = self.control.resumes();
        match self.sink.emit(event) {
            Action::Continue => {}
            Action::Pause => self.control.pause_unless_resumed_since(seen),
            Action::Cancel => {
                self.control.cancel();
                return Err(cancelled());
            }
        }
        if self.control.is_paused() {
            self.wait_while_paused().await;
        }
        Ok(())
    }

    async fn wait_while_paused(&self) {
        self.sink.flush();
        self.control.running().await;
    }
}

/// Sees to it that a terminal event is sent exactly once, even when the task is dropped with its runtime.
struct Terminal {
    sink: Arc<dyn Sink>,
    sent: bool,
    provider: String,
    model: String,
}

impl Terminal {
    fn send(&mut self, event: Event) {
        debug_assert!(event.is_terminal());
        if !std::mem::replace(&mut self.sent, true) {
            self.sink.emit(event);
            self.sink.flush();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.sent {
            let error = Error::new(ErrorKind::Cancelled, "the client was closed while the call was running");
            self.send(Event::Failed(error.at(&self.provider, &self.model)));
        }
    }
}
