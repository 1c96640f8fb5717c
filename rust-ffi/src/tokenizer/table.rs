//! A vocabulary as it lies in the library: nothing is built when it is first used.
//!
//! Layout, numbers little-endian: `u32` how many tokens; `u32` how many slots the hash table has; the start of every 16th token, `u32` each; the
//! slots of the hash table, three bytes each (rank above, 6 bits of the hash below; all ones: empty), open addressing; the tokens'
//! lengths, `u8` each; the tokens' bytes. `vocabulary.rs` writes it.

use super::hash::{hash, place};

/// The place of a token in the vocabulary, which is also its id and the order of merges.
pub type Rank = u32;

const STRIDE: usize = 16;
const HASH_BITS: u32 = 6;
const EMPTY: u32 = 0xFF_FFFF;

pub struct Table {
    tokens: usize,
    starts: &'static [[u8; 4]],
    slots: &'static [[u8; 3]],
    lengths: &'static [u8],
    bytes: &'static [u8],
}

impl Table {
    /// A view of `data`, which the build script wrote.
    pub const fn new(data: &'static [u8]) -> Table {
        let (words, _) = data.as_chunks::<4>();
        let tokens = u32::from_le_bytes(words[0]) as usize;
        let slots = u32::from_le_bytes(words[1]) as usize;
        let starts = tokens.div_ceil(STRIDE);
        let (head, rest) = data.split_at(8 + 4 * starts);
        let (_, head) = head.split_at(8);
        let (starts, _) = head.as_chunks::<4>();
        let (head, rest) = rest.split_at(3 * slots);
        let (slots, _) = head.as_chunks::<3>();
        let (lengths, bytes) = rest.split_at(tokens);
        Table { tokens, starts, slots, lengths, bytes }
    }

    /// The bytes of a token.
    pub fn token(&self, rank: Rank) -> Option<&'static [u8]> {
        let rank = rank as usize;
        if rank >= self.tokens {
            return None;
        }
        let first = rank / STRIDE * STRIDE;
        let start = u32::from_le_bytes(self.starts[rank / STRIDE]) as usize;
        let start = start + self.lengths[first..rank].iter().map(|length| usize::from(*length)).sum::<usize>();
        self.bytes.get(start..start + usize::from(self.lengths[rank]))
    }

    /// The rank of these bytes, where they are a token.
    pub fn rank(&self, bytes: &[u8]) -> Option<Rank> {
        let hash = hash(bytes);
        let mut at = place(hash, self.slots.len());
        loop {
            let [low, middle, high] = self.slots[at];
            let slot = u32::from_le_bytes([low, middle, high, 0]);
            if slot == EMPTY {
                return None;
            }
            if slot & ((1 << HASH_BITS) - 1) == hash as u32 & ((1 << HASH_BITS) - 1) {
                let rank = slot >> HASH_BITS;
                if usize::from(self.lengths[rank as usize]) == bytes.len() && self.token(rank) == Some(bytes) {
                    return Some(rank);
                }
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }
}
