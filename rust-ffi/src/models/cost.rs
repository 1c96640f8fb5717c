//! What a call costs, in exact decimal arithmetic. The classes of tokens never overlap: each token is billed once.

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Entry;

/// The counts of a call. `prompt` counts everything that went in, `completion` everything that came out; the others are parts of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens {
    pub prompt: u64,
    pub completion: u64,
    pub cache_read: u64,
    /// Written to a cache, of every lifetime.
    pub cache_write: u64,
    /// Those of `cache_write` that live an hour.
    pub cache_write_1h: u64,
    pub prompt_audio: u64,
    pub prompt_image: u64,
    pub reasoning: u64,
    pub completion_audio: u64,
    pub completion_image: u64,
    /// Searches of the web that the provider made for the answer: they are no tokens, and billed beside them.
    pub web_searches: u64,
}

/// US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub prompt: f64,
    pub completion: f64,
    /// What the provider's own tools cost.
    pub tools: f64,
}

/// Prices of a model, for one size of prompt and one service tier.
struct Prices<'e> {
    entry: &'e Entry,
    tier: &'static str,
    prompt: u64,
}

/// The sizes of prompts, in thousands of tokens, above which a model may cost more for all of its tokens. Largest first.
const STEPS: &[u64] = &[512, 272, 256, 200, 128, 100];

impl Prices<'_> {
    /// The price of a class: that of the largest step below the prompt's size, of the tier where there is one.
    fn get(&self, class: &str) -> Option<Decimal> {
        let number = |name: &str| self.entry.get(name).filter(|value| value.is_number()).and_then(decimal);
        let tiered = |name: &str| {
            let own = if self.tier.is_empty() { None } else { number(&format!("{name}{}", self.tier)) };
            own.or_else(|| number(name))
        };
        STEPS
            .iter()
            .filter(|step| self.prompt > **step * 1000)
            .find_map(|step| tiered(&format!("{class}_above_{step}k_tokens")))
            .or_else(|| tiered(class))
    }
}

/// A JSON number, by its own digits: 2.5e-6 is exact.
fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.to_string();
    Decimal::from_scientific(&text).or_else(|_| text.parse()).ok().or_else(|| value.as_f64().and_then(Decimal::from_f64))
}

/// What searches cost: each its price, which may depend on how much was read (`low`, `medium`, `high`); of Google's older models a prompt
/// that is grounded in any number of them.
fn searches(entry: &Entry, count: u64, size: Option<&str>) -> Decimal {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let provider = text("litellm_provider").unwrap_or_default();
    let size = size.unwrap_or(if provider == "perplexity" { "low" } else { "medium" });
    let prices = entry.get("search_context_cost_per_query");
    let price = prices.and_then(|prices| prices.get(format!("search_context_size_{size}"))).and_then(decimal).unwrap_or_default();
    let google = matches!(provider, "gemini" | "vertex_ai" | "vertex_ai-language-models");
    let by_prompt = google && text("web_search_billing_unit").is_none_or(|unit| unit == "per_prompt");
    Decimal::from(if by_prompt { count.min(1) } else { count }) * price
}

/// The costs of a call by a model's entry. `service_tier`: OpenAI's `priority`, `flex`, or `batch` for the price of batches. `search_size`:
/// how much of the web was to be read.
pub fn cost(entry: &Entry, tokens: &Tokens, service_tier: Option<&str>, search_size: Option<&str>) -> Cost {
    let tier = match service_tier {
        Some("priority") => "_priority",
        Some("flex") => "_flex",
        Some("batch" | "batches") => "_batches",
        _ => "",
    };
    let prices = Prices { entry, tier, prompt: tokens.prompt };
    let times = |count: u64, price: Decimal| Decimal::from(count) * price;
    let input = prices.get("input_cost_per_token").unwrap_or_default();
    // Some models of images have one price for all that comes out.
    let output = prices.get("output_cost_per_token").or_else(|| prices.get("output_cost_per_image_token")).unwrap_or_default();
    // Fireworks takes half for what it reads from its cache, and says so for all its models at once.
    let fireworks = entry.get("litellm_provider").and_then(Value::as_str) == Some("fireworks_ai");
    let cached = prices.get("cache_read_input_token_cost").unwrap_or(if fireworks { input / Decimal::TWO } else { input });

    // What is counted by itself is not counted as text; providers that report more parts than the whole are held to the whole.
    let mut left = tokens.prompt;
    let mut take = |count: u64| {
        let taken = count.min(left);
        left -= taken;
        taken
    };
    let read = take(tokens.cache_read);
    let written = take(tokens.cache_write);
    let hour = tokens.cache_write_1h.min(written);
    let audio = take(tokens.prompt_audio);
    let image = take(tokens.prompt_image);
    let write = prices.get("cache_creation_input_token_cost").unwrap_or(input);
    let prompt = times(left, input)
        + times(read, cached)
        + times(written - hour, write)
        + times(hour, prices.get("cache_creation_input_token_cost_above_1hr").unwrap_or(write))
        + times(audio, prices.get("input_cost_per_audio_token").unwrap_or(input))
        + times(image, prices.get("input_cost_per_image_token").unwrap_or(input));

    let mut left = tokens.completion;
    let mut take = |count: u64| {
        let taken = count.min(left);
        left -= taken;
        taken
    };
    let reasoning = take(tokens.reasoning);
    let audio = take(tokens.completion_audio);
    let image = take(tokens.completion_image);
    let completion = times(left, output)
        + times(reasoning, prices.get("output_cost_per_reasoning_token").unwrap_or(output))
        + times(audio, prices.get("output_cost_per_audio_token").unwrap_or(output))
        + times(image, prices.get("output_cost_per_image_token").unwrap_or(output));
    let dollars = |amount: Decimal| amount.to_f64().unwrap_or_default();
    let tools = searches(entry, tokens.web_searches, search_size);
    Cost { prompt: dollars(prompt), completion: dollars(completion), tools: dollars(tools) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn costs_are_exact() {
        let gpt = entry(r#"{"input_cost_per_token":2.5e-6,"output_cost_per_token":1e-5,"cache_read_input_token_cost":1.25e-6}"#);
        let tokens = Tokens { prompt: 1000, completion: 500, ..Tokens::default() };
        assert_eq!(cost(&gpt, &tokens, None, None), Cost { prompt: 0.0025, completion: 0.005, tools: 0.0 });
        let cached = Tokens { cache_read: 400, ..tokens };
        assert_eq!(cost(&gpt, &cached, None, None).prompt, 0.002);
    }

    #[test]
    fn steps_and_tiers_have_their_own_prices() {
        let stepped = entry(
            r#"{"input_cost_per_token":1e-6,"input_cost_per_token_above_200k_tokens":2e-6,"input_cost_per_token_priority":3e-6,
                "output_cost_per_token":1e-6,"output_cost_per_reasoning_token":5e-6}"#,
        );
        let tokens = |prompt| Tokens { prompt, completion: 10, reasoning: 4, ..Tokens::default() };
        assert_eq!(cost(&stepped, &tokens(200_000), None, None).prompt, 0.2);
        assert_eq!(cost(&stepped, &tokens(200_001), None, None).prompt, 0.400002);
        let priority = cost(&stepped, &tokens(10), Some("priority"), None);
        assert_eq!(priority, Cost { prompt: 0.00003, completion: 0.000026, tools: 0.0 });
    }

    #[test]
    fn what_has_no_price_of_its_own_has_that_of_its_kind() {
        let image = entry(r#"{"input_cost_per_token":1,"output_cost_per_image_token":4}"#);
        let tokens = Tokens { prompt: 10, completion: 5, completion_image: 2, cache_read: 4, ..Tokens::default() };
        assert_eq!(cost(&image, &tokens, None, None), Cost { prompt: 10.0, completion: 20.0, tools: 0.0 });
        let fireworks = entry(r#"{"litellm_provider":"fireworks_ai","input_cost_per_token":1}"#);
        assert_eq!(cost(&fireworks, &tokens, None, None).prompt, 8.0);
    }

    #[test]
    fn searches_are_billed_each_or_by_the_prompt() {
        let prices = r#""search_context_cost_per_query":{"search_context_size_low":1,"search_context_size_medium":2,"search_context_size_high":3}"#;
        let ask = |more: &str, count: u64, size: Option<&str>| {
            let tokens = Tokens { web_searches: count, ..Tokens::default() };
            cost(&entry(&format!("{{{more}{prices}}}")), &tokens, None, size).tools
        };
        assert_eq!(ask("", 0, None), 0.0);
        assert_eq!(ask("", 3, None), 6.0);
        assert_eq!(ask("", 3, Some("high")), 9.0);
        assert_eq!(ask(r#""litellm_provider":"perplexity","#, 3, None), 3.0);
        assert_eq!(ask(r#""litellm_provider":"gemini","#, 3, None), 2.0);
        assert_eq!(ask(r#""litellm_provider":"gemini","web_search_billing_unit":"per_query","#, 3, None), 6.0);
    }

    #[test]
    fn no_token_is_billed_twice() {
        let prices = entry(
            r#"{"input_cost_per_token":1.0,"cache_read_input_token_cost":0.1,"cache_creation_input_token_cost":2,
                "cache_creation_input_token_cost_above_1hr":3,"input_cost_per_audio_token":10}"#,
        );
        let tokens =
            Tokens { prompt: 10, cache_read: 5, cache_write: 4, cache_write_1h: 1, prompt_audio: 7, ..Tokens::default() };
        // 5 read, 3 + 1 written, and of the audio only the one that is left.
        assert_eq!(cost(&prices, &tokens, None, None).prompt, 0.5 + 6.0 + 3.0 + 10.0);
    }
}
