//! Writes OpenAI's vocabularies as tables that need no loading: reading one token costs two memory accesses from the first call on.
//!
//! The tokens come from the crate tiktoken-rs, which ships them. See `src/tokenizer/table.rs` for the layout.

use std::fs;
use std::path::Path;

use tiktoken_rs::CoreBPE;

#[path = "src/tokenizer/hash.rs"]
mod hash;

/// Tokens between two known positions.
const STRIDE: usize = 16;
/// Ranks have 18 bits, and 6 are left for the hash: a slot is three bytes.
const HASH_BITS: u32 = 6;
const EMPTY: u32 = 0xFF_FFFF;

/// Writes the tables of both encodings into `folder`.
pub fn write(folder: &Path) {
    for (name, tokens, encoding) in
        [("cl100k_base", 100_256, tiktoken_rs::cl100k_base()), ("o200k_base", 199_998, tiktoken_rs::o200k_base())]
    {
        let encoding = encoding.unwrap_or_else(|e| panic!("the vocabulary {name} cannot be read: {e}"));
        fs::write(folder.join(format!("{name}.table")), table(&encoding, tokens)).expect("the build folder is writable");
    }
}

fn table(encoding: &CoreBPE, tokens: u32) -> Vec<u8> {
    let list: Vec<Vec<u8>> = encoding._decode_native_and_split((0..tokens).collect()).collect();
    assert_eq!(list.len(), tokens as usize);
    // Three quarters full: a look that finds nothing passes eight slots then, 24 bytes that lie together.
    let mut slots = vec![EMPTY; list.len() * 4 / 3];
    for (rank, token) in list.iter().enumerate() {
        let hash = hash::hash(token);
        let mut at = hash::place(hash, slots.len());
        while slots[at] != EMPTY {
            at = (at + 1) % slots.len();
        }
        slots[at] = (rank as u32) << HASH_BITS | (hash as u32 & ((1 << HASH_BITS) - 1));
    }
    let mut starts = Vec::new();
    let mut start = 0u32;
    for (rank, token) in list.iter().enumerate() {
        if rank % STRIDE == 0 {
            starts.push(start);
        }
        start += token.len() as u32;
    }
    let mut out = Vec::new();
    out.extend_from_slice(&tokens.to_le_bytes());
    out.extend_from_slice(&(slots.len() as u32).to_le_bytes());
    starts.iter().for_each(|start| out.extend_from_slice(&start.to_le_bytes()));
    slots.iter().for_each(|slot| out.extend_from_slice(&slot.to_le_bytes()[..3]));
    out.extend(list.iter().map(|token| u8::try_from(token.len()).expect("no token is longer than 255 bytes")));
    list.iter().for_each(|token| out.extend_from_slice(token));
    out
}
