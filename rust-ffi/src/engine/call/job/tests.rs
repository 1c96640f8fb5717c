//! Jobs whose server breaks off or keeps silent.

use std::sync::{mpsc, Arc, Mutex};
use std::time::Duration;

use serde_json::{json, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::engine::client::Client;
use crate::engine::control::Control;
use crate::engine::error::ErrorKind;
use crate::engine::event::{Action, Event, Sink};

struct Collect(Mutex<mpsc::Sender<Event>>);

impl Sink for Collect {
    fn emit(&self, event: Event) -> Action {
        // Nobody listens any more where the test has failed.
        let _ = self.0.lock().unwrap().send(event);
        Action::Continue
    }
}

/// What a server does with the n-th (from 0) of the requests that begin with the same line.
enum Does {
    Answers(Value),
    /// Sends the head of a longer answer and these bytes of its body, and closes the connection.
    Breaks(&'static str),
    Says(&'static str),
    KeepsSilent,
}

type Script = fn(&str, usize, &str) -> Does;

/// The events of a call of this server, and the requests' first lines.
async fn call(script: Script, more: Value) -> (Vec<Event>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (noted, origin) = (asked.clone(), base.clone());
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (noted, origin) = (noted.clone(), origin.clone());
            tokio::spawn(async move {
                let mut read = vec![0; 64 << 10];
                let length = stream.read(&mut read).await.unwrap();
                let text = String::from_utf8_lossy(&read[..length]).into_owned();
                let line = text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
                let before = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(line.clone());
                    noted.iter().filter(|other| **other == line).count() - 1
                };
                let (status, length, body) = match script(&line, before, &origin) {
                    Does::Answers(body) => ("200 OK", None, body.to_string()),
                    Does::Says(body) => ("200 OK", None, body.to_owned()),
                    Does::Breaks(body) => ("201 Created", Some(9999), body.to_owned()),
                    Does::KeepsSilent => return tokio::time::sleep(Duration::from_secs(60)).await,
                };
                let length = length.unwrap_or(body.len());
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    let mut request = json!({"model": "replicate/meta/m", "messages": [{"role": "user", "content": "hi"}], "api_key": "k",
        "api_base": base, "num_retries": 2, "timeout": {"read": 0.3, "total": 20}});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (send, receive) = mpsc::channel();
    let client = Client::new(b"").unwrap();
    let sink = Arc::new(Collect(Mutex::new(send)));
    client.start("completion", request.to_string().as_bytes(), &[], sink, Arc::new(Control::default())).unwrap();
    let events = tokio::task::spawn_blocking(move || {
        let mut events = Vec::new();
        while let Ok(event) = receive.recv_timeout(Duration::from_secs(15)) {
            let last = event.is_terminal();
            events.push(event);
            if last {
                break;
            }
        }
        events
    });
    let events = events.await.unwrap();
    server.abort();
    // Not dropped here, where one must not wait: the client has threads of its own.
    tokio::task::spawn_blocking(move || client.close()).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    (events, asked)
}

fn prediction(origin: &str, status: &str, output: Value) -> Value {
    json!({"id": "p", "status": status, "output": output,
           "urls": {"get": format!("{origin}/get"), "stream": format!("{origin}/events")}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_may_have_begun_is_not_begun_again() {
    for broken in ["", "{\"id\": \"p\", \"status\""] {
        let script: Script = match broken {
            "" => |_, _, _| Does::Breaks(""),
            _ => |_, _, _| Does::Breaks("{\"id\": \"p\", \"status\""),
        };
        let (events, asked) = call(script, json!({})).await;
        let [Event::Failed(error)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((error.kind, error.should_retry), (ErrorKind::ApiConnection, Some(false)), "{error}");
        assert!(error.message.contains("a job may be running"), "{error}");
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
    let (events, asked) = call(|_, _, _| Does::Says("<html>"), json!({})).await;
    let [Event::Failed(error)] = &events[..] else { panic!("{events:?}") };
    assert!(error.should_retry == Some(false) && error.message.contains("a job may be running"), "{error}");
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_question_is_asked_again() {
    let script: Script = |line, before, origin| match (line, before) {
        ("GET /get", 0) => Does::KeepsSilent,
        ("GET /get", _) => Does::Answers(prediction(origin, "succeeded", json!(["hello"]))),
        _ => Does::Answers(prediction(origin, "starting", Value::Null)),
    };
    let (events, asked) = call(script, json!({})).await;
    let Some(Event::Done { answer, .. }) = events.last() else { panic!("{events:?}") };
    assert!(String::from_utf8_lossy(answer).contains("\"hello\""));
    assert_eq!(asked[1..], ["GET /get", "GET /get"], "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_address_of_events_leaves_the_states() {
    let script: Script = |line, _, origin| match line {
        "GET /events" => Does::KeepsSilent,
        "GET /get" => Does::Answers(prediction(origin, "succeeded", json!(["hello"]))),
        _ => Does::Answers(prediction(origin, "starting", Value::Null)),
    };
    let (events, asked) = call(script, json!({"stream": true})).await;
    assert!(matches!(events.last(), Some(Event::Done { .. })), "{events:?}");
    assert_eq!(asked[1..], ["GET /events", "GET /get"], "{asked:?}");
}
