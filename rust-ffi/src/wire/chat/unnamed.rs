//! Results of tools that name no call by its id: those of OpenAI's older form, which name the function, and those of servers without ids.
//! Protocols that match results by ids need one for each.

use std::collections::HashSet;

use super::messages::Message;
use crate::engine::error::{Error, Result};

/// The calls that wait for their results.
#[derive(Default)]
pub struct Unnamed {
    waiting: Vec<Call>,
    given: HashSet<String>,
    turn: usize,
}

struct Call {
    /// The assistant's turn that it stands in.
    turn: usize,
    function: String,
    id: String,
    /// Its id was made here: a result without any name can be its own.
    made: bool,
}

impl Unnamed {
    /// A new turn of the assistant begins: results come for its calls before they come for older ones.
    pub fn begin(&mut self) {
        self.turn += 1;
    }

    /// An id for a call of `function`: `wanted`, or that with a number where another call has it.
    pub fn give(&mut self, function: &str, wanted: &str) -> String {
        let mut id = wanted.to_owned();
        let mut number = 2;
        while !self.given.insert(id.clone()) {
            id = format!("{wanted}_{number}");
            number += 1;
        }
        self.waiting.push(Call { turn: self.turn, function: function.to_owned(), id: id.clone(), made: true });
        id
    }

    /// Notes a call of `function` that has an id.
    pub fn note(&mut self, function: &str, id: &str) {
        self.waiting.push(Call { turn: self.turn, function: function.to_owned(), id: id.to_owned(), made: false });
    }

    /// A result named its call by the id.
    pub fn answered(&mut self, id: &str) {
        if let Some(at) = self.waiting.iter().rposition(|call| call.id == id) {
            self.waiting.remove(at);
        }
    }

    /// The id of the call that a result without an id belongs to: the first that waits in the latest turn, of the function that the result
    /// names; or, where it names none, of those that have no ids of their own.
    pub fn take(&mut self, function: Option<&str>) -> Option<String> {
        let fits = |call: &Call| function.map_or(call.made, |function| call.function == function);
        let turn = self.waiting.iter().filter(|call| fits(call)).map(|call| call.turn).max()?;
        let at = self.waiting.iter().position(|call| call.turn == turn && fits(call))?;
        Some(self.waiting.remove(at).id)
    }
}

/// The error of a result that no call waits for.
pub fn no_call(message: &Message<'_>) -> Error {
    let at = message.at;
    Error::bad_request(match message.str("name") {
        Ok(Some(name)) => format!(
            "`messages[{at}]` has no tool_call_id, and no call of {name:?} before it waits for a result; name the call that it is the result of"
        ),
        _ => format!("`messages[{at}]` has no tool_call_id; name the call that it is the result of"),
    })
}

/// The id that a result of a tool names, if it is one.
pub fn id_of<'a>(message: &Message<'a>) -> Result<Option<std::borrow::Cow<'a, str>>> {
    Ok(message.str("tool_call_id")?.filter(|id| !id.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_calls() {
        let mut unnamed = Unnamed::default();
        let ids: Vec<String> = ["f", "f", "g"].iter().map(|name| unnamed.give(name, &format!("function_{name}"))).collect();
        assert_eq!(ids, ["function_f", "function_f_2", "function_g"]);
        assert_eq!(unnamed.take(Some("g")).as_deref(), Some("function_g"));
        assert_eq!(unnamed.take(None).as_deref(), Some("function_f"));
        assert_eq!(unnamed.take(Some("other")), None, "another function's call does not get the result");
        assert_eq!(unnamed.take(None).as_deref(), Some("function_f_2"));
        assert_eq!(unnamed.take(None), None);
        assert_eq!(unnamed.give("f", "function_f"), "function_f_3");
    }

    #[test]
    fn a_name_finds_calls_with_ids_and_the_latest_turn_comes_first() {
        let mut unnamed = Unnamed::default();
        unnamed.note("f", "1");
        unnamed.note("g", "2");
        unnamed.note("f", "3");
        assert_eq!(unnamed.take(None), None);
        unnamed.answered("3");
        assert_eq!(unnamed.take(Some("f")).as_deref(), Some("1"));
        assert_eq!(unnamed.take(Some("f")), None);
        unnamed.begin();
        unnamed.note("g", "4");
        assert_eq!([unnamed.take(Some("g")), unnamed.take(Some("g"))], [Some("4".to_owned()), Some("2".to_owned())]);
    }
}
