//! What a request goes through: one call, or, where policies apply to it, a cache, limits, and calls one after another.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderMap;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::call::Call;
use super::client::Client;
use super::error::{Error, Result};
use super::limits::Limits;
use super::observe::Observer;
use super::request::Request;
use super::route::Route;
use super::telemetry::Watch;
use super::transport::header_map;
use crate::wire::{Operation, StreamEvent};

/// How a request comes to its answer.
pub enum Plan {
    /// The answer is here already.
    Ready(Ready),
    Run(Run),
}

/// An answer that needs nobody else, and no wait.
pub struct Ready {
    pub route: Route,
    pub answer: Vec<u8>,
    pub meta: Vec<u8>,
    pub observers: Vec<Box<dyn Observer>>,
}

/// A request that becomes a task.
pub struct Run {
    pub way: Way,
    pub observers: Vec<Box<dyn Observer>>,
}

pub enum Way {
    /// The way of almost all requests.
    Single(Box<Call>),
    Governed(Box<Governed>),
}

impl Plan {
    /// Has `watch` see the request, and the provider told of its span where that was asked for.
    pub fn watched(mut self, mut watch: Watch) -> Result<Plan> {
        let headers = header_map(&watch.headers())?;
        let observers = match &mut self {
            // Nothing is sent.
            Plan::Ready(ready) => {
                watch.routed(&ready.route);
                &mut ready.observers
            }
            Plan::Run(run) => {
                match &mut run.way {
                    Way::Single(call) => {
                        watch.routed(&call.route);
                        call.add_headers(&headers);
                    }
                    Way::Governed(governed) => governed.asked.headers = headers,
                }
                &mut run.observers
            }
        };
        observers.push(Box::new(watch));
        Ok(self)
    }
}

impl From<Call> for Plan {
    fn from(call: Call) -> Plan {
        Plan::Run(Run { way: Way::Single(Box::new(call)), observers: Vec::new() })
    }
}

/// A request that policies apply to.
pub struct Governed {
    pub asked: Asked,
    /// What was asked for, as far as it is known before a call is chosen: for errors that no call made.
    pub route: Route,
    pub stream: bool,
    /// `total` spans everything, each call's own limit besides.
    pub limits: Limits,
    pub store: Option<Box<dyn Store>>,
    pub gates: Vec<Box<dyn Gate>>,
    pub candidates: Box<dyn Candidates>,
}

/// A request that is prepared when its turn comes, perhaps several times.
pub struct Asked {
    pub operation: Operation,
    /// The request as it came.
    text: Bytes,
    attachments: Vec<Bytes>,
    /// Arguments that take the place of the request's own.
    pub over: Vec<(String, Box<RawValue>)>,
    /// Headers that each of its calls carries.
    headers: HeaderMap,
}

impl Asked {
    pub fn new(operation: Operation, text: &[u8], attachments: &[&[u8]]) -> Self {
        let attachments = attachments.iter().map(|bytes| Bytes::copy_from_slice(bytes)).collect();
        Asked { operation, text: Bytes::copy_from_slice(text), attachments, over: Vec::new(), headers: HeaderMap::new() }
    }

    /// The request with the arguments `more`, which go before its own; a null takes an argument away.
    pub fn with<T>(&self, more: &[(&str, &RawValue)], read: impl FnOnce(&Request<'_>) -> Result<T>) -> Result<T> {
        let mut request = Request::parse(&self.text)?;
        request.attachments = self.attachments.iter().map(|bytes| &bytes[..]).collect();
        let over = self.over.iter().map(|(name, value)| (name.as_str(), &**value));
        for (name, value) in over.chain(more.iter().copied()) {
            request.set(name, value);
        }
        read(&request)
    }

    /// A call of the request with the arguments `more`.
    pub fn call(&self, client: &Client, more: &[(&str, &RawValue)]) -> Result<Call> {
        let mut call = self.with(more, |request| client.prepare(self.operation, request))?;
        call.add_headers(&self.headers);
        Ok(call)
    }
}

/// Gives the calls of a request one after another.
pub trait Candidates: Send {
    /// The next call, and how long to wait before it: the first where `failed` is None, else the one after the call that failed so. An error
    /// is the request's own.
    fn next<'a>(&'a mut self, client: &'a Arc<Client>, asked: &'a Asked, failed: Option<Error>) -> BoxFuture<'a, Next>;
}

/// A call and how long to wait before it, or the request's error.
pub type Next = Result<(Call, Duration)>;

/// How a request goes through several calls.
pub struct Course {
    pub candidates: Box<dyn Candidates>,
    pub observers: Vec<Box<dyn Observer>>,
    /// The time for all of them.
    pub total: Duration,
}

/// The request as it came, once.
pub struct Once;

impl Candidates for Once {
    fn next<'a>(&'a mut self, client: &'a Arc<Client>, asked: &'a Asked, failed: Option<Error>) -> BoxFuture<'a, Next> {
        let call = failed.map_or_else(|| Ok((asked.call(client, &[])?, Duration::ZERO)), Err);
        Box::pin(std::future::ready(call))
    }
}

/// Lets a request in, or not.
pub trait Gate: Send {
    /// Waits for room where it may; an error says which limit was met.
    fn enter<'a>(&'a mut self, asked: &'a Asked, deadline: Instant) -> BoxFuture<'a, Result<()>>;

    /// Gives back what is not used any more, before the caller knows the outcome: his next request counts on it. Not called for a request
    /// that is cancelled or dropped with its client: that only drops the gate.
    fn leave<'a>(&'a mut self, ended: Ended<'a>) -> BoxFuture<'a, ()>;
}

/// How a request ended.
#[derive(Clone, Copy)]
pub enum Ended<'a> {
    /// Of a stream `answer` is empty: an observer has seen its events.
    Done {
        answer: &'a [u8],
        meta: &'a [u8],
    },
    Failed(&'a Error),
}

/// Answers that were kept. Never fails a request: what goes wrong with it is a miss.
pub trait Store: Send {
    /// Looks for the answer; may take away from `asked` what it already has a part of.
    fn find<'a>(&'a mut self, asked: &'a mut Asked, deadline: Instant) -> BoxFuture<'a, Found>;

    /// Keeps the answer of a request that was sent (of a stream `answer` is empty: an observer has seen its events), before the caller has
    /// it, and may complete both. An error is only where the answer lacks what [`Store::find`] had taken away for it.
    fn keep<'a>(&'a mut self, answer: &'a mut Vec<u8>, meta: &'a mut Vec<u8>) -> BoxFuture<'a, Result<()>>;
}

/// What a store knows of a request.
pub enum Found {
    Miss,
    /// The whole answer (`events` of a stream, `answer` of another).
    Hit {
        events: Vec<StreamEvent>,
        answer: Vec<u8>,
        meta: Vec<u8>,
    },
}
