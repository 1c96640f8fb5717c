//! Checks that JSON text passes before anything else looks at it, and small readers of raw values.
//!
//! Raw values (`serde_json::value::RawValue`) are how a caller's numbers, escapes and key order survive the way to the provider. serde_json
//! skips them without a limit on depth and without a look at surrogates, hence the checks here.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Nesting beyond this is refused on both sides: no API needs it, and every recursive reader behind us would be at risk.
pub const MAX_DEPTH: usize = 128;

/// Why a text is refused although its grammar may be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    TooDeep,
    /// `\ud83d` without its other half: no UTF-8 can carry it.
    LoneSurrogate,
}

impl Flaw {
    pub fn message(self) -> &'static str {
        match self {
            Flaw::TooDeep => "the JSON is nested deeper than 128 levels",
            Flaw::LoneSurrogate => {
                "a string holds a lone surrogate (half of a character, such as \\ud83d); \
                 remove it or decode the text with errors='replace'"
            }
        }
    }
}

/// Finds the first flaw of a JSON text in one pass. The grammar itself is left to serde_json.
pub fn flaw(text: &[u8], surrogates_too: bool) -> Option<Flaw> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(Flaw::TooDeep);
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'"' => match skip_string(text, at + 1, surrogates_too) {
                Ok(end) => at = end,
                Err(flaw) => return Some(flaw),
            },
            _ => at += 1,
        }
    }
    None
}

/// The position behind the closing quote of the string that starts at `at`.
fn skip_string(text: &[u8], mut at: usize, surrogates: bool) -> Result<usize, Flaw> {
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[at.min(text.len())..]) {
        at += found;
        if text[at] == b'"' {
            return Ok(at + 1);
        }
        if surrogates && text.get(at + 1) == Some(&b'u') {
            match hex4(text, at + 2) {
                Some(0xDC00..=0xDFFF) => return Err(Flaw::LoneSurrogate),
                Some(0xD800..=0xDBFF) => {
                    let low = (text.get(at + 6..at + 8) == Some(b"\\u")).then(|| hex4(text, at + 8));
                    if !matches!(low, Some(Some(0xDC00..=0xDFFF))) {
                        return Err(Flaw::LoneSurrogate);
                    }
                    at += 12;
                    continue;
                }
                _ => {}
            }
        }
        at += 2;
    }
    Ok(text.len())
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(at..at + 4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

/// Reads a raw value as `T`; `None` when it is of another kind.
pub fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// The text of a raw string; `None` when it is of another kind. Half of a surrogate pair, which JSON can hold and UTF-8 cannot, becomes
/// U+FFFD.
pub fn text(raw: &RawValue) -> Option<String> {
    struct Wtf8;
    impl serde::de::Visitor<'_> for Wtf8 {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    if let Some(text) = read::<String>(raw) {
        return Some(text);
    }
    // As bytes, serde_json hands a lone surrogate out like any other character: in three bytes that begin with ED and are no UTF-8.
    let bytes = serde_json::Deserializer::from_str(raw.get()).deserialize_bytes(Wtf8).ok()?;
    let mut text = String::with_capacity(bytes.len());
    for piece in bytes.utf8_chunks() {
        text.push_str(piece.valid());
        if piece.invalid().first() == Some(&0xED) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Some(text)
}

/// A whole number; some servers write it as a string.
pub fn integer(raw: &RawValue) -> Option<i64> {
    read::<i64>(raw).or_else(|| read::<String>(raw)?.trim().parse().ok())
}

pub fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// Appends `text` to `out` as a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    // Writing a str to a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h11_depth_counts_brackets_outside_strings_only() {
        let deep = "[".repeat(128) + &"]".repeat(128);
        assert_eq!(flaw(deep.as_bytes(), true), None);
        let deeper = "[".repeat(129) + &"]".repeat(129);
        assert_eq!(flaw(deeper.as_bytes(), true), Some(Flaw::TooDeep));
        let text = format!("[\"{}\"]", "[\\\"".repeat(500));
        assert_eq!(flaw(text.as_bytes(), true), None);
    }

    #[test]
    fn half_a_surrogate_pair_is_shown_as_a_replacement() {
        for (json, expected) in [
            (r#""a\u00e9😀\ud83d\ude00""#, Some("aé😀😀")),
            (r#""a\ud83db""#, Some("a\u{FFFD}b")),
            (r#""\ude00\ud83d\ud83d\ude00""#, Some("\u{FFFD}\u{FFFD}😀")),
            ("\"\"", Some("")),
            ("null", None),
            ("[97]", None),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(text(raw).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn f1_lone_surrogates_are_found_and_pairs_pass() {
        for bad in [r#""\ud83d""#, r#""\udc00x""#, r#""\ud83d\u0041""#, r#"{"\ud83d":1}"#, r#""\ud83d\"""#] {
            assert_eq!(flaw(bad.as_bytes(), true), Some(Flaw::LoneSurrogate), "{bad}");
            assert_eq!(flaw(bad.as_bytes(), false), None, "{bad}");
        }
        for good in [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u0041""#, r#""\uD83D\uDE00\ud83d\ude00""#] {
            assert_eq!(flaw(good.as_bytes(), true), None, "{good}");
        }
    }
}
