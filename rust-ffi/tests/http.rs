//! The H and F items of the protocol: what happens to a call when HTTP goes wrong. Each test is named by its item. The engine is driven as
//! the C boundary drives it, against a server that plays a script of raw bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

use edgequake_ffi::engine::client::Client;
use edgequake_ffi::engine::control::Control;
use edgequake_ffi::engine::error::{Error, ErrorKind};
use edgequake_ffi::engine::event::{Action, Event, Sink};
use edgequake_ffi::wire::StreamEvent;
use serde_json::{json, Value};

/// One step of a connection's script.
enum Step {
    /// Reads a request and notes it.
    Take,
    Send(Vec<u8>),
    Sleep(u64),
    /// Sends as much as the peer takes, at most this many bytes, and notes how many went.
    Flood(usize),
}

/// A server whose n-th connection plays the n-th script, and the last one for all that follow.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    flooded: Arc<Mutex<usize>>,
}

type Script = fn() -> Vec<Step>;

impl Server {
    fn new(scripts: Vec<Script>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server { address, requests: Arc::default(), connections: Arc::default(), flooded: Arc::default() };
        let (requests, connections, flooded) = (server.requests.clone(), server.connections.clone(), server.flooded.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let number = {
                    let mut connections = connections.lock().unwrap();
                    *connections += 1;
                    *connections - 1
                };
                let script = scripts[number.min(scripts.len() - 1)];
                let (requests, flooded) = (requests.clone(), flooded.clone());
                std::thread::spawn(move || play(stream, script(), &requests, &flooded));
            }
        });
        server
    }

    fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn header(&self, request: usize, name: &str) -> Option<String> {
        self.requests()[request].lines().find_map(|line| {
            let (n, value) = line.split_once(": ")?;
            n.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

fn play(mut stream: TcpStream, steps: Vec<Step>, requests: &Mutex<Vec<String>>, flooded: &Mutex<usize>) {
    for step in steps {
        let done = match step {
            Step::Take => match take(&mut stream) {
                Some(request) => {
                    requests.lock().unwrap().push(request);
                    Ok(())
                }
                None => return,
            },
            Step::Send(bytes) => stream.write_all(&bytes),
            Step::Sleep(ms) => {
                std::thread::sleep(Duration::from_millis(ms));
                Ok(())
            }
            Step::Flood(most) => {
                let piece = content(&"x".repeat(1000)).into_bytes();
                let mut sent = 0;
                while sent < most && stream.write_all(&piece).is_ok() {
                    sent += piece.len();
                    *flooded.lock().unwrap() = sent;
                }
                Ok(())
            }
        };
        if done.is_err() {
            return;
        }
    }
}

fn take(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0; 1];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").and_then(|n| n.parse::<usize>().ok()))
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

fn good() -> Vec<u8> {
    answer(
        "200 OK",
        "x-request-id: req-1\r\n",
        r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}"#,
    )
}

fn failure(status: &str, headers: &str) -> Vec<u8> {
    answer(status, headers, r#"{"error":{"message":"as a test","type":"server_error","code":null}}"#)
}

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn content(text: &str) -> String {
    format!("data: {{\"id\":\"c\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n")
}

/// What came of a call.
#[derive(Default, Debug)]
struct Outcome {
    opened: usize,
    chunks: usize,
    text: String,
    answer: Option<Value>,
    error: Option<Error>,
    terminals: usize,
}

struct Collect(Mutex<Outcome>, mpsc::Sender<()>);

impl Sink for Collect {
    fn emit(&self, event: Event) -> Action {
        let mut outcome = self.0.lock().unwrap();
        assert_eq!(outcome.terminals, 0, "an event after the terminal one");
        outcome.chunks += usize::from(matches!(event, Event::Stream(_)));
        match event {
            Event::Opened { .. } => outcome.opened += 1,
            Event::Stream(StreamEvent::Chunk { text, .. } | StreamEvent::Content { text, .. }) => outcome.text.push_str(&text),
            Event::Stream(_) => {}
            Event::Done { answer, .. } => {
                outcome.terminals += 1;
                outcome.answer = serde_json::from_slice(&answer).ok();
                let _ = self.1.send(());
            }
            Event::Failed(error) => {
                outcome.terminals += 1;
                outcome.error = Some(error);
                let _ = self.1.send(());
            }
        }
        Action::Continue
    }
}

/// Starts a call and waits for its end.
fn call(client: &Arc<Client>, base: &str, more: Value) -> Outcome {
    ask(client, "completion", base, more)
}

/// The same of any operation.
fn ask(client: &Arc<Client>, operation: &str, base: &str, more: Value) -> Outcome {
    let mut request = json!({
        "model": "openai/m", "api_key": "sk-canary-1234567890", "api_base": base, "messages": [{"role": "user", "content": "x"}],
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (done, wait) = mpsc::channel();
    let sink = Arc::new(Collect(Mutex::default(), done));
    let text = request.to_string();
    if let Err(error) = client.start(operation, text.as_bytes(), &[], sink.clone(), Arc::new(Control::default())) {
        return Outcome { error: Some(error), ..Outcome::default() };
    }
    wait.recv_timeout(Duration::from_secs(30)).expect("no terminal event");
    let outcome = std::mem::take(&mut *sink.0.lock().unwrap());
    if let Some(error) = &outcome.error {
        assert!(!format!("{error:?}").contains("canary"), "the key stands in an error: {error:?}");
    }
    outcome
}

fn client() -> Arc<Client> {
    Client::new(b"").unwrap()
}

fn kind(outcome: &Outcome) -> ErrorKind {
    outcome.error.as_ref().unwrap_or_else(|| panic!("no error: {outcome:?}")).kind
}

#[test]
fn h1_retry_after_is_waited_for() {
    let server = Server::new(vec![
        || vec![Step::Take, Step::Send(failure("429 Too Many Requests", "retry-after-ms: 300\r\nconnection: close\r\n"))],
        || vec![Step::Take, Step::Send(good())],
    ]);
    let before = Instant::now();
    let outcome = call(&client(), &server.base(), json!({"num_retries": 1}));
    assert_eq!(outcome.answer.unwrap()["choices"][0]["message"]["content"], "hi");
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn h1_a_wait_that_is_too_long_is_an_error_at_once() {
    let server = Server::new(vec![|| {
        vec![Step::Take, Step::Send(failure("429 Too Many Requests", "retry-after: 9999\r\nconnection: close\r\n"))]
    }]);
    let outcome = call(&client(), &server.base(), json!({"num_retries": 5}));
    assert_eq!(outcome.error.as_ref().unwrap().retry_after, Some(Duration::from_secs(9999)));
    assert_eq!(server.requests().len(), 1);
}

/// Anthropic reports failures that may pass as the first event of a stream, or in a whole answer, with the status 200.
#[test]
fn an_error_before_any_content_is_tried_again_as_its_status_would_be() {
    fn event(kind: &str) -> String {
        format!("event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"m\"}}}}\n\n")
    }
    fn streamed(kind: &str) -> Vec<Step> {
        vec![Step::Take, Step::Send([STREAM_HEAD, event(kind).as_bytes()].concat())]
    }
    let scripts: [(Script, usize); 5] = [
        (|| streamed("overloaded_error"), 2),
        (|| streamed("api_error"), 2),
        (|| streamed("rate_limit_error"), 2),
        (|| streamed("timeout_error"), 2),
        (|| streamed("invalid_request_error"), 1),
    ];
    for (script, requests) in scripts {
        let server = Server::new(vec![script]);
        let origin = format!("http://{}", server.address);
        let outcome = call(&client(), &origin, json!({"model": "anthropic/claude-sonnet-4-5", "stream": true, "num_retries": 1}));
        assert_eq!((outcome.error.is_some(), outcome.opened), (true, 1));
        assert_eq!(server.requests().len(), requests, "{:?}", outcome.error);
    }
    let whole = Server::new(vec![|| {
        vec![
            Step::Take,
            Step::Send(answer("200 OK", "", r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#)),
        ]
    }]);
    let origin = format!("http://{}", whole.address);
    call(&client(), &origin, json!({"model": "anthropic/claude-sonnet-4-5", "num_retries": 1}));
    assert_eq!(whole.requests().len(), 2);
}

/// A stream that breaks off after its first events, by a cut or by an error, has said nothing as long as these are empty.
#[test]
fn a_stream_that_breaks_before_its_first_content_is_asked_for_again() {
    fn role() -> String {
        r#"data: {"id":"c","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#
            .to_owned()
            + "\n\n"
    }
    fn begins(more: &str) -> Vec<Step> {
        vec![Step::Take, Step::Send([STREAM_HEAD, role().as_bytes(), more.as_bytes()].concat())]
    }
    let whole: Script = || {
        let end = r#"data: {"id":"c","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        begins(&format!("{}{end}\n\ndata: [DONE]\n\n", content("hi")))
    };
    let server = Server::new(vec![|| begins(""), || begins("data: {"), whole]);
    let outcome = call(&client(), &server.base(), json!({"stream": true, "num_retries": 2}));
    assert!(outcome.error.is_none(), "{outcome:?}");
    // The beginnings that came to nothing are not seen.
    assert_eq!((server.requests().len(), outcome.opened, outcome.chunks, &*outcome.text), (3, 1, 3, "hi"));

    let server = Server::new(vec![|| begins(""), whole]);
    let other = json!({"model": "openai/other", "api_base": server.base(), "api_key": "k"});
    let outcome = call(&client(), &server.base(), json!({"stream": true, "num_retries": 0, "fallbacks": [other]}));
    assert_eq!((outcome.error.is_none(), outcome.chunks, &*outcome.text), (true, 3, "hi"), "{outcome:?}");

    // What came is the caller's where nothing is asked again; after a text nothing ever is.
    let server = Server::new(vec![|| begins("")]);
    let outcome = call(&client(), &server.base(), json!({"stream": true, "num_retries": 1}));
    assert_eq!((server.requests().len(), outcome.chunks, kind(&outcome)), (2, 1, ErrorKind::ApiConnection));
    let server = Server::new(vec![|| begins(&content("a")), whole]);
    let outcome = call(&client(), &server.base(), json!({"stream": true, "num_retries": 1}));
    assert_eq!((server.requests().len(), &*outcome.text, kind(&outcome)), (1, "a", ErrorKind::ApiConnection));
}

/// The same of the other protocols, whose first events are empty too.
#[test]
fn each_protocols_empty_beginning_is_asked_for_again() {
    let claude: Script = || {
        let start = r#"{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":1}}}"#;
        let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        let events = format!("event: message_start\ndata: {start}\n\nevent: content_block_start\ndata: {block}\n\n");
        vec![Step::Take, Step::Send([STREAM_HEAD, events.as_bytes()].concat())]
    };
    let gemini: Script = || {
        let event =
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":""}]}}],"usageMetadata":{"promptTokenCount":1}}"#;
        vec![Step::Take, Step::Send([STREAM_HEAD, format!("data: {event}\n\n").as_bytes()].concat())]
    };
    let responses: Script = || {
        let event = r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[]}}"#;
        vec![Step::Take, Step::Send([STREAM_HEAD, format!("data: {event}\n\n").as_bytes()].concat())]
    };
    let client = client();
    for (operation, model, script) in [
        ("completion", "anthropic/claude-sonnet-4-5", claude),
        ("anthropic_messages", "anthropic/claude-sonnet-4-5", claude),
        ("completion", "gemini/gemini-2.5-flash", gemini),
        ("generate_content", "gemini/gemini-2.5-flash", gemini),
        ("responses", "openai/gpt-4o", responses),
    ] {
        let server = Server::new(vec![script]);
        let base = if model.starts_with("openai") { server.base() } else { format!("http://{}", server.address) };
        let more = json!({"model": model, "stream": true, "num_retries": 1, "max_tokens": 9, "input": "x", "contents": "x"});
        let outcome = ask(&client, operation, &base, more);
        assert_eq!(server.requests().len(), 2, "{operation} {model}: {outcome:?}");
    }
}

#[test]
fn headers_of_the_connection_are_not_the_callers() {
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
    for name in ["Content-Length", "transfer-encoding", "HOST"] {
        let outcome = call(&client(), &server.base(), json!({"extra_headers": {name: "3"}}));
        assert_eq!(kind(&outcome), ErrorKind::BadRequest);
        assert!(outcome.error.unwrap().message.contains(&name.to_ascii_lowercase()));
    }
    assert!(server.requests().is_empty());
}

#[test]
fn h2_the_number_of_attempts_is_the_asked_one() {
    for retries in [0, 1, 2] {
        let server = Server::new(vec![|| {
            vec![Step::Take, Step::Send(failure("500 Internal Server Error", "retry-after-ms: 1\r\nconnection: close\r\n"))]
        }]);
        let outcome = call(&client(), &server.base(), json!({"num_retries": retries}));
        let error = outcome.error.unwrap();
        assert_eq!((server.requests().len() as u32, error.attempts, error.http_status), (retries + 1, retries + 1, Some(500)));
    }
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(failure("400 Bad Request", "connection: close\r\n"))]]);
    assert_eq!(kind(&call(&client(), &server.base(), json!({"num_retries": 5}))), ErrorKind::BadRequest);
    assert_eq!(server.requests().len(), 1, "a wrong request stays wrong");
}

#[test]
fn h3_an_ambiguous_failure_is_sent_again_under_the_same_key() {
    let server = Server::new(vec![|| vec![Step::Take], || vec![Step::Take, Step::Send(good())]]);
    let outcome = call(&client(), &server.base(), json!({"num_retries": 2}));
    assert!(outcome.answer.is_some(), "{outcome:?}");
    let keys: Vec<_> = (0..2).map(|request| server.header(request, "idempotency-key").unwrap()).collect();
    assert_eq!(keys[0], keys[1]);
    let server = Server::new(vec![|| vec![Step::Take]]);
    assert_eq!(kind(&call(&client(), &server.base(), json!({"num_retries": 0}))), ErrorKind::ApiConnection);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn h4_each_limit_ends_its_own_part() {
    // The first byte.
    let silent = Server::new(vec![|| vec![Step::Take, Step::Sleep(5000)]]);
    let before = Instant::now();
    assert_eq!(kind(&call(&client(), &silent.base(), json!({"timeout": 0.3, "num_retries": 3}))), ErrorKind::Timeout);
    assert!(before.elapsed() < Duration::from_secs(2), "one deadline spans all attempts");
    assert_eq!(kind(&call(&client(), &silent.base(), json!({"timeout": 0.3, "stream": true}))), ErrorKind::Timeout);
    // A silence within the stream.
    let stalled = Server::new(vec![|| {
        vec![Step::Take, Step::Send(STREAM_HEAD.to_vec()), Step::Send(content("a").into_bytes()), Step::Sleep(5000)]
    }]);
    let outcome = call(&client(), &stalled.base(), json!({"timeout": 0.3, "stream": true}));
    assert_eq!((kind(&outcome), outcome.text.as_str(), outcome.opened), (ErrorKind::Timeout, "a", 1));
    assert!(outcome.error.unwrap().mid_stream);
    // Comments keep a connection alive, but are no first event (S3).
    let chatty = Server::new(vec![|| {
        let mut steps = vec![Step::Take, Step::Send(STREAM_HEAD.to_vec())];
        steps.extend((0..40).flat_map(|_| [Step::Send(b": waiting\n\n".to_vec()), Step::Sleep(100)]));
        steps
    }]);
    let outcome = call(&client(), &chatty.base(), json!({"timeout": 0.5, "stream": true, "num_retries": 0}));
    assert_eq!(kind(&outcome), ErrorKind::Timeout);
    // A slow stream is no silent one.
    let slow = Server::new(vec![|| {
        let mut steps = vec![Step::Take, Step::Send(STREAM_HEAD.to_vec())];
        for _ in 0..5 {
            steps.extend([Step::Send(content("a").into_bytes()), Step::Sleep(150)]);
        }
        steps.push(Step::Send(b"data: [DONE]\n\n".to_vec()));
        steps
    }]);
    let outcome = call(&client(), &slow.base(), json!({"timeout": 0.4, "stream": true}));
    assert_eq!((outcome.text.as_str(), outcome.error.is_none()), ("aaaaa", true));
    // A body that drips is ended by the total limit.
    let drip = Server::new(vec![|| {
        let mut steps = vec![Step::Take];
        steps.extend(good().chunks(8).flat_map(|bytes| [Step::Send(bytes.to_vec()), Step::Sleep(100)]));
        steps
    }]);
    assert_eq!(kind(&call(&client(), &drip.base(), json!({"timeout": 0.5}))), ErrorKind::Timeout);
}

#[test]
fn h4_nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = call(&client(), &format!("http://{address}/v1"), json!({"num_retries": 0}));
    let error = outcome.error.unwrap();
    assert_eq!((error.kind, error.http_status, error.attempts), (ErrorKind::ApiConnection, None, 1));
    assert!(error.message.to_lowercase().contains("refused"), "{}", error.message);
}

#[test]
fn h5_an_idle_connection_that_was_closed_meanwhile_is_not_a_failure() {
    // The first connection answers once, then closes as soon as the next request comes.
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(good()), Step::Take], || vec![Step::Take, Step::Send(good())]]);
    let client = client();
    for _ in 0..2 {
        let outcome = call(&client, &server.base(), json!({"num_retries": 0}));
        assert!(outcome.answer.is_some(), "{outcome:?}");
    }
    assert_eq!(
        (server.requests().len(), *server.connections.lock().unwrap()),
        (3, 2),
        "sent again once, over a fresh connection"
    );
}

#[test]
fn h10_redirects_are_not_followed() {
    let elsewhere = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
    // A script takes no arguments, so the address travels in a static.
    static TARGET: Mutex<String> = Mutex::new(String::new());
    *TARGET.lock().unwrap() = elsewhere.base();
    let server = Server::new(vec![|| {
        let location = format!("location: {}/chat/completions\r\nconnection: close\r\n", TARGET.lock().unwrap());
        vec![Step::Take, Step::Send(answer("307 Temporary Redirect", &location, ""))]
    }]);
    let outcome = call(&client(), &server.base(), json!({"num_retries": 0}));
    assert_eq!(outcome.error.unwrap().http_status, Some(307));
    assert!(elsewhere.requests().is_empty(), "the key stays here");
}

#[test]
fn h11_depth_header_and_error_bodies_are_capped() {
    let deep = Server::new(vec![|| {
        let body = format!(r#"{{"choices":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        vec![Step::Take, Step::Send(answer("200 OK", "connection: close\r\n", &body))]
    }]);
    assert!(call(&client(), &deep.base(), json!({"num_retries": 0})).error.is_some());
    let headers = Server::new(vec![|| {
        let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
        (0..100_000).for_each(|n| bytes.extend_from_slice(format!("x-{n}: {n}\r\n").as_bytes()));
        vec![Step::Take, Step::Send(bytes), Step::Sleep(1000)]
    }]);
    assert_eq!(kind(&call(&client(), &headers.base(), json!({"num_retries": 0}))), ErrorKind::ApiConnection);
    let long =
        Server::new(vec![|| vec![Step::Take, Step::Send(answer("500 Oops", "connection: close\r\n", &"e".repeat(1 << 20)))]]);
    let error = call(&client(), &long.base(), json!({"num_retries": 0})).error.unwrap();
    assert_eq!(error.http_status, Some(500));
    assert!(error.body.as_ref().is_some_and(|body| body.len() <= 64 << 10), "at most 64 KiB of a body are kept");
}

#[test]
fn h12_a_body_shorter_than_promised_is_cut_and_a_longer_one_ends_where_promised() {
    let short = Server::new(vec![|| {
        let mut bytes = good();
        bytes.truncate(bytes.len() - 10);
        vec![Step::Take, Step::Send(bytes)]
    }]);
    assert_eq!(kind(&call(&client(), &short.base(), json!({"num_retries": 0}))), ErrorKind::ApiConnection);
    let long = Server::new(vec![|| vec![Step::Take, Step::Send([good(), b"rubbish".to_vec()].concat())]]);
    assert!(call(&client(), &long.base(), json!({"num_retries": 0})).answer.is_some());
}

#[test]
fn h13_line_breaks_never_reach_the_network() {
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
    for more in [
        json!({"api_key": "sk-canary\r\nx-evil: 1"}),
        json!({"api_key": "sk-canary\u{0}"}),
        json!({"api_key": "sk-canary-é"}),
        json!({"extra_headers": {"x-a": "1\r\nx-evil: 1"}}),
        json!({"extra_headers": {"x-a\r\nx-evil": "1"}}),
        json!({"api_base": "http://127.0.0.1:1/\r\nx"}),
        json!({"api_base": "ftp://127.0.0.1/"}),
        json!({"organization": "o\r\nx: y"}),
    ] {
        let outcome = call(&client(), &server.base(), more.clone());
        let error = outcome.error.unwrap_or_else(|| panic!("{more} was sent"));
        assert_eq!(error.kind, ErrorKind::BadRequest, "{more}: {error:?}");
        assert!(!error.message.contains("canary"), "{}", error.message);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn h14_a_model_cannot_leave_its_place_in_the_path() {
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
    let origin = format!("http://{}", server.address);
    call(&client(), &origin, json!({"model": "azure/../../admin?x=1#y", "api_version": "2024-10-21", "num_retries": 0}));
    let line = server.requests()[0].lines().next().unwrap().to_owned();
    let path = line.split(' ').nth(1).unwrap();
    assert!(path.starts_with("/openai/deployments/") && path.ends_with("/chat/completions?api-version=2024-10-21"), "{path}");
    assert!(!path.contains("/../") && !path.contains('#'), "{path}");
}

#[test]
fn h15_a_key_over_plain_http_works_and_warns_once_for_each_host() {
    use edgequake_ffi::engine::log;
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    log::listen(30, Some(Box::new(|_, message: &str, _: &str| SEEN.lock().unwrap().push(message.to_owned()))));
    let client = client();
    for _ in 0..2 {
        // 192.0.2.0/24 is for documentation (RFC 5737): no packet ever gets an answer, and the warning comes before any is sent.
        call(&client, "http://192.0.2.1:9/v1", json!({"num_retries": 0, "timeout": 0.05}));
    }
    let loopback = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
    assert!(call(&client, &loopback.base(), json!({})).answer.is_some());
    log::listen(0, None);
    let seen = SEEN.lock().unwrap().iter().filter(|message| message.contains("without encryption")).cloned().collect::<Vec<_>>();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].contains("192.0.2.1"));
}

#[test]
fn f3_nul_bytes_pass_through_both_ways() {
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(good().replace_text("hi", "a\\u0000b"))]]);
    let outcome = call(&client(), &server.base(), json!({"messages": [{"role": "user", "content": "x\u{0}y"}]}));
    assert_eq!(outcome.answer.unwrap()["choices"][0]["message"]["content"], "a\u{0}b");
    assert!(server.requests()[0].contains("x\\u0000y"));
}

trait ReplaceText {
    fn replace_text(self, from: &str, to: &str) -> Vec<u8>;
}

impl ReplaceText for Vec<u8> {
    /// Replaces text in an answer and brings its length up to date.
    fn replace_text(self, from: &str, to: &str) -> Vec<u8> {
        let text = String::from_utf8(self).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        answer("200 OK", "", &body.replace(from, to))
    }
}

#[test]
fn f4_an_image_of_20_mb_arrives_unchanged() {
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
    let image = format!("data:image/png;base64,{}", "iVBORw0K".repeat(20 << 17));
    let messages = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": image}}]}]);
    assert!(call(&client(), &server.base(), json!({ "messages": messages })).answer.is_some());
    assert!(server.requests()[0].contains(&image));
}

#[test]
fn an_image_that_is_empty_or_none_is_named_by_its_place() {
    fn file(kind: &str, body: &str) -> Vec<Step> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        vec![Step::Take, Step::Send((head + body).into_bytes())]
    }
    // Nothing came of the first address; from the second came something, but no image.
    let hosts: [(Script, ErrorKind, &str); 2] = [
        (|| file("image/png", ""), ErrorKind::ImageFetch, "empty"),
        (|| file("text/html", "<html>"), ErrorKind::BadRequest, "text/html"),
    ];
    for (script, expected, word) in hosts {
        let host = Server::new(vec![script]);
        let image = json!({"type": "image_url", "image_url": {"url": format!("http://{}/login", host.address)}});
        let messages = json!([{"role": "user", "content": [{"type": "text", "text": "see"}, image]}]);
        let provider = Server::new(vec![|| vec![Step::Take, Step::Send(good())]]);
        let origin = format!("http://{}", provider.address);
        let settings = json!({"user_url_allowed_hosts": ["127.0.0.1"]});
        let outcome = call(&client(), &origin, json!({"model": "ollama_chat/llava", "messages": messages, "settings": settings}));
        assert_eq!(kind(&outcome), expected);
        let message = outcome.error.unwrap().message.clone();
        assert!(message.contains("messages[0].content[1]") && message.contains(word), "{message}");
        assert!(provider.requests().is_empty());
    }
}

#[test]
fn s15_a_stream_without_or_with_another_content_type_is_read() {
    for (kind, server) in [
        ("absent", Server::new(vec![|| vec![Step::Take, Step::Send(stream_as(""))]])),
        ("plain", Server::new(vec![|| vec![Step::Take, Step::Send(stream_as("content-type: text/plain\r\n"))]])),
        ("json", Server::new(vec![|| vec![Step::Take, Step::Send(stream_as("content-type: application/json\r\n"))]])),
    ] {
        let outcome = call(&client(), &server.base(), json!({"stream": true}));
        assert_eq!((outcome.text.as_str(), outcome.error.is_none()), ("a", true), "{kind}: {:?}", outcome.error);
    }
}

/// Whatever a call was given to prove itself with, and wherever a server writes it: `call` sees to it that none is in the error.
#[test]
fn no_secret_of_a_call_is_shown() {
    const BODY: &str =
        r#"{"message":"canary/+session= and canary%2F%2Bsession%3D and secret-canary of Bearer canary-of-a-gateway"}"#;
    let server = Server::new(vec![|| {
        let head = "x-amzn-errortype: ValidationException\r\nx-echo: canary-of-a-gateway\r\nconnection: close\r\n";
        vec![Step::Take, Step::Send(answer("400 Bad Request", head, BODY))]
    }]);
    let outcome = call(
        &client(),
        &server.base(),
        json!({
            "model": "bedrock/anthropic.claude-sonnet-4-20250514-v1:0", "api_key": null, "aws_region_name": "eu-central-1",
            "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret-canary", "aws_session_token": "canary/+session=",
            "extra_headers": {"Cookie": "canary-of-a-gateway"},
        }),
    );
    let error = outcome.error.expect("a refusal is an error");
    assert_eq!((error.kind, error.headers.iter().any(|(_, value)| value == "***")), (ErrorKind::BadRequest, true));
    assert!(error.message.contains("***"), "{}", error.message);
}

/// A decoder quotes what it cannot read; `call` sees to it that the key is in no part of the error.
#[test]
fn a_key_in_what_cannot_be_read_is_not_quoted() {
    for model in ["openai/m", "anthropic/claude-x", "gemini/g", "cohere_chat/c"] {
        let server = Server::new(vec![|| {
            let broken = b"event: x\ndata: {oops, your key is sk-canary-1234567890\n\n";
            vec![Step::Take, Step::Send([STREAM_HEAD, broken].concat())]
        }]);
        let outcome = call(&client(), &server.base(), json!({"model": model, "stream": true}));
        let error = outcome.error.expect("a broken event is an error");
        assert!(error.message.contains("oops") && error.message.contains("***"), "{model}: {}", error.message);
    }
}

fn stream_as(header: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{header}connection: close\r\n\r\n{}data: [DONE]\n\n", content("a")).into_bytes()
}

#[test]
fn a_slow_reader_holds_the_server_back() {
    struct Stop(Mutex<mpsc::Sender<()>>);
    impl Sink for Stop {
        fn emit(&self, event: Event) -> Action {
            if event.is_terminal() {
                let _ = self.0.lock().unwrap().send(());
            }
            Action::Pause
        }
    }
    let server = Server::new(vec![|| vec![Step::Take, Step::Send(STREAM_HEAD.to_vec()), Step::Flood(1 << 30)]]);
    let (client, control) = (client(), Arc::new(Control::default()));
    let (done, wait) = mpsc::channel();
    let request = json!({
        "model": "openai/m", "api_key": "k", "api_base": server.base(), "messages": [{"role": "user", "content": "x"}], "stream": true,
    });
    client.start("completion", request.to_string().as_bytes(), &[], Arc::new(Stop(Mutex::new(done))), control.clone()).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let first = *server.flooded.lock().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let then = *server.flooded.lock().unwrap();
    assert!(then < 64 << 20, "{then} bytes went out to a reader that stands still");
    assert_eq!(first, then);
    control.cancel();
    wait.recv_timeout(Duration::from_secs(5)).unwrap();
}

#[test]
fn a_cancelled_stream_closes_its_connection() {
    let server = Server::new(vec![|| {
        vec![Step::Take, Step::Send(STREAM_HEAD.to_vec()), Step::Send(content("a").into_bytes()), Step::Take]
    }]);
    let (client, control) = (client(), Arc::new(Control::default()));
    let (done, wait) = mpsc::channel();
    let sink = Arc::new(Collect(Mutex::default(), done));
    let request = json!({
        "model": "openai/m", "api_key": "k", "api_base": server.base(), "messages": [{"role": "user", "content": "x"}], "stream": true,
    });
    client.start("completion", request.to_string().as_bytes(), &[], sink.clone(), control.clone()).unwrap();
    while sink.0.lock().unwrap().text.is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    control.cancel();
    wait.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(sink.0.lock().unwrap().error.as_ref().unwrap().kind, ErrorKind::Cancelled);
}
