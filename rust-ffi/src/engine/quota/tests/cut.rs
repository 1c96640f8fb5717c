//! Streams of the Messages API that do not come to their end: what had arrived is counted, whatever the first event told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use super::*;
use crate::tokenizer::encoding_of;

const MODEL: &str = "anthropic/claude-sonnet-4-5";

/// Serves the events once. The end of the stream is cut where `cut` says so; else the connection stays until the client closes it.
fn serve(events: Vec<Value>, cut: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let (mut request, mut piece) = (Vec::new(), [0; 4096]);
        // The requests of these tests end with the object of their body.
        while !(request.ends_with(b"}") && request.windows(4).any(|four| four == b"\r\n\r\n")) {
            let count = connection.read(&mut piece).unwrap();
            request.extend_from_slice(&piece[..count]);
        }
        let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        connection.write_all(format!("{head}{events}").as_bytes()).unwrap();
        while !cut && connection.read(&mut piece).is_ok_and(|count| count > 0) {}
    });
    address
}

/// 10 tokens in and, so far, one out; then `deltas`.
fn events(deltas: &[Value]) -> Vec<Value> {
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 10, "output_tokens": 1}}});
    let deltas = deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    std::iter::once(start).chain(deltas).collect()
}

fn ask(client: &Arc<Client>, address: SocketAddr) -> (Receiver<Event>, Arc<Control>) {
    let request = json!({
        "model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 500, "stream": true, "num_retries": 0,
        "quota": "q", "api_key": "k", "api_base": format!("http://{address}"),
    });
    let ((send, receive), control) = (mpsc::channel(), Arc::new(Control::default()));
    let sink = Arc::new(Collect(Mutex::new(send)));
    client.start("anthropic_messages", request.to_string().as_bytes(), &[], sink, control.clone()).unwrap();
    (receive, control)
}

/// How many tokens of the 1000 are used, as a request that has no room beside them is told.
fn used(client: &Arc<Client>) -> u64 {
    let error = call(client, json!({"max_tokens": 990})).unwrap_err();
    let body: Value = serde_json::from_str(error.body.as_ref().unwrap()).unwrap();
    body["used"].as_u64().unwrap()
}

fn count(text: &str) -> u64 {
    encoding_of(MODEL).count(text) as u64
}

#[test]
fn of_a_stream_that_was_cut_all_that_arrived_is_counted() {
    let words = vec![json!({"type": "text_delta", "text": " word"}); 60];
    let of_all_kinds = [
        json!({"type": "thinking_delta", "thinking": " Let me look at the weather of today."}),
        json!({"type": "text_delta", "text": " One moment."}),
        json!({"type": "input_json_delta", "partial_json": "{\"city\": \"Paris\", \"day\": \"today\"}"}),
    ];
    let text = " Let me look at the weather of today. One moment.{\"city\": \"Paris\", \"day\": \"today\"}";
    for (deltas, arrived) in [(&words[..], &*" word".repeat(60)), (&of_all_kinds, text)] {
        let client = client(json!([{"tpm": 1000}]));
        let error = end(&ask(&client, serve(events(deltas), true)).0).unwrap_err();
        assert!(error.mid_stream, "{error}");
        assert_eq!(used(&client), 10 + count(arrived));
    }
}

#[test]
fn where_a_cut_stream_told_of_more_than_arrived_it_is_believed() {
    let mut events = events(&[json!({"type": "text_delta", "text": " word"})]);
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 300}}));
    let client = client(json!([{"tpm": 1000}]));
    end(&ask(&client, serve(events, true)).0).unwrap_err();
    assert_eq!(used(&client), 310);
}

#[test]
fn of_a_stream_that_was_dropped_all_that_arrived_is_counted() {
    let client = client(json!([{"tpm": 1000}]));
    let deltas = vec![json!({"type": "text_delta", "text": " word"}); 60];
    let (stream, control) = ask(&client, serve(events(&deltas), false));
    let mut chunks = 0;
    while chunks < 61 {
        match stream.recv_timeout(Duration::from_secs(20)).expect("the stream brings its events") {
            Event::Stream(_) => chunks += 1,
            Event::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    control.cancel();
    assert_eq!(end(&stream).unwrap_err().kind, ErrorKind::Cancelled);
    // Until it is settled, the 500 tokens that it might have had are held.
    let (expected, since) = (10 + count(&" word".repeat(60)), Instant::now());
    while used(&client) > 500 {
        assert!(since.elapsed() < Duration::from_secs(10), "a dropped call is settled");
    }
    assert_eq!(used(&client), expected);
}
