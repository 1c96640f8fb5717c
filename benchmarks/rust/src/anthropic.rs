//! Anthropic's bodies: the text is that of OpenAI's, so that what differs is the protocol.

use crate::bodies::{http_chunk, quoted, response, token, Stream};
use crate::plan::Plan;

const MODEL: &str = "claude-sonnet-4-5-20250929";
const ID: &str = "msg_013Zva2CMHLNnXjNJJKqJ2EF";

/// The headers of Anthropic's answers beside those that frame the body.
const HEADERS: &str = "Date: Mon, 24 Nov 2025 16:00:00 GMT\r\n\
    anthropic-ratelimit-input-tokens-limit: 4000000\r\n\
    anthropic-ratelimit-input-tokens-remaining: 4000000\r\n\
    anthropic-ratelimit-input-tokens-reset: 2025-11-24T16:00:00Z\r\n\
    anthropic-ratelimit-output-tokens-limit: 800000\r\n\
    anthropic-ratelimit-output-tokens-remaining: 800000\r\n\
    anthropic-ratelimit-output-tokens-reset: 2025-11-24T16:00:00Z\r\n\
    anthropic-ratelimit-requests-limit: 4000\r\n\
    anthropic-ratelimit-requests-remaining: 3999\r\n\
    anthropic-ratelimit-requests-reset: 2025-11-24T16:00:00Z\r\n\
    request-id: req_018EeWyXxfu5pfWkrYcMdjWG\r\n\
    anthropic-organization-id: 2f5b7c1e-6a0d-4d8e-9f3a-0c4b1d2e3f4a\r\n\
    x-envoy-upstream-service-time: 331\r\n\
    via: 1.1 google\r\n\
    cf-cache-status: DYNAMIC\r\n\
    X-Robots-Tag: none\r\n\
    strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n\
    Server: cloudflare\r\n\
    CF-RAY: 9a3b1f0c7d2e4a6b-FRA\r\n";

const CACHE: &str = r#""cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}"#;

/// An unstreamed answer to `/v1/messages` with this text, headers included.
pub fn message(text: &str) -> Vec<u8> {
    let text = quoted(text);
    response(
        HEADERS,
        &format!(
            r#"{{"model":"{MODEL}","id":"{ID}","type":"message","role":"assistant","content":[{{"type":"text","text":{text}}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":97,{CACHE},"output_tokens":40,"service_tier":"standard"}}}}"#
        ),
    )
}

/// A streamed answer: one event for each piece of the text, as OpenAI's has one chunk.
pub fn message_stream(plan: Plan) -> Stream {
    let event = |name: &str, members: &str| http_chunk(&format!("event: {name}\ndata: {{\"type\":\"{name}\"{members}}}\n\n"));
    let usage = format!(r#"{{"input_tokens":97,{CACHE},"output_tokens":1,"service_tier":"standard"}}"#);
    let mut text = String::new();
    let mut chunks = vec![
        event(
            "message_start",
            &format!(
                r#","message":{{"model":"{MODEL}","id":"{ID}","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{usage}}}"#
            ),
        ),
        event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#),
        event("ping", ""),
    ];
    for index in 0..plan.chunks {
        text.push_str(token(index));
        let delta = quoted(token(index));
        chunks.push(event("content_block_delta", &format!(r#","index":0,"delta":{{"type":"text_delta","text":{delta}}}"#)));
    }
    chunks.push(event("content_block_stop", r#","index":0"#));
    let count = plan.chunks;
    chunks.push(event(
        "message_delta",
        &format!(r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{count}}}"#),
    ));
    chunks.push([event("message_stop", ""), b"0\r\n\r\n".to_vec()].concat());
    Stream::of(HEADERS, chunks, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_spells_its_text() {
        let stream = message_stream(Plan { chunks: 100, ..Plan::default() });
        assert_eq!(stream.chunks.len(), 106);
        let framed = stream.chunks.iter().map(|chunk| String::from_utf8(chunk.clone()).unwrap());
        let data = framed.filter_map(|chunk| Some(chunk.split_once("data: ")?.1.split_once("\n\n")?.0.to_owned()));
        let events: Vec<serde_json::Value> = data.map(|event| serde_json::from_str(&event).unwrap()).collect();
        let spelled: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert_eq!(spelled, stream.text);
        assert_eq!(events[104]["usage"]["output_tokens"], 100);
    }

    #[test]
    fn an_answer_is_as_long_as_its_header_says() {
        let answer = String::from_utf8(message("a \"b\"")).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["content"][0]["text"], "a \"b\"");
    }
}
