//! Which deployments are left alone, told among processes through Redis: what one has found out the others need not.
//!
//! No call waits for it. What is found out is sent, and what the others have found out is read once a second while there are calls, by
//! tasks of their own. A Redis that fails leaves each process with what it knows itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::redis::Script;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::deployment::Deployment;
use super::Router;
use crate::engine::cache::key::hex;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::redis::{Redis, Servers, Settings};
use crate::engine::request::wrong_type;

/// Between two looks at what the others have found out.
const EVERY: Duration = Duration::from_secs(1);
const NAMESPACE: &str = "edgequake";

/// One sorted set for a namespace: `member`s for deployments by when they are asked again, in milliseconds of the server's clock.
pub struct Shared {
    redis: Arc<Redis>,
    key: String,
    began: Instant,
    /// When to look next, in milliseconds since then.
    next: AtomicU64,
}

fn told() -> &'static Script {
    static SCRIPT: OnceLock<Script> = OnceLock::new();
    SCRIPT.get_or_init(|| Script::new(include_str!("tell.lua")))
}

fn heard() -> &'static Script {
    static SCRIPT: OnceLock<Script> = OnceLock::new();
    SCRIPT.get_or_init(|| Script::new(include_str!("hear.lua")))
}

impl Shared {
    /// Of the settings of a Redis, and the `namespace` in it.
    pub fn read(raw: &RawValue, servers: &Servers) -> Result<Arc<Shared>> {
        let mut given: Map<String, Value> = json::read(raw).ok_or_else(|| wrong_type("redis", "an object", raw))?;
        let namespace = match given.remove("namespace") {
            None | Some(Value::Null) => NAMESPACE.to_owned(),
            Some(Value::String(name)) if !name.is_empty() => name,
            Some(_) => return Err(Error::bad_request("`namespace` of `redis` must be a text")),
        };
        let redis = servers.get(Settings::take(&mut given)?)?;
        if let Some(name) = given.keys().next() {
            return Err(Error::bad_request(format!("{name:?} is no setting of `redis`")));
        }
        Ok(Arc::new(Shared { redis, key: format!("{namespace}:cooldowns"), began: Instant::now(), next: AtomicU64::new(0) }))
    }

    /// Tells the others that a deployment is left alone for so long. A call that the program makes itself, outside of the engine's threads,
    /// tells nobody.
    pub fn tell(self: &Arc<Self>, deployment: &Deployment, time: Duration) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (shared, member) = (self.clone(), member(deployment));
        runtime.spawn(async move {
            let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            // The connection logs it when it breaks; this process goes on alone.
            let _ = shared.redis.script::<i64>(told().key(&shared.key).arg(member).arg(time)).await;
        });
    }

    /// Looks, where it is time to, what the others have found out; later choices know of it.
    pub fn look(self: &Arc<Self>, router: &Arc<Router>) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let later = now.saturating_add(EVERY.as_millis() as u64);
        if now < next || self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (shared, router) = (self.clone(), Arc::downgrade(router));
        runtime.spawn(async move {
            let Ok(resting) = shared.redis.script::<Vec<(String, u64)>>(&heard().key(&shared.key)).await else { return };
            let Some(router) = router.upgrade() else { return };
            for (member, left) in resting {
                router.told(&member, Duration::from_millis(left));
            }
        });
    }
}

/// The name of a deployment in the set: its id, and a hash of where it leads. Programs that have nothing to do with each other may share a
/// Redis, and call quite different deployments "1".
///
/// The same in every process and build, and no key is in it.
pub fn member(deployment: &Deployment) -> String {
    let mut hash = Sha256::new();
    for part in deployment.destination() {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{}#{}", deployment.id, hex(&hash.finalize()[..8]))
}

/// The id in a `member`. This process may have another deployment of that id.
pub fn id_of(member: &str) -> Option<&str> {
    Some(member.rsplit_once('#')?.0)
}
