//! Requests that policies apply to.

use std::sync::{mpsc, Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::value::{to_raw_value, RawValue};
use tokio::time::Instant;

use super::super::client::Client;
use super::super::control::Control;
use super::super::error::{Error, ErrorKind, Result};
use super::super::event::{Action, Event, Sink};
use super::super::limits::Limits;
use super::super::observe::Observer;
use super::super::plan::{Asked, Candidates, Ended, Found, Gate, Governed, Next, Once, Run, Store, Way};
use super::super::route::Route;
use super::run;
use crate::wire::{Operation, StreamEvent};

struct Collect(Mutex<mpsc::Sender<Event>>);

impl Sink for Collect {
    fn emit(&self, event: Event) -> Action {
        self.0.lock().unwrap().send(event).unwrap();
        Action::Continue
    }
}

/// The models of a list, one after another.
struct Models(Vec<&'static str>, Vec<ErrorKind>);

impl Candidates for Models {
    fn next<'a>(&'a mut self, client: &'a Arc<Client>, asked: &'a Asked, failed: Option<Error>) -> BoxFuture<'a, Next> {
        Box::pin(async move {
            if let Some(error) = failed {
                self.1.push(error.kind);
                if self.0.is_empty() {
                    return Err(error);
                }
            }
            let model = to_raw_value(self.0.remove(0)).unwrap();
            // One that times out at once.
            let down = raw(if model.get().contains("down") { "true" } else { "null" });
            let mut call = asked.call(client, &[("model", &model), ("mock_timeout", &down), ("timeout", &raw("0.001"))])?;
            call.told.push(("chosen", model));
            Ok((call, Duration::ZERO))
        })
    }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn governed(stream: bool, candidates: impl Candidates + 'static) -> Governed {
    let text = format!(
        r#"{{"model":"openai/group","messages":[{{"role":"user","content":"hi"}}],"stream":{stream},"mock_response":"one"}}"#
    );
    Governed {
        asked: Asked::new(Operation::Completion, text.as_bytes(), &[]),
        route: Route { provider: String::new(), model: "group".into(), api_base: String::new(), api_key: None },
        stream,
        limits: Limits { connect: Duration::from_secs(1), total: Duration::from_secs(5), idle: Duration::from_secs(5) },
        store: None,
        gates: Vec::new(),
        candidates: Box::new(candidates),
    }
}

async fn events(governed: Governed, observers: Vec<Box<dyn Observer>>) -> Vec<Event> {
    let (send, receive) = mpsc::channel();
    let client = Client::new(b"").unwrap();
    let plan = Run { way: Way::Governed(Box::new(governed)), observers };
    run(client, plan, Arc::new(Collect(Mutex::new(send))), Arc::new(Control::default())).await;
    receive.try_iter().collect()
}

fn end(events: &[Event]) -> (String, serde_json::Value) {
    assert_eq!(events.iter().filter(|event| event.is_terminal()).count(), 1);
    match events.last().unwrap() {
        Event::Done { answer, meta } => {
            (String::from_utf8(answer.clone()).unwrap(), serde_json::from_slice(meta).unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_next_call_answers_for_one_that_failed_and_meta_tells_which() {
    for stream in [false, true] {
        let events = events(governed(stream, Models(vec!["openai/down", "openai/down", "gpt-4o"], vec![])), vec![]).await;
        let (_, meta) = end(&events);
        assert_eq!((meta["chosen"].as_str(), meta["attempts"].as_u64()), (Some("gpt-4o"), Some(3)), "{meta}");
        assert_eq!(events.iter().filter(|event| matches!(event, Event::Opened { .. })).count(), usize::from(stream));
    }
}

#[tokio::test]
async fn the_last_failure_is_the_requests() {
    let events = events(governed(false, Models(vec!["openai/down", "openai/down"], vec![])), vec![]).await;
    assert!(
        matches!(&events[..], [Event::Failed(error)] if error.kind == ErrorKind::Timeout && error.attempts == 2),
        "{events:?}"
    );
}

struct Closed;

impl Gate for Closed {
    fn enter<'a>(&'a mut self, _: &'a Asked, _: Instant) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(Error::new(ErrorKind::BudgetExceeded, "nothing left")) })
    }

    fn leave<'a>(&'a mut self, _: Ended<'a>) -> BoxFuture<'a, ()> {
        unreachable!("nobody was let in")
    }
}

#[tokio::test]
async fn a_gate_that_refuses_lets_nothing_be_sent() {
    let mut way = governed(false, Models(vec![], vec![]));
    way.gates.push(Box::new(Closed));
    let events = events(way, vec![]).await;
    assert!(matches!(&events[..], [Event::Failed(error)] if error.kind == ErrorKind::BudgetExceeded && error.attempts == 0));
}

struct Kept(Option<Vec<u8>>, Arc<Mutex<Vec<u8>>>);

impl Store for Kept {
    fn find<'a>(&'a mut self, asked: &'a mut Asked, _: Instant) -> BoxFuture<'a, Found> {
        asked.over.push(("mock_response".to_owned(), raw(r#""two""#)));
        let found = match self.0.take() {
            Some(answer) => Found::Hit { events: Vec::new(), answer, meta: b"{}".to_vec() },
            None => Found::Miss,
        };
        Box::pin(async { found })
    }

    fn keep<'a>(&'a mut self, answer: &'a mut Vec<u8>, _: &'a mut Vec<u8>) -> BoxFuture<'a, Result<()>> {
        *self.1.lock().unwrap() = answer.clone();
        answer.extend_from_slice(b" ");
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_store_answers_or_changes_and_keeps_what_is_sent() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let mut way = governed(false, Once);
    way.store = Some(Box::new(Kept(None, kept.clone())));
    let (answer, _) = end(&events(way, vec![]).await);
    assert!(answer.contains(r#""two""#) && answer.ends_with(' '), "{answer}");
    assert_eq!(kept.lock().unwrap().len() + 1, answer.len());

    let mut way = governed(false, Models(vec![], vec![]));
    way.store = Some(Box::new(Kept(Some(b"old".to_vec()), kept)));
    assert_eq!(end(&events(way, vec![]).await).0, "old");
}

struct Notes(Arc<Mutex<String>>);

impl Observer for Notes {
    fn event(&mut self, event: &StreamEvent) {
        if let StreamEvent::Chunk { text, .. } | StreamEvent::Content { text, .. } = event {
            self.0.lock().unwrap().push_str(text);
        }
    }

    fn done(&mut self, _: &[u8], _: &[u8]) {
        self.0.lock().unwrap().push('.');
    }

    fn failed(&mut self, error: &Error) {
        self.0.lock().unwrap().push_str(error.kind.name());
    }
}

#[tokio::test]
async fn observers_see_the_stream_and_the_end() {
    let notes = Arc::new(Mutex::new(String::new()));
    events(governed(true, Once), vec![Box::new(Notes(notes.clone()))]).await;
    events(governed(true, Models(vec!["openai/down"], vec![])), vec![Box::new(Notes(notes.clone()))]).await;
    assert_eq!(*notes.lock().unwrap(), "one.Timeout");
}
