//! A conversation as one prompt, as litellm writes it.

use std::borrow::Cow;

use crate::engine::error::{Error, Result};
use crate::wire::chat::messages::{Content, Kind, Message, Role};

/// What a model is asked.
#[derive(Debug, PartialEq)]
pub struct Prompt {
    pub text: String,
    /// The first system message, where the caller says that the model has an input for it.
    pub system: Option<String>,
}

pub fn write(model: &str, messages: &[Message<'_>], system_apart: bool) -> Result<Prompt> {
    let mut turns = messages.iter().map(|message| Ok((message, text(message)?))).collect::<Result<Vec<_>>>()?;
    let first = turns.iter().position(|(message, _)| message.role == Role::System).filter(|_| system_apart);
    let system = first.map(|at| turns.remove(at).1);
    let text = if is_llama_3(model) { llama_3(&turns) } else { joined(&turns) };
    Ok(Prompt { text, system })
}

/// Those of Meta's models whose tokens for turns litellm writes itself.
fn is_llama_3(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    (model.contains("meta-llama-3") || model.contains("meta-llama/llama-3")) && model.contains("instruct")
}

/// Source: the chat template of Meta's `Meta-Llama-3-8B-Instruct`.
fn llama_3(turns: &[(&Message<'_>, String)]) -> String {
    let mut out = String::from("<|begin_of_text|>");
    for (message, text) in turns {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        out.push_str(&format!("<|start_header_id|>{role}<|end_header_id|>\n\n{}<|eot_id|>", text.trim()));
    }
    out.push_str("<|start_header_id|>assistant<|end_header_id|>\n\n");
    out
}

fn joined(turns: &[(&Message<'_>, String)]) -> String {
    turns.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ")
}

/// A message's words. What a text cannot say is an error: it would vanish without a word.
fn text(message: &Message<'_>) -> Result<String> {
    let at = message.at;
    if !message.tool_calls()?.is_empty() {
        return Err(Error::bad_request(format!(
            "`messages[{at}]` holds calls of tools, which a prediction of Replicate's has no place for; send text only"
        )));
    }
    let parts = match message.content()? {
        Content::None => return Ok(String::new()),
        Content::Text(text) => return Ok(text.into_owned()),
        Content::Parts(parts) => parts,
    };
    let mut out = String::new();
    for part in parts {
        let what = match part.kind {
            Kind::Text(text) => {
                out.push_str(&text);
                continue;
            }
            Kind::Image(_) => Cow::Borrowed("an image"),
            Kind::Video(_) => "a video".into(),
            Kind::Audio { .. } => "audio".into(),
            Kind::File(_) => "a file".into(),
            Kind::Other(kind) => kind,
        };
        return Err(Error::bad_request(format!(
            "`messages[{at}].content` holds {what}, and a prompt of Replicate's is text; give it under the name that the model's page has for \
             it, as in completion(…, image=\"https://…\")"
        )));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::Request;
    use crate::wire::chat::messages;

    fn prompt(model: &str, list: &str, system_apart: bool) -> Result<Prompt> {
        let text = format!("{{\"messages\":{list}}}");
        let request = Request::parse(text.as_bytes()).unwrap();
        write(model, &messages::read(&request)?, system_apart)
    }

    const CHAT: &str = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi "},
        {"type":"text","text":"you"}]},{"role":"assistant","content":null},{"role":"user","content":"Again"}]"#;

    #[test]
    fn words_are_joined_and_the_system_may_stand_apart() {
        let whole = prompt("mistralai/mixtral", CHAT, false).unwrap();
        assert_eq!(whole, Prompt { text: "Be brief. Hi you  Again".into(), system: None });
        let apart = prompt("mistralai/mixtral", CHAT, true).unwrap();
        assert_eq!(apart, Prompt { text: "Hi you  Again".into(), system: Some("Be brief.".into()) });
    }

    #[test]
    fn llama_3_has_tokens_for_turns() {
        let list = r#"[{"role":"system","content":" S "},{"role":"user","content":"U"}]"#;
        let text = prompt("meta/meta-llama-3-8b-instruct", list, false).unwrap().text;
        assert_eq!(
            text,
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\n"
        );
        assert_eq!(prompt("meta/meta-llama-3-8b", list, false).unwrap().text, " S  U");
    }

    #[test]
    fn what_a_text_cannot_say_is_refused() {
        let image = r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/i.png"}}]}]"#;
        let error = prompt("m", image, false).unwrap_err();
        assert!(error.message.contains("messages[0].content") && error.message.contains("an image"), "{}", error.message);
        let calls =
            r#"[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]"#;
        assert!(prompt("m", calls, false).unwrap_err().message.contains("calls of tools"));
    }
}
