//! One attempt of a call over HTTP: send it, with credentials made for it, and read what comes back.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{stream, StreamExt};
use tokio::time::Instant;

use super::body::read_body;
use super::job::Pieces;
use super::meta::meta;
use super::output::Output;
use super::{timeout, Call, Finish, Progress, Wire};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::limits::{MAX_BODY, MAX_ERROR_BODY};
use crate::engine::remote::Reader;
use crate::engine::tokens::Tokens;
use crate::engine::{retry, transport};
use crate::wire::remote::Remotes;
use crate::wire::{Attempt, Decode, Head};

/// How long the body of an error is waited for; its status is known already.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// Requests of one call that are on their way at the same time.
const AT_ONCE: usize = 8;

/// The request with its files, read within the call's deadline and once for all attempts.
pub(super) async fn fill(
    call: &Call,
    wire: &Wire,
    files: &(Remotes, Reader),
    deadline: Instant,
) -> Result<(reqwest::Request, Bytes)> {
    let (remotes, reader) = files;
    let body = wire.request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let filled = tokio::time::timeout_at(deadline, reader.fill(remotes, body)).await;
    let filled = Bytes::from(filled.map_err(|_| timeout("the whole call", call.limits.total))??);
    let mut request = wire
        .request
        .try_clone()
        .ok_or_else(|| Error::new(ErrorKind::InternalServer, "the request's body cannot be sent twice"))?;
    *request.body_mut() = Some(filled.clone().into());
    Ok((request, filled))
}

/// What the attempts of a call share.
pub(super) struct WireCall<'a> {
    pub(super) call: &'a Call,
    pub(super) wire: &'a Wire,
    /// The request with the files that it names, where it names some.
    pub(super) filled: Option<(reqwest::Request, Bytes)>,
    pub(super) decode: &'a dyn Decode,
    pub(super) tokens: &'a Tokens,
    pub(super) output: &'a Output,
    pub(super) parts: &'a Parts,
}

/// What the requests of a call that has several were answered, by their numbers, over all its attempts.
pub(super) type Parts = Mutex<Vec<Option<(Head, Bytes)>>>;

impl WireCall<'_> {
    pub(super) async fn attempt(&self, deadline: Instant, progress: &mut Progress) -> Result<Finish> {
        let limits = &self.call.limits;
        let late = |_| timeout("the whole call", limits.total);
        if !self.wire.more.is_empty() {
            // Boxed: few calls have several requests, and every call would carry the room for it.
            return Box::pin(self.all(deadline, progress)).await;
        }
        let (response, head) = self.answered(deadline).await?;
        progress.status = Some(head.status);
        if !(200..300).contains(&head.status) {
            return Err(self.refusal(response, &head, deadline).await);
        }
        if let Some(job) = &self.wire.job {
            // Boxed: few calls have a job, and every call would carry the room for it.
            return Box::pin(self.follow(job.as_ref(), response, head, deadline, progress)).await;
        }
        if self.call.stream {
            return self.stream(Source::Body(response), head, deadline, progress).await;
        }
        let body = tokio::time::timeout_at(deadline, read_body(response, limits.idle, MAX_BODY, false)).await.map_err(late)??;
        let answer = self.decode.answer(&head, body).map_err(|mut error| {
            finish_error(&mut error, &head);
            error
        })?;
        let meta = meta(self.call, Some(&head), progress.attempts);
        Ok(Finish::done(answer, meta))
    }

    /// The beginning of the answer, to the second request where the first's credentials were refused and others may help.
    async fn answered(&self, deadline: Instant) -> Result<(reqwest::Response, Head)> {
        let late = |_| timeout("the whole call", self.call.limits.total);
        let (response, sent) = tokio::time::timeout_at(deadline, self.send()).await.map_err(late)??;
        let head = transport::head(&response);
        let again = self.wire.signer.as_ref().is_some_and(|signer| match head.status {
            401 => signer.credentials.refused(&sent, self.tokens),
            403 => signer.credentials.forbidden(&sent, &head, self.tokens),
            _ => false,
        });
        if !again {
            return Ok((response, head));
        }
        let response = tokio::time::timeout_at(deadline, self.send()).await.map_err(late)??.0;
        let head = transport::head(&response);
        Ok((response, head))
    }

    /// The error of an answer that is none.
    async fn refusal(&self, response: reqwest::Response, head: &Head, deadline: Instant) -> Error {
        let patience = deadline.min(Instant::now() + ERROR_BODY_TIME);
        let body = tokio::time::timeout_at(patience, read_body(response, self.call.limits.idle, MAX_ERROR_BODY, true)).await;
        // The status is known: a body that breaks off or does not come must not hide it.
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let mut error = self.decode.error(head, &body);
        finish_error(&mut error, head);
        error
    }

    /// A call of several requests: all of them, some at a time, and one answer of theirs.
    ///
    /// The first that fails ends the attempt: none is sent after it, and those on their way are waited for. What was answered is paid for,
    /// and is not asked again by the next attempt.
    async fn all(&self, deadline: Instant, progress: &mut Progress) -> Result<Finish> {
        let first = self.wire.request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice).unwrap_or_default();
        let bodies: Vec<Bytes> = std::iter::once(first).chain(self.wire.more.iter().cloned()).collect();
        let parts = || self.parts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let missing: Vec<usize> = {
            let mut parts = parts();
            parts.resize_with(bodies.len(), || None);
            (0..bodies.len()).filter(|number| parts[*number].is_none()).collect()
        };
        let failed = OnceLock::new();
        let sending = stream::iter(missing.into_iter().take_while(|_| failed.get().is_none()));
        let sending = sending.for_each_concurrent(AT_ONCE, |number| {
            let one = self.one(bodies[number].clone(), deadline);
            let failed = &failed;
            async move {
                match one.await {
                    Ok(answer) => parts()[number] = Some(answer),
                    // Of several that fail, the first is told.
                    Err(error) => drop(failed.set(error)),
                }
            }
        });
        sending.await;
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        let answers: Vec<(Head, Bytes)> = parts().drain(..).flatten().collect();
        let mut body = vec![b'['];
        for (number, (_, answer)) in answers.iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(answer);
        }
        body.push(b']');
        let Some((head, _)) = answers.into_iter().next() else {
            return Err(Error::new(ErrorKind::InternalServer, "a call of several requests has none"));
        };
        progress.status = Some(head.status);
        let answer = self.decode.answer(&head, body.into()).map_err(|mut error| {
            finish_error(&mut error, &head);
            error
        })?;
        Ok(Finish::done(answer, meta(self.call, Some(&head), progress.attempts)))
    }

    /// One request of several, and its answer.
    async fn one(&self, body: Bytes, deadline: Instant) -> Result<(Head, Bytes)> {
        let mut request = self
            .wire
            .request
            .try_clone()
            .ok_or_else(|| Error::new(ErrorKind::InternalServer, "the request's body cannot be sent twice"))?;
        *request.body_mut() = Some(body.clone().into());
        let one = WireCall { filled: Some((request, body)), ..*self };
        let (response, head) = one.answered(deadline).await?;
        if !(200..300).contains(&head.status) {
            return Err(one.refusal(response, &head, deadline).await);
        }
        let body = tokio::time::timeout_at(deadline, read_body(response, self.call.limits.idle, MAX_BODY, false)).await;
        Ok((head, body.map_err(|_| timeout("the whole call", self.call.limits.total))??))
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

    pub(super) async fn stream(
        &self,
        mut source: Source<'_>,
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
                read = source.next() => read,
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
                    let rest = if eof { None } else { source.rest() };
                    return Ok(Finish { rest, ..Finish::done(Vec::new(), opened) });
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

/// Where the bytes of a stream come from.
pub(super) enum Source<'a> {
    Body(reqwest::Response),
    Job(Box<Pieces<'a>>),
}

impl Source<'_> {
    /// The next bytes, None at the end. May be dropped and asked again.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Source::Body(response) => response.chunk().await.map_err(|error| transport::connection_error(&error)),
            Source::Job(pieces) => Box::pin(pieces.next()).await,
        }
    }

    /// What may still hold bytes behind the stream's end mark.
    fn rest(self) -> Option<reqwest::Response> {
        match self {
            Source::Body(response) => Some(response),
            Source::Job(pieces) => pieces.rest(),
        }
    }
}

/// Adds what the answer's headers say, where the decoder did not.
pub(super) fn finish_error(error: &mut Error, head: &Head) {
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
