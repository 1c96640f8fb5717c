//! Which encoding a model uses.

use super::Encoding;

/// The encoding of a model by its name, with or without a provider before it. Models that are not OpenAI's, whose tokens nobody publishes
/// in this form, are counted with `cl100k_base`, as litellm does.
///
/// Source: tiktoken's `model.py`.
pub fn encoding_of(model: &str) -> Encoding {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    const O200K: &[&str] = &["gpt-4o", "chatgpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-oss", "o1", "o3", "o4-mini"];
    let is = |family: &str| name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']));
    if O200K.iter().any(|family| is(family)) {
        Encoding::O200k
    } else {
        Encoding::Cl100k
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_encoding() {
        for name in
            ["gpt-4o", "openai/gpt-4o-mini", "azure/gpt-5.1", "o3-mini", "o1", "ft:gpt-4o-2024-08-06:org::x", "gpt-4.1-nano"]
        {
            assert_eq!(encoding_of(name), Encoding::O200k, "{name}");
        }
        for name in ["", "gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "claude-3-opus", "o1x", "text-embedding-3-small"] {
            assert_eq!(encoding_of(name), Encoding::Cl100k, "{name}");
        }
    }
}
