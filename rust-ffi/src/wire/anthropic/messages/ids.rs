//! Which result belongs to which call, and under which id both are sent.
//!
//! Anthropic takes an id for one call of the whole conversation and one result for each call. Histories that were put together, and servers
//! that number their calls anew in every answer, repeat ids.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::super::clean::Cleaned;
use crate::engine::error::Result;
use crate::wire::chat::messages::{Message, Role};
use crate::wire::chat::unnamed::{self, Unnamed};

pub struct Ids {
    cleaned: Cleaned,
    unnamed: Unnamed,
    /// By the caller's id.
    known: HashMap<String, Known>,
    /// The assistant's present turn.
    turn: usize,
}

#[derive(Default)]
struct Known {
    /// Calls and results of this id in the whole conversation.
    calls: usize,
    results: usize,
    /// Calls that were met.
    met: usize,
    /// The ids that calls without results were sent under, in their order.
    open: VecDeque<String>,
    /// What the calls of the assistant's latest turn with such calls say, and that turn.
    said: (usize, Vec<String>),
}

impl Ids {
    pub fn of(list: &[Message<'_>]) -> Result<Ids> {
        let mut known: HashMap<String, Known> = HashMap::new();
        let mut order: Vec<Cow<'_, str>> = Vec::new();
        for message in list {
            match message.role {
                Role::Assistant => {
                    for call in message.tool_calls()? {
                        known.entry(call.id.clone().into_owned()).or_default().calls += 1;
                        order.push(call.id);
                    }
                }
                Role::Tool => {
                    if let Some(id) = message.str("tool_call_id")? {
                        known.entry(id.clone().into_owned()).or_default().results += 1;
                        order.push(id);
                    }
                }
                _ => {}
            }
        }
        let cleaned = Cleaned::new(usize::MAX, order.iter().map(AsRef::as_ref));
        Ok(Ids { cleaned, unnamed: Unnamed::default(), known, turn: 0 })
    }

    /// A new turn of the assistant begins.
    pub fn begin(&mut self) {
        self.unnamed.begin();
        self.turn += 1;
    }

    /// Is the id that of one call only?
    pub fn is_once(&self, id: &str) -> bool {
        !id.is_empty() && self.known.get(id).is_none_or(|known| known.calls < 2)
    }

    /// The id under which a call is sent. `said` is what it says: its function and its arguments. None for a call that the present turn has
    /// already and that has no result of its own: the history holds it twice.
    pub fn call(&mut self, message: &Message<'_>, id: &str, function: &str, said: &str) -> Option<String> {
        if id.is_empty() {
            let wanted = self.cleaned.free(&format!("call_{}", message.at), []);
            return Some(self.unnamed.give(function, &wanted));
        }
        let known = self.known.entry(id.to_owned()).or_default();
        if known.said.0 != self.turn {
            known.said = (self.turn, Vec::new());
        }
        if known.results < known.calls && known.said.1.iter().any(|other| other == said) {
            known.calls -= 1;
            return None;
        }
        known.met += 1;
        known.said.1.push(said.to_owned());
        let form = self.cleaned.get(id);
        let form = if known.met == 1 { form.into_owned() } else { self.cleaned.free(&form, []) };
        known.open.push_back(form.clone());
        self.unnamed.note(function, &form);
        Some(form)
    }

    /// The id of the call that a result belongs to: of calls that share one, the first that waits.
    pub fn result(&mut self, message: &Message<'_>) -> Result<String> {
        let Some(id) = unnamed::id_of(message)? else {
            let id = self.unnamed.take(message.str("name")?.as_deref()).ok_or_else(|| unnamed::no_call(message))?;
            for known in self.known.values_mut() {
                known.open.retain(|open| *open != id);
            }
            return Ok(id);
        };
        let open = self.known.get_mut(id.as_ref()).and_then(|known| known.open.pop_front());
        let form = open.unwrap_or_else(|| self.cleaned.get(&id).into_owned());
        self.unnamed.answered(&form);
        Ok(form)
    }
}
