use crate::plan::Plan;

/// The length of an answer of `text-embedding-3-small`.
const EMBEDDING_FLOATS: usize = 1536;

const MODEL: &str = "gpt-4o-mini-2024-07-18";
const ID: &str = "chatcmpl-CfPqk3vYxJ8uT0sWn2LbRzHdEa7Mi";
const CREATED: u64 = 1_764_000_000;
const FINGERPRINT: &str = "fp_560af6e559";

/// Tokens as a model emits them. One in twenty needs an escape and one is not ASCII, as in running text with a few
/// paragraphs: an all-ASCII stream would flatter decoders that have a fast path for it.
const TOKENS: [&str; 40] = [
    "The",
    " bench",
    "mark",
    " measures",
    " what",
    " a",
    " client",
    " costs",
    ",",
    " not",
    " what",
    " a",
    " model",
    " thinks",
    ".",
    "\n\n",
    "Each",
    " chunk",
    " holds",
    " one",
    " token",
    ",",
    " as",
    " it",
    " does",
    " in",
    " a",
    " caf\u{e9}",
    " where",
    " someone",
    " said",
    " \"",
    "fast",
    "\"",
    " and",
    " meant",
    " cheap",
    " to",
    " run",
    ".",
];

/// The headers of OpenAI's answers beside those that frame the body. A client pays for each, so leaving them out
/// would be kinder to the clients that copy headers than the world is.
const HEADERS: &str = "Date: Mon, 24 Nov 2025 16:00:00 GMT\r\n\
    access-control-expose-headers: X-Request-ID\r\n\
    openai-organization: example-org\r\n\
    openai-processing-ms: 312\r\n\
    openai-project: proj_4Jx0Zq8mWc1Yv7bTn5Rk2Lds\r\n\
    openai-version: 2020-10-01\r\n\
    x-envoy-upstream-service-time: 331\r\n\
    x-ratelimit-limit-requests: 10000\r\n\
    x-ratelimit-limit-tokens: 10000000\r\n\
    x-ratelimit-remaining-requests: 9999\r\n\
    x-ratelimit-remaining-tokens: 9999823\r\n\
    x-ratelimit-reset-requests: 6ms\r\n\
    x-ratelimit-reset-tokens: 1ms\r\n\
    x-request-id: req_5d2b8a07c6e94f31b0a9e4d77c1f6a32\r\n\
    x-openai-proxy-wasm: v0.1\r\n\
    cf-cache-status: DYNAMIC\r\n\
    Strict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Server: cloudflare\r\n\
    CF-RAY: 9a3b1f0c7d2e4a6b-FRA\r\n\
    alt-svc: h3=\":443\"; ma=86400\r\n";

/// The piece of text at this place of a stream.
pub(crate) fn token(index: usize) -> &'static str {
    TOKENS[index % TOKENS.len()]
}

/// The text of an unstreamed answer.
pub fn completion_text() -> String {
    TOKENS.concat()
}

/// An unstreamed answer to `/v1/chat/completions`, headers included.
pub fn completion() -> Vec<u8> {
    let content = quoted(&completion_text());
    // Indented, as OpenAI sends it.
    json_response(&format!(
        r#"{{
  "id": "{ID}",
  "object": "chat.completion",
  "created": {CREATED},
  "model": "{MODEL}",
  "choices": [
    {{
      "index": 0,
      "message": {{
        "role": "assistant",
        "content": {content},
        "refusal": null,
        "annotations": []
      }},
      "logprobs": null,
      "finish_reason": "stop"
    }}
  ],
  "usage": {{
    "prompt_tokens": 97,
    "completion_tokens": 40,
    "total_tokens": 137,
    "prompt_tokens_details": {{
      "cached_tokens": 0,
      "audio_tokens": 0
    }},
    "completion_tokens_details": {{
      "reasoning_tokens": 0,
      "audio_tokens": 0,
      "accepted_prediction_tokens": 0,
      "rejected_prediction_tokens": 0
    }}
  }},
  "service_tier": "default",
  "system_fingerprint": "{FINGERPRINT}"
}}
"#
    ))
}

/// An answer to `/v1/embeddings` with one vector, as floats or, as openai's own client asks for it, in base64.
pub fn embedding(base64: bool) -> Vec<u8> {
    let floats: Vec<f32> = (0..EMBEDDING_FLOATS).map(|index| ((index * 7919 % 2003) as f32 - 1001.0) / 25_013.0).collect();
    let vector = if base64 {
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        format!("\"{}\"", base64_encoded(&bytes))
    } else {
        format!("[{}]", floats.iter().map(f32::to_string).collect::<Vec<_>>().join(","))
    };
    json_response(&format!(
        r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":{vector}}}],"model":"text-embedding-3-small","usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
    ))
}

/// A streamed answer, rendered: the head of the response and its HTTP chunks, one server-sent event in each.
pub struct Stream {
    pub head: Vec<u8>,
    pub chunks: Vec<Vec<u8>>,
    /// `head` and `chunks` in one piece.
    pub whole: Vec<u8>,
    /// The text that the chunks spell.
    pub text: String,
}

impl Stream {
    /// Renders what `plan` asks for; `usage` adds the chunk that `stream_options.include_usage` asks for.
    pub fn new(plan: Plan, usage: bool) -> Self {
        let mut padding = Padding(0x2545_f491);
        let mut text = String::new();
        let mut event = |choices: &str, last: &str| {
            let null_usage = if usage && last.is_empty() { r#","usage":null"# } else { last };
            let obfuscation = match plan.obfuscated {
                true => format!(r#","obfuscation":"{}""#, padding.next()),
                false => String::new(),
            };
            http_chunk(&format!(
                "data: {{\"id\":\"{ID}\",\"object\":\"chat.completion.chunk\",\"created\":{CREATED},\"model\":\"{MODEL}\",\
                 \"service_tier\":\"default\",\"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[{choices}]{null_usage}{obfuscation}}}\n\n"
            ))
        };
        let mut chunks = Vec::with_capacity(plan.chunks + 4);
        chunks.push(event(
            r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}"#,
            "",
        ));
        for index in 0..plan.chunks {
            text.push_str(token(index));
            let delta = quoted(token(index));
            chunks
                .push(event(&format!(r#"{{"index":0,"delta":{{"content":{delta}}},"logprobs":null,"finish_reason":null}}"#), ""));
        }
        chunks.push(event(r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#, ""));
        if usage {
            let count = plan.chunks;
            let total = count + 97;
            chunks.push(event(
                "",
                &format!(
                    r#","usage":{{"prompt_tokens":97,"completion_tokens":{count},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
                ),
            ));
        }
        chunks.push([http_chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()].concat());
        Self::of(HEADERS, chunks, text)
    }

    /// A stream of these HTTP chunks, which spell `text`.
    pub(crate) fn of(headers: &str, chunks: Vec<Vec<u8>>, text: String) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{headers}Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        .into_bytes();
        let whole = [head.as_slice(), &chunks.concat()].concat();
        Self { head, chunks, whole, text }
    }
}

/// The `obfuscation` field's values: letters and digits of varying number, the same in every run.
struct Padding(u32);

impl Padding {
    fn next(&mut self) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut draw = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            self.0 as usize
        };
        let length = 1 + draw() % 16;
        (0..length).map(|_| char::from(ALPHABET[draw() % ALPHABET.len()])).collect()
    }
}

fn json_response(body: &str) -> Vec<u8> {
    response(HEADERS, body)
}

pub(crate) fn response(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

pub(crate) fn http_chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn base64_encoded(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(bytes.len() % 3, 0, "1536 floats are a multiple of three bytes, so no padding is needed");
    let sextets = bytes.chunks(3).flat_map(|triple| {
        let bits = u32::from(triple[0]) << 16 | u32::from(triple[1]) << 8 | u32::from(triple[2]);
        [bits >> 18, bits >> 12, bits >> 6, bits].map(|sextet| char::from(ALPHABET[(sextet & 63) as usize]))
    });
    sextets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &Stream) -> Vec<serde_json::Value> {
        let framed = stream.chunks.iter().map(|chunk| String::from_utf8(chunk.clone()).unwrap());
        let data = framed.filter_map(|chunk| Some(chunk.split_once("data: ")?.1.split_once("\n\n")?.0.to_owned()));
        data.filter(|event| event != "[DONE]").map(|event| serde_json::from_str(&event).unwrap()).collect()
    }

    #[test]
    fn a_stream_spells_its_text_and_ends_with_its_usage() {
        let stream = Stream::new(Plan { chunks: 100, obfuscated: true, ..Plan::default() }, true);
        let events = events(&stream);
        assert_eq!(events.len(), 103);
        let spelled: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(spelled, stream.text);
        assert!(events.iter().all(|event| event["obfuscation"].is_string()));
        assert_eq!(events[50]["usage"], serde_json::Value::Null);
        assert_eq!(events[102]["usage"]["completion_tokens"], 100);
    }

    #[test]
    fn bodies_are_as_long_as_their_header_says() {
        for response in [completion(), embedding(true), embedding(false)] {
            let response = String::from_utf8(response).unwrap();
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
    }

    #[test]
    fn both_forms_of_an_embedding_are_the_same_numbers() {
        let body = |base64| String::from_utf8(embedding(base64)).unwrap().split_once("\r\n\r\n").unwrap().1.to_owned();
        let floats: serde_json::Value = serde_json::from_str(&body(false)).unwrap();
        let encoded: serde_json::Value = serde_json::from_str(&body(true)).unwrap();
        let first = floats["data"][0]["embedding"][0].as_f64().unwrap() as f32;
        // The first four bytes are in the first six of the base64's characters.
        let expected = base64_encoded(&[first.to_le_bytes().as_slice(), &[0, 0]].concat());
        assert_eq!(encoded["data"][0]["embedding"].as_str().unwrap()[..5], expected[..5]);
    }
}
