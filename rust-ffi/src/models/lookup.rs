//! Which entry of the table a model's name means. The order of the attempts is litellm's.

use serde_json::Value;

use super::{table, Entry};

/// An entry and the name that it has in the table.
#[derive(Clone, Debug)]
pub struct Found {
    pub key: String,
    pub entry: Entry,
}

/// The entry of a model of a provider. `own` are entries of the program's: they go before the table's, and null takes one away.
pub fn find(provider: Option<&str>, model: &str, own: Option<&Entry>) -> Option<Found> {
    names(provider, model).into_iter().find_map(|name| {
        let (key, entry) = match own.and_then(|own| own.get(&name)) {
            Some(Value::Object(entry)) => (name, entry.clone()),
            // The program has taken it out of its table.
            Some(_) => return None,
            None => table::entry(&name).map(|(key, entry)| (key.to_owned(), entry))?,
        };
        serves(&entry, provider).then_some(Found { key, entry })
    })
}

/// The names that an entry may stand under, most specific first.
pub fn names(provider: Option<&str>, model: &str) -> Vec<String> {
    let Some(provider) = provider.filter(|name| !name.is_empty()) else {
        return unique(vec![model.to_owned(), plain(None, model)]);
    };
    let bare = model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
    let routed = if provider.starts_with("bedrock") { bedrock_id(bare) } else { bare };
    let plain = plain(Some(provider), bare);
    let prefixed = |name: &str| format!("{provider}/{name}");
    unique(vec![prefixed(bare), model.to_owned(), routed.to_owned(), prefixed(&plain), plain, prefixed(&prefixed(bare))])
}

fn unique(mut names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    names
}

/// A model's name without what tells one version, one owner or one region of it from another.
fn plain(provider: Option<&str>, model: &str) -> String {
    match provider {
        Some("bedrock" | "bedrock_converse") => bedrock_base(model).to_owned(),
        Some("vertex_ai" | "gemini" | "databricks") => without_number(model).to_owned(),
        // ft:gpt-4o-2024-08-06:my-org:suffix:id
        _ if model.contains("ft:") => model.rsplitn(4, ':').last().filter(|base| base.contains(':')).unwrap_or(model).to_owned(),
        _ => without_date(model).to_owned(),
    }
}

/// Without `-001`.
fn without_number(model: &str) -> &str {
    match model.rsplit_once('-') {
        Some((base, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => model,
    }
}

/// Without `-2024-08-06`.
fn without_date(model: &str) -> &str {
    let Some(at) = model.len().checked_sub(11).filter(|at| model.is_char_boundary(*at)) else { return model };
    let date = &model.as_bytes()[at..];
    let is_date = date.iter().enumerate().all(|(at, b)| if matches!(at, 0 | 5 | 8) { *b == b'-' } else { b.is_ascii_digit() });
    if is_date {
        &model[..at]
    } else {
        model
    }
}

/// A Bedrock model's id without litellm's routes (`converse/`) and region (`us-west-2/`).
fn bedrock_id(model: &str) -> &str {
    let mut rest = model;
    while let Some((first, behind)) = rest.split_once('/') {
        let route = matches!(first, "converse" | "invoke" | "converse_like" | "bedrock");
        let region = first.split('-').count() >= 3 && first.ends_with(|c: char| c.is_ascii_digit());
        if !route && !region {
            break;
        }
        rest = behind;
    }
    rest
}

/// The same without the inference profile's geography (`us.`).
fn bedrock_base(model: &str) -> &str {
    let id = bedrock_id(model);
    match id.split_once('.') {
        Some(("us" | "eu" | "apac" | "au" | "jp" | "ca" | "global" | "us-gov", rest)) => rest,
        _ => id,
    }
}

/// Is the entry one of this provider's models? Families share their entries.
fn serves(entry: &Entry, provider: Option<&str>) -> bool {
    let (Some(own), Some(provider)) = (entry.get("litellm_provider").and_then(|own| own.as_str()), provider) else { return true };
    own == provider
        || match provider {
            "vertex_ai" | "fireworks_ai" => own.starts_with(provider),
            "azure_ai" => matches!(own, "azure" | "openai"),
            // One company: the names tell two of its operations apart.
            "openai" => own == "text-completion-openai",
            "text-completion-openai" => own == "openai",
            "litellm_proxy" | "github" => true,
            _ => provider.starts_with("bedrock") && own.starts_with("bedrock"),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(provider: &str, model: &str) -> Option<String> {
        find(Some(provider), model, None).map(|found| found.key)
    }

    #[test]
    fn names_lead_to_their_entries() {
        assert_eq!(key("openai", "gpt-4o").as_deref(), Some("gpt-4o"));
        assert_eq!(key("openai", "gpt-4o-2099-01-01").as_deref(), Some("gpt-4o"));
        assert_eq!(key("openai", "ft:gpt-4o-2024-08-06:my-org::id").as_deref(), Some("ft:gpt-4o-2024-08-06"));
        assert_eq!(key("gemini", "gemini-2.5-flash").as_deref(), Some("gemini/gemini-2.5-flash"));
        assert_eq!(key("openai", "gpt-3.5-turbo-instruct").as_deref(), Some("gpt-3.5-turbo-instruct"));
        assert_eq!(key("anthropic", "gpt-4o"), None, "another provider's model");
        let claude = "anthropic.claude-3-5-sonnet-20240620-v1:0";
        assert_eq!(key("bedrock", &format!("us-west-2/{claude}")).as_deref(), Some(claude));
        assert_eq!(find(None, "nonsense", None).map(|found| found.key), None);
    }

    #[test]
    fn registered_models_go_first() {
        let own: Entry = serde_json::from_str(r#"{"gpt-4o":{"litellm_provider":"openai","max_tokens":7}}"#).unwrap();
        assert_eq!(find(Some("openai"), "gpt-4o", Some(&own)).unwrap().entry["max_tokens"], 7);
    }
}
