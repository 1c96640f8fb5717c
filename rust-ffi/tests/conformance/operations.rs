//! Streams of OpenAI's other operations: text completions, responses and speech. Each is read whole, byte by byte and cut at every byte.

use edgequake_ffi::engine::error::{Error, ErrorKind};
use edgequake_ffi::engine::request::Request;
use edgequake_ffi::engine::route;
use edgequake_ffi::wire::{prepare, reroute, Head, HttpCall, Operation, StreamEvent};
use serde_json::{json, Value};

fn call(operation: Operation, arguments: &Value) -> HttpCall {
    let mut request = json!({"api_key": "sk-0123456789abcdef", "api_base": "http://127.0.0.1:1/v1"});
    request.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    let text = request.to_string();
    let request = Request::parse(text.as_bytes()).expect("a good request");
    let route = reroute(operation, route::resolve(&request).expect("a known provider"));
    prepare(operation, &route, &request).expect("a good request")
}

#[derive(Debug, Default)]
struct Outcome {
    events: Vec<StreamEvent>,
    error: Option<Error>,
}

fn read(call: &HttpCall, pieces: &[&[u8]]) -> Outcome {
    let head = Head { status: 200, headers: vec![("content-type".into(), "text/event-stream".into())] };
    let mut decoder = call.decode.stream(&head);
    let mut outcome = Outcome::default();
    for piece in pieces {
        match decoder.feed(piece, &mut outcome.events) {
            Ok(false) => {}
            Ok(true) => return outcome,
            Err(error) => {
                outcome.error = Some(error);
                return outcome;
            }
        }
    }
    outcome.error = decoder.end(&mut outcome.events).err();
    outcome
}

/// What comes of the transcript; the same however it is cut.
#[track_caller]
fn every_way(call: &HttpCall, wire: &str) -> Outcome {
    let whole = read(call, &[wire.as_bytes()]);
    let shown = |outcome: &Outcome| format!("{:?} {:?}", outcome.events, outcome.error);
    let bytes: Vec<&[u8]> = wire.as_bytes().chunks(1).collect();
    assert_eq!(shown(&read(call, &bytes)), shown(&whole), "byte by byte");
    for at in 0..wire.len() {
        let (before, after) = wire.as_bytes().split_at(at);
        assert_eq!(shown(&read(call, &[before, after])), shown(&whole), "cut at {at}");
    }
    whole
}

fn texts(outcome: &Outcome) -> Vec<&str> {
    outcome.events.iter().map(|event| if let StreamEvent::Chunk { text, .. } = event { text.as_str() } else { "?" }).collect()
}

fn text_completion() -> HttpCall {
    call(Operation::TextCompletion, &json!({"model": "gpt-3.5-turbo-instruct", "prompt": "The sky", "stream": true}))
}

fn text(text: &str, reason: Value) -> String {
    let choice = json!({"index": 0, "text": text, "finish_reason": reason, "logprobs": null});
    format!("data: {}\n\n", json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}))
}

#[test]
fn a_text_comes_in_pieces() {
    let wire =
        [text(" is", Value::Null), text(" bläu", Value::Null), text("", json!("stop")), "data: [DONE]\n\n".into()].concat();
    let outcome = every_way(&text_completion(), &wire);
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(texts(&outcome), [" is", " bläu", ""]);
}

#[test]
fn a_text_may_end_without_its_mark_but_not_without_its_reason() {
    let finished = every_way(&text_completion(), &text("blue", json!("length")));
    assert!(finished.error.is_none());
    let cut = every_way(&text_completion(), &text("blue", Value::Null));
    assert_eq!(cut.error.unwrap().kind, ErrorKind::ApiConnection);
}

#[test]
fn an_error_in_a_text_is_typed() {
    let wire = text("blue", Value::Null) + "data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n";
    assert_eq!(every_way(&text_completion(), &wire).error.unwrap().kind, ErrorKind::RateLimit);
    let page = "<html><body>Bad gateway</body></html>";
    assert_eq!(every_way(&text_completion(), page).error.unwrap().kind, ErrorKind::InternalServer);
    for bad in ["data: {\"choices\":[\n\n", "data: nonsense\n\n"] {
        assert_eq!(every_way(&text_completion(), bad).error.unwrap().kind, ErrorKind::ApiResponseValidation, "{bad}");
    }
}

fn responses() -> HttpCall {
    call(Operation::Responses, &json!({"model": "openai/gpt-4o", "input": "hi", "stream": true}))
}

fn event(kind: &str, mut members: Value) -> String {
    members["type"] = kind.into();
    format!("event: {kind}\ndata: {members}\n\n")
}

#[test]
fn a_response_is_its_events_to_the_last() {
    for end in ["response.completed", "response.incomplete"] {
        let wire = [
            event("response.created", json!({"response": {"id": "resp_1", "output": []}})),
            event("response.output_text.delta", json!({"item_id": "m", "output_index": 0, "content_index": 0, "delta": "Hél"})),
            event("response.from_the_future", json!({"x": {"y": 1}})),
            event("response.output_text.delta", json!({"item_id": "m", "output_index": 0, "content_index": 0, "delta": "lo"})),
            event(end, json!({"response": {"id": "resp_1", "output": []}})),
        ]
        .concat();
        let outcome = every_way(&responses(), &wire);
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!(texts(&outcome), ["", "Hél", "", "lo", ""]);
        let StreamEvent::Chunk { json, .. } = &outcome.events[2] else { panic!() };
        assert_eq!(serde_json::from_slice::<Value>(json).unwrap()["x"], json!({"y": 1}));
    }
}

#[test]
fn a_response_that_fails_is_an_error() {
    let created = event("response.created", json!({"response": {"id": "resp_1"}}));
    let cases = [
        (event("error", json!({"code": "rate_limit_exceeded", "message": "slow down"})), ErrorKind::RateLimit),
        (
            event("response.failed", json!({"response": {"error": {"code": "context_length_exceeded", "message": "too long"}}})),
            ErrorKind::ContextWindowExceeded,
        ),
        (event("response.failed", json!({"response": {"error": null}})), ErrorKind::InternalServer),
        (String::new(), ErrorKind::ApiConnection),
        ("data: [DONE]\n\n".into(), ErrorKind::ApiConnection),
        ("data: {\"type\":\n\n".into(), ErrorKind::ApiResponseValidation),
    ];
    for (end, kind) in cases {
        let outcome = every_way(&responses(), &(created.clone() + &end));
        assert_eq!(outcome.error.map(|error| error.kind), Some(kind), "{end}");
        assert_eq!(outcome.events.len(), 1);
    }
}

#[test]
fn speech_is_handed_on_as_it_comes_and_is_never_empty() {
    let speech = call(Operation::Speech, &json!({"model": "openai/tts-1", "input": "hi", "voice": "alloy"}));
    assert!(speech.stream);
    let outcome = read(&speech, &[b"RI", b"", b"FF\0\xff"]);
    assert!(outcome.error.is_none());
    assert_eq!(outcome.events, [StreamEvent::Bytes(b"RI".to_vec()), StreamEvent::Bytes(b"FF\0\xff".to_vec())]);
    assert_eq!(read(&speech, &[]).error.unwrap().kind, ErrorKind::ApiConnection);
}

fn body(call: &HttpCall) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

fn refused(operation: Operation, arguments: Value) -> Error {
    let text = arguments.to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let route = reroute(operation, route::resolve(&request).unwrap());
    prepare(operation, &route, &request).err().expect("a refusal")
}

#[test]
fn each_operation_has_its_address() {
    for (operation, path, members) in [
        (Operation::TextCompletion, "completions", json!({"prompt": "a"})),
        (Operation::Responses, "responses", json!({"input": "a"})),
        (Operation::ImageGeneration, "images/generations", json!({"prompt": "a"})),
        (Operation::Speech, "audio/speech", json!({"input": "a", "voice": "b"})),
        (Operation::Moderation, "moderations", json!({"input": "a"})),
    ] {
        let mut arguments = json!({"model": "openai/m"});
        arguments.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(call(operation, &arguments).url, format!("http://127.0.0.1:1/v1/{path}"));
        arguments["model"] = "azure/m".into();
        arguments["api_base"] = "https://me.openai.azure.com".into();
        arguments["api_version"] = "2024-10-21".into();
        let url = match operation {
            Operation::Responses => "https://me.openai.azure.com/openai/responses?api-version=2024-10-21".to_owned(),
            // Azure has no completions of texts for chat models, and no moderations.
            Operation::TextCompletion => {
                "https://me.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21".to_owned()
            }
            Operation::Moderation => {
                arguments["api_key"] = "k".into();
                assert!(refused(operation, arguments).message.contains("moderation"));
                continue;
            }
            _ => format!("https://me.openai.azure.com/openai/deployments/m/{path}?api-version=2024-10-21"),
        };
        assert_eq!(call(operation, &arguments).url, url);
    }
}

#[test]
fn a_model_of_openais_that_chats_is_asked_by_a_chat() {
    let arguments = |model: &str| json!({"model": model, "prompt": "a"});
    assert!(call(Operation::TextCompletion, &arguments("openai/gpt-4o")).url.ends_with("/chat/completions"));
    assert!(call(Operation::TextCompletion, &arguments("openai/my-own")).url.ends_with("/v1/completions"));
    assert!(call(Operation::TextCompletion, &arguments("hosted_vllm/llama")).url.ends_with("/v1/completions"));
    assert!(call(Operation::TextCompletion, &arguments("groq/llama")).url.ends_with("/chat/completions"));
}

#[test]
fn images_know_what_their_model_knows() {
    let image = |model: &str, members: Value| {
        let mut arguments = json!({"model": model, "prompt": "a", "api_key": "k"});
        arguments.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        arguments
    };
    assert_eq!(body(&call(Operation::ImageGeneration, &image("dall-e-3", json!({"style": "vivid"}))))["style"], "vivid");
    for (model, member) in [("openai/dall-e-2", "style"), ("openai/gpt-image-1", "response_format")] {
        let error = refused(Operation::ImageGeneration, image(model, json!({member: "x"})));
        assert_eq!(error.kind, ErrorKind::UnsupportedParams);
        assert!(error.message.contains(member), "{}", error.message);
        let dropped = call(Operation::ImageGeneration, &image(model, json!({member: "x", "drop_params": true})));
        assert!(body(&dropped).get(member).is_none());
    }
    let own = call(Operation::ImageGeneration, &image("openai/gpt-image-1", json!({"background": "transparent", "n": 1})));
    assert_eq!(body(&own), json!({"model": "gpt-image-1", "prompt": "a", "background": "transparent", "n": 1}));
}

#[test]
fn what_is_missing_is_named() {
    for (operation, word) in [
        (Operation::TextCompletion, "prompt"),
        (Operation::Responses, "input"),
        (Operation::ImageGeneration, "prompt"),
        (Operation::ImageEdit, "image"),
        (Operation::Transcription, "file"),
        (Operation::Speech, "input"),
        (Operation::Moderation, "input"),
    ] {
        let error = refused(operation, json!({"model": "openai/m", "api_key": "k"}));
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains(&format!("`{word}` is missing")), "{}", error.message);
    }
    assert!(refused(Operation::Speech, json!({"model": "openai/m", "api_key": "k", "input": "a"})).message.contains("`voice`"));
}

#[test]
fn a_response_of_a_reasoning_model_samples_only_without_reasoning() {
    let arguments = |members: Value| {
        let mut all = json!({"model": "openai/gpt-5.1", "api_key": "k", "input": "a"});
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        all
    };
    let error = refused(Operation::Responses, arguments(json!({"temperature": 0.5, "reasoning": {"effort": "high"}})));
    assert_eq!(error.kind, ErrorKind::UnsupportedParams);
    let sent = body(&call(Operation::Responses, &arguments(json!({"temperature": 0.5, "top_p": 0.1, "metadata": {"a": "b"}}))));
    assert_eq!((&sent["temperature"], &sent["top_p"], &sent["metadata"]), (&json!(0.5), &json!(0.1), &json!({"a": "b"})));
}
