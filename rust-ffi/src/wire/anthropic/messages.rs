//! OpenAI's messages as Anthropic's: the system prompt apart, turns that alternate, and every block in its place.
//!
//! Source: Anthropic's API reference ("Messages") and its guides to tool use, extended thinking and prompt caching.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::blocks::{is_signed, of_part, write_list, Block, Output, Surface, What};
use super::clean::Cleaned;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Fields, Request};
use crate::wire::chat::ids::Ids;
use crate::wire::chat::messages::{self, Content, Message, Role, ToolCall};
use crate::wire::remote::Remotes;

/// Ids of tools that the provider runs itself.
const SERVER_TOOL: &str = "srvtoolu_";

/// A conversation in Anthropic's form.
#[derive(Default)]
pub struct Prompt<'a> {
    /// The system prompt's blocks.
    pub system: Vec<Block<'a>>,
    turns: Vec<Turn<'a>>,
    /// Assistants' calls of tools are among the messages.
    pub has_tool_calls: bool,
    /// An assistant's message carries thinking.
    pub has_thinking: bool,
    /// The last assistant's message with calls of tools carries no thinking.
    pub last_calls_lack_thinking: bool,
    /// Files are named by their ids.
    pub has_files: bool,
    /// Files for the container of the code execution tool.
    pub has_container_files: bool,
    /// Files that are read before the request is sent.
    pub remotes: Remotes,
    /// Compaction blocks with a signature are given back.
    pub has_signed_compaction: bool,
}

#[derive(Debug)]
struct Turn<'a> {
    role: &'static str,
    blocks: Vec<Block<'a>>,
}

/// Reads the request's messages. `late_system`: the model takes system messages between the others. `names` are the tools'.
pub fn read<'a>(request: &Request<'a>, surface: Surface, late_system: bool, names: &mut Cleaned) -> Result<Prompt<'a>> {
    let list = messages::read(request)?;
    let ids = Ids::of(&list, |ids| Cleaned::new(usize::MAX, ids.iter().map(AsRef::as_ref)))?;
    let mut reader = Reader { surface, names, ids, prompt: Prompt::default() };
    let leading = list.iter().take_while(|message| message.role == Role::System).count();
    // System messages that wait for the end of a user's turn.
    let mut waiting = Vec::new();
    for (at, message) in list.into_iter().enumerate() {
        match message.role {
            Role::System => {
                let blocks = reader.content(&message)?;
                let to = if at < leading || !late_system { &mut reader.prompt.system } else { &mut waiting };
                to.extend(blocks);
            }
            Role::User => {
                let blocks = reader.content(&message)?;
                reader.turn("user").blocks.extend(blocks);
            }
            Role::Tool => {
                let block = reader.tool_result(&message)?;
                reader.turn("user").blocks.push(block);
            }
            Role::Assistant => {
                reader.place(&mut waiting);
                reader.assistant(&message)?;
            }
        }
    }
    reader.place(&mut waiting);
    reader.finish()
}

struct Reader<'a, 'n> {
    surface: Surface,
    names: &'n mut Cleaned,
    ids: Ids<Cleaned>,
    prompt: Prompt<'a>,
}

impl<'a> Reader<'a, '_> {
    /// The turn of this role that is being written: the last one, or a new one.
    fn turn(&mut self, role: &'static str) -> &mut Turn<'a> {
        let turns = &mut self.prompt.turns;
        if turns.last().is_none_or(|turn| turn.role != role) {
            turns.push(Turn { role, blocks: Vec::new() });
        }
        let last = turns.len() - 1;
        &mut turns[last]
    }

    /// Puts system messages behind the user's turn that has just ended. Anthropic takes them nowhere else: otherwise they join the system
    /// prompt.
    fn place(&mut self, waiting: &mut Vec<Block<'a>>) {
        if waiting.is_empty() {
            return;
        }
        let after_user = self.prompt.turns.last().is_some_and(|turn| turn.role == "user" && !turn.blocks.is_empty());
        if after_user {
            self.turn("system").blocks.append(waiting);
        } else {
            self.prompt.system.append(waiting);
        }
    }

    /// The blocks of a message's content.
    fn content(&mut self, message: &Message<'a>) -> Result<Vec<Block<'a>>> {
        let mut blocks = match message.content()? {
            Content::None => Vec::new(),
            Content::Text(text) if text.trim().is_empty() => Vec::new(),
            Content::Text(text) => vec![Block::text(text)],
            Content::Parts(parts) => {
                let mut blocks = Vec::with_capacity(parts.len());
                for (number, part) in parts.into_iter().enumerate() {
                    let place = format!("messages[{}].content[{number}]", message.at);
                    let block = of_part(part, &place, &mut self.surface)?;
                    blocks.extend(block.inspect(|block| self.note(block)));
                }
                blocks
            }
        };
        mark(&mut blocks, &message.fields);
        Ok(blocks)
    }

    /// Remembers what needs a beta or a tool.
    fn note(&mut self, block: &Block<'_>) {
        if let What::Whole(text) = &block.what {
            self.prompt.has_container_files |= text.contains("\"container_upload\"");
            self.prompt.has_files |= text.contains("\"file_id\"");
        }
    }

    fn tool_result(&mut self, message: &Message<'a>) -> Result<Block<'a>> {
        let id = self.ids.result(message)?;
        let content = match message.content()? {
            Content::None => Output::Text(Cow::Borrowed("")),
            Content::Text(text) => Output::Text(text),
            Content::Parts(parts) => {
                let mut blocks = Vec::with_capacity(parts.len());
                for (number, part) in parts.into_iter().enumerate() {
                    let place = format!("messages[{}].content[{number}]", message.at);
                    let block = of_part(part, &place, &mut self.surface)?;
                    blocks.extend(block.inspect(|block| self.note(block)));
                }
                if blocks.is_empty() {
                    Output::Text(Cow::Borrowed(""))
                } else {
                    Output::Blocks(blocks)
                }
            }
        };
        let is_error = message.fields.get("is_error").copied();
        let mut blocks = [Block { what: What::ToolResult { id, content, is_error }, own: Vec::new() }];
        mark(&mut blocks, &message.fields);
        let [block] = blocks;
        Ok(block)
    }

    fn assistant(&mut self, message: &Message<'a>) -> Result<()> {
        let own = provider_fields(message)?;
        let calls = message.tool_calls()?;
        let thinking = thinking_of(message)?;
        let inline = has_inline_thinking(message)?;
        let thinks = inline || !thinking.is_empty();
        self.prompt.has_thinking |= thinks;
        if !calls.is_empty() {
            self.prompt.has_tool_calls = true;
            self.prompt.last_calls_lack_thinking = !thinks;
        }
        if !self.answers() {
            self.ids.begin();
        }
        if let Some(blocks) = self.as_answered(message, &own, &calls)? {
            for call in &calls {
                self.ids.call(message, &call.id, &call.name, "");
            }
            self.turn("assistant").blocks.extend(blocks);
            return Ok(());
        }
        let mut blocks: Vec<Block<'a>> = list_of(&own, "compaction_blocks").into_iter().map(Block::whole).collect();
        self.prompt.has_signed_compaction |= list_of(&own, "compaction_blocks")
            .iter()
            .any(|raw| json::read::<Fields<'_>>(raw).is_some_and(|fields| is_signed(&fields)));
        let mut thinking = if inline { Vec::new() } else { thinking }.into_iter();
        let content = self.content(message)?;
        let (server, client): (Vec<_>, Vec<_>) = calls
            .into_iter()
            .map(|call| self.call(message, call, &own))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .partition(|blocks| blocks.len() > 1);
        // The provider's own tools ran between its thoughts, and a thought's signature counts for its place.
        for group in server {
            blocks.extend(thinking.next());
            blocks.extend(group);
        }
        blocks.extend(thinking);
        let only_calls = content.is_empty();
        blocks.extend(content);
        blocks.extend(client.into_iter().flatten());
        if only_calls {
            mark(&mut blocks, &message.fields);
        }
        self.turn("assistant").blocks.extend(blocks);
        Ok(())
    }

    /// Is the last turn the assistant's?
    fn answers(&self) -> bool {
        self.prompt.turns.last().is_some_and(|turn| turn.role == "assistant")
    }

    /// The blocks of an answer of ours that is given back unchanged: byte for byte and in their order.
    fn as_answered(&mut self, message: &Message<'a>, own: &Fields<'a>, calls: &[ToolCall<'a>]) -> Result<Option<Vec<Block<'a>>>> {
        let list = list_of(own, "content_blocks");
        let mut text = String::new();
        let mut ids = Vec::new();
        for raw in &list {
            let Some(fields) = json::read::<Fields<'_>>(raw) else { return Ok(None) };
            let member = |name: &str| fields.get(name).and_then(|raw| json::text(raw)).unwrap_or_default();
            match member("type").as_str() {
                "text" => text.push_str(&member("text")),
                "tool_use" => ids.push(member("id")),
                _ => {}
            }
        }
        let same = !list.is_empty()
            && text == message.text()?
            && ids.len() == calls.len()
            && calls.iter().zip(&ids).all(|(call, id)| call.id == *id && self.ids.is_once(id));
        Ok(same.then(|| list.into_iter().map(Block::whole).collect()))
    }

    /// The blocks of a call: itself, and the result where the provider ran it.
    fn call(&mut self, message: &Message<'a>, call: ToolCall<'a>, own: &Fields<'a>) -> Result<Vec<Block<'a>>> {
        let input = input_of(message, &call)?;
        if call.id.starts_with(SERVER_TOOL) {
            let result = ["web_search_results", "tool_results"].into_iter().flat_map(|name| list_of(own, name)).find(|raw| {
                let fields = json::read::<Fields<'_>>(raw);
                fields.and_then(|fields| json::text(fields.get("tool_use_id")?)).as_deref() == Some(call.id.as_ref())
            });
            if let Some(result) = result {
                let (id, name) = (serde_json::Value::from(call.id.as_ref()), serde_json::Value::from(call.name.as_ref()));
                let used = format!(r#"{{"type":"server_tool_use","id":{id},"name":{name},"input":{input}}}"#);
                let used = Block { what: What::Whole(used.into()), own: Vec::new() };
                return Ok(vec![used, Block::whole(result)]);
            }
        }
        let said = if self.ids.is_once(&call.id) { String::new() } else { format!("{} {input}", call.name) };
        let Some(id) = self.ids.call(message, &call.id, &call.name, &said) else { return Ok(Vec::new()) };
        let name = self.names.get(&call.name).into_owned();
        let mut blocks = vec![Block { what: What::ToolUse { id, name, input }, own: Vec::new() }];
        mark(&mut blocks, &call.fields);
        Ok(blocks)
    }

    fn finish(mut self) -> Result<Prompt<'a>> {
        let turns = &mut self.prompt.turns;
        if let Some(turn) = turns.last_mut().filter(|turn| turn.role == "assistant") {
            // The API refuses an answer to be continued that ends in white space.
            for block in &mut turn.blocks {
                if let What::Text(text) = &mut block.what {
                    let end = text.trim_end().len();
                    match text {
                        Cow::Borrowed(text) => *text = &text[..end],
                        Cow::Owned(text) => text.truncate(end),
                    }
                }
            }
        }
        for turn in turns.iter_mut() {
            turn.blocks.retain(|block| !block.is_blank());
        }
        turns.retain(|turn| !turn.blocks.is_empty());
        merge(turns);
        for turn in turns.iter_mut() {
            // Results come first, whatever the user wrote between them.
            turn.blocks.sort_by_key(|block| !matches!(block.what, What::ToolResult { .. }));
        }
        if turns.is_empty() {
            return Err(Error::bad_request(format!(
                "`messages` says nothing that {} could answer: it takes at least one message beside the system prompt, and text that is \
                 not blank; add a user's message",
                self.surface.name
            )));
        }
        self.prompt.remotes = self.surface.remotes;
        Ok(self.prompt)
    }
}

/// Joins turns of one role that came to stand together when one between them had nothing to say.
fn merge(turns: &mut Vec<Turn<'_>>) {
    let mut at = 1;
    while at < turns.len() {
        if turns[at].role == turns[at - 1].role {
            let turn = turns.remove(at);
            turns[at - 1].blocks.extend(turn.blocks);
        } else {
            at += 1;
        }
    }
}

impl Prompt<'_> {
    /// The body's `messages`.
    pub fn write(&self) -> String {
        let mut out = Vec::with_capacity(256);
        out.push(b'[');
        for (at, turn) in self.turns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(format!(r#"{{"role":"{}","content":"#, turn.role).as_bytes());
            write_list(&mut out, &turn.blocks);
            out.push(b'}');
        }
        out.push(b']');
        String::from_utf8(out).unwrap_or_default()
    }

    /// The body's `system`; None where there is none.
    pub fn write_system(&self) -> Option<String> {
        if self.system.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        write_list(&mut out, &self.system);
        String::from_utf8(out).ok()
    }
}

/// A mark of the prompt cache on a message or a call stands on its last block.
fn mark<'a>(blocks: &mut [Block<'a>], fields: &Fields<'a>) {
    if let (Some(raw), Some(last)) = (fields.get("cache_control"), blocks.last_mut()) {
        if !last.has_own("cache_control") && raw.get().starts_with('{') {
            last.own.push(("cache_control", raw));
        }
    }
}

/// `provider_specific_fields` of an answer that is given back.
fn provider_fields<'a>(message: &Message<'a>) -> Result<Fields<'a>> {
    let name = "provider_specific_fields";
    let Some(raw) = message.fields.get(name) else { return Ok(Fields::new()) };
    json::read(raw).ok_or_else(|| wrong_type(&format!("messages[{}].{name}", message.at), "an object", raw))
}

fn list_of<'a>(fields: &Fields<'a>, name: &str) -> Vec<&'a RawValue> {
    fields.get(name).and_then(|raw| json::read(raw)).unwrap_or_default()
}

/// The thinking that an answer carried beside its content, as it came.
fn thinking_of<'a>(message: &Message<'a>) -> Result<Vec<Block<'a>>> {
    let Some(raw) = message.fields.get("thinking_blocks") else { return Ok(Vec::new()) };
    let name = format!("messages[{}].thinking_blocks", message.at);
    let list: Vec<&'a RawValue> = json::read(raw).ok_or_else(|| wrong_type(&name, "a list of blocks", raw))?;
    let usable = |raw: &&RawValue| {
        let fields: Option<Fields<'_>> = json::read(raw);
        fields.is_some_and(|fields| {
            let thinking = fields.get("type").is_some_and(|raw| raw.get() == "\"thinking\"");
            !thinking || is_signed(&fields)
        })
    };
    Ok(list.into_iter().filter(usable).map(Block::whole).collect())
}

/// Thinking stands among the parts of the content.
fn has_inline_thinking(message: &Message<'_>) -> Result<bool> {
    use messages::Kind;
    Ok(match message.content()? {
        Content::Parts(parts) => parts
            .iter()
            .any(|part| matches!(&part.kind, Kind::Other(kind) if matches!(kind.as_ref(), "thinking" | "redacted_thinking"))),
        _ => false,
    })
}

/// A call's arguments as the JSON object that the API takes.
fn input_of<'a>(message: &Message<'a>, call: &ToolCall<'a>) -> Result<Cow<'a, str>> {
    Ok(match call.objects(message.at)?.as_slice() {
        [] => Cow::Borrowed("{}"),
        [_] => call.arguments.clone(),
        _ => return Err(call.not_one_object(message.at)),
    })
}

#[cfg(test)]
mod tests;
