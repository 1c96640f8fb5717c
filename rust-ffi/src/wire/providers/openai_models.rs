//! OpenAI's own models, at OpenAI and at Azure: which family a name belongs to, and what the family supports.

use super::supported::BASE;
use crate::wire::params::{Param, Supported};
use Param::*;

const AZURE: &[Param] = &[
    Temperature,
    N,
    Stream,
    StreamOptions,
    Stop,
    MaxTokens,
    MaxCompletionTokens,
    Tools,
    ToolChoice,
    PresencePenalty,
    FrequencyPenalty,
    LogitBias,
    User,
    FunctionCall,
    Functions,
    TopP,
    Logprobs,
    TopLogprobs,
    ResponseFormat,
    Seed,
    ExtraHeaders,
    ParallelToolCalls,
    Prediction,
    Modalities,
    Audio,
    WebSearchOptions,
    PromptCacheKey,
    Store,
];

/// The model's own name: `meta/llama` of `openai/meta/llama` keeps its slashes, but families are told by the last part.
pub fn base_model(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// OpenAI's reasoning models before gpt-5: `o1`, `o3-mini`, `o4-mini-2025-04-16`, …
pub fn is_o_series(model: &str) -> bool {
    let name = base_model(model).as_bytes();
    name.len() > 1 && name[0] == b'o' && name[1].is_ascii_digit() && (name.len() == 2 || name[2] == b'-')
}

/// What a model of the gpt-5 and gpt-6 series can do with `reasoning_effort`, on which its sampling parameters depend.
/// Source: the models' pages of OpenAI's documentation, as litellm 1.106's model table has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gpt5 {
    /// A model that only searches has a short list of its own.
    pub search: bool,
    /// Some(true): `reasoning_effort="none"` is possible; Some(false): it is refused; None: not known.
    pub none: Option<bool>,
    /// The effort is "none" when the caller does not say.
    pub none_by_default: bool,
    pub xhigh: bool,
    pub minimal: bool,
}

impl Gpt5 {
    pub fn of(model: &str) -> Option<Gpt5> {
        let name = base_model(model);
        let series = model.contains("gpt-5") || model.contains("gpt-6");
        if !series || name.contains("gpt-5-chat") {
            return None;
        }
        let search = name.contains("search");
        let start = name.find("gpt-")? + "gpt-".len();
        let version = &name[start..];
        let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
        let (version, variant) = version.split_at(end);
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let version: (u32, u32) = (major.parse().unwrap_or(5), minor.parse().unwrap_or(0));
        // What follows the version, without a date.
        let variant = variant.trim_start_matches('-');
        let variant = variant.split("-20").next().filter(|v| !v.starts_with("20")).unwrap_or("");
        let unknown = Gpt5 { search, none: None, none_by_default: false, xhigh: false, minimal: true };
        Some(match (version, variant) {
            ((5, 0), _) => Gpt5 { none: Some(false), ..unknown },
            ((5, 1), "") => Gpt5 { none: Some(true), none_by_default: true, minimal: false, ..unknown },
            ((5, 2) | (5, 4), "" | "mini" | "nano") => {
                Gpt5 { none: Some(true), none_by_default: true, xhigh: true, minimal: false, ..unknown }
            }
            ((5, 2..), "pro") => Gpt5 { none: Some(false), xhigh: true, ..unknown },
            ((5, 3), "codex") | ((5, 5), "") | ((5, 6), "" | "sol" | "terra" | "luna") | ((6, 0), "sol" | "luna") => {
                Gpt5 { none: Some(true), xhigh: true, minimal: false, ..unknown }
            }
            ((6.., _), _) => Gpt5 { none: Some(false), xhigh: true, minimal: false, ..unknown },
            _ => unknown,
        })
    }
}

/// Is this one of OpenAI's own models? Others behind the `openai` provider are somebody's server.
fn is_openais(model: &str) -> bool {
    super::model_owner(base_model(model)) == Some("openai")
}

pub fn openai(model: &str) -> Supported {
    const SEARCH: &[Param] = &[
        MaxTokens,
        MaxCompletionTokens,
        Stream,
        StreamOptions,
        WebSearchOptions,
        ServiceTier,
        SafetyIdentifier,
        ResponseFormat,
        User,
        Store,
        Verbosity,
        MaxRetries,
        ExtraHeaders,
    ];
    const NOT_GPT5: &[Param] = &[
        PresencePenalty,
        FrequencyPenalty,
        Stop,
        LogitBias,
        Modalities,
        Prediction,
        Audio,
        WebSearchOptions,
        Logprobs,
        TopP,
        TopLogprobs,
    ];
    const NOT_GPT5_NONE: &[Param] =
        &[PresencePenalty, FrequencyPenalty, Stop, LogitBias, Modalities, Prediction, Audio, WebSearchOptions];
    const NOT_O: &[Param] = &[Logprobs, TopP, PresencePenalty, FrequencyPenalty, TopLogprobs, ParallelToolCalls];
    let base = Supported::new(BASE);
    match Gpt5::of(model) {
        Some(gpt5) if gpt5.search => return Supported::new(SEARCH),
        Some(gpt5) => {
            let without = if gpt5.none == Some(true) { NOT_GPT5_NONE } else { NOT_GPT5 };
            return base.without(without).with(&[User, ReasoningEffort, Verbosity]);
        }
        None => {}
    }
    if is_o_series(model) {
        return base.without(NOT_O).with(&[User, ReasoningEffort]);
    }
    match model {
        "gpt-4" | "gpt-3.5-turbo-16k" => base.without(&[ResponseFormat]).with(&[User]),
        _ if is_openais(model) => base.with(&[User]),
        // Behind another address than OpenAI's: the server decides on what it supports.
        _ => base.with(&[ReasoningEffort]),
    }
}

pub fn azure(model: &str) -> Supported {
    const NOT_GPT5: &[Param] = &[
        Stop,
        PresencePenalty,
        FrequencyPenalty,
        LogitBias,
        TopP,
        Logprobs,
        TopLogprobs,
        Prediction,
        Modalities,
        Audio,
        WebSearchOptions,
    ];
    const NOT_GPT5_NONE: &[Param] = &[
        Stop,
        PresencePenalty,
        FrequencyPenalty,
        LogitBias,
        Logprobs,
        TopLogprobs,
        Prediction,
        Modalities,
        Audio,
        WebSearchOptions,
    ];
    let base = Supported::new(BASE);
    if let Some(gpt5) = Gpt5::of(model) {
        let without = if gpt5.none == Some(true) { NOT_GPT5_NONE } else { NOT_GPT5 };
        let base = base.without(without);
        // Azure has shown logprobs for these two only.
        let name = base_model(model);
        if name.starts_with("gpt-5.2") || name.starts_with("gpt-5.4") {
            return base.with(&[User, ReasoningEffort, Verbosity, Logprobs, TopLogprobs]);
        }
        return base.with(&[User, ReasoningEffort, Verbosity]);
    }
    if is_o_series(model) {
        return base.without(&[Logprobs, TopP, PresencePenalty, FrequencyPenalty, TopLogprobs]).with(&[User, ReasoningEffort]);
    }
    Supported::new(AZURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_families_are_told_by_name() {
        for yes in ["o1", "o3-mini", "openai/o4-mini-2025-04-16", "o3"] {
            assert!(is_o_series(yes), "{yes}");
        }
        for no in ["omni-moderation", "o", "gpt-4o", "o3mini", "olmo"] {
            assert!(!is_o_series(no), "{no}");
        }
        let none = |model: &str| Gpt5::of(model).map(|g| (g.none, g.none_by_default, g.xhigh, g.minimal));
        assert_eq!(none("gpt-4o"), None);
        assert_eq!(none("gpt-5-chat-latest"), None);
        assert_eq!(none("gpt-5"), Some((Some(false), false, false, true)));
        assert_eq!(none("gpt-5-mini-2025-08-07"), Some((Some(false), false, false, true)));
        assert_eq!(none("gpt-5.1-2025-11-13"), Some((Some(true), true, false, false)));
        assert_eq!(none("openai/gpt-5.4-nano"), Some((Some(true), true, true, false)));
        assert_eq!(none("gpt-5.5"), Some((Some(true), false, true, false)));
        assert_eq!(none("gpt-5.1-codex"), Some((None, false, false, true)));
        assert!(Gpt5::of("gpt-5-search-api").unwrap().search);
    }
}
