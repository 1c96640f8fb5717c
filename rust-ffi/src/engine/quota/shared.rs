//! Counters that processes and machines share, in Redis: every reservation is one atomic script, by the server's clock.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::redis::{Script, ScriptInvocation};

use super::store::{Kind, Met, Taken, Want};
use crate::engine::log;
use crate::engine::redis::{Failure, Redis};

/// How long the mark of a settled call is kept. A settlement that got no answer is sent again within that time; of money it may be late.
const MARK: Duration = Duration::from_secs(10);
const MARK_OF_MONEY: Duration = Duration::from_secs(600);

pub struct Shared {
    redis: Arc<Redis>,
    namespace: String,
    /// For so long a process that died keeps what it had.
    pub lease: Duration,
}

struct Scripts {
    reserve: Script,
    settle: Script,
    renew: Script,
}

fn scripts() -> &'static Scripts {
    static SCRIPTS: OnceLock<Scripts> = OnceLock::new();
    SCRIPTS.get_or_init(|| Scripts {
        reserve: Script::new(include_str!("reserve.lua")),
        settle: Script::new(include_str!("settle.lua")),
        renew: Script::new(include_str!("renew.lua")),
    })
}

impl Shared {
    pub fn new(redis: Arc<Redis>, namespace: String, lease: Duration) -> Self {
        Shared { redis, namespace, lease }
    }

    /// In a cluster all of a namespace lies in one slot, since one script counts for all limits of a call.
    fn key(&self, key: &str) -> String {
        format!("{{{}}}:quota:{key}", self.namespace)
    }

    fn invocation<'s>(&self, script: &'s Script, keys: impl Iterator<Item = String>) -> ScriptInvocation<'s> {
        let mut invocation = script.prepare_invoke();
        keys.for_each(|key| {
            invocation.key(key);
        });
        invocation
    }

    pub async fn reserve(&self, id: &str, wants: &[Want]) -> Result<Result<Taken, Met>, Failure> {
        let mut script = self.invocation(&scripts().reserve, wants.iter().map(|want| self.key(&want.key)));
        script.arg(id).arg(self.lease.as_millis() as u64);
        for want in wants {
            script.arg(want.kind.name()).arg(want.limit).arg(want.amount).arg(self.span(want));
        }
        let answer: Vec<i64> = self.redis.script(&script).await?;
        let wrong = || Failure::Refused("the script for limits gave an answer that cannot be".into());
        if answer.get(1).is_some_and(|mended| *mended > 0) {
            log::record(log::Level::Warning, || {
                let keys: Vec<_> = wants.iter().map(|want| self.key(&want.key)).collect();
                let fields = serde_json::json!({ "redis": self.redis.address(), "keys": keys });
                (
                    "something in Redis that limits are counted with could not be read, and was taken away".into(),
                    fields.to_string(),
                )
            });
        }
        match answer[..] {
            [1, _, ref places @ ..] if places.len() == wants.len() => {
                let places = places.iter().map(|place| *place as u64).collect();
                Ok(Ok(Taken { wants: wants.to_vec(), places, id: id.to_owned() }))
            }
            [0, _, index, used, wait] if (1..=wants.len() as i64).contains(&index) => Ok(Err(Met {
                index: index as usize - 1,
                used: used as u64,
                wait: u64::try_from(wait).ok().map(Duration::from_millis),
            })),
            _ => Err(wrong()),
        }
    }

    /// Safe to be sent again where it is not known whether it was carried out.
    pub async fn settle(&self, taken: &Taken, used: &[u64]) -> Result<(), Failure> {
        let wants = &taken.wants;
        let mark = std::iter::once(self.key(&format!("call:{}", taken.id)));
        let mut script = self.invocation(&scripts().settle, mark.chain(wants.iter().map(|want| self.key(&want.key))));
        let money = wants.iter().any(|want| want.kind == Kind::Budget);
        script.arg(&taken.id).arg((if money { MARK_OF_MONEY } else { MARK }).as_millis() as u64);
        for ((want, place), used) in wants.iter().zip(&taken.places).zip(used) {
            script.arg(want.kind.name()).arg(want.amount).arg(*used).arg(self.span(want)).arg(*place);
        }
        self.redis.script::<i64>(&script).await.map(drop)
    }

    /// Tells that the call is still on its way.
    pub async fn renew(&self, taken: &Taken) -> Result<(), Failure> {
        let mut script = self.invocation(&scripts().renew, taken.wants.iter().map(|want| self.key(&want.key)));
        script.arg(&taken.id).arg(self.lease.as_millis() as u64);
        taken.wants.iter().for_each(|want| {
            script.arg(want.kind.name()).arg(want.amount);
        });
        self.redis.script::<i64>(&script).await.map(drop)
    }

    fn span(&self, want: &Want) -> u64 {
        (if want.kind == Kind::Parallel { self.lease } else { want.span }).as_millis() as u64
    }
}
