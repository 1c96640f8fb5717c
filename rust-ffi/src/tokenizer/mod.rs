//! OpenAI's tokens: exact counts of `cl100k_base` and `o200k_base`, which need no loading and no network.

pub mod chat;
mod choose;
mod hash;
mod image;
mod merge;
mod split;
mod table;

pub use self::choose::encoding_of;
use self::split::Rules;
pub use self::table::Rank;
use self::table::Table;

/// A vocabulary and its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Cl100k,
    O200k,
}

static CL100K: Table = Table::new(include_bytes!(concat!(env!("OUT_DIR"), "/cl100k_base.table")));
static O200K: Table = Table::new(include_bytes!(concat!(env!("OUT_DIR"), "/o200k_base.table")));

/// Tokens that stand for no text: they are read (`decode`), never written: a text that spells one is a text.
/// Source: tiktoken's `openai_public.py`.
const SPECIAL: &[(Encoding, Rank, &str)] = &[
    (Encoding::Cl100k, 100_257, "<|endoftext|>"),
    (Encoding::Cl100k, 100_258, "<|fim_prefix|>"),
    (Encoding::Cl100k, 100_259, "<|fim_middle|>"),
    (Encoding::Cl100k, 100_260, "<|fim_suffix|>"),
    (Encoding::Cl100k, 100_276, "<|endofprompt|>"),
    (Encoding::O200k, 199_999, "<|endoftext|>"),
    (Encoding::O200k, 200_018, "<|endofprompt|>"),
];

impl Encoding {
    fn table(self) -> &'static Table {
        match self {
            Encoding::Cl100k => &CL100K,
            Encoding::O200k => &O200K,
        }
    }

    fn each(self, text: &str, push: &mut dyn FnMut(Rank)) {
        let rules = match self {
            Encoding::Cl100k => Rules::Cl100k,
            Encoding::O200k => Rules::O200k,
        };
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(split::next(rules, rest));
            merge::merge(self.table(), piece.as_bytes(), push);
            rest = behind;
        }
    }

    pub fn count(self, text: &str) -> usize {
        let mut count = 0;
        self.each(text, &mut |_| count += 1);
        count
    }

    pub fn encode(self, text: &str) -> Vec<Rank> {
        let mut tokens = Vec::with_capacity(text.len() / 3);
        self.each(text, &mut |token| tokens.push(token));
        tokens
    }

    /// The text of tokens; bytes that are no UTF-8 become U+FFFD. `Err`: the id of no token.
    pub fn decode(self, tokens: &[Rank]) -> Result<String, Rank> {
        let mut bytes = Vec::with_capacity(tokens.len() * 4);
        for token in tokens {
            let special =
                || SPECIAL.iter().find(|(own, rank, _)| (*own, *rank) == (self, *token)).map(|(.., text)| text.as_bytes());
            bytes.extend_from_slice(self.table().token(*token).or_else(special).ok_or(*token)?);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests;
