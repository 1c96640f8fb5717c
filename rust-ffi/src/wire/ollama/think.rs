//! Reasoning in tags at the beginning of a text: `<think>…</think>`, as models write it where the server leaves it in.

const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// The reasoning and the rest of a whole text. A text whose tag does not end has none.
pub fn split(text: &str) -> (Option<&str>, &str) {
    for (open, close) in TAGS {
        if let Some((thought, rest)) = text.strip_prefix(open).and_then(|inner| inner.split_once(close)) {
            return (Some(thought), rest);
        }
    }
    (None, text)
}

/// The same for a text that comes in pieces.
#[derive(Default)]
pub struct Splitter {
    state: State,
    /// What may be a part of a tag.
    held: String,
}

#[derive(Default)]
enum State {
    #[default]
    Start,
    /// Within the tags; this one ends it.
    Thinking(&'static str),
    Text,
}

/// Pieces of the two texts; either may be empty.
#[derive(Debug, Default, PartialEq)]
pub struct Pieces {
    pub thought: String,
    pub text: String,
}

impl Splitter {
    /// Takes the next piece.
    pub fn push(&mut self, piece: &str) -> Pieces {
        let mut out = Pieces::default();
        if let State::Text = self.state {
            out.text.push_str(piece);
            return out;
        }
        self.held.push_str(piece);
        if let State::Start = self.state {
            if let Some((open, close)) = TAGS.iter().find(|(open, _)| self.held.starts_with(open)) {
                self.state = State::Thinking(close);
                self.held.drain(..open.len());
            } else if TAGS.iter().any(|(open, _)| open.starts_with(&self.held)) {
                return out;
            } else {
                self.state = State::Text;
                out.text = std::mem::take(&mut self.held);
                return out;
            }
        }
        if let State::Thinking(close) = self.state {
            if let Some(at) = self.held.find(close) {
                self.state = State::Text;
                out.text = self.held.split_off(at + close.len());
                self.held.truncate(at);
                out.thought = std::mem::take(&mut self.held);
            } else {
                // The end of what has come may be the beginning of the closing tag, which is ASCII.
                let kept = (1..close.len()).rev().find(|length| self.held.ends_with(&close[..*length])).unwrap_or(0);
                let tail = self.held.split_off(self.held.len() - kept);
                out.thought = std::mem::replace(&mut self.held, tail);
            }
        }
        out
    }

    /// The text has ended: what was held back is what it looks like.
    pub fn finish(&mut self) -> Pieces {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Thinking(_) => Pieces { thought: held, text: String::new() },
            State::Start | State::Text => Pieces { thought: String::new(), text: held },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pushed<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let (mut splitter, mut all) = (Splitter::default(), Pieces::default());
        let mut add = |pieces: Pieces| {
            all.thought.push_str(&pieces.thought);
            all.text.push_str(&pieces.text);
        };
        pieces.into_iter().for_each(|piece| add(splitter.push(piece)));
        add(splitter.finish());
        (all.thought, all.text)
    }

    #[test]
    fn tags_count_at_the_beginning_only() {
        for (text, thought, rest) in [
            ("<think>hm</think>\nYes", "hm", "\nYes"),
            ("<thinking>a<b</thinking>c", "a<b", "c"),
            ("<think></think>x", "", "x"),
            ("x<think>y</think>", "", "x<think>y</think>"),
            ("<thin", "", "<thin"),
            ("<thinker>", "", "<thinker>"),
            ("", "", ""),
        ] {
            assert_eq!(pushed([text]), (thought.to_owned(), rest.to_owned()), "{text}");
            assert_eq!((split(text).0.unwrap_or_default(), split(text).1), (thought, rest), "{text}");
        }
        // A whole text without the closing tag is shown as it is; a stream cannot know that it will not come.
        assert_eq!(split("<think>hm"), (None, "<think>hm"));
        assert_eq!(pushed(["<think>hm</thi"]), ("hm</thi".to_owned(), String::new()));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(text in "(<think>)?[a<é/]{0,6}(</think>)?[b<>é]{0,6}", cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..5)) {
            let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| *cut.get(&ends)).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let pieces: Vec<&str> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(pushed(pieces), pushed([text.as_str()]));
        }
    }
}
