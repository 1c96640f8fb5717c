//! Signatures (AWS Signature Version 4), made anew for each attempt.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{sign as sign_request, SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4::SigningParams;

use super::chain::Source;
use super::clock::CLOCKS;
use super::keys::Keys;
use super::{roles, stores, Region};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::tokens::Tokens;
use crate::wire::credentials::{Attempt, Credentials, Headers};
use crate::wire::Head;

/// Beginnings of the errors with which AWS's services refuse a signature of another time, among others.
pub const OF_THE_TIME: &[&str] =
    &["InvalidSignature", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "RequestExpired", "AuthFailure"];

/// What signs a call.
struct Signer {
    source: Source,
    region: Region,
    service: &'static str,
    /// Where the call goes: each host has a clock.
    url: String,
}

/// The signer of a call to `service` at `url`. What can be known to be missing is an error here, before any network.
pub fn signer(request: &Request<'_>, region: Region, service: &'static str, url: &str) -> Result<Box<dyn Credentials>> {
    let source = Source::of(request, &region)?;
    Ok(Box::new(Signer { source, region, service, url: url.to_owned() }))
}

impl Credentials for Signer {
    fn headers<'a>(&'a self, attempt: Attempt<'a>) -> Headers<'a> {
        Box::pin(async move {
            self.source.tell(attempt.secrets);
            let keys = keys(&self.source, attempt.http, attempt.tokens).await?;
            keys.tell(attempt.secrets);
            // Proxies may change other headers, so these alone are signed.
            let signed = |name: &str| name == "content-type" || name.starts_with("x-amz-") || name.starts_with("x-amzn-");
            let headers: Vec<(&str, &str)> = attempt
                .headers
                .iter()
                .filter(|(name, _)| signed(name))
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let time = CLOCKS.now(&self.url);
            sign(attempt.method.as_str(), attempt.url, &headers, attempt.body, &keys, self.region.name(), self.service, time)
        })
    }

    fn forbidden(&self, sent: &[(String, String)], head: &Head, tokens: &Tokens) -> bool {
        let kind = head.header("x-amzn-errortype").unwrap_or_default();
        let is = |names: &[&str]| names.iter().any(|name| kind.starts_with(name));
        if is(OF_THE_TIME) {
            return CLOCKS.learn(&self.url, head.header("date"), SystemTime::now());
        }
        if is(&["ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId"]) && !matches!(self.source, Source::Keys(_)) {
            let signed_with = |keys: &Keys| {
                let credential = format!("Credential={}/", keys.id);
                sent.iter().any(|(name, value)| name == "authorization" && value.contains(&credential))
            };
            tokens.forget(key_of(&self.source), |token| Keys::from_token(token).is_ok_and(|keys| signed_with(&keys)));
            return true;
        }
        false
    }
}

fn key_of(source: &Source) -> u64 {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    hasher.finish()
}

/// The keys of a source: at hand, or fetched once for all calls that have the same.
async fn keys(source: &Source, http: &reqwest::Client, tokens: &Tokens) -> Result<Keys> {
    if let Source::Keys(keys) = source {
        return Ok(keys.clone());
    }
    let token = tokens.get(key_of(source), || async {
        let (keys, lifetime) = match source {
            Source::Keys(keys) => (keys.clone(), Duration::MAX),
            Source::Role { base, role } => {
                let base = Box::pin(keys(base, http, tokens)).await?;
                roles::assume(role, &base, http).await?
            }
            Source::WebIdentity { token, role } => roles::with_token(role, token, http).await?,
            Source::Container { url, authorization } => stores::container(url, authorization.as_ref()).await?,
            Source::Instance => stores::instance().await?,
            Source::Process(command) => stores::process(command).await?,
        };
        Ok(keys.to_token(lifetime))
    });
    Keys::from_token(&token.await?)
}

/// The headers of a signature over a request.
#[allow(clippy::too_many_arguments)]
pub fn sign(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    keys: &Keys,
    region: &str,
    service: &str,
    time: SystemTime,
) -> Result<Vec<(String, String)>> {
    let flaw =
        |what: &dyn std::fmt::Display| Error::new(ErrorKind::InternalServer, format!("the request cannot be signed: {what}"));
    let session = keys.session.as_ref().map(|token| token.expose().to_owned());
    let identity = Identity::new(&keys.id, keys.secret.expose(), session, None, "edgequake").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|e| flaw(&e))?
        .into();
    let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body)).map_err(|e| flaw(&e))?;
    let (instructions, _) = sign_request(request, &params).map_err(|e| flaw(&e))?.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers.iter().map(|header| (header.name().to_ascii_lowercase(), header.value().to_owned())).collect())
}

#[cfg(test)]
mod tests;
