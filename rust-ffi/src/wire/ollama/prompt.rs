//! A conversation written as one prompt, for `/api/generate`: litellm's headings, so that a model sees what it saw there.

use std::borrow::Cow;

use super::image::Image;
use crate::engine::error::{Error, Result};
use crate::wire::chat::messages::{Content, Kind, Message, Role};

/// The prompt and the images that belong to it.
pub struct Prompt<'a> {
    pub text: String,
    pub images: Vec<Image<'a>>,
}

/// Whose turn a piece of the prompt is. A tool's result stands with the user's words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    User,
    System,
    Assistant,
}

impl Turn {
    fn of(role: Role) -> Turn {
        match role {
            Role::System => Turn::System,
            Role::Assistant => Turn::Assistant,
            Role::User | Role::Tool => Turn::User,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Turn::User => "### User:\n",
            Turn::System => "### System:\n",
            Turn::Assistant => "### Assistant:\n",
        }
    }
}

/// Messages in a row with the same turn become one piece.
pub fn write<'a>(messages: &[Message<'a>]) -> Result<Prompt<'a>> {
    let mut out = Prompt { text: String::new(), images: Vec::new() };
    let mut rest = messages;
    while let Some(first) = rest.first() {
        let turn = Turn::of(first.role);
        let length = rest.iter().position(|message| Turn::of(message.role) != turn).unwrap_or(rest.len());
        let (same, others) = rest.split_at(length);
        rest = others;
        let text = match turn {
            Turn::User => user(same, &mut out.images)?,
            Turn::System => same.iter().map(Message::text).collect::<Result<String>>()?,
            Turn::Assistant => assistant(same)?,
        };
        if !text.is_empty() {
            out.text.push_str(turn.heading());
            out.text.push_str(&text);
            out.text.push_str("\n\n");
        }
    }
    Ok(out)
}

fn user<'a>(messages: &[Message<'a>], images: &mut Vec<Image<'a>>) -> Result<String> {
    let mut lines: Vec<Cow<'a, str>> = Vec::new();
    for message in messages {
        match message.content()? {
            Content::None => {}
            Content::Text(text) => lines.push(text),
            Content::Parts(parts) => {
                for (number, part) in parts.into_iter().enumerate() {
                    match part.kind {
                        Kind::Text(text) => lines.push(text),
                        Kind::Image(image) => images.push(Image::of(message, number, image.url)),
                        other => return Err(unknown_part(message, &other)),
                    }
                }
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    Ok(lines.join("\n"))
}

/// The words and, each on its own line, the calls.
fn assistant(messages: &[Message<'_>]) -> Result<String> {
    let mut text = String::new();
    for message in messages {
        text.push_str(&message.text()?);
        for (number, call) in message.tool_calls()?.iter().enumerate() {
            if number > 0 || !text.is_empty() {
                text.push('\n');
            }
            let arguments = if call.arguments.is_empty() { "{}" } else { call.arguments.as_ref() };
            text.push_str(&format!("{{\"name\": {}, \"arguments\": {arguments}}}", serde_json::Value::from(call.name.as_ref())));
        }
    }
    Ok(text)
}

/// Ollama takes text and images. A part of another kind would vanish without a word.
pub fn unknown_part(message: &Message<'_>, kind: &Kind<'_>) -> Error {
    let what = match kind {
        Kind::Audio { .. } => "audio",
        Kind::Video(_) => "a video",
        Kind::File(_) => "a file",
        Kind::Other(name) => name.as_ref(),
        Kind::Text(_) | Kind::Image(_) => "a part",
    };
    Error::bad_request(format!(
        "`messages[{}].content` holds {what}, which Ollama's API cannot carry; send text and images only",
        message.at
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::Request;
    use crate::wire::chat::messages;

    fn prompt(list: &str) -> Result<(String, Vec<String>)> {
        let text = format!("{{\"messages\":{list}}}");
        let request = Request::parse(text.as_bytes()).unwrap();
        let prompt = write(&messages::read(&request)?)?;
        Ok((prompt.text, prompt.images.into_iter().map(|image| image.url.into_owned()).collect()))
    }

    #[test]
    fn turns_have_headings_and_those_in_a_row_are_one() {
        let (text, _) = prompt(
            r#"[{"role":"system","content":"One."},{"role":"developer","content":"Two."},{"role":"user","content":"Hi"},
                {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":""},{"type":"text","text":"b"}]},
                {"role":"assistant","content":""},{"role":"user","content":"Again"}]"#,
        )
        .unwrap();
        assert_eq!(text, "### System:\nOne.Two.\n\n### User:\nHi\na\nb\n\n### User:\nAgain\n\n");
    }

    #[test]
    fn calls_and_results_are_part_of_the_conversation() {
        let (text, _) = prompt(
            r#"[{"role":"user","content":"?"},{"role":"assistant","content":"Look.","tool_calls":[
                    {"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},
                    {"id":"2","type":"function","function":{"name":"g","arguments":""}}]},
                {"role":"tool","tool_call_id":"1","content":"x"},{"role":"tool","tool_call_id":"2","content":"y"}]"#,
        )
        .unwrap();
        assert_eq!(
            text,
            "### User:\n?\n\n### Assistant:\nLook.\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n{\"name\": \"g\", \"arguments\": {}}\n\n\
             ### User:\nx\ny\n\n"
        );
    }

    #[test]
    fn images_stand_apart_and_what_cannot_be_sent_is_refused() {
        let (text, images) = prompt(
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"text","text":"what?"}]}]"#,
        )
        .unwrap();
        assert_eq!((text.as_str(), images), ("### User:\nwhat?\n\n", vec!["data:image/png;base64,AA".to_owned()]));
        let error = prompt(r#"[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]"#)
            .unwrap_err();
        assert!(error.message.contains("messages[0].content") && error.message.contains("audio"), "{}", error.message);
    }
}
