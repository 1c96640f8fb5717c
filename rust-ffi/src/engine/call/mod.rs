//! A request on the engine's threads: its calls, their attempts and waits, the reading of the answer, and exactly one terminal event.

mod attempt;
mod body;
mod held;
mod job;
mod meta;
mod output;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use reqwest::header::HeaderMap;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::client::Client;
use super::control::Control;
use super::error::{Error, ErrorKind, Result};
use super::event::{Event, Sink};
use super::limits::Limits;
use super::log;
use super::mock::Mock;
use super::observe::{Observer, Seen};
use super::plan::{Ended, Found, Governed, Ready, Run, Way};
use super::retry;
use super::route::Route;
use super::secrets::Secrets;
use crate::edgequake;
use crate::engine::remote::Reader;
use crate::wire::remote::Remotes;
use crate::wire::{Credentials, Decode};

use attempt::{Parts, WireCall};
use held::Held;
use meta::meta;
use output::{Output, Terminal};

/// A call that has been checked and can be sent.
pub struct Call {
    pub route: Route,
    stream: bool,
    pub limits: Limits,
    pub retries: u32,
    /// Names the token bucket of its host and key.
    pub bucket: u64,
    /// What no error may show.
    secrets: Secrets,
    /// The caller's own id of the request, for log records; None where nobody listens to them.
    pub id: Option<Box<str>>,
    /// What the policies that chose this call add to its answer's `meta`.
    pub told: Vec<(&'static str, Box<RawValue>)>,
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
    /// Files that the body still lacks, and how they are read. Boxed: few calls have any.
    pub files: Option<Box<(Remotes, Reader)>>,
    /// Bodies of further requests, whose answers are one with the first's.
    pub more: Vec<Bytes>,
    /// What comes back at once only names a job.
    pub job: Option<Box<dyn crate::wire::job::Job>>,
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
        Call { route, stream, limits, retries, bucket, secrets, id: None, told: Vec::new(), job }
    }

    /// Has every attempt carry these headers too, where the request has none of their names.
    pub fn add_headers(&mut self, headers: &HeaderMap) {
        if let Job::Wire(wire) = &mut self.job {
            for (name, value) in headers {
                wire.request.headers_mut().entry(name).or_insert_with(|| value.clone());
            }
        }
    }
}

/// The request's task: runs to its terminal event, whatever happens to it. The event is promised from here on, even if the task is
/// dropped before it was ever polled.
pub fn run(client: Arc<Client>, run: Run, sink: Arc<dyn Sink>, control: Arc<Control>) -> impl Future<Output = ()> {
    let Run { mut way, observers } = run;
    let route = match &way {
        Way::Single(call) => &call.route,
        Way::Governed(governed) => &governed.route,
    };
    let (provider, model) = (route.provider.clone(), route.model.clone());
    let mut terminal = Terminal { sink: sink.clone(), sent: false, provider: provider.clone(), model: model.clone() };
    async move {
        let output = Output { sink, control: control.clone() };
        let mut progress = Progress {
            attempts: 0,
            status: None,
            opened: false,
            content: false,
            held: Held::default(),
            generated: String::new(),
            observers,
        };
        let outcome = {
            let work = async {
                let done = match &mut way {
                    Way::Single(call) => attempts(&client, call, None, &output, &mut progress).await,
                    // Boxed: its state is larger than that of the usual way, and every call would carry the room for it.
                    Way::Governed(way) => Box::pin(governed(&client, way, &output, &mut progress)).await,
                };
                if done.is_err() && !control.is_cancelled() {
                    // Nothing is asked again: what came of the last attempt is the caller's.
                    output.release(&mut progress).await?;
                }
                done
            };
            tokio::select! {
                biased;
                () = control.cancelled() => Err(cancelled()),
                done = AssertUnwindSafe(work).catch_unwind() => done.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::InternalServer, "a defect in the library: the call's task panicked"))
                }),
            }
        };
        match outcome {
            Ok(Finish { event, rest }) => {
                if let Event::Done { answer, meta } = &event {
                    progress.observers.iter_mut().for_each(|observer| observer.done(answer, meta));
                }
                terminal.send(event);
                if let Some(rest) = rest {
                    body::drain(rest).await;
                }
            }
            Err(error) => {
                let mut error = error.at(&provider, &model);
                error.attempts = progress.attempts;
                error.num_retries = Some(progress.attempts.saturating_sub(1));
                if progress.opened {
                    error.mid_stream = true;
                    error.generated = Some(progress.generated);
                }
                progress.observers.iter_mut().for_each(|observer| observer.failed(&error));
                terminal.send(Event::Failed(error));
            }
        }
    }
}

/// Hands an answer on that is here already: at once, on the thread that asks for it.
pub fn hand_over(ready: Ready, sink: &dyn Sink) {
    let Ready { answer, meta, mut observers, .. } = ready;
    observers.iter_mut().for_each(|observer| observer.done(&answer, &meta));
    sink.emit(Event::Done { answer, meta });
    sink.flush();
}

/// What a request has come to so far.
pub(super) struct Progress {
    /// Over all its calls.
    attempts: u32,
    /// What the server answered the latest attempt with, as soon as it has.
    status: Option<u16>,
    opened: bool,
    /// Something of the answer was handed on: from here nothing is sent again.
    content: bool,
    /// What came of the latest attempt before its first content.
    held: Held,
    generated: String,
    observers: Vec<Box<dyn Observer>>,
}

impl Progress {
    /// Another attempt begins: of the one before it nothing is left.
    fn begin(&mut self) {
        self.attempts += 1;
        self.status = None;
        self.held.take();
    }
}

/// The terminal event, and a stream's connection that may still hold bytes behind its end mark.
struct Finish {
    event: Event,
    rest: Option<reqwest::Response>,
}

impl Finish {
    fn done(answer: Vec<u8>, meta: Vec<u8>) -> Finish {
        Finish { event: Event::Done { answer, meta }, rest: None }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled")
}

fn timeout(what: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the time limit of {} s for {what} has passed", limit.as_secs_f64()))
}

/// The way of a request that policies apply to: what was kept, what lets it in, and its calls one after another.
async fn governed(client: &Arc<Client>, way: &mut Governed, output: &Output, progress: &mut Progress) -> Result<Finish> {
    let deadline = Instant::now() + way.limits.total;
    if let Some(store) = &mut way.store {
        if let Found::Hit { events, answer, meta } = store.find(&mut way.asked, deadline).await {
            if way.stream {
                output.open(meta.clone(), progress).await?;
                for event in events {
                    output.hand_on(event, progress).await?;
                }
                output.sink.flush();
            }
            return Ok(Finish::done(answer, meta));
        }
    }
    for gate in &mut way.gates {
        gate.enter(&way.asked, deadline).await?;
    }
    let mut ended = in_turn(client, way, deadline, output, progress).await;
    for gate in &mut way.gates {
        let ended = match &mut ended {
            Ok(Finish { event: Event::Done { answer, meta }, .. }) => Ended::Done { answer, meta },
            Ok(_) => continue,
            Err(error) => {
                (error.attempts, error.mid_stream) = (progress.attempts, progress.opened);
                Ended::Failed(error)
            }
        };
        gate.leave(ended).await;
    }
    let mut finish = ended?;
    if let (Some(store), Event::Done { answer, meta }) = (&mut way.store, &mut finish.event) {
        store.keep(answer, meta).await?;
    }
    Ok(finish)
}

/// The calls of a request, until one has an answer.
async fn in_turn(
    client: &Arc<Client>,
    way: &mut Governed,
    deadline: Instant,
    output: &Output,
    progress: &mut Progress,
) -> Result<Finish> {
    let mut failed = None;
    loop {
        let (call, wait) = way.candidates.next(client, &way.asked, failed.take()).await?;
        if !wait.is_zero() {
            tokio::time::sleep_until(deadline.min(Instant::now() + wait)).await;
        }
        match attempts(client, &call, Some(deadline), output, progress).await {
            // What was handed on cannot be taken back.
            Err(error) if !progress.content => failed = Some(error),
            ended => return ended,
        }
    }
}

/// A call with its retries, within its own time limit and within `deadline`, that of the request where it has several calls.
async fn attempts(
    client: &Client,
    call: &Call,
    deadline: Option<Instant>,
    output: &Output,
    progress: &mut Progress,
) -> Result<Finish> {
    let mut done = work(client, call, deadline, output, progress).await;
    if done.is_ok() {
        // An answer without any content is one, too. Those who watch must have seen all of it before it counts as done.
        done = output.release(progress).await.and(done);
    }
    done.map_err(|error| {
        let mut error = error.at(&call.route.provider, &call.route.model);
        // Whoever made it: a decoder quotes what came, and a provider may have written a key into it.
        call.secrets.conceal(&mut error);
        error
    })
}

/// Of the address the host alone is told: a path or a query may hold a key.
fn log_attempt(call: &Call, wire: &Wire, progress: &Progress, error: Option<&Error>, started: Instant) {
    log::record(log::Level::Debug, || {
        let url = wire.request.url();
        let host = url.host_str().map(|host| url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
        let fields = serde_json::json!({
            "provider": call.route.provider, "model": call.route.model, "host": host, "attempt": progress.attempts, "call_id": call.id,
            "status": progress.status, "kind": error.map(|error| error.kind.name()),
            "ms": started.elapsed().as_millis() as u64,
        });
        let outcome = if error.is_some() { "failed" } else { "succeeded" };
        (format!("attempt {} {outcome}", progress.attempts), fields.to_string())
    });
}

async fn work(
    client: &Client,
    call: &Call,
    deadline: Option<Instant>,
    output: &Output,
    progress: &mut Progress,
) -> Result<Finish> {
    let own = Instant::now() + call.limits.total;
    let deadline = deadline.map_or(own, |all| all.min(own));
    let before = progress.attempts;
    match &call.job {
        Job::Wire(wire) => {
            let filled = match &wire.files {
                None => None,
                Some(files) => Some(Box::pin(attempt::fill(call, wire, files, deadline)).await?),
            };
            let parts = Parts::default();
            let wire =
                WireCall { call, wire, filled, decode: wire.decode.as_ref(), tokens: &client.tokens, output, parts: &parts };
            loop {
                progress.begin();
                let started = Instant::now();
                let done = wire.attempt(deadline, progress).await;
                log_attempt(call, wire.wire, progress, done.as_ref().err(), started);
                for observer in &mut progress.observers {
                    let number = progress.attempts;
                    let (route, url) = (&call.route, wire.wire.request.url());
                    observer.attempt(&Seen { route, url, number, started, error: done.as_ref().err() });
                }
                let error = match done {
                    Ok(finish) => {
                        client.buckets.give_back(call.bucket);
                        return Ok(finish);
                    }
                    Err(error) => error,
                };
                wait_to_retry(client, call, error, deadline, progress.attempts - before, progress.content).await?;
            }
        }
        Job::Edgequake(job) => {
            progress.begin();
            // Boxed: its state is larger than all of the usual road, and every call would carry the room for it.
            Box::pin(edgequake_job(call, job, deadline, output, progress)).await
        }
        Job::Local(job) => {
            progress.begin();
            let late = |_| timeout("the whole call", call.limits.total);
            let answer = tokio::time::timeout_at(deadline, job.run()).await.map_err(late)??;
            Ok(Finish::done(answer, meta(call, None, progress.attempts)))
        }
        Job::Mock(mock) => {
            progress.begin();
            let meta = meta(call, None, progress.attempts);
            if call.stream {
                mock.wait().await?;
                output.open(meta.clone(), progress).await?;
                for event in mock.stream_events()? {
                    output.stream_event(event, progress).await?;
                }
                Ok(Finish::done(Vec::new(), meta))
            } else {
                mock.wait().await?;
                Ok(Finish::done(mock.answer()?, meta))
            }
        }
    }
}

/// The crate's road: the whole answer within the limit, or a stream's first event within it and then each silence within its own.
async fn edgequake_job(
    call: &Call,
    job: &edgequake::Call,
    deadline: Instant,
    output: &Output,
    progress: &mut Progress,
) -> Result<Finish> {
    let Limits { total, idle, .. } = call.limits;
    let meta = meta(call, None, progress.attempts);
    if !call.stream {
        let answer = tokio::time::timeout_at(deadline, job.run()).await.map_err(|_| timeout("the whole call", total))??;
        return Ok(Finish::done(answer, meta));
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
    Ok(Finish::done(Vec::new(), meta))
}

/// Waits for the next attempt, or gives the error back when there is to be none.
async fn wait_to_retry(client: &Client, call: &Call, error: Error, deadline: Instant, attempt: u32, content: bool) -> Result<()> {
    if content || attempt > call.retries || !retry::is_retryable(&error) {
        return Err(error);
    }
    let Some(wait) = retry::delay(&error, attempt, fastrand::f64()) else { return Err(error) };
    // An attempt that could not even start before the deadline is not worth its wait.
    if Instant::now() + wait >= deadline || !client.buckets.take(call.bucket, &error) {
        return Err(error);
    }
    log::record(log::Level::Info, || {
        let fields = serde_json::json!({
            "provider": call.route.provider, "model": call.route.model, "attempt": attempt,
            "kind": error.kind.name(), "http_status": error.http_status, "wait_ms": wait.as_millis() as u64,
            "call_id": call.id,
        });
        (format!("retrying after {}", error.kind.name()), fields.to_string())
    });
    tokio::time::sleep(wait).await;
    Ok(())
}
