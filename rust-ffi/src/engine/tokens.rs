//! Access tokens that expire, shared by the calls of a client: fetched once however many calls wait for one (single flight), and anew
//! before they end.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Result;
use super::route::Secret;

/// A token is renewed this long before it ends, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(60);
/// A longer lifetime is not believed: a clock cannot hold all that a server can write.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// More than this many credentials in one process means that they are being generated; then the oldest knowledge is worth nothing.
const MAX_TOKENS: usize = 256;

/// A token as its issuer gave it.
#[derive(Clone)]
pub struct Token {
    pub secret: Secret,
    pub lifetime: Duration,
}

/// What is known under one key.
#[derive(Default)]
struct Slot {
    /// Held by the call that fetches. A call that ends meanwhile lets go of it, and the next one fetches.
    flight: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What the last fetch brought; None before the first, and after a token was refused.
    last: Option<Result<Secret>>,
    /// When the last token is to be renewed.
    until: Option<Instant>,
    /// How many fetches have ended.
    ended: u64,
}

impl Known {
    fn fresh(&self) -> Option<Secret> {
        let token = self.last.as_ref()?.as_ref().ok()?;
        self.until.filter(|until| Instant::now() < *until).map(|_| token.clone())
    }
}

/// The tokens of a client, by a key that stands for the credentials they were fetched with (a hash: no secret is kept as a key).
#[derive(Default)]
pub struct Tokens {
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
}

impl Tokens {
    /// The token of `key`: the known one while it is fresh, else what `fetch` brings. While one call fetches, the others wait, and what
    /// comes of it, token or failure, is theirs too; a call that comes later than a failure tries anew.
    pub async fn get<F: Future<Output = Result<Token>>>(&self, key: u64, fetch: impl FnOnce() -> F) -> Result<Secret> {
        let slot = self.slot(key);
        let ended = {
            let known = lock(&slot.known);
            match known.fresh() {
                Some(token) => return Ok(token),
                None => known.ended,
            }
        };
        let _flight = slot.flight.lock().await;
        {
            let known = lock(&slot.known);
            if let Some(token) = known.fresh() {
                return Ok(token);
            }
            if let Some(last) = known.last.as_ref().filter(|_| known.ended > ended) {
                return last.clone();
            }
        }
        let fetched = fetch().await;
        let mut known = lock(&slot.known);
        // A token that lives no longer than the margin is good for those who waited for it.
        known.until = fetched.as_ref().ok().map(|token| Instant::now() + token.lifetime.min(LONGEST).saturating_sub(MARGIN));
        let last = fetched.map(|token| token.secret);
        known.last = Some(last.clone());
        known.ended += 1;
        last
    }

    /// Forgets a token that was refused although it should have been fresh. `is_it` knows the refused one: refusals that come late must
    /// not throw away the token that was fetched in its place.
    pub fn forget(&self, key: u64, is_it: impl Fn(&Secret) -> bool) {
        let slot = lock(&self.slots).get(&key).cloned();
        let Some(slot) = slot else { return };
        let mut known = lock(&slot.known);
        if matches!(&known.last, Some(Ok(token)) if is_it(token)) {
            known.last = None;
        }
    }

    fn slot(&self, key: u64) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if slots.len() >= MAX_TOKENS && !slots.contains_key(&key) {
            slots.clear();
        }
        slots.entry(key).or_default().clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
        tokens.forget(1, |token| token.expose() == "t1");
        assert_eq!(get().await, "t2");
    }

    #[tokio::test(start_paused = true)]
    async fn late_refusals_of_one_token_fetch_one_other() {
        let (tokens, fetched) = (Tokens::default(), AtomicU32::new(0));
        let get = || tokens.get(1, || async { token(&format!("t{}", fetched.fetch_add(1, Ordering::SeqCst)), 3600) });
        let first = get().await.unwrap();
        for _ in 0..30 {
            tokens.forget(1, |token| *token == first);
            assert_eq!(get().await.unwrap().expose(), "t1");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_a_fetch_share_what_comes_of_it() {
        for outcome in [token("short", 5), Err(Error::new(ErrorKind::ServiceUnavailable, "down"))] {
            let (tokens, fetched) = (Tokens::default(), AtomicU32::new(0));
            let get = || {
                tokens.get(1, || async {
                    fetched.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    outcome.clone()
                })
            };
            let all = futures_util::future::join_all((0..20).map(|_| get())).await;
            let said = |one: &Result<Secret>| one.as_ref().map(|token| token.expose().to_owned()).map_err(|error| error.kind);
            let expected = outcome.as_ref().map(|token| token.secret.expose().to_owned()).map_err(|error| error.kind);
            assert!(all.iter().all(|one| said(one) == expected));
            assert_eq!(fetched.load(Ordering::SeqCst), 1);
            // The failure is theirs who waited; whoever comes later tries anew.
            let _ = get().await;
            assert_eq!(fetched.load(Ordering::SeqCst), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lifetime_without_end_ends() {
        let tokens = Tokens::default();
        let get = |text: &'static str| tokens.get(3, move || async move { token(text, u64::MAX) });
        assert_eq!(get("one").await.unwrap().expose(), "one");
        assert_eq!(get("two").await.unwrap().expose(), "one");
        tokio::time::advance(LONGEST).await;
        assert_eq!(get("three").await.unwrap().expose(), "three");
    }

    #[tokio::test]
    async fn a_failed_fetch_is_not_remembered() {
        let tokens = Tokens::default();
        let failed = tokens.get(7, || async { Err(Error::new(ErrorKind::Authentication, "no")) }).await;
        assert_eq!(failed.err().unwrap().kind, ErrorKind::Authentication);
        assert_eq!(tokens.get(7, || async { token("good", 100) }).await.unwrap().expose(), "good");
    }
}
