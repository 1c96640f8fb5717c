//! Cuts a text into the pieces that are encoded each for itself.
//!
//! The rules are the regular expressions of OpenAI's encodings (tiktoken's `openai_public.py`), written out: a regular expression with these
//! classes takes longer to compile than most texts take to count. In the comments, L, N, M and so on are Unicode's general categories.

use unicode_general_category::{get_general_category, GeneralCategory as G};

/// What the rules ask of a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Lu, Lt.
    Upper,
    /// Ll.
    Lower,
    /// Lm, Lo: letters that count as both.
    Letter,
    /// M: no letters, but part of o200k's words.
    Mark,
    Number,
    Space,
    Other,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            'a'..='z' => Class::Lower,
            'A'..='Z' => Class::Upper,
            '0'..='9' => Class::Number,
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => Class::Space,
            _ => Class::Other,
        };
    }
    if c.is_whitespace() {
        return Class::Space;
    }
    match get_general_category(c) {
        G::UppercaseLetter | G::TitlecaseLetter => Class::Upper,
        G::LowercaseLetter => Class::Lower,
        G::ModifierLetter | G::OtherLetter => Class::Letter,
        G::NonspacingMark | G::SpacingMark | G::EnclosingMark => Class::Mark,
        G::DecimalNumber | G::LetterNumber | G::OtherNumber => Class::Number,
        _ => Class::Other,
    }
}

/// L.
fn is_letter(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Lower | Class::Letter)
}

/// [^\r\n\p{L}\p{N}]: what may stand before a word.
fn may_lead(c: char) -> bool {
    !matches!(c, '\r' | '\n') && !is_letter(class(c)) && class(c) != Class::Number
}

/// Which rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    Cl100k,
    O200k,
}

/// The end of the first piece of a text that is not empty.
pub fn next(rules: Rules, text: &str) -> usize {
    let word = match rules {
        Rules::Cl100k => contraction(text).or_else(|| word(text)),
        Rules::O200k => cased_word(text),
    };
    word.or_else(|| number(text)).or_else(|| symbols(rules, text)).unwrap_or_else(|| spaces(text))
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
fn contraction(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\'')?;
    let mut chars = rest.chars();
    let fold = |c: char| match c {
        // The one letter outside of ASCII that equals one of these when case is ignored.
        'ſ' => 's',
        c => c.to_ascii_lowercase(),
    };
    let first = chars.next()?;
    match (fold(first), chars.next().map(fold)) {
        ('s' | 't' | 'm' | 'd', _) => Some(1 + first.len_utf8()),
        ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
        _ => None,
    }
}

/// The end of the run of characters that are `wanted`, from `from`.
fn run(text: &str, from: usize, wanted: impl Fn(char) -> bool) -> usize {
    text[from..].find(|c| !wanted(c)).map_or(text.len(), |at| from + at)
}

/// `[^\r\n\p{L}\p{N}]?\p{L}+`
fn word(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let from = if may_lead(first) { first.len_utf8() } else { 0 };
    let end = run(text, from, |c| is_letter(class(c)));
    (end > from).then_some(end)
}

/// o200k's two rules for words: `[^\r\n\p{L}\p{N}]?[Lu Lt Lm Lo M]*[Ll Lm Lo M]+` and then
/// `[^\r\n\p{L}\p{N}]?[Lu Lt Lm Lo M]+[Ll Lm Lo M]*`, each with a contraction behind it.
fn cased_word(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let lead = if may_lead(first) { first.len_utf8() } else { 0 };
    let starts = if lead > 0 { [Some(lead), Some(0)] } else { [Some(0), None] };
    let end = starts.iter().flatten().find_map(|from| lower_word(text, *from));
    let end = end.or_else(|| starts.iter().flatten().find_map(|from| upper_word(text, *from)))?;
    Some(end + contraction(&text[end..]).unwrap_or(0))
}

fn upperish(c: char) -> bool {
    matches!(class(c), Class::Upper | Class::Letter | Class::Mark)
}

fn lowerish(c: char) -> bool {
    matches!(class(c), Class::Lower | Class::Letter | Class::Mark)
}

/// `[Lu Lt Lm Lo M]*[Ll Lm Lo M]+`
fn lower_word(text: &str, from: usize) -> Option<usize> {
    let upper = run(text, from, upperish);
    let end = run(text, upper, lowerish);
    if end > upper {
        return Some(end);
    }
    // The first run gives back what the second one can take: its last character that is both.
    text[from..upper].char_indices().rev().find(|(_, c)| lowerish(*c)).map(|(at, c)| from + at + c.len_utf8())
}

/// `[Lu Lt Lm Lo M]+[Ll Lm Lo M]*`
fn upper_word(text: &str, from: usize) -> Option<usize> {
    let upper = run(text, from, upperish);
    (upper > from).then(|| run(text, upper, lowerish))
}

/// `\p{N}{1,3}`
fn number(text: &str) -> Option<usize> {
    let end: usize = text.chars().take(3).take_while(|c| class(*c) == Class::Number).map(char::len_utf8).sum();
    (end > 0).then_some(end)
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n]*`, in o200k with `/` among the line breaks.
fn symbols(rules: Rules, text: &str) -> Option<usize> {
    let from = usize::from(text.starts_with(' '));
    let end = run(text, from, |c| matches!(class(c), Class::Other | Class::Mark));
    (end > from).then(|| run(text, end, |c| matches!(c, '\r' | '\n') || (rules == Rules::O200k && c == '/')))
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`
fn spaces(text: &str) -> usize {
    let end = run(text, 0, char::is_whitespace);
    if let Some(at) = text[..end].rfind(['\r', '\n']) {
        return at + 1;
    }
    let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
    if end < text.len() && end > last {
        // The last space belongs to what follows it.
        return end - last;
    }
    // A character that no rule takes (there is none) must not stop the walk.
    if end == 0 {
        text.chars().next().map_or(0, char::len_utf8)
    } else {
        end
    }
}
