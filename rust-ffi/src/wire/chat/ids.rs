//! Which result belongs to which call, and under which id both are sent.
//!
//! Anthropic and Bedrock take an id for one call of the whole conversation and one result for each call. Histories that were put together,
//! and servers that number their calls anew in every answer, repeat ids.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::messages::{Message, Role};
use super::unnamed::{self, Unnamed};
use crate::engine::error::Result;

/// The letters and lengths that a protocol allows an id.
pub trait Forms {
    /// The form of an id. The same at each time it is asked for.
    fn get(&mut self, id: &str) -> String;

    /// A form that no other id has: this one, or this one with a number.
    fn free(&mut self, plain: &str) -> String;
}

pub struct Ids<F> {
    forms: F,
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

impl<F: Forms> Ids<F> {
    /// `forms` is told of all ids of the conversation.
    pub fn of(list: &[Message<'_>], forms: impl FnOnce(&[Cow<'_, str>]) -> F) -> Result<Self> {
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
        Ok(Ids { forms: forms(&order), unnamed: Unnamed::default(), known, turn: 0 })
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
            let wanted = self.forms.free(&format!("call_{}", message.at));
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
        let form = self.forms.get(id);
        let form = if known.met == 1 { form } else { self.forms.free(&form) };
        known.open.push_back(form.clone());
        self.unnamed.note(function, &form);
        Some(form)
    }

    /// An id for another call that was written into the one that is sent under `id`.
    pub fn beside(&mut self, id: &str, number: usize) -> String {
        let form = self.forms.get(&format!("{id}_{number}"));
        self.forms.free(&form)
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
        let form = open.unwrap_or_else(|| self.forms.get(&id));
        self.unnamed.answered(&form);
        Ok(form)
    }
}
