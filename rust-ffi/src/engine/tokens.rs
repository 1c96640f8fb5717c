//! Access tokens that expire, shared by the calls of a client: fetched once however many calls wait for one (single flight), and anew
//! before they end.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Result;
use super::route::Secret;

/// A token is renewed this long before it ends, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(60);
/// More than this many credentials in one process means that they are being generated; then the oldest knowledge is worth nothing.
const MAX_TOKENS: usize = 256;

/// A token as its issuer gave it.
#[derive(Clone)]
pub struct Token {
    pub secret: Secret,
    pub lifetime: Duration,
}

#[derive(Default)]
struct Slot {
    /// The token and when it is to be renewed.
    token: Option<(Secret, Instant)>,
}

/// The tokens of a client, by a key that stands for the credentials they were fetched with (a hash: no secret is kept as a key).
#[derive(Default)]
pub struct Tokens {
    slots: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<Slot>>>>,
}

impl Tokens {
    /// The token of `key`: the known one while it is fresh, else what `fetch` brings. While one call fetches, the others wait for its
    /// token; when it fails, the next one tries.
    pub async fn get<F: Future<Output = Result<Token>>>(&self, key: u64, fetch: impl FnOnce() -> F) -> Result<Secret> {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        if let Some((secret, until)) = &slot.token {
            if Instant::now() < *until {
                return Ok(secret.clone());
            }
        }
        let token = fetch().await?;
        // A token that lives no longer than the margin is good for the call that fetched it.
        let lifetime = token.lifetime.saturating_sub(MARGIN);
        slot.token = Some((token.secret.clone(), Instant::now() + lifetime));
        Ok(token.secret)
    }

    /// Forgets a token that was refused although it should have been fresh.
    pub fn forget(&self, key: u64) {
        self.lock().remove(&key);
    }

    fn slot(&self, key: u64) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.lock();
        if slots.len() >= MAX_TOKENS && !slots.contains_key(&key) {
            slots.clear();
        }
        slots.entry(key).or_default().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<tokio::sync::Mutex<Slot>>>> {
        self.slots.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::{Error, ErrorKind};
    use std::sync::atomic::{AtomicU32, Ordering};

    fn token(text: &str, seconds: u64) -> Result<Token> {
        Ok(Token { secret: Secret::new(text), lifetime: Duration::from_secs(seconds) })
    }

    #[tokio::test(start_paused = true)]
    async fn g12_one_fetch_serves_all_and_is_renewed_before_its_end() {
        let tokens = Arc::new(Tokens::default());
        let fetched = Arc::new(AtomicU32::new(0));
        let get = || {
            let (tokens, fetched) = (tokens.clone(), fetched.clone());
            async move {
                tokens
                    .get(1, || async move {
                        let n = fetched.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        token(&format!("t{n}"), 3600)
                    })
                    .await
                    .unwrap()
                    .expose()
                    .to_owned()
            }
        };
        let all: Vec<_> = (0..20).map(|_| tokio::spawn(get())).collect();
        for one in all {
            assert_eq!(one.await.unwrap(), "t0");
        }
        tokio::time::advance(Duration::from_secs(3600 - 61)).await;
        assert_eq!(get().await, "t0");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(get().await, "t1");
        tokens.forget(1);
        assert_eq!(get().await, "t2");
    }

    #[tokio::test]
    async fn a_failed_fetch_is_not_remembered() {
        let tokens = Tokens::default();
        let failed = tokens.get(7, || async { Err(Error::new(ErrorKind::Authentication, "no")) }).await;
        assert_eq!(failed.err().unwrap().kind, ErrorKind::Authentication);
        assert_eq!(tokens.get(7, || async { token("good", 100) }).await.unwrap().expose(), "good");
    }
}
