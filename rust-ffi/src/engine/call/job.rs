//! The following of a job: its state is asked for until it has ended, and it is cancelled when the call ends before it.

use std::future::Future;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, Url};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::attempt::{finish_error, Source, WireCall};
use super::body::read_body;
use super::meta::meta;
use super::{timeout, Finish, Progress};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::limits::{MAX_BODY, MAX_ERROR_BODY};
use crate::engine::{retry, transport};
use crate::wire::job::{event, Job, Trust};
use crate::wire::{Decode, Head};

/// The wait before the first question and the longest between two. Language models begin within a second or so; one that has to be
/// loaded takes minutes, and a server that is asked too often refuses.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Questions in a row that may fail: a failed question says nothing of the job, which goes on meanwhile.
const FAILURES: u32 = 5;
/// The longest silence of a server that is asked about a job. It only looks the job up, so that the call's own limit, which leaves room
/// for a model that thinks, would be wasted on a connection that is dead.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a cancellation may take. Nobody waits for it.
const CANCELLING: Duration = Duration::from_secs(10);

impl WireCall<'_> {
    /// The call from the answer that names the job to its end.
    pub(super) async fn follow(
        &self,
        job: &dyn Job,
        response: reqwest::Response,
        head: Head,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Finish> {
        let late = |_| timeout("the whole call", self.call.limits.total);
        let begun = async {
            let body = tokio::time::timeout_at(deadline, read_body(response, self.call.limits.idle, MAX_BODY, false));
            let body = body.await.map_err(late)??;
            let state = job.state(&head, &body).map_err(|error| finished(error, &head))?;
            Ok((body, state))
        };
        let (body, state) = begun.await.map_err(|mut error: Error| {
            error.message.push_str("; the provider accepted the request, so that a job may be running there");
            last(error)
        })?;
        let asked = self.wire.request.url();
        let named = |url: Option<String>| {
            let url = Url::parse(&url?).ok()?;
            Some((job.trusts(asked, &url), url)).filter(|(trust, _)| *trust != Trust::Nothing)
        };
        let mut job_to_cancel = Cancel {
            client: self.wire.client.clone(),
            request: named(state.cancel).filter(|_| !state.ended).map(|(trust, url)| self.request(Method::POST, url, trust)),
        };
        let mut states = States {
            client: &self.wire.client,
            request: named(state.get).map(|(trust, url)| self.request(Method::GET, url, trust)),
            job,
            decode: self.decode,
            silence: self.silence(),
            head: Head { status: head.status, headers: head.headers.clone() },
            body,
            ended: state.ended,
            fresh: true,
            wait: FIRST_WAIT,
            due: Instant::now() + FIRST_WAIT,
            failed: 0,
        };
        let finish = async {
            if self.call.stream {
                let events = named(state.events).filter(|_| !states.ended);
                let events = match events {
                    Some((trust, url)) => tokio::time::timeout_at(deadline, self.events(url, trust)).await.map_err(late)?,
                    None => None,
                };
                if events.is_none() && !states.ended {
                    states.question()?;
                }
                let source = Source::Job(Box::new(Pieces { events, states }));
                return self.stream(source, head, deadline, progress).await;
            }
            while !states.ended {
                tokio::time::timeout_at(deadline, states.ask()).await.map_err(late)??;
            }
            let answer = self.decode.answer(&states.head, states.body).map_err(|error| finished(error, &states.head))?;
            Ok(Finish::done(answer, meta(self.call, Some(&head), progress.attempts)))
        };
        match finish.await {
            Ok(finish) => {
                job_to_cancel.request = None;
                Ok(finish)
            }
            Err(error) => Err(last(error)),
        }
    }

    /// A request about the job, with the call's own headers where the address may have them.
    fn request(&self, method: Method, url: Url, trust: Trust) -> reqwest::Request {
        let mut request = reqwest::Request::new(method, url);
        if trust == Trust::Key {
            let mut headers: HeaderMap = self.wire.request.headers().clone();
            // They speak of the body, and of the request that may be sent once only.
            for name in [CONTENT_TYPE.as_str(), CONTENT_LENGTH.as_str(), "idempotency-key"] {
                headers.remove(name);
            }
            *request.headers_mut() = headers;
        }
        request
    }

    fn silence(&self) -> Duration {
        self.call.limits.idle.min(SILENCE)
    }

    /// The job's events. None where they are not to be had: its states tell the same.
    async fn events(&self, url: Url, trust: Trust) -> Option<reqwest::Response> {
        let mut request = self.request(Method::GET, url, trust);
        request.headers_mut().insert(ACCEPT, reqwest::header::HeaderValue::from_static("text/event-stream"));
        let response = heard(self.silence(), transport::send(&self.wire.client, &request)).await.ok()?;
        response.status().is_success().then_some(response)
    }
}

/// What was sent about a job, unless its server keeps silent.
async fn heard<T>(silence: Duration, sent: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(silence, sent).await.map_err(|_| timeout("an answer about the job", silence))?
}

/// The error of a job that may have begun: another attempt would begin, and pay for, another job.
fn last(mut error: Error) -> Error {
    error.should_retry = Some(false);
    error
}

fn finished(mut error: Error, head: &Head) -> Error {
    finish_error(&mut error, head);
    error
}

/// What a stream reads of a job: its events, where there are some, and its states.
pub(super) struct Pieces<'a> {
    events: Option<reqwest::Response>,
    states: States<'a>,
}

impl Pieces<'_> {
    /// The next bytes, None at the end. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(events) = &mut self.events else { return self.states.next_event().await };
        let cut = match events.chunk().await {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            Ok(None) => None,
            Err(error) => Some(transport::connection_error(&error)),
        };
        self.events = None;
        if self.states.request.is_none() {
            return cut.map_or(Ok(None), Err);
        }
        // The state at the job's beginning is old by now.
        (self.states.fresh, self.states.due) = (false, Instant::now());
        // What the events were cut within ends here: a piece of a text is one too.
        Ok(Some(Bytes::from_static(b"\n\n")))
    }

    /// What may still hold bytes behind the stream's end mark.
    pub(super) fn rest(self) -> Option<reqwest::Response> {
        self.events
    }
}

/// A job's states, one after another.
struct States<'a> {
    client: &'a reqwest::Client,
    /// The question for the next state. None where the job names no address for it that may be asked.
    request: Option<reqwest::Request>,
    job: &'a dyn Job,
    decode: &'a dyn Decode,
    /// How long the server may say nothing within one question.
    silence: Duration,
    /// The latest state, and whether it is the last.
    head: Head,
    body: Bytes,
    ended: bool,
    /// Nobody was told of the latest state yet.
    fresh: bool,
    wait: Duration,
    due: Instant,
    /// Questions that failed in a row.
    failed: u32,
}

impl States<'_> {
    /// The next state that says something new, as an event; None after the last.
    async fn next_event(&mut self) -> Result<Option<Bytes>> {
        while !self.fresh {
            if self.ended {
                return Ok(None);
            }
            self.ask().await?;
        }
        self.fresh = false;
        Ok(Some(event(&self.body).into()))
    }

    fn question(&self) -> Result<&reqwest::Request> {
        self.request.as_ref().ok_or_else(|| {
            let why = "the provider names no address of its own where the answer will be; the key goes to no other";
            Error::new(ErrorKind::ApiResponseValidation, why)
        })
    }

    /// Asks for the state when it is time to. May be dropped: the question is then asked again.
    async fn ask(&mut self) -> Result<()> {
        tokio::time::sleep_until(self.due).await;
        let answered = match heard(self.silence, transport::send(self.client, self.question()?)).await {
            Ok(response) => {
                let head = transport::head(&response);
                let good = (200..300).contains(&head.status);
                let cap = if good { MAX_BODY } else { MAX_ERROR_BODY };
                read_body(response, self.silence, cap, !good).await.map(|body| (head, body))
            }
            Err(error) => Err(error),
        };
        let mut wait = None;
        let error = match answered {
            Ok((head, body)) if (200..300).contains(&head.status) => {
                let state = self.job.state(&head, &body).map_err(|error| finished(error, &head))?;
                (self.ended, self.failed) = (state.ended, 0);
                self.fresh = body != self.body;
                (self.head, self.body) = (head, body);
                None
            }
            Ok((head, body)) => {
                wait = retry::retry_after(|name| head.header(name), SystemTime::now());
                Some(finished(self.decode.error(&head, &body), &head))
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            self.failed += 1;
            let passes = error.kind == ErrorKind::Timeout || retry::is_retryable(&error);
            if self.failed > FAILURES || !passes {
                return Err(error);
            }
        }
        // A server that asks for a longer wait than the call has is waited for until the call's own end.
        self.due = Instant::now() + wait.unwrap_or(self.wait);
        self.wait = (self.wait + self.wait / 2).min(LONGEST_WAIT);
        Ok(())
    }
}

/// Cancels a job that nobody waits for any more, however the call ends.
struct Cancel {
    client: reqwest::Client,
    /// None when there is nothing to cancel.
    request: Option<reqwest::Request>,
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let (Some(request), Ok(threads)) = (self.request.take(), Handle::try_current()) else { return };
        let client = self.client.clone();
        threads.spawn(async move {
            // Nobody is left to be told how it went.
            let _ = tokio::time::timeout(CANCELLING, transport::send(&client, &request)).await;
        });
    }
}

#[cfg(test)]
mod tests;
