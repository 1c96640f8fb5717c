//! Credentials that are made for each attempt: signatures over the request, and tokens that expire.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use reqwest::Method;

use super::http::bearer;
use crate::engine::error::Result;
use crate::engine::route::Secret;
use crate::engine::secrets::Secrets;
use crate::engine::tokens::Tokens;
use crate::wire::Head;

/// An attempt that is about to be sent.
pub struct Attempt<'a> {
    pub method: &'a Method,
    pub url: &'a str,
    /// Lower-case names; what the dialect has set and the caller has added.
    pub headers: &'a [(String, String)],
    pub body: &'a Bytes,
    /// For fetching a token over the same TLS settings and proxies.
    pub http: &'a reqwest::Client,
    /// Tokens that calls of the same client share.
    pub tokens: &'a Tokens,
    /// Takes what is found elsewhere (files, the environment, token services), so that no error shows it.
    pub secrets: &'a Secrets,
}

/// Did these headers carry the token?
pub fn carry(headers: &[(String, String)], token: &Secret) -> bool {
    headers.contains(&bearer(token.expose()))
}

/// Headers for an attempt, in lower case; they replace what the call has under the same names.
pub type Headers<'a> = Pin<Box<dyn Future<Output = Result<Vec<(String, String)>>> + Send + 'a>>;

/// Makes the credentials of a call.
pub trait Credentials: Send + Sync {
    /// Called before each attempt, on the engine's threads and within the call's deadline.
    fn headers<'a>(&'a self, attempt: Attempt<'a>) -> Headers<'a>;

    /// The provider answered 401 to what `headers` gave. True when other credentials may help: then the call is sent once more, which is
    /// no retry.
    fn refused(&self, sent: &[(String, String)], tokens: &Tokens) -> bool {
        let _ = (sent, tokens);
        false
    }

    /// The same for an answer of 403, whose head tells what was forbidden.
    fn forbidden(&self, sent: &[(String, String)], head: &Head, tokens: &Tokens) -> bool {
        let _ = (sent, head, tokens);
        false
    }
}
