//! What a model's name says: where it runs, who made it, and what it can do on Bedrock.
//!
//! Sources: AWS's pages on supported models, inference profiles and structured output, and litellm 1.106's facts about each model.

use std::borrow::Cow;

use crate::engine::error::{Error, Result};
use crate::wire::params::{Param, Set, Supported};

/// The regions that may stand before a model (`us-west-2/anthropic.claude-…`): "area-direction-number".
fn is_region(text: &str) -> bool {
    let mut parts = text.rsplitn(2, '-');
    let (number, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && rest.contains('-')
        && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// A model as the caller names it, taken apart.
#[derive(Debug, PartialEq)]
pub struct Name<'m> {
    /// What AWS gets: an id, an ARN, an inference profile.
    pub id: &'m str,
    /// litellm shows this as the answer's model: the name without the route.
    pub shown: &'m str,
    /// The region of the path, or of the ARN.
    pub region: Option<&'m str>,
}

impl<'m> Name<'m> {
    /// Takes litellm's routes and the region off a name.
    pub fn of(model: &'m str) -> Result<Self> {
        let mut shown = model;
        while let Some((route, rest)) = shown.split_once('/') {
            match route {
                "bedrock" | "converse" | "invoke" => shown = rest,
                "agent" | "agentcore" | "async_invoke" | "openai" | "mantle" | "claude_platform" | "chat_completions" | "converse_like" => {
                    return Err(Error::bad_request(format!(
                        "this library speaks to Bedrock by its Converse API only, not by the route {route:?}; write model=\"bedrock/{rest}\" \
                         where the model has Converse"
                    )))
                }
                _ => break,
            }
        }
        let (region, mut id) = match shown.split_once('/') {
            Some((region, id)) if is_region(region) => (Some(region), id),
            _ => (None, shown),
        };
        // Words that tell the family of a model that was imported.
        for family in ["nova-2/", "nova/"] {
            id = id.strip_prefix(family).unwrap_or(id);
        }
        let of_arn = || id.starts_with("arn:").then(|| id.split(':').nth(3)).flatten().filter(|region| is_region(region));
        Ok(Name { id, shown, region: region.or_else(of_arn) })
    }
}

/// The model behind a name: without route, region, profile, throughput and size of the context.
pub fn base(model: &str) -> &str {
    let mut name = model;
    for route in ["bedrock/", "converse/", "invoke/"] {
        name = name.strip_prefix(route).unwrap_or(name);
    }
    if name.starts_with("nova-2/") {
        return "amazon.nova-2-custom";
    }
    if name.starts_with("nova/") {
        return "amazon.nova-custom";
    }
    name = name.rsplit('/').next().unwrap_or(name);
    if let Some((start, size)) = name.rsplit_once('[') {
        if size.ends_with(']') {
            name = start;
        }
    }
    if let Some((start, tokens)) = name.rsplit_once(':') {
        let throughput = tokens.strip_suffix('k').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if throughput && start.contains(':') {
            name = start;
        }
    }
    for area in ["global.", "us-gov.", "us.", "eu.", "apac.", "jp.", "au.", "ca.", "in."] {
        if let Some(rest) = name.strip_prefix(area) {
            return rest;
        }
    }
    name
}

/// A Claude model's generation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Claude<'m> {
    family: &'m str,
    version: (u32, u32),
}

impl<'m> Claude<'m> {
    fn of(model: &'m str) -> Option<Self> {
        let rest = &model[model.find("claude-")? + "claude-".len()..];
        let mut words = rest.split(['-', '.', '_', '@', ':']).peekable();
        // A date is no minor version.
        let number = |word: &str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
        let first = words.next()?;
        if let Some(major) = number(first) {
            // The older order: claude-3-5-sonnet.
            let minor = words.peek().and_then(|word| number(word));
            if minor.is_some() {
                words.next();
            }
            return Some(Claude { family: words.next().unwrap_or_default(), version: (major, minor.unwrap_or(0)) });
        }
        let Some(major) = words.next().and_then(number) else { return Some(Claude { family: first, version: (0, 0) }) };
        Some(Claude { family: first, version: (major, words.next().and_then(number).unwrap_or(0)) })
    }
}

/// What a model can do.
#[derive(Debug)]
pub struct Model<'m> {
    pub name: &'m str,
    pub base: &'m str,
    claude: Option<Claude<'m>>,
}

/// How a model is told to reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reasoning {
    None,
    /// Anthropic's `thinking` with a budget.
    Budget,
    /// Anthropic's `thinking` of type "adaptive", with an effort beside it.
    Adaptive,
    /// `reasoning_effort` as it stands.
    Effort,
    /// `{"reasoning": {"effort"}}`.
    Object,
    /// `{"reasoningConfig": {"type", "maxReasoningEffort"}}`.
    Nova,
}

impl<'m> Model<'m> {
    pub fn of(name: &'m str) -> Self {
        let base = base(name);
        Model { name, base, claude: Claude::of(base) }
    }

    pub fn is_anthropic(&self) -> bool {
        self.base.starts_with("anthropic")
    }

    pub fn is_nova(&self) -> bool {
        self.base.starts_with("amazon.nova")
    }

    fn starts_with(&self, starts: &[&str]) -> bool {
        starts.iter().any(|start| self.base.starts_with(start))
    }

    fn claude_from(&self, version: (u32, u32)) -> bool {
        self.claude.is_some_and(|claude| claude.version >= version)
    }

    fn is_arn(&self) -> bool {
        self.name.contains("arn:")
    }

    pub fn reasoning(&self) -> Reasoning {
        let is_gpt = self.base.strip_prefix("openai.gpt-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if self.base.contains("gpt-oss") || (self.base.contains("deepseek") && !self.base.contains("deepseek.r1")) {
            return Reasoning::Effort;
        }
        if is_gpt {
            return Reasoning::Object;
        }
        if self.starts_with(&["amazon.nova-2-"]) {
            return Reasoning::Nova;
        }
        if self.claude_from((4, 6)) {
            return Reasoning::Adaptive;
        }
        let thinks = ["kimi-k2-thinking", "kimi-k3", "magistral", "qwen3-", "nemotron-super", "glm-", "grok-"];
        if self.claude_from((3, 7)) || self.is_arn() || thinks.iter().any(|name| self.base.contains(name)) {
            return Reasoning::Budget;
        }
        Reasoning::None
    }

    /// Adaptive, but a budget is understood as well.
    pub fn takes_budgets(&self) -> bool {
        self.claude.is_some_and(|claude| claude.version <= (4, 6))
    }

    /// Always reasons, and refuses to be told not to.
    pub fn always_thinks(&self) -> bool {
        self.claude.is_some_and(|claude| match claude.family {
            "fable" | "mythos" => true,
            "opus" | "sonnet" => claude.version >= (5, 5),
            _ => false,
        })
    }

    /// Knows `temperature`, `top_p` and `top_k`.
    pub fn takes_sampling(&self) -> bool {
        !self.claude_from((4, 7))
    }

    /// Can be made to call a tool.
    pub fn takes_forced_tools(&self) -> bool {
        !self.claude.is_some_and(|claude| match claude.family {
            "fable" => claude.version >= (5, 1),
            "opus" | "sonnet" => claude.version >= (5, 5),
            _ => false,
        })
    }

    /// The greatest effort that Bedrock lets through.
    pub fn effort_ceiling(&self) -> &'static str {
        match self.claude {
            Some(Claude { family: "opus", version: (4, 5) }) => "high",
            Some(Claude { version: (4, 7 | 8), .. }) => "xhigh",
            Some(Claude { family: "sonnet" | "haiku" | "fable" | "mythos", version: (5.., _) }) => "xhigh",
            _ => "max",
        }
    }

    /// Knows the effort above "high".
    pub fn takes_xhigh(&self) -> bool {
        self.claude_from((4, 7))
    }

    /// `outputConfig` with a schema.
    pub fn takes_schemas(&self) -> bool {
        match self.claude {
            Some(Claude { family: "mythos", version: (5.., _) }) => true,
            Some(claude) => matches!(claude.version, (4, 5 | 6)),
            None => {
                self.starts_with(&[
                    "deepseek.v3",
                    "minimax.minimax-m2",
                    "mistral.ministral-3",
                    "mistral.mistral-large-3",
                    "mistral.voxtral",
                    "moonshot.kimi-k2-thinking",
                    "nvidia.nemotron-nano-3",
                    "qwen.qwen3-235b",
                    "qwen.qwen3-32b",
                    "qwen.qwen3-coder-30b",
                    "qwen.qwen3-coder-480b",
                    "qwen.qwen3-next",
                    "qwen.qwen3-vl",
                    "zai.glm-5",
                ]) && !self.starts_with(&["minimax.minimax-m2."])
            }
        }
    }

    /// `toolSpec.strict` and `additionalProperties`. Bedrock checks the newer Claude models' tools more strictly than Anthropic does.
    pub fn takes_strict_tools(&self) -> bool {
        self.is_anthropic()
            && !self.claude.is_some_and(|claude| match claude.family {
                "sonnet" => claude.version == (4, 0) || claude.version >= (5, 0),
                "opus" => claude.version >= (4, 7),
                "haiku" => claude.version >= (5, 0),
                _ => false,
            })
    }

    /// `disable_parallel_tool_use`.
    pub fn takes_parallel_choice(&self) -> bool {
        self.claude_from((4, 5))
    }

    /// `cachePoint` with a time to live.
    pub fn takes_cache_ttl(&self) -> bool {
        self.claude_from((4, 5))
    }

    /// `cachePoint` at all: a model without prompt caching refuses the request.
    pub fn takes_cache_points(&self) -> bool {
        const WITHOUT: &[&str] = &[
            "ai21.",
            "amazon.titan",
            "anthropic.claude-3-5-sonnet-20240620",
            "anthropic.claude-3-opus",
            "anthropic.claude-instant",
            "anthropic.claude-v",
            "cohere.",
            "deepseek.",
            "google.",
            "meta.",
            "minimax.",
            "mistral.",
            "moonshot",
            "nvidia.",
            "openai.",
            "qwen.",
            "twelvelabs.",
            "writer.",
            "xai.",
            "zai.",
        ];
        !self.starts_with(WITHOUT)
    }

    fn takes_tools(&self) -> bool {
        const WITHOUT: &[&str] = &[
            "ai21.",
            "amazon.titan",
            "deepseek.r1",
            "meta.llama2",
            "meta.llama3-70b",
            "meta.llama3-8b",
            "twelvelabs.",
            "writer.palmyra-vision",
        ];
        !self.starts_with(WITHOUT)
    }

    pub fn takes_tool_choice(&self) -> bool {
        const WITHOUT: &[&str] = &[
            "google.",
            "meta.",
            "mistral.magistral",
            "mistral.ministral",
            "mistral.mistral-large-2402",
            "mistral.mistral-large-3",
            "mistral.mistral-small",
            "mistral.pixtral",
            "mistral.voxtral",
            "writer.",
        ];
        self.takes_tools() && !self.starts_with(WITHOUT)
    }

    /// A limit below this is refused.
    pub fn least_tokens(&self) -> Option<u64> {
        (self.reasoning() == Reasoning::Object || self.starts_with(&["xai.grok-"])).then_some(16)
    }

    /// Calls tools, but not in a stream.
    pub fn streams_without_tools(&self) -> bool {
        self.base.starts_with("meta.llama3-3-70b-instruct")
    }
}

/// What a chat model supports.
pub fn supported(model: &str) -> Supported {
    use Param::*;
    const ALL: Supported = Supported::new(&[
        MaxTokens,
        MaxCompletionTokens,
        Stream,
        StreamOptions,
        Stop,
        Temperature,
        TopP,
        ExtraHeaders,
        ResponseFormat,
        RequestMetadata,
        ServiceTier,
        ParallelToolCalls,
        Tools,
        WebSearchOptions,
        ToolChoice,
        Thinking,
        ReasoningEffort,
        OutputConfig,
        ContextManagement,
    ]);
    let model = Model::of(model);
    let mut less = Set::default();
    let mut without = |missing: bool, params: &[Param]| {
        if missing {
            params.iter().for_each(|param| less.insert(*param));
        }
    };
    without(!model.takes_tools() && !model.is_arn(), &[Tools]);
    without(!model.takes_tool_choice() && !model.is_arn(), &[ToolChoice]);
    without(!model.is_nova(), &[WebSearchOptions]);
    without(!model.is_anthropic(), &[ContextManagement]);
    match model.reasoning() {
        Reasoning::None => without(true, &[Thinking, ReasoningEffort, OutputConfig]),
        Reasoning::Effort | Reasoning::Object | Reasoning::Nova => without(true, &[Thinking, OutputConfig]),
        Reasoning::Budget | Reasoning::Adaptive => {}
    }
    ALL.less(less)
}

/// A name for a tool as Bedrock takes it: `[a-zA-Z][a-zA-Z0-9_-]*`, 64 characters at most.
pub fn tool_name(name: &str) -> Cow<'_, str> {
    const LONGEST: usize = 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let fits = name.len() <= LONGEST && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain);
    if fits || name.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.push('a');
    }
    out.extend(name.chars().map(|c| if plain(c) { c } else { '_' }));
    if out.len() > LONGEST {
        // FNV-1a tells names apart that begin alike.
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        out.truncate(LONGEST - 9);
        out.push_str(&format!("_{hash:08x}"));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let name = |model| Name::of(model).unwrap();
        let plain = "anthropic.claude-sonnet-4-20250514-v1:0";
        assert_eq!(name("converse/anthropic.claude-sonnet-4-20250514-v1:0"), Name { id: plain, shown: plain, region: None });
        let in_path = name("us-gov-west-1/anthropic.claude-v2:1");
        assert_eq!((in_path.id, in_path.region), ("anthropic.claude-v2:1", Some("us-gov-west-1")));
        let arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc";
        assert_eq!((name(arn).id, name(arn).region), (arn, Some("eu-central-1")));
        assert_eq!(name("nova-2/arn:aws:bedrock:us-east-1:1:custom-model/x").id, "arn:aws:bedrock:us-east-1:1:custom-model/x");
        assert!(Name::of("agent/ABC/DEF").unwrap_err().message.contains("Converse"));
    }

    #[test]
    fn the_model_behind_a_name() {
        for (name, expected) in [
            ("us.meta.llama3-2-11b-instruct-v1:0", "meta.llama3-2-11b-instruct-v1:0"),
            ("converse/eu-west-1/anthropic.claude-3-5-sonnet-20241022-v2:0:51k", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
            ("us.anthropic.claude-opus-4-6-v1[1m]", "anthropic.claude-opus-4-6-v1"),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
                "anthropic.claude-sonnet-4-20250514-v1:0",
            ),
            ("nova/arn:aws:bedrock:us-east-1:1:custom/x", "amazon.nova-custom"),
        ] {
            assert_eq!(base(name), expected, "{name}");
        }
    }

    #[test]
    fn generations_of_claude() {
        let version = |model| Claude::of(model).map(|claude| (claude.family, claude.version));
        assert_eq!(version("anthropic.claude-3-7-sonnet-20250219-v1:0"), Some(("sonnet", (3, 7))));
        assert_eq!(version("anthropic.claude-3-opus-20240229-v1:0"), Some(("opus", (3, 0))));
        assert_eq!(version("anthropic.claude-sonnet-4-20250514-v1:0"), Some(("sonnet", (4, 0))));
        assert_eq!(version("anthropic.claude-haiku-4-5-20251001-v1:0"), Some(("haiku", (4, 5))));
        assert_eq!(version("anthropic.claude-opus-5"), Some(("opus", (5, 0))));
        assert_eq!(version("anthropic.claude-instant-v1"), Some(("instant", (0, 0))));
        assert_eq!(version("amazon.nova-pro-v1:0"), None);
    }

    #[test]
    fn what_models_support_is_listed_in_litellms_order() {
        assert_eq!(
            supported("converse/anthropic.claude-sonnet-4-20250514-v1:0").names(),
            [
                "max_tokens",
                "max_completion_tokens",
                "stream",
                "stream_options",
                "stop",
                "temperature",
                "top_p",
                "extra_headers",
                "response_format",
                "requestMetadata",
                "service_tier",
                "parallel_tool_calls",
                "tools",
                "tool_choice",
                "thinking",
                "reasoning_effort",
                "output_config",
                "context_management",
            ]
        );
        let nova = supported("us.amazon.nova-pro-v1:0").names();
        assert!(nova.contains(&"web_search_options") && !nova.contains(&"thinking") && nova.contains(&"tool_choice"));
        let llama = supported("us.meta.llama3-3-70b-instruct-v1:0").names();
        assert!(llama.contains(&"tools") && !llama.contains(&"tool_choice"));
        let r1 = supported("us.deepseek.r1-v1:0").names();
        assert!(!r1.contains(&"tools") && !r1.contains(&"reasoning_effort"));
    }

    #[test]
    fn b4_tool_names_fit_the_pattern_and_stay_apart() {
        assert_eq!(tool_name("get_weather"), "get_weather");
        assert_eq!(tool_name("1st.tool"), "a1st_tool");
        let (one, other) = (format!("{}1", "x".repeat(80)), format!("{}2", "x".repeat(80)));
        assert!(tool_name(&one).len() == 64 && tool_name(&one) != tool_name(&other));
    }
}
