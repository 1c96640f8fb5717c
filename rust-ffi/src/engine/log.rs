//! Log records, to the one function that a program has named. Nothing is formatted unless somebody listens.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, RwLock};

/// Python's numbers for its levels, so that a binding can hand them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Debug = 10,
    Info = 20,
    Warning = 30,
    Error = 40,
}

/// Takes a record: level, message, and fields as a JSON object.
pub type Listener = Arc<dyn Fn(Level, &str, &str) + Send + Sync>;

const OFF: i32 = i32::MAX;
static LEVEL: AtomicI32 = AtomicI32::new(OFF);
static LISTENER: RwLock<Option<Listener>> = RwLock::new(None);

/// Replaces the listener; records below `level` are not made.
pub fn listen(level: i32, listener: Option<Listener>) {
    LEVEL.store(if listener.is_some() { level } else { OFF }, Ordering::Relaxed);
    *LISTENER.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = listener;
}

/// Makes a record if somebody listens at this level. `fields` is a JSON object and holds no secret.
pub fn record(level: Level, make: impl FnOnce() -> (String, String)) {
    if (level as i32) < LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let listener = LISTENER.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    if let Some(listener) = listener {
        let (message, fields) = make();
        listener(level, &message, &fields);
    }
}
