//! The configuration of a cache, checked: an unknown or contradictory setting would silently not apply.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::memory::Bounds;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::redis;
use crate::engine::request::{string, wrong_type, Fields};
use crate::wire::Operation;

/// The operations whose answers are kept where a configuration names none: those of litellm.
pub const OPERATIONS: [Operation; 6] = [
    Operation::Completion,
    Operation::Embedding,
    Operation::Transcription,
    Operation::TextCompletion,
    Operation::Rerank,
    Operation::Responses,
];

const MEMORY: Bounds = Bounds { bytes: 64 << 20, entries: 10_000 };
/// litellm's: answers in memory hold ten minutes, those in Redis one, those on disk for good.
const MEMORY_TTL: Duration = Duration::from_secs(600);
const REDIS_TTL: Duration = Duration::from_secs(60);
const DISK_BYTES: u64 = 1 << 30;
const DISK_DIR: &str = ".litellm_cache";
/// A larger answer is not kept.
const MAX_ENTRY: u64 = 8 << 20;
/// The longest time: what is beyond it is for ever, and no sum of times overflows.
const MAX_SECONDS: f64 = 1e9;

/// Where entries are.
#[derive(PartialEq)]
pub enum Place {
    Memory(Bounds),
    Disk { dir: PathBuf, bytes: u64 },
    Redis(redis::Settings),
}

#[derive(PartialEq)]
pub struct Config {
    pub place: Place,
    /// How long an answer holds where its call does not say; None is for ever.
    pub ttl: Option<Duration>,
    pub namespace: Option<String>,
    /// litellm's mode `default_off`: only calls that ask for it with `use-cache` are kept.
    pub opt_in: bool,
    pub operations: Vec<Operation>,
    /// Conversations of more messages are neither looked for nor kept.
    pub max_messages: Option<usize>,
    pub max_entry: u64,
    pub single_flight: bool,
}

impl Config {
    /// Reads {"type": "memory" | "disk" | "redis", …} of the cache `name`:
    ///
    /// - all: `ttl` (seconds; null is for ever), `namespace`, `mode` ("default_on", "default_off"), `operations` (names),
    ///   `max_messages`, `max_item_bytes` (8 MiB), `single_flight` (true);
    /// - memory: `max_bytes` (64 MiB), `max_entries` (10,000);
    /// - disk: `dir` (".litellm_cache" in the working directory), `max_bytes` (1 GiB);
    /// - redis: what [`redis::Settings`] takes: `url`, or `host`, `port`, …
    pub fn read(name: &str, raw: &RawValue) -> Result<Config> {
        let mut given = Given { name, fields: json::read::<Fields<'_>>(raw).ok_or_else(|| wrong_type(name, "an object", raw))? };
        let config = given.config()?;
        match given.fields.keys().next() {
            Some(unknown) => Err(given.wrong(&format!("`{unknown}` is no setting of a cache of this type"))),
            None => Ok(config),
        }
    }
}

/// The settings that were not read yet.
struct Given<'a> {
    name: &'a str,
    fields: Fields<'a>,
}

impl<'a> Given<'a> {
    fn config(&mut self) -> Result<Config> {
        let kind = self.text("type")?.ok_or_else(|| self.wrong("`type` is missing: give \"memory\", \"disk\" or \"redis\""))?;
        let (place, ttl) = match kind.as_str() {
            "memory" => {
                let bytes = self.count("max_bytes")?.unwrap_or(MEMORY.bytes);
                let entries = self.count("max_entries")?.unwrap_or(MEMORY.entries);
                (Place::Memory(Bounds { bytes, entries }), Some(MEMORY_TTL))
            }
            "disk" => {
                let dir = PathBuf::from(self.text("dir")?.unwrap_or_else(|| DISK_DIR.to_owned()));
                (Place::Disk { dir, bytes: self.count("max_bytes")?.unwrap_or(DISK_BYTES) }, None)
            }
            "redis" => (Place::Redis(self.redis()?), Some(REDIS_TTL)),
            _ => return Err(self.wrong("`type` must be \"memory\", \"disk\" or \"redis\"")),
        };
        let opt_in = match self.text("mode")?.as_deref() {
            None | Some("default_on") => false,
            Some("default_off") => true,
            Some(_) => return Err(self.wrong("`mode` must be \"default_on\" or \"default_off\"")),
        };
        let ttl = match self.fields.shift_remove("ttl") {
            None => ttl,
            Some(raw) if json::is_null(raw) => None,
            Some(raw) => Some(seconds(raw).ok_or_else(|| self.wrong("`ttl` must be a number of seconds, 0 or more"))?),
        };
        Ok(Config {
            place,
            ttl,
            namespace: self.text("namespace")?.filter(|text| !text.is_empty()),
            opt_in,
            operations: self.operations()?,
            max_messages: self.count("max_messages")?.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            max_entry: self.count("max_item_bytes")?.unwrap_or(MAX_ENTRY),
            single_flight: match self.take("single_flight").map(RawValue::get) {
                None | Some("true") => true,
                Some("false") => false,
                Some(_) => return Err(self.wrong("`single_flight` must be true or false")),
            },
        })
    }

    /// Takes the settings of Redis out of what was given.
    fn redis(&mut self) -> Result<redis::Settings> {
        let mut all: Map<String, Value> =
            self.fields.iter().filter_map(|(name, raw)| Some((name.clone(), json::read(raw)?))).collect();
        let settings = redis::Settings::take(&mut all).map_err(|error| self.wrong(&error.message))?;
        self.fields.retain(|name, _| all.contains_key(name));
        Ok(settings)
    }

    fn operations(&mut self) -> Result<Vec<Operation>> {
        let Some(raw) = self.take("operations") else { return Ok(OPERATIONS.to_vec()) };
        let names: Vec<String> = json::read(raw).ok_or_else(|| wrong_type("operations", "a list of names", raw))?;
        let operation = |name: &String| {
            let found = Operation::from_name(name).filter(|operation| OPERATIONS.contains(operation));
            found.ok_or_else(|| {
                self.wrong(&format!("answers of {name:?} are not kept: `operations` may name {}", names_of(&OPERATIONS)))
            })
        };
        names.iter().map(operation).collect()
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.fields.shift_remove(name).filter(|raw| !json::is_null(raw))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.take(name).map(|raw| Ok(string(name, raw)?.into_owned())).transpose()
    }

    fn count(&mut self, name: &str) -> Result<Option<u64>> {
        let number = |raw| json::read::<u64>(raw).ok_or_else(|| wrong_type(name, "a whole number, 0 or more", raw));
        self.take(name).map(number).transpose()
    }

    fn wrong(&self, what: &str) -> Error {
        Error::bad_request(format!("the cache {:?}: {what}", self.name))
    }
}

fn names_of(operations: &[Operation]) -> String {
    operations.iter().map(|operation| operation.name()).collect::<Vec<_>>().join(", ")
}

/// A number of seconds, also in a string, that is no less than 0.
pub fn seconds(raw: &RawValue) -> Option<Duration> {
    let number = json::read::<f64>(raw).or_else(|| json::read::<String>(raw)?.trim().parse().ok())?;
    (number >= 0.0).then(|| Duration::from_secs_f64(number.min(MAX_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        Config::read("answers", serde_json::from_str(text).unwrap())
    }

    #[test]
    fn each_type_has_its_defaults() {
        let memory = read(r#"{"type":"memory"}"#).unwrap();
        assert!(memory.place == Place::Memory(MEMORY) && memory.ttl == Some(MEMORY_TTL));
        assert_eq!(memory.operations, OPERATIONS);
        assert!(memory.single_flight && !memory.opt_in && memory.max_messages.is_none());
        let disk = read(r#"{"type":"disk","dir":"/d","max_bytes":7,"mode":"default_off","namespace":""}"#).unwrap();
        assert!(disk.place == Place::Disk { dir: "/d".into(), bytes: 7 } && disk.ttl.is_none());
        assert!(disk.opt_in && disk.namespace.is_none());
        let redis = read(r#"{"type":"redis","host":"h","port":7,"password":"p","ttl":3,"namespace":"n"}"#).unwrap();
        assert!(redis.ttl == Some(Duration::from_secs(3)) && redis.namespace.as_deref() == Some("n"));
        assert_eq!(read(r#"{"type":"redis","url":"redis://h"}"#).unwrap().ttl, Some(REDIS_TTL));
        assert_eq!(read(r#"{"type":"memory","ttl":null}"#).unwrap().ttl, None);
        assert_eq!(read(r#"{"type":"memory","ttl":0.5}"#).unwrap().ttl, Some(Duration::from_millis(500)));
        assert_eq!(read(r#"{"type":"memory","operations":["embedding"]}"#).unwrap().operations, [Operation::Embedding]);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_shown() {
        for (text, word) in [
            ("{}", "`type` is missing"),
            (r#"{"type":"s3"}"#, "`type` must be"),
            (r#"{"type":"memory","dir":"/secret"}"#, "`dir`"),
            (r#"{"type":"disk","max_entries":3}"#, "`max_entries`"),
            (r#"{"type":"memory","tll":3}"#, "`tll`"),
            (r#"{"type":"redis","host":"h","dir":"/secret"}"#, "`dir`"),
            (r#"{"type":"redis","host":"h","url":"redis://:secret@h"}"#, "two servers"),
            (r#"{"type":"memory","ttl":-1}"#, "`ttl`"),
            (r#"{"type":"memory","ttl":"secret"}"#, "`ttl`"),
            (r#"{"type":"memory","mode":"secret"}"#, "`mode`"),
            (r#"{"type":"memory","max_bytes":"secret"}"#, "`max_bytes`"),
            (r#"{"type":"memory","operations":["speech"]}"#, "\"speech\""),
            (r#"{"type":"memory","single_flight":"secret"}"#, "`single_flight`"),
            ("3", "an object"),
        ] {
            let message = read(text).err().unwrap().message.clone();
            assert!(message.contains(word) && !message.contains("secret"), "{text}: {message}");
        }
    }
}
