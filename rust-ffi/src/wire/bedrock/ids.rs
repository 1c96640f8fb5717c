//! Ids of calls in the letters that Bedrock takes.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::wire::chat::ids::Forms;

/// The ids of calls, as they are sent.
pub struct ToolIds(HashSet<String>);

impl ToolIds {
    pub fn new(ids: &[Cow<'_, str>]) -> Self {
        ToolIds(ids.iter().map(|id| tool_id(id)).collect())
    }
}

impl Forms for ToolIds {
    fn get(&mut self, id: &str) -> String {
        tool_id(id)
    }

    fn free(&mut self, plain: &str) -> String {
        let mut form = plain.to_owned();
        let mut number = 2;
        while !self.0.insert(form.clone()) {
            form = tool_id(&format!("{plain}_{number}"));
            number += 1;
        }
        form
    }
}

/// The longest id that Bedrock takes.
const LONGEST: usize = 64;

/// An id as Bedrock takes it: `[a-zA-Z0-9_.:-]+`, 64 characters at most.
fn tool_id(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
    if !id.is_empty() && id.len() <= LONGEST && id.chars().all(plain) {
        return id.to_owned();
    }
    // FNV-1a keeps ids apart that differ only in what was replaced.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let start: String = id.chars().map(|c| if plain(c) { c } else { '_' }).take(LONGEST - 17).collect();
    format!("{start}_{hash:016x}")
}
