//! What is kept: an answer, when it was stored, until when it holds, and where it came from.

use sha2::{Digest, Sha256};

use crate::wire::Operation;

/// The first bytes of an entry outside of this process. Another format gets another number, so that an old entry is a miss.
const MAGIC: &[u8; 8] = b"EQCACHE1";
const SUM: usize = 32;
/// Clocks of hosts that share a cache differ by less than this. An entry from further in the future is from a clock that has jumped,
/// and nobody can say how old it is.
const SKEW_MS: u64 = 60_000;

/// What the bytes of an entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole answer of an operation.
    Answer(Operation),
    /// One embedding of an answer, with its share of the tokens.
    Item,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Answer(operation) => operation.name(),
            Kind::Item => "embedding.item",
        }
    }

    fn from_name(name: &str) -> Option<Kind> {
        match name {
            "embedding.item" => Some(Kind::Item),
            _ => Operation::from_name(name).map(Kind::Answer),
        }
    }
}

/// Something that was kept. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub kind: Kind,
    pub stored: u64,
    pub expires: Option<u64>,
    /// Does the answer say how many tokens it took? A stream need not, and then the entry serves no call that is to be told.
    pub counted: bool,
    pub provider: String,
    pub model: String,
    pub answer: Vec<u8>,
}

impl Entry {
    /// Milliseconds since the entry was stored.
    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.stored)
    }

    /// Is the entry one of this kind that still holds, and no older than `max_age` milliseconds?
    pub fn holds(&self, kind: Kind, now: u64, max_age: Option<u64>) -> bool {
        self.kind == kind
            && self.stored <= now.saturating_add(SKEW_MS)
            && self.expires.is_none_or(|end| end > now)
            && max_age.is_none_or(|limit| self.age(now) <= limit)
    }

    /// About the memory that the entry takes.
    pub fn size(&self) -> usize {
        self.answer.len() + self.provider.len() + self.model.len() + std::mem::size_of::<Self>()
    }

    /// The entry as bytes for a file or a server: a mark, a checksum, and what it sums up. The key is part of it, so that an entry that
    /// lies in another's place is found out.
    pub fn encode(&self, key: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAGIC.len() + SUM + key.len() + self.size());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; SUM]);
        out.extend_from_slice(&self.stored.to_le_bytes());
        out.extend_from_slice(&self.expires.unwrap_or(u64::MAX).to_le_bytes());
        out.push(u8::from(self.counted));
        for text in [key.as_bytes(), self.kind.name().as_bytes(), self.provider.as_bytes(), self.model.as_bytes(), &self.answer] {
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
            out.extend_from_slice(text);
        }
        let sum = Sha256::digest(&out[MAGIC.len() + SUM..]);
        out[MAGIC.len()..MAGIC.len() + SUM].copy_from_slice(&sum);
        out
    }

    /// The entry of `key`; None for bytes that are not exactly what [`Entry::encode`] wrote for it.
    pub fn decode(key: &str, bytes: &[u8]) -> Option<Entry> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (sum, rest) = rest.split_at_checked(SUM)?;
        if Sha256::digest(rest).as_slice() != sum {
            return None;
        }
        let mut rest = Reader(rest);
        let stored = rest.number()?;
        let expires = Some(rest.number()?).filter(|end| *end != u64::MAX);
        let counted = rest.take(1)? == [1];
        if rest.bytes()? != key.as_bytes() {
            return None;
        }
        let kind = Kind::from_name(rest.text()?)?;
        let (provider, model) = (rest.text()?.to_owned(), rest.text()?.to_owned());
        let answer = rest.bytes()?.to_vec();
        rest.0.is_empty().then_some(Entry { kind, stored, expires, counted, provider, model, answer })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn entry(stored: u64, expires: Option<u64>, answer: &[u8]) -> Entry {
        Entry {
            kind: Kind::Answer(Operation::Completion),
            stored,
            expires,
            counted: true,
            provider: "openai".to_owned(),
            model: "gpt-4o".to_owned(),
            answer: answer.to_vec(),
        }
    }

    #[test]
    fn any_changed_byte_is_a_miss_and_so_is_any_end_cut_off() {
        let bytes = entry(1, Some(2), b"{\"choices\":[]}").encode("key");
        assert!(Entry::decode("key", &bytes).is_some());
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                assert_eq!(Entry::decode("key", &bad), None, "byte {at}");
            }
            assert_eq!(Entry::decode("key", &bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(Entry::decode("other", &bytes), None, "an entry in another's place");
    }

    #[test]
    fn an_entry_holds_until_it_expires_by_a_clock_that_may_jump() {
        let kind = Kind::Answer(Operation::Completion);
        let entry = entry(1_000_000, Some(1_010_000), b"");
        assert!(entry.holds(kind, 1_000_000, None) && entry.holds(kind, 1_009_999, None));
        assert!(!entry.holds(kind, 1_010_000, None));
        assert!(entry.holds(kind, 1_005_000, Some(5_000)) && !entry.holds(kind, 1_005_001, Some(5_000)));
        assert!(entry.holds(kind, 1_000_000, Some(0)));
        assert!(!entry.holds(kind, 1_000_000 - SKEW_MS - 1, None), "from the future: the clock was set back");
        assert!(!entry.holds(Kind::Item, 1_000_000, None) && !entry.holds(Kind::Answer(Operation::Rerank), 1_000_000, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            key in ".*", stored: u64, expires in proptest::option::of(0..u64::MAX), counted: bool,
            provider in ".*", model in ".*", answer: Vec<u8>,
        ) {
            for kind in [Kind::Item, Kind::Answer(Operation::Transcription)] {
                let entry = Entry {
                    kind, stored, expires, counted, provider: provider.clone(), model: model.clone(), answer: answer.clone(),
                };
                prop_assert_eq!(Entry::decode(&key, &entry.encode(&key)), Some(entry));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let mut marked = MAGIC.to_vec();
            marked.extend_from_slice(&Sha256::digest(&bytes));
            marked.extend_from_slice(&bytes);
            Entry::decode("key", &marked);
            prop_assert_eq!(Entry::decode("key", &bytes), None);
        }
    }
}
