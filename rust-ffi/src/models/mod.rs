//! What is known of models: limits, prices, capabilities. Facts only, as the library ships them (`data/models.json`, written by
//! `ci/models.py`), unpacked when they are first asked for.

mod cost;
mod info;
mod lookup;
mod table;

pub use self::cost::{cost, Cost, Tokens};
pub use self::info::{info, supports};
pub use self::lookup::{find, names, Found};
pub use self::table::{entry, text};

/// The facts of one model, by litellm's names (`max_input_tokens`, `input_cost_per_token`, `supports_vision`, …).
pub type Entry = serde_json::Map<String, serde_json::Value>;
