//! The road against a server that counts: what reaches it, how often, and what comes of its answers.

mod refused;
mod server;

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{json, Value};

use self::server::{events, http, ok, Server};
use super::*;
use crate::engine::client::Client;
use crate::engine::event::{Action, Event, Sink};
use crate::wire::StreamEvent;

fn call(model: &str, request: Value) -> Result<Call> {
    prepared(&Pool::default(), Operation::Completion, model, request)
}

fn prepared(pool: &Pool, operation: Operation, model: &str, request: Value) -> Result<Call> {
    let text = request.to_string();
    prepare(pool, operation, model, &Request::parse(text.as_bytes())?)
}

fn hi(server: &Server, path: &str, more: Value) -> Value {
    let mut request = json!({
        "messages": [{"role": "user", "content": "hi"}], "api_key": "sk-very-secret", "api_base": format!("{}{path}", server.base),
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

async fn answer(call: &Call) -> Value {
    serde_json::from_slice(&call.run().await.unwrap()).unwrap()
}

async fn collect(call: &Call) -> (Vec<StreamEvent>, Option<Error>) {
    let mut stream = match call.stream().await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing comes after an error");
                return (events, Some(error));
            }
        }
    }
    (events, None)
}

fn text_of(events: &[StreamEvent]) -> String {
    events
        .iter()
        .map(|event| match event {
            StreamEvent::Chunk { text, .. } | StreamEvent::Content { text, .. } => text.as_str(),
            _ => "",
        })
        .collect()
}

fn chunk(event: &StreamEvent) -> Value {
    match event {
        StreamEvent::Chunk { json, .. } => serde_json::from_slice(json).unwrap(),
        other => panic!("{other:?} is no whole chunk"),
    }
}

fn openai_answer() -> Value {
    json!({
        "id": "resp-7", "model": "served",
        "choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "Grüße", "reasoning_content": "hm"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
            "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 2}},
    })
}

#[tokio::test]
async fn a_chat_in_openais_protocol() {
    let server = Server::new(ok(openai_answer())).await;
    let more = json!({"temperature": 0.7, "max_completion_tokens": 12, "stop": "x", "top_p": 0.5, "organization": "org-1",
        "extra_headers": {"X-Trace": "t"}, "response_format": {"type": "json_object"}, "presence_penalty": 1, "n": 1});
    let got = answer(&call("openai/gpt-x", hi(&server, "/v1", more)).unwrap()).await;
    assert_eq!((&got["id"], &got["object"]), (&json!("resp-7"), &json!("chat.completion")));
    assert_eq!(got["choices"][0]["message"]["content"], "Grüße");
    assert_eq!(got["choices"][0]["message"]["reasoning_content"], "hm");
    assert_eq!(got["choices"][0]["finish_reason"], "length");
    assert_eq!(got["usage"]["prompt_tokens_details"]["cached_tokens"], 5);
    assert_eq!(got["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    let seen = server.only().await;
    assert_eq!(seen.path, "/v1/chat/completions");
    for header in ["authorization: bearer sk-very-secret", "openai-organization: org-1", "x-trace: t"] {
        assert!(seen.head.contains(header), "{header}");
    }
    let body = &seen.body;
    assert_eq!((&body["model"], &body["max_tokens"], &body["stop"]), (&json!("gpt-x"), &json!(12), &json!(["x"])));
    assert_eq!((&body["temperature"], &body["top_p"]), (&json!(0.7), &json!(0.5)));
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
}

#[tokio::test]
async fn tools_round_trip_in_openais_protocol() {
    let calls = json!([
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"a\":1}"}},
        {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    ]);
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let server = Server::new(ok(json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}))).await;
    let tools = json!([{"type": "function", "function": {"name": "look", "strict": true, "parameters": {"type": "object"}}}]);
    let history = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "tool_calls": [calls[0]]},
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
    ]);
    let more = json!({"messages": history, "tools": tools, "tool_choice": "none", "top_p": 0.5, "stop": ["x"], "parallel_tool_calls": false});
    let call = call("openai/gpt-x", hi(&server, "/v1", more)).unwrap();
    let got = answer(&call).await;
    assert_eq!(got["choices"][0]["message"]["tool_calls"], calls, "both calls, as they came");
    assert_eq!(got["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(got.get("usage"), None, "no number where the server gave none");
    let body = server.only().await.body;
    assert_eq!((&body["tool_choice"], &body["parallel_tool_calls"]), (&json!("none"), &json!(false)));
    assert_eq!((&body["top_p"], &body["stop"]), (&json!(0.5), &json!(["x"])));
    assert_eq!(body["tools"][0]["function"]["strict"], true);
    assert_eq!(body["messages"][1]["tool_calls"][0]["id"], "c1");
    assert_eq!(body["messages"][2]["tool_call_id"], "c1");
}

#[tokio::test]
async fn a_replayed_stream_has_the_true_finish_reason_and_usage() {
    let server = Server::new(ok(openai_answer())).await;
    let more = json!({"stream": true, "stream_options": {"include_usage": true}});
    let call = call("openai/gpt-x", hi(&server, "/v1", more)).unwrap();
    let (events, error) = collect(&call).await;
    assert!(error.is_none());
    assert_eq!(text_of(&events), "Grüße");
    assert_eq!(chunk(&events[0])["choices"][0]["delta"], json!({"role": "assistant", "reasoning_content": "hm"}));
    assert_eq!(chunk(&events[2])["choices"][0]["finish_reason"], "length");
    assert_eq!(chunk(&events[3])["usage"]["total_tokens"], 13);
    assert_eq!(server.only().await.body["stream"], false);
}

#[tokio::test]
async fn failures_in_openais_protocol_cost_one_request_each() {
    let body = r#"{"error":{"message":"the server says no"}}"#;
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{}", "{\"choices\":[");
    let replies = [
        (http("429 Too Many Requests", "application/json", body), ErrorKind::RateLimit, Some(429)),
        (http("500 Internal Server Error", "application/json", body), ErrorKind::InternalServer, Some(500)),
        (http("503 Service Unavailable", "text/html", "<html>busy</html>"), ErrorKind::ServiceUnavailable, Some(503)),
        (
            http("401 Unauthorized", "application/json", r#"{"error":{"message":"bad key sk-very-secret"}}"#),
            ErrorKind::Authentication,
            Some(401),
        ),
        (http("200 OK", "application/json", "{\"choices\":[]}"), ErrorKind::ApiResponseValidation, None),
        (http("200 OK", "text/html", "<html>"), ErrorKind::ApiResponseValidation, None),
        (cut, ErrorKind::ApiConnection, None),
    ];
    join_all(replies.iter().flat_map(|reply| [(reply, false), (reply, true)]).map(
        |((reply, kind, status), stream)| async move {
            let server = Server::new(reply.clone()).await;
            let call = call("openai/gpt-x", hi(&server, "/v1", json!({ "stream": stream }))).unwrap();
            let error = if stream { collect(&call).await.1.unwrap() } else { call.run().await.unwrap_err() };
            assert_eq!((error.kind, error.http_status), (*kind, *status), "{reply}: {error:?}");
            assert_eq!((error.provider.as_str(), error.model.as_str()), ("openai", "gpt-x"));
            assert!(!format!("{error:?}").contains("very-secret"), "{error:?}");
            server.only().await;
        },
    ))
    .await;
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let server = Server::in_pieces(vec![Vec::new(); 200]).await;
    let call = call("openai/gpt-x", hi(&server, "/v1", json!({}))).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(100), call.run()).await.is_err());
    server.only().await;
}

#[tokio::test]
async fn embeddings_in_openais_protocol() {
    let vectors = |n: usize| (0..n).map(|i| json!({"index": i, "embedding": [i, 0.5]})).collect::<Vec<_>>();
    let server = Server::new(ok(json!({"data": vectors(2)}))).await;
    let mut request = hi(&server, "/v1", json!({"input": ["a", "b"]}));
    request.as_object_mut().unwrap().remove("messages");
    let call = prepared(&Pool::default(), Operation::Embedding, "openai/e", request.clone()).unwrap();
    let got = answer(&call).await;
    assert_eq!(got["data"][1], json!({"object": "embedding", "index": 1, "embedding": [1.0, 0.5]}));
    assert_eq!((&got["object"], &got["model"]), (&json!("list"), &json!("e")));
    let seen = server.only().await;
    assert_eq!((seen.path.as_str(), &seen.body["input"]), ("/v1/embeddings", &json!(["a", "b"])));

    let short = Server::new(ok(json!({"data": vectors(1)}))).await;
    request["api_base"] = format!("{}/v1", short.base).into();
    let call = prepared(&Pool::default(), Operation::Embedding, "openai/e", request.clone()).unwrap();
    assert_eq!(call.run().await.unwrap_err().kind, ErrorKind::ApiResponseValidation);

    let busy = Server::new(http("429 Too Many Requests", "application/json", "{}")).await;
    request["api_base"] = format!("{}/v1", busy.base).into();
    let call = prepared(&Pool::default(), Operation::Embedding, "openai/e", request).unwrap();
    assert_eq!(call.run().await.unwrap_err().kind, ErrorKind::RateLimit);
    busy.only().await;
}

fn anthropic_stream(parts: &[Value]) -> String {
    parts.iter().map(|part| format!("event: {}\ndata: {part}\n\n", part["type"].as_str().unwrap())).collect()
}

fn anthropic_parts() -> Vec<Value> {
    let usage = json!({"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 100});
    let message = json!({"id": "msg", "type": "message", "role": "assistant", "content": [], "model": "claude-x", "stop_reason": null, "usage": usage});
    vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hé"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "llo"}}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t1", "name": "look", "input": {}}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":1}"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ]
}

#[tokio::test]
async fn anthropics_stream_is_read_as_it_comes() {
    let server = Server::new(events(&anthropic_stream(&anthropic_parts()))).await;
    let more = json!({"stream": true, "stream_options": {"include_usage": true}, "reasoning_effort": "low", "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "look"}}]});
    let call = call("anthropic/claude-sonnet-5-5", hi(&server, "/v1", more)).unwrap();
    let (events, error) = collect(&call).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text_of(&events), "Héllo");
    assert_eq!(chunk(&events[0])["choices"][0]["delta"], json!({"role": "assistant", "reasoning_content": "hm"}));
    assert!(events.contains(&StreamEvent::Arguments { index: 0, slot: 0, text: "{\"a\":1}".into(), pad: String::new() }));
    let last = &events[events.len() - 2..];
    assert_eq!(chunk(&last[0])["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunk(&last[1])["usage"]["prompt_tokens"], 110);
    let seen = server.only().await;
    assert_eq!(seen.path, "/v1/messages");
    assert_eq!((&seen.body["output_config"]["effort"], &seen.body["tool_choice"]["type"]), (&json!("low"), &json!("any")));
}

#[tokio::test]
async fn a_cut_stream_is_an_error_after_what_came_and_is_not_sent_again() {
    let parts = anthropic_parts();
    let broken = json!({"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}});
    let cut = anthropic_stream(&parts[..3]);
    let chunked = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        format!("{head}{:x}\r\n{body}\r\n", body.len())
    };
    let cases = [
        (vec![events(&cut)], ErrorKind::ApiConnection),
        (vec![chunked(&cut)], ErrorKind::ApiConnection),
        // In a read of its own: the crate forgets what the read of an error held before it.
        (vec![events(&cut), anthropic_stream(&[broken])], ErrorKind::Api),
    ];
    join_all(cases.into_iter().map(|(pieces, kind)| async move {
        let server = Server::in_pieces(pieces.into_iter().map(String::into_bytes).collect()).await;
        let call = call("anthropic/claude-sonnet-5-5", hi(&server, "", json!({"stream": true}))).unwrap();
        let (events, error) = collect(&call).await;
        assert_eq!(text_of(&events), "Hé", "what came is handed on");
        assert_eq!(error.unwrap().kind, kind);
        server.only().await;
    }))
    .await;
}

#[tokio::test]
async fn a_character_that_two_reads_share_is_not_garbled_in_silence() {
    let body = events(&anthropic_stream(&anthropic_parts())).into_bytes();
    let split = body.windows(2).position(|pair| pair == "é".as_bytes()).unwrap() + 1;
    let server = Server::in_pieces(vec![body[..split].to_vec(), body[split..].to_vec()]).await;
    let call = call("anthropic/claude-sonnet-5-5", hi(&server, "", json!({"stream": true}))).unwrap();
    let (events, error) = collect(&call).await;
    assert!(!text_of(&events).contains('\u{fffd}'));
    assert_eq!(error.unwrap().kind, ErrorKind::ApiResponseValidation);
    server.only().await;
}

#[tokio::test]
async fn anthropics_whole_answer_and_errors() {
    let content = json!([{"type": "text", "text": "yes"}]);
    let usage = json!({"input_tokens": 3, "output_tokens": 2});
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": content, "model": "claude-x",
        "stop_reason": "max_tokens", "usage": usage});
    let server = Server::new(ok(body)).await;
    let got = answer(&call("claude/claude-sonnet-5-5", hi(&server, "", json!({"stop": "x"}))).unwrap()).await;
    assert_eq!((&got["id"], &got["choices"][0]["finish_reason"]), (&json!("msg_1"), &json!("length")));
    assert_eq!(server.only().await.body["stop_sequences"], json!(["x"]));
    let refusals = [
        ("529 x", ErrorKind::InternalServer),
        ("429 x", ErrorKind::RateLimit),
        ("403 x", ErrorKind::PermissionDenied),
        ("413 x", ErrorKind::BadRequest),
    ];
    join_all(refusals.into_iter().flat_map(|case| [(case, false), (case, true)]).map(|((status, kind), stream)| async move {
        let reply = http(status, "application/json", r#"{"type":"error","error":{"type":"t","message":"no"}}"#);
        let server = Server::new(reply).await;
        let call = call("anthropic/claude-sonnet-5-5", hi(&server, "", json!({ "stream": stream }))).unwrap();
        let error = if stream { collect(&call).await.1.unwrap() } else { call.run().await.unwrap_err() };
        assert_eq!((error.kind, error.http_status), (kind, status[..3].parse().ok()));
        server.only().await;
    }))
    .await;
}

#[tokio::test]
async fn cohere_nvidia_and_jina_send_one_request_and_are_understood() {
    let text = json!({"role": "assistant", "content": [{"type": "text", "text": "yes"}]});
    let server = Server::new(ok(json!({"id": "c", "finish_reason": "COMPLETE", "message": text}))).await;
    let got = answer(&call("cohere/command", hi(&server, "/v2", json!({}))).unwrap()).await;
    assert_eq!(got["choices"][0]["message"]["content"], "yes");
    assert_eq!(server.only().await.path, "/v2/chat");

    let server = Server::new(ok(openai_answer())).await;
    let got = answer(&call("nim/meta/llama", hi(&server, "/v1", json!({"temperature": 1.0}))).unwrap()).await;
    assert_eq!((&got["model"], &got["choices"][0]["message"]["content"]), (&json!("served"), &json!("Grüße")));
    assert_eq!(server.only().await.body["model"], "meta/llama");

    let body = json!({"model": "j", "data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}], "usage": {"total_tokens": 1}});
    let server = Server::new(ok(body)).await;
    let request = json!({"input": ["a", "b"], "api_key": "k", "api_base": server.base});
    let call = prepared(&Pool::default(), Operation::Embedding, "jina/j", request).unwrap();
    assert_eq!(answer(&call).await["data"][0]["embedding"], json!([1.0]));
    assert_eq!(server.only().await.body.get("normalized"), None);
}

#[tokio::test]
async fn the_mock_answers_in_every_way() {
    let pool = Pool::default();
    let request = json!({"messages": [{"role": "user", "content": "hi"}], "seed": 1, "logit_bias": {}, "stream": true});
    let call = prepared(&pool, Operation::Completion, "mock/any", request).unwrap();
    assert_eq!(answer(&call).await["choices"][0]["message"], json!({"role": "assistant", "content": "Mock response"}));
    let (events, error) = collect(&call).await;
    assert!(error.is_none());
    assert_eq!(text_of(&events), "Mock response");
    assert_eq!(chunk(events.last().unwrap())["choices"][0]["finish_reason"], "stop");
    let call = prepared(&pool, Operation::Embedding, "mock/any", json!({"input": ["a", "b"]})).unwrap();
    assert_eq!(answer(&call).await["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_temperature_of_one_is_not_lost_where_it_is_no_default() {
    for (model, path, sent) in [("openai/m", "/v1", Value::Null), ("ollama/m", "", json!(0.999_999_8))] {
        let server = Server::new(ok(openai_answer())).await;
        answer(&call(model, hi(&server, path, json!({"temperature": 1}))).unwrap()).await;
        let seen = server.only().await;
        assert_eq!((seen.path.as_str(), &seen.body["temperature"]), ("/v1/chat/completions", &sent), "{model}");
    }
}

#[tokio::test]
async fn a_panic_of_the_crate_is_an_error_of_the_call() {
    // The crate shows the first 500 bytes of what it cannot read, and cuts this character in half.
    let server = Server::new(http("200 OK", "application/json", &format!("{}é{}", "x".repeat(499), "y".repeat(9)))).await;
    let call = call("openai/gpt-x", hi(&server, "/v1", json!({}))).unwrap();
    let error = call.run().await.unwrap_err();
    assert_eq!((error.kind, error.provider.as_str()), (ErrorKind::InternalServer, "openai"));
    assert!(error.message.contains("panicked"), "{}", error.message);
    server.only().await;
}

/// The events of a call by their names, and the last one's data.
#[derive(Default)]
struct Events(Mutex<Vec<(String, Vec<u8>)>>);

impl Sink for Events {
    fn emit(&self, event: Event) -> Action {
        let (name, data) = match event {
            Event::Opened { .. } => ("opened", Vec::new()),
            Event::Stream(StreamEvent::Chunk { json, .. }) => ("chunk", json),
            Event::Stream(_) => ("other", Vec::new()),
            Event::Done { answer, .. } => ("done", answer),
            Event::Failed(error) => ("failed", error.message.clone().into_bytes()),
        };
        self.0.lock().unwrap().push((name.to_owned(), data));
        Action::Continue
    }
}

#[test]
fn the_engine_takes_this_road_by_the_models_name() {
    let client = Client::new(b"").unwrap();
    let server = tokio::runtime::Runtime::new().unwrap();
    let busy = server.block_on(Server::new(http("429 Too Many Requests", "application/json", r#"{"error":{"message":"slow"}}"#)));
    let openai = format!(r#","api_key":"k","api_base":"{}/v1","num_retries":3"#, busy.base);
    for (model, more, names) in [
        ("mock/m", "", "done"),
        ("edgequake/mock/m", r#","stream":true"#, "opened chunk chunk done"),
        ("edgequake/openai/m", openai.as_str(), "failed"),
    ] {
        let request = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#);
        let sink = Arc::new(Events::default());
        client.start("completion", request.as_bytes(), &[], sink.clone(), Arc::default()).unwrap();
        let got = loop {
            let events = sink.0.lock().unwrap().clone();
            if events.last().is_some_and(|(name, _)| name == "done" || name == "failed") {
                break events;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(got.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" "), names, "{got:?}");
    }
    server.block_on(busy.only());
}
