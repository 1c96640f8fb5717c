//! Log records, to the one function that a program has named. Nothing is formatted unless somebody listens.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;

use arc_swap::ArcSwapOption;

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
pub type Listener = Box<dyn Fn(Level, &str, &str) + Send + Sync>;

const OFF: i32 = i32::MAX;
static LEVEL: AtomicI32 = AtomicI32::new(OFF);
/// Without a lock, which a thread that a fork leaves behind could hold for ever in the child.
static LISTENER: ArcSwapOption<Listener> = ArcSwapOption::const_empty();

/// Replaces the listener; records below `level` are not made.
pub fn listen(level: i32, listener: Option<Listener>) {
    LEVEL.store(if listener.is_some() { level } else { OFF }, Ordering::Relaxed);
    LISTENER.store(listener.map(Arc::new));
}

/// Ends the making of records until somebody listens again. For a forked child, whose listener was the parent's: nothing is locked or freed.
pub fn silence() {
    LEVEL.store(OFF, Ordering::Relaxed);
}

/// Does anybody listen at this level?
pub fn is_on(level: Level) -> bool {
    level as i32 >= LEVEL.load(Ordering::Relaxed)
}

/// Makes a record if somebody listens at this level. `fields` is a JSON object and holds no secret.
pub fn record(level: Level, make: impl FnOnce() -> (String, String)) {
    if !is_on(level) {
        return;
    }
    if let Some(listener) = LISTENER.load_full() {
        let (message, fields) = make();
        listener(level, &message, &fields);
    }
}
