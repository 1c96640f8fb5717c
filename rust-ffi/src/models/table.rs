//! The table itself: unpacked once, and each model's facts read when they are asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
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

/// Not a `OnceLock`: unpacking takes milliseconds, and in a process that is forked meanwhile nobody would end it, nor the wait for it.
static TABLE: ArcSwapOption<&'static Table> = ArcSwapOption::const_empty();
/// The process one of whose threads unpacks, or 0.
static UNPACKS: AtomicU32 = AtomicU32::new(0);

fn table() -> &'static Table {
    let process = std::process::id();
    loop {
        if let Some(table) = TABLE.load().as_deref() {
            return table;
        }
        let unpacks = UNPACKS.load(Ordering::Acquire);
        if unpacks == process {
            std::thread::sleep(Duration::from_micros(100));
        } else if UNPACKS.compare_exchange(unpacks, process, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let _turn = Turn;
            TABLE.store(Some(Arc::new(Box::leak(Box::new(unpacked())))));
        }
    }
}

/// Ends the turn of the thread that unpacks, also where that panics: another one may then try.
struct Turn;

impl Drop for Turn {
    fn drop(&mut self) {
        UNPACKS.store(0, Ordering::Release);
    }
}

fn unpacked() -> Table {
    let bytes = zstd::decode_all(PACKED).unwrap_or_default();
    let text: &'static str = String::from_utf8(bytes).unwrap_or_default().leak();
    let by_name: HashMap<&'static str, &'static RawValue> = serde_json::from_str(text).unwrap_or_default();
    let mut names: Vec<&str> = by_name.keys().copied().filter(|name| name.bytes().any(|b| b.is_ascii_uppercase())).collect();
    names.sort_unstable();
    let lower = names.into_iter().map(|name| (name.to_lowercase(), name)).collect();
    Table { text, by_name, lower }
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

    #[test]
    fn threads_that_ask_at_once_have_one_table() {
        let asked: Vec<_> = (0..8).map(|_| std::thread::spawn(|| text().as_ptr().addr())).collect();
        let addresses: std::collections::HashSet<usize> = asked.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(addresses.len(), 1);
    }
}
