//! How a stream may end: the terminal rule, and errors inside a 200.

use edgequake_ffi::engine::error::ErrorKind;
use edgequake_ffi::wire::StreamEvent;
use serde_json::json;

use crate::transcript::*;

fn whole() -> [serde_json::Value; 4] {
    [first(), text("a"), text("b"), finish(0, "stop")]
}

#[test]
fn terminal_the_end_without_done_is_done_when_every_choice_has_its_finish_reason() {
    let sent = whole();
    assert_eq!(outcome(events(&sent)).done(), sent);
    let second = [&sent[..], &[delta(1, json!({"content": "x"}))]].concat();
    let outcome_cut = outcome(events(&second));
    assert!(outcome_cut.failed(ErrorKind::ApiConnection).message.contains("cut"));
    assert_eq!(outcome_cut.chunks(), second, "what had arrived is handed out");
    let second = [&second[..], &[finish(1, "stop")]].concat();
    assert_eq!(outcome(events(&second)).done(), second);
}

#[test]
fn terminal_no_cut_of_a_stream_passes_for_a_whole_one() {
    let usage = chunk_with(json!([]), json!({"usage": {"total_tokens": 5}}));
    let transcript = stream([&whole()[..], &[usage]].concat());
    let finished = transcript.find("\"stop\"").unwrap();
    // Where the last line of the chunk with the finish reason ends, its chunk is complete.
    let enough = finished + transcript[finished..].find('\n').unwrap();
    let call = openai();
    for end in 0..transcript.len() {
        let outcome = call.run([&transcript.as_bytes()[..end]]);
        let half = transcript[..end].rsplit('\n').next().unwrap();
        let half_chunk =
            half.starts_with("data: {") && serde_json::from_str::<serde_json::Value>(&half["data: ".len()..]).is_err();
        let whole = end >= enough && !half_chunk;
        assert_eq!(outcome.error.is_none(), whole, "{outcome:?} after {:?}", &transcript[..end]);
    }
}

#[test]
fn terminal_done_ends_the_stream_whatever_follows() {
    let sent = whole();
    let more = stream(&sent) + "data: {\"error\":{\"message\":\"late\"}}\n\ndata: not json\n\n";
    assert_eq!(outcome(more).done(), sent);
}

#[test]
fn terminal_an_empty_body_is_an_error() {
    for body in ["", "\n\n", ": keep-alive\n\n", "data:\n\n"] {
        assert!(outcome(body).error.is_some(), "{body:?}");
    }
}

#[test]
fn s9_a_last_event_without_its_empty_line_counts_when_it_is_complete() {
    let sent = whole();
    for end in ["\n\n", "\n", ""] {
        let transcript = events(&sent);
        assert_eq!(outcome(transcript.trim_end().to_owned() + end).done(), sent);
    }
    let transcript = events(&sent[..3]);
    outcome(transcript.trim_end().trim_end_matches('}')).failed(ErrorKind::ApiConnection);
}

#[test]
fn s3_s12_comments_between_chunks_and_done_with_spaces() {
    let sent = whole();
    let transcript =
        format!(": OPENROUTER PROCESSING\n\n{}:\n\ndata:  [DONE]  \r\n\r\n", events(&sent).replace("data: ", ": hm\r\ndata:"));
    assert_eq!(outcome(transcript).done(), sent);
}

#[test]
fn s4_a_chunk_over_several_data_lines() {
    let pretty = serde_json::to_string_pretty(&text("a")).unwrap().replace('\n', "\ndata: ");
    assert_eq!(
        outcome(stream([first().to_string(), pretty, finish(0, "stop").to_string()])).done(),
        [first(), text("a"), finish(0, "stop"),]
    );
}

#[test]
fn s10_invalid_utf8_is_an_error() {
    let transcript = stream(whole()).into_bytes();
    let at = transcript.windows(3).position(|bytes| bytes == b"\"b\"").unwrap() + 1;
    for bad in [&b"\xFF"[..], b"\xC3", b"\xED\xA0\x80"] {
        let mut broken = transcript.clone();
        broken.splice(at..=at, bad.iter().copied());
        let outcome = outcome(broken);
        assert!(outcome.failed(ErrorKind::ApiResponseValidation).message.contains("UTF-8"));
        assert_eq!(outcome.chunks(), whole()[..2]);
    }
}

/// Servers report an error inside a 200 in all of these forms, first or after some chunks.
#[test]
fn s13_an_error_inside_the_stream() {
    let forms = [
        "event: error\ndata: {\"message\":\"boom\",\"code\":\"rate_limit_exceeded\"}\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"boom\",\"type\":\"rate_limit_error\"}}\n\n",
        "data: {\"error\":{\"message\":\"boom\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\",\"param\":null}}\n\n",
        "data: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"boom\"}}\n\n",
        "data: {\"type\":\"error\",\"message\":\"boom\",\"code\":429}\n\n",
        "data: {\"object\":\"error\",\"message\":\"boom\",\"type\":\"TooManyRequests\",\"code\":429}\n\n",
        "data: {\"id\":\"x\",\"error\":{\"code\":429,\"message\":\"boom\"},\
         \"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
        // watsonx.
        "event: error\ndata: {\"errors\":[{\"code\":\"throttled\",\"message\":\"boom\"}],\"status_code\":429}\n\n",
        "data: {\"errors\":[{\"code\":\"throttled\",\"message\":\"boom\"}],\"trace\":\"t\",\"status_code\":429}\n\n",
        // Gemini's compatible server (O12).
        "data: [{\"error\":{\"code\":429,\"message\":\"boom\",\"status\":\"RESOURCE_EXHAUSTED\"}}]\n\n",
    ];
    for form in forms {
        for before in [0, 3] {
            let sent = &whole()[..before];
            let outcome = outcome(events(sent) + form + "data: [DONE]\n\n");
            let error = outcome.failed(ErrorKind::RateLimit);
            assert_eq!((error.message.as_str(), error.status_code), ("boom", 429), "{form}");
            assert_eq!((error.provider.as_str(), error.model.as_str()), ("openai", "gpt-4o-mini"), "{form}");
            assert_eq!(outcome.chunks(), sent, "{form}");
        }
    }
}

#[test]
fn s13_an_error_that_is_but_a_text() {
    for form in ["data: {\"error\":\"boom\"}\n\n", "event: error\ndata: \"boom\"\n\n", "event: error\ndata: boom\n\n"] {
        let outcome = outcome(events(&whole()[..2]) + form);
        let error = outcome.failed(ErrorKind::InternalServer);
        assert_eq!(error.message, "boom", "{form}");
        assert_eq!(outcome.chunks(), whole()[..2], "{form}");
    }
}

#[test]
fn o12_codes_that_are_numbers_booleans_or_unknown() {
    for (code, kind) in [
        (json!(400), ErrorKind::BadRequest),
        (json!("401"), ErrorKind::Authentication),
        (json!(503), ErrorKind::ServiceUnavailable),
        (json!(true), ErrorKind::InternalServer),
        (json!(null), ErrorKind::InternalServer),
        (json!(50000), ErrorKind::InternalServer),
    ] {
        let error = json!({"error": {"message": "boom", "code": code}});
        let outcome = outcome(events([first(), error]));
        assert_eq!(outcome.failed(kind).message, "boom");
    }
}

#[test]
fn s13_no_key_is_in_an_error() {
    let refused = json!({"error": {"message": "bad key sk-0123456789abcdef0123456789abcdef", "code": "invalid_api_key"}});
    let outcome = outcome(events([refused]));
    outcome.failed(ErrorKind::Authentication);
    assert!(!format!("{:?}", outcome.error).contains("0123456789abcdef"));
}

#[test]
fn s13_the_finish_reason_error_is_an_error() {
    let outcome = outcome(stream([first(), text("a"), finish(0, "error")]));
    outcome.failed(ErrorKind::Api);
    assert_eq!(outcome.chunks(), [first(), text("a")]);
}

#[test]
fn s13_no_error_is_seen_where_there_is_none() {
    let null = chunk_with(text("a")["choices"].clone(), json!({"error": null}));
    assert_eq!(outcome(stream([first(), null.clone(), finish(0, "stop")])).done(), [first(), null, finish(0, "stop")]);
}

#[test]
fn s14_a_body_that_is_no_event_stream_is_an_error_with_an_excerpt() {
    for body in [
        "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\n<body>nginx</body></html>\n",
        "{\"error\": {\"message\": \"502 Bad Gateway\"}}",
        "{\n  \"object\": \"error\",\n\n  \"message\": \"502 Bad Gateway\"\n}\n",
        "502 Bad Gateway",
    ] {
        let outcome = outcome(body);
        let error = outcome.error.as_ref().expect("an error");
        assert!(error.message.contains("502 Bad Gateway"), "{error}");
        assert_eq!(outcome.events, []);
    }
}

#[test]
fn s16_an_event_that_is_not_json_is_an_error_and_never_skipped() {
    let bad = [
        "not json",
        "{\"choices\":[",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\u{1}\"}}]}",
        "42",
        "null",
        "[]",
        "{} {}",
        "{\"choices\":7}",
        "{\"choices\":[7]}",
    ];
    for data in bad {
        let sent = &whole()[..3];
        let outcome = outcome(events(sent) + &stream([data]));
        outcome.failed(ErrorKind::ApiResponseValidation);
        assert_eq!(outcome.chunks(), sent, "{data}");
    }
}

#[test]
fn s16_half_a_surrogate_pair_is_handed_on_as_it_came() {
    let half = text("c").to_string().replace("\"c\"", "\"c\\ud83dd\"");
    let outcome = outcome(stream([first().to_string(), text("b").to_string(), half, finish(0, "stop").to_string()]));
    assert!(outcome.error.is_none());
    let [_, _, StreamEvent::Chunk { json, text, .. }, _] = &outcome.events[..] else { panic!("{:?}", outcome.events) };
    assert!(String::from_utf8_lossy(json).contains("\"c\\ud83dd\""));
    assert_eq!(text, "c\u{FFFD}d");
}

#[test]
fn s11_json_too_deep_is_an_error() {
    let deep = format!("{{\"choices\":[],\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    outcome(stream([deep])).failed(ErrorKind::ApiResponseValidation);
}
