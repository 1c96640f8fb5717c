//! Why an answer ended.

/// OpenAI's finish reason for Anthropic's stop reason, and Anthropic's own where OpenAI's does not say the same.
///
/// Source: Anthropic's guide "Handling stop reasons".
pub fn finish_reason(stop: Option<&str>) -> (&'static str, Option<&str>) {
    match stop {
        None | Some("end_turn" | "stop_sequence") => ("stop", None),
        Some("max_tokens") => ("length", None),
        Some("tool_use") => ("tool_calls", None),
        Some("refusal") => ("content_filter", None),
        Some("model_context_window_exceeded" | "compaction") => ("length", stop),
        // `pause_turn`: the provider's own tools are not done, and the answer wants to be sent back to go on.
        Some(_) => ("stop", stop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a5_every_reason_has_its_word() {
        for (stop, word, kept) in [
            ("end_turn", "stop", false),
            ("stop_sequence", "stop", false),
            ("max_tokens", "length", false),
            ("model_context_window_exceeded", "length", true),
            ("compaction", "length", true),
            ("tool_use", "tool_calls", false),
            ("refusal", "content_filter", false),
            ("pause_turn", "stop", true),
            ("something_new", "stop", true),
        ] {
            assert_eq!(finish_reason(Some(stop)), (word, kept.then_some(stop)), "{stop}");
        }
        assert_eq!(finish_reason(None), ("stop", None));
    }
}
