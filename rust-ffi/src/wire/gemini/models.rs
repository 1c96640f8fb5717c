//! What differs between Gemini's models, by their names.
//!
//! Source: litellm 1.106's rules. Names that follow no rule of these are taken for newer than them.

/// The last part of a name: `gemini/gemini-2.5-pro` is `gemini-2.5-pro`.
fn base(model: &str) -> String {
    model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// A model that was tuned: its name is a number.
pub fn is_tuned(model: &str) -> bool {
    !model.is_empty() && model.bytes().all(|b| b.is_ascii_digit())
}

/// Gemini 3 and newer: levels of thinking instead of budgets, ids of function calls, signatures that are checked, a media resolution for
/// each part.
pub fn is_gemini_3(model: &str) -> bool {
    let name = base(model);
    // Tuned models are numbers.
    let tuned = is_tuned(&name) || (model.starts_with("gemini/") && !name.starts_with("gemini-"));
    if tuned || name.starts_with("gemma-") {
        return false;
    }
    !is_older(&name)
}

/// `gemini-1…`, `gemini-2…`, `gemini-exp…`, and `gemini-pro…` and `gemini-flash…` but for those that end in `-latest`.
fn is_older(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("gemini-") else { return false };
    let ends = |rest: &str| rest.is_empty() || rest.starts_with('-');
    for family in ["pro", "flash"] {
        if let Some(rest) = rest.strip_prefix(family) {
            return ends(rest) && !matches!(rest, "-latest" | "-lite-latest");
        }
    }
    if let Some(rest) = rest.strip_prefix("exp") {
        return ends(rest);
    }
    let Some(rest) = rest.strip_prefix(['1', '2']) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(minor) => minor.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    ends(rest)
}

/// Takes JSON Schema as it is (`responseJsonSchema`): Gemini 2.0 and newer.
pub fn takes_json_schema(model: &str) -> bool {
    let name = model.to_ascii_lowercase();
    let versions = name.match_indices("gemini-").map(|(at, word)| &name[at + word.len()..]);
    versions.into_iter().any(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest[..digits].parse().unwrap_or(0u32);
        number >= 2 && !rest.starts_with('0') && matches!(rest.as_bytes().get(digits), Some(b'.' | b'-'))
    })
}

/// Has a system instruction. Gemma's older models do not: there the system's words go to the user's turn.
pub fn has_system_instruction(model: &str) -> bool {
    let name = base(model);
    !["gemma-2", "gemma-3", "gemma-1"].iter().any(|older| name.contains(older))
}

/// Thinks: takes `reasoning_effort` and `thinking`.
pub fn thinks(model: &str) -> bool {
    let name = base(model);
    is_gemini_3(model)
        || (name.starts_with("gemini-2.5") && !name.contains("tts") && !name.contains("computer-use") && !name.contains("image"))
        || ["gemini-exp-1206", "gemini-pro-latest"].contains(&name.as_str())
        || name.starts_with("gemma-4")
        || name.starts_with("gemini-robotics-er")
}

/// Takes `presence_penalty` and `frequency_penalty`.
pub fn takes_penalties(model: &str) -> bool {
    !is_gemini_3(model) && model != "gemini-2.5-pro-preview-06-05"
}

/// The thinking level `minimal` is known: the flash models from Gemini 3 on, but for some.
pub fn thinks_minimally(model: &str) -> bool {
    let name = base(model);
    is_gemini_3(model)
        && name.contains("flash")
        && !["gemini-3.7-flash", "gemini-3.8-flash"].iter().any(|own| name.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_told_by_name() {
        for older in [
            "gemini-2.5-flash",
            "gemini-1.5-pro",
            "gemini-2.0-flash-001",
            "gemini-pro",
            "gemini-pro-vision",
            "gemini-flash-8b",
            "gemini-exp-1206",
            "gemini/gemini-2.5-pro",
            "gemma-3-27b-it",
            "1234567890",
        ] {
            assert!(!is_gemini_3(older), "{older}");
        }
        for newer in [
            "gemini-3-pro-preview",
            "gemini-3.5-flash",
            "gemini-flash-latest",
            "gemini-pro-latest",
            "gemini-flash-lite-latest",
            "gemini-4",
        ] {
            assert!(is_gemini_3(newer), "{newer}");
        }
    }

    #[test]
    fn features_follow_the_generation() {
        assert!(takes_json_schema("gemini-2.0-flash") && takes_json_schema("gemini-3-pro") && takes_json_schema("gemini-10.1"));
        assert!(
            !takes_json_schema("gemini-1.5-pro") && !takes_json_schema("gemini-flash-latest") && !takes_json_schema("gemini-2")
        );
        assert!(has_system_instruction("gemini-2.5-flash") && !has_system_instruction("gemma-3-27b-it"));
        assert!(thinks("gemini-2.5-flash-lite") && thinks("gemini-3-pro") && !thinks("gemini-2.0-flash"));
        assert!(takes_penalties("gemini-2.5-flash") && !takes_penalties("gemini-3-pro"));
        assert!(
            thinks_minimally("gemini-3-flash-preview")
                && !thinks_minimally("gemini-3-pro")
                && !thinks_minimally("gemini-3.7-flash")
        );
    }
}
