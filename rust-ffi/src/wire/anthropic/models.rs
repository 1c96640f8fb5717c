//! What Claude models can do, by their names.
//!
//! Source: Anthropic's pages "Models overview", "Extended thinking", "Adaptive thinking" and "Effort", as litellm 1.106's table of models
//! has them. A name is read by its family and version, so that a dated release and the same model at another host are the same model, and
//! a call needs no table to be unpacked. A test holds this to the library's own table of models.

/// litellm's limit for a model of which none is known. The API has no default.
const UNKNOWN_LIMIT: u32 = 4096;

/// A Claude model as its name tells: `claude-opus-4-6-20260205`, `claude-3-7-sonnet-latest`, `us.anthropic.claude-sonnet-4-5-v1:0`,
/// `claude-sonnet-4-5@20250929`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claude<'m> {
    family: &'m str,
    /// Major and minor; (0, 0) where the name has none.
    version: (u8, u8),
    /// The preview of Mythos has no version.
    preview: bool,
}

/// Families whose versions are known one by one; a new family may have other limits.
const FAMILIES: &[&str] = &["haiku", "sonnet", "opus", "fable", "mythos"];

impl<'m> Claude<'m> {
    pub fn of(model: &'m str) -> Self {
        let unknown = Claude { family: "", version: (0, 0), preview: false };
        let Some((_, rest)) = model.split_once("claude-") else { return unknown };
        let mut words = rest.split(['-', '.', '_', '@', ':']).peekable();
        if let Some(major) = words.peek().and_then(|word| small(word)) {
            // The older order: claude-3-7-sonnet, claude-2.1.
            words.next();
            let minor = words.peek().and_then(|word| small(word));
            if minor.is_some() {
                words.next();
            }
            let family = words.next().filter(|word| FAMILIES.contains(word)).unwrap_or_default();
            return Claude { family, version: (major, minor.unwrap_or(0)), preview: false };
        }
        let family = words.next().unwrap_or_default();
        if family.is_empty() || !family.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return unknown;
        }
        match words.next() {
            Some("preview") => Claude { family, version: (0, 0), preview: true },
            Some(word) => match small(word).filter(|major| *major < 10) {
                Some(major) => Claude { family, version: (major, words.next().and_then(small).unwrap_or(0)), preview: false },
                None => unknown,
            },
            None => unknown,
        }
    }

    fn is_preview(self) -> bool {
        self.preview && self.family == "mythos"
    }

    /// From this version on; the preview of Mythos counts as 4.7.
    fn since(self, major: u8, minor: u8) -> bool {
        let version = if self.is_preview() { (4, 7) } else { self.version };
        version >= (major, minor)
    }

    /// `max_tokens` where the caller gives none.
    pub fn limit(self) -> u32 {
        match self.version {
            _ if self.is_preview() => 128_000,
            _ if !FAMILIES.contains(&self.family) => UNKNOWN_LIMIT,
            (4, 5) => 64_000,
            (4, 6..=8) | (5, 0 | 1 | 5) => 128_000,
            _ => UNKNOWN_LIMIT,
        }
    }

    /// Takes `thinking`.
    pub fn thinks(self) -> bool {
        self.since(4, 0) || (self.family == "sonnet" && self.version == (3, 7))
    }

    /// Chooses for itself how much it thinks, and is told an effort instead of a budget.
    pub fn is_adaptive(self) -> bool {
        self.since(4, 6)
    }

    /// An adaptive model that takes a budget nevertheless.
    pub fn takes_budget(self) -> bool {
        !self.is_adaptive() || self.version == (4, 6)
    }

    /// Refuses to be told not to think.
    pub fn always_thinks(self) -> bool {
        matches!(self.family, "fable" | "mythos") || (matches!(self.family, "opus" | "sonnet") && self.version == (5, 5))
    }

    /// The effort `xhigh`.
    pub fn takes_xhigh(self) -> bool {
        self.since(4, 7)
    }

    /// `output_config.effort` without a beta.
    pub fn takes_effort(self) -> bool {
        self.is_adaptive() || (self.family == "opus" && self.version == (4, 5))
    }

    /// `temperature`, `top_p` and `top_k`.
    pub fn takes_sampling(self) -> bool {
        !(self.since(4, 7) || self.family == "fable")
    }

    /// `tool_choice` of the types `any` and `tool`.
    pub fn can_be_forced(self) -> bool {
        !matches!((self.family, self.version), ("opus" | "sonnet", (5, 5)) | ("fable" | "mythos", (5, 1)))
    }

    /// Messages with the role `system` between the others.
    pub fn takes_late_system(self) -> bool {
        !self.is_preview() && self.since(4, 8)
    }

    /// Answers that hold to a schema, without a tool that stands for it.
    pub fn has_output_format(self) -> bool {
        self.since(4, 5)
    }

    /// `speed`.
    pub fn takes_speed(self) -> bool {
        self.family == "opus" && matches!(self.version, (4, 6..=8) | (5, 0 | 5))
    }
}

/// A number of one or two digits: dates have more.
fn small(word: &str) -> Option<u8> {
    (word.len() <= 2).then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_host_are_read() {
        for (name, family, version) in [
            ("claude-opus-4-6-20260205", "opus", (4, 6)),
            ("claude-sonnet-4-20250514", "sonnet", (4, 0)),
            ("claude-sonnet-4-5@20250929", "sonnet", (4, 5)),
            ("us.anthropic.claude-opus-4-7-v1:0", "opus", (4, 7)),
            ("claude-sonnet-4.6", "sonnet", (4, 6)),
            ("claude-3-7-sonnet-latest", "sonnet", (3, 7)),
            ("claude-3-opus-20240229", "opus", (3, 0)),
            ("claude-2.1", "", (2, 1)),
            ("claude-instant-1.2", "instant", (1, 2)),
            ("claude-fable-5", "fable", (5, 0)),
            ("claude-nope", "", (0, 0)),
            ("claude-opus-41", "", (0, 0)),
            ("gpt-4o", "", (0, 0)),
        ] {
            assert_eq!(Claude::of(name), Claude { family, version, preview: false }, "{name}");
        }
        assert!(Claude::of("claude-mythos-preview").is_adaptive());
    }

    #[test]
    fn facts_follow_the_version() {
        let of = Claude::of;
        let limits = ["claude-3-haiku-20240307", "claude-sonnet-4-0", "claude-haiku-4-5", "claude-opus-4-6", "claude-new-7-2"];
        assert_eq!(limits.map(|name| of(name).limit()), [4096, 4096, 64_000, 128_000, 4096]);
        assert!(of("claude-opus-4-1").thinks() && of("claude-3-7-sonnet-20250219").thinks());
        assert!(!of("claude-3-5-sonnet-20241022").thinks() && !of("claude-nope").thinks());
        assert!(of("claude-sonnet-4-6").takes_budget() && !of("claude-opus-4-7").takes_budget());
        assert!(of("claude-sonnet-4-6").takes_sampling() && !of("claude-opus-4-7").takes_sampling());
        assert!(!of("claude-opus-5-5").can_be_forced() && of("claude-haiku-5-5").can_be_forced());
        assert!(of("claude-opus-4-8").takes_late_system() && !of("claude-opus-4-7").takes_late_system());
        assert!(of("claude-sonnet-4-5").has_output_format() && !of("claude-sonnet-4-20250514").has_output_format());
        assert!(of("claude-mythos-preview").always_thinks() && !of("claude-haiku-5-5").always_thinks());
        assert!(of("claude-opus-4-5").takes_effort() && !of("claude-sonnet-4-5").takes_effort());
    }

    /// Each rule, and the table's word for it; where the table has no word, it means no.
    #[test]
    fn the_rules_agree_with_the_table_of_models() {
        type Rule = fn(Claude<'static>) -> bool;
        const RULES: &[(&str, bool, Rule)] = &[
            ("supports_reasoning", false, Claude::thinks),
            ("supports_adaptive_thinking", false, Claude::is_adaptive),
            ("thinking_always_on", false, Claude::always_thinks),
            ("supports_xhigh_reasoning_effort", false, Claude::takes_xhigh),
            ("supports_sampling_params", true, Claude::takes_sampling),
            ("supports_forced_tool_use", true, Claude::can_be_forced),
            ("supports_mid_conversation_system", false, Claude::takes_late_system),
            ("supports_native_structured_output", false, Claude::has_output_format),
            ("supports_output_config", false, Claude::takes_effort),
            ("supports_speed", false, Claude::takes_speed),
        ];
        let table: serde_json::Value = serde_json::from_str(crate::models::text()).unwrap();
        let table: &'static serde_json::Value = Box::leak(Box::new(table));
        let claudes = table.as_object().unwrap().iter().filter(|(_, facts)| facts["litellm_provider"] == "anthropic");
        let mut count = 0;
        for (name, facts) in claudes {
            count += 1;
            let claude = Claude::of(name);
            assert_eq!(Some(u64::from(claude.limit())), facts["max_output_tokens"].as_u64(), "{name}");
            for (flag, silent, rule) in RULES {
                assert_eq!(rule(claude), facts[*flag].as_bool().unwrap_or(*silent), "{name} {flag}");
            }
        }
        assert!(count >= 20, "{count}");
    }
}
