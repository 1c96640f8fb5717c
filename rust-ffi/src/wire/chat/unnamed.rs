//! Calls of tools without ids of their own: OpenAI's older form, and some servers' calls. Protocols that match results by ids need some.

use std::collections::{HashSet, VecDeque};

use super::messages::Message;
use crate::engine::error::{Error, Result};

/// The calls that were given ids here, until their results come.
#[derive(Default)]
pub struct Unnamed {
    /// The function's name and the id.
    waiting: VecDeque<(String, String)>,
    given: HashSet<String>,
}

impl Unnamed {
    /// An id for a call of `function`: `wanted`, or that with a number where another call has it.
    pub fn give(&mut self, function: &str, wanted: &str) -> String {
        let mut id = wanted.to_owned();
        let mut number = 2;
        while !self.given.insert(id.clone()) {
            id = format!("{wanted}_{number}");
            number += 1;
        }
        self.waiting.push_back((function.to_owned(), id.clone()));
        id
    }

    /// The id of the call that a result without an id belongs to: the first that waits, of the function that the result names where it
    /// names one. None where no call waits.
    pub fn take(&mut self, function: Option<&str>) -> Option<String> {
        let of_name = function.and_then(|function| self.waiting.iter().position(|(name, _)| name == function));
        self.waiting.remove(of_name.unwrap_or(0)).map(|(_, id)| id)
    }
}

/// The error of a result that no call waits for.
pub fn no_call(message: &Message<'_>) -> Error {
    Error::bad_request(format!("`messages[{}]` has no tool_call_id; name the call that it is the result of", message.at))
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
        assert_eq!(unnamed.take(Some("other")).as_deref(), Some("function_f_2"));
        assert_eq!(unnamed.take(None), None);
        assert_eq!(unnamed.give("f", "function_f"), "function_f_3");
    }
}
