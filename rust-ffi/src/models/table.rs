//! The table itself: unpacked once, and each model's facts read when they are asked for.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::value::RawValue;

use super::Entry;

/// `data/models.json`, packed by the build script: it is a twentieth of its size.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/models.json.zst"));

struct Table {
    text: &'static str,
    by_name: HashMap<&'static str, &'static RawValue>,
    /// Names in lower case, where that differs.
    lower: HashMap<String, &'static str>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let bytes = zstd::decode_all(PACKED).unwrap_or_default();
        let text: &'static str = String::from_utf8(bytes).unwrap_or_default().leak();
        let by_name: HashMap<&'static str, &'static RawValue> = serde_json::from_str(text).unwrap_or_default();
        let mut names: Vec<&str> = by_name.keys().copied().filter(|name| name.bytes().any(|b| b.is_ascii_uppercase())).collect();
        names.sort_unstable();
        let lower = names.into_iter().map(|name| (name.to_lowercase(), name)).collect();
        Table { text, by_name, lower }
    })
}

/// The whole table as JSON: an object of models.
pub fn text() -> &'static str {
    table().text
}

/// The facts of a model under exactly this name, or under one that differs in case only; the name that it has in the table.
pub fn entry(name: &str) -> Option<(&'static str, Entry)> {
    let table = table();
    let (name, raw) = table.by_name.get_key_value(name).or_else(|| {
        let lower = name.to_lowercase();
        let name = table.lower.get(&lower).copied().unwrap_or(&lower);
        table.by_name.get_key_value(name)
    })?;
    Some((name, serde_json::from_str(raw.get()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_names_are_found_in_any_case() {
        assert!(table().by_name.len() >= 2500, "{}", table().by_name.len());
        for (name, raw) in &table().by_name {
            assert!(serde_json::from_str::<Entry>(raw.get()).is_ok(), "{name}");
        }
        let (name, facts) = entry("GPT-4o").unwrap();
        assert_eq!((name, facts["max_input_tokens"].as_u64()), ("gpt-4o", Some(128_000)));
        assert!(entry("nobody-knows-this").is_none());
    }
}
