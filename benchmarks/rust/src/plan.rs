use std::time::Duration;

/// How the server is to answer, read from the first segment of the path: `/stream-1000,obfuscated/v1/chat/completions`.
///
/// It is in the path rather than in the model's name so that clients ask for a model they know: litellm, for one, takes
/// another and slower way through its price table for names that it has never heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// `stream-N`: chunks that carry text, beside the first (role) and the last (finish reason).
    pub chunks: usize,
    /// `obfuscated`: each chunk has the random `obfuscation` field that OpenAI pads its chunks with.
    pub obfuscated: bool,
    /// `chunkwise`: one write a chunk. Without it the whole stream goes out in one write.
    pub chunkwise: bool,
    /// `gap-Nms`: chunkwise, with this pause after each chunk.
    pub gap: Option<Duration>,
    /// `hold`: between `POST /hold` and `POST /release` the answer waits.
    pub hold: bool,
}

impl Plan {
    /// Parses the comma-separated words of a path segment; a word that is not known is an error, never ignored.
    pub fn parse(segment: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        for word in segment.split(',') {
            match word.split_once('-') {
                Some(("stream", count)) => plan.chunks = number(word, count)?,
                Some(("gap", pause)) => {
                    let milliseconds = pause.strip_suffix("ms").unwrap_or_default();
                    plan.gap = Some(Duration::from_millis(number(word, milliseconds)?));
                    plan.chunkwise = true;
                }
                None if word == "obfuscated" => plan.obfuscated = true,
                None if word == "chunkwise" => plan.chunkwise = true,
                None if word == "hold" => plan.hold = true,
                None if word == "plain" => {}
                _ => return Err(format!("'{word}' is not plain, stream-N, obfuscated, chunkwise, gap-Nms or hold")),
            }
        }
        Ok(plan)
    }
}

fn number<T: std::str::FromStr>(word: &str, digits: &str) -> Result<T, String> {
    digits.parse().map_err(|_| format!("'{word}' has no whole number where one belongs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_order() {
        let gap = Some(Duration::from_millis(2));
        let expected = Plan { chunks: 300, obfuscated: true, chunkwise: true, gap, hold: false };
        assert_eq!(Plan::parse("stream-300,gap-2ms,obfuscated"), Ok(expected));
        assert_eq!(Plan::parse("obfuscated,gap-2ms,stream-300"), Ok(expected));
    }

    #[test]
    fn an_unknown_word_is_named() {
        assert!(Plan::parse("strem-300").unwrap_err().contains("strem-300"));
        assert!(Plan::parse("gap-2").unwrap_err().contains("gap-2"));
        assert!(Plan::parse("stream-many").unwrap_err().contains("stream-many"));
    }
}
