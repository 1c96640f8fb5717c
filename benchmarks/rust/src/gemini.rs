//! Gemini's bodies: the text is that of OpenAI's, so that what differs is the protocol.

use crate::bodies::{http_chunk, quoted, response, token, Stream};
use crate::plan::Plan;

const MODEL: &str = "gemini-2.5-flash";
const ID: &str = "mNskacn1Do-RkdUPwrWhqAQ";

/// The headers of the Gemini API's answers beside those that frame the body.
const HEADERS: &str = "Date: Mon, 24 Nov 2025 16:00:00 GMT\r\n\
    Vary: Origin\r\n\
    Vary: X-Origin\r\n\
    Vary: Referer\r\n\
    Server: scaffolding on HTTPServer2\r\n\
    X-XSS-Protection: 0\r\n\
    X-Frame-Options: SAMEORIGIN\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Server-Timing: gfet4t7; dur=331\r\n\
    Alt-Svc: h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000\r\n";

/// An answer, or an event of a stream: both have the same form.
fn answer(text: &str, finish: &str, count: usize) -> String {
    let (text, total) = (quoted(text), 97 + count);
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":{text}}}],"role":"model"}}{finish},"index":0}}],"usageMetadata":{{"promptTokenCount":97,"candidatesTokenCount":{count},"totalTokenCount":{total},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":97}}]}},"modelVersion":"{MODEL}","responseId":"{ID}"}}"#
    )
}

const FINISH: &str = r#","finishReason":"STOP""#;

/// An unstreamed answer to `generateContent` with this text, headers included.
pub fn content(text: &str) -> Vec<u8> {
    response(HEADERS, &answer(text, FINISH, 40))
}

/// An answer to `streamGenerateContent`: one event for each piece of the text, and a last one without text.
pub fn content_stream(plan: Plan) -> Stream {
    let event = |text: &str, finish: &str, count: usize| http_chunk(&format!("data: {}\r\n\r\n", answer(text, finish, count)));
    let mut text = String::new();
    let mut chunks = Vec::with_capacity(plan.chunks + 1);
    for index in 0..plan.chunks {
        text.push_str(token(index));
        chunks.push(event(token(index), "", index + 1));
    }
    chunks.push([event("", FINISH, plan.chunks), b"0\r\n\r\n".to_vec()].concat());
    Stream::of(HEADERS, chunks, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_spells_its_text() {
        let stream = content_stream(Plan { chunks: 100, ..Plan::default() });
        assert_eq!(stream.chunks.len(), 101);
        let framed = stream.chunks.iter().map(|chunk| String::from_utf8(chunk.clone()).unwrap());
        let data = framed.filter_map(|chunk| Some(chunk.split_once("data: ")?.1.split_once("\r\n\r\n")?.0.to_owned()));
        let events: Vec<serde_json::Value> = data.map(|event| serde_json::from_str(&event).unwrap()).collect();
        let spelled: String =
            events.iter().filter_map(|event| event["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect();
        assert_eq!(spelled, stream.text);
        assert_eq!(events[100]["candidates"][0]["finishReason"], "STOP");
        assert_eq!(events[100]["usageMetadata"]["candidatesTokenCount"], 100);
    }
}
