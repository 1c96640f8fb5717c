//! Signatures (AWS Signature Version 4), made anew for each attempt.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{sign as sign_request, SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4::SigningParams;

use super::chain::Source;
use super::keys::Keys;
use super::{roles, stores, Region};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::tokens::Tokens;
use crate::wire::credentials::{Attempt, Credentials, Headers};
use crate::wire::Head;

/// AWS takes signatures that are five minutes off; a clock nearer than this is not what it complains of.
const TOLERANCE: i64 = 240;

/// How far AWS's clock is ahead of this machine's, in seconds: a machine has one clock, so all calls learn from the first that was refused.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// What signs a call.
struct Signer {
    source: Source,
    region: Region,
    service: &'static str,
}

/// The signer of a call to `service`. What can be known to be missing is an error here, before any network.
pub fn signer(request: &Request<'_>, region: Region, service: &'static str) -> Result<Box<dyn Credentials>> {
    let source = Source::of(request, &region)?;
    Ok(Box::new(Signer { source, region, service }))
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
            sign(attempt.method.as_str(), attempt.url, &headers, attempt.body, &keys, self.region.name(), self.service, now())
        })
    }

    fn forbidden(&self, sent: &[(String, String)], head: &Head, tokens: &Tokens) -> bool {
        let kind = head.header("x-amzn-errortype").unwrap_or_default();
        let is = |names: &[&str]| names.iter().any(|name| kind.starts_with(name));
        if is(&["InvalidSignature", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "RequestExpired", "AuthFailure"]) {
            let date = head.header("date").and_then(|text| httpdate::parse_http_date(text).ok());
            return date.is_some_and(|date| learn(&AHEAD, date, SystemTime::now()));
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

/// Takes AWS's time over; true when it is another than what was signed with.
fn learn(ahead: &AtomicI64, theirs: SystemTime, ours: SystemTime) -> bool {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let difference = seconds(theirs) - seconds(ours);
    let known = ahead.swap(difference, Ordering::Relaxed);
    (difference - known).abs() > TOLERANCE
}

/// The time to sign with.
pub fn now() -> SystemTime {
    let ahead = AHEAD.load(Ordering::Relaxed);
    let by = Duration::from_secs(ahead.unsigned_abs());
    let now = SystemTime::now();
    if ahead < 0 {
        now.checked_sub(by).unwrap_or(now)
    } else {
        now.checked_add(by).unwrap_or(now)
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
