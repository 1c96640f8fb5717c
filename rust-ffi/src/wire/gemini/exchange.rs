//! How Google gives access tokens: for the signature of a service account (RFC 7523), for a user's refresh token (RFC 6749, section 6), and to
//! whatever runs on its own machines.
//!
//! Source: Google's "Using OAuth 2.0 for Server to Server Applications" and its reference of the metadata server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgequake_llm::google_auth::{TokenSource, CLOUD_PLATFORM_SCOPE};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{json, Value};

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::route::{check_address, check_key, Secret};
use crate::engine::secrets::Secrets;
use crate::engine::tokens::Token;
use crate::wire::issuer;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// An assertion is good for an hour at most.
const ASSERTED: u64 = 3600;
/// A call may wait longer for its answer, but no token takes longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
/// The metadata server is on the machine itself, and where there is none nobody should wait for it.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);
const METADATA_HOST: &str = "metadata.google.internal";

/// Fetches a token over the call's own HTTP client, which follows no redirects: the requests hold the credentials.
pub async fn token(source: &TokenSource, http: &reqwest::Client, secrets: &Secrets) -> Result<Token> {
    let form = |pairs: &[(&str, &str)]| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let (told, lifetime) = match source {
        TokenSource::ServiceAccount { client_email, private_key, token_uri } => {
            let assertion = assertion(client_email, private_key, token_uri)?;
            secrets.add(&assertion);
            (post(http, token_uri, form(&[("grant_type", JWT_BEARER), ("assertion", &assertion)])).await, 3600)
        }
        TokenSource::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
            let pairs = [
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret),
                ("refresh_token", refresh_token),
            ];
            (post(http, token_uri, form(&pairs)).await, 3600)
        }
        TokenSource::MetadataServer => (metadata(http).await, 300),
    };
    let token = told.and_then(|told| read(&told, lifetime));
    // The failure is shared with calls that wait for this token, and what was signed for it is known here only.
    token.map_err(|mut error| {
        secrets.conceal(&mut error);
        error
    })
}

async fn post(http: &reqwest::Client, token_uri: &str, form: String) -> Result<Value> {
    check_address("token_uri", token_uri)
        .map_err(|error| Error::new(ErrorKind::Authentication, format!("the credentials for Google Cloud: {}", error.message)))?;
    let request = http
        .post(token_uri)
        .timeout(PATIENCE)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(form);
    let mut told = issuer::ask("Google", request).await;
    if let Err(error) = &mut told {
        let hint = match error.code.as_deref() {
            _ if ["invalid_rapt", "reauth"].iter().any(|word| error.message.contains(word)) => {
                "; the user must log in again: run `gcloud auth application-default login`"
            }
            Some("invalid_grant") => "; the account or its key may have been deleted: make a new key, or log in again",
            _ => "",
        };
        error.message.push_str(hint);
    }
    told
}

async fn metadata(http: &reqwest::Client) -> Result<Value> {
    // As Google's own libraries have it.
    let host = std::env::var("GCE_METADATA_HOST").ok().filter(|host| !host.is_empty());
    let host = host.as_deref().unwrap_or(METADATA_HOST);
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let request = http.get(url).timeout(METADATA_PATIENCE).header("metadata-flavor", "Google");
    issuer::ask("Google's metadata server", request).await.map_err(|mut error| {
        // No answer means that this is none of Google's machines, which no retry changes.
        if matches!(error.kind, ErrorKind::ApiConnection | ErrorKind::Authentication) {
            error = Error::new(
                ErrorKind::Authentication,
                format!(
                    "no credentials for Google Cloud: pass vertex_credentials (JSON or the path of a file), set GOOGLE_APPLICATION_CREDENTIALS, \
                     run `gcloud auth application-default login`, or run on one of Google's machines. {}",
                    error.message
                ),
            );
        }
        error
    })
}

/// The token of an answer. `lifetime` holds where the answer tells none, in seconds.
fn read(told: &Value, lifetime: u64) -> Result<Token> {
    let token = told["access_token"].as_str().filter(|token| !token.is_empty() && check_key(token).is_ok());
    let token = token.ok_or_else(|| {
        Error::new(ErrorKind::ApiConnection, "Google gave no token: the answer has no `access_token` that a header can carry")
    })?;
    let lifetime = match &told["expires_in"] {
        Value::Null => lifetime,
        told => told.as_f64().or_else(|| told.as_str()?.parse().ok()).map_or(lifetime, |seconds| seconds.max(0.0) as u64),
    };
    Ok(Token { secret: Secret::new(token), lifetime: Duration::from_secs(lifetime) })
}

/// What a service account signs to ask for a token.
fn assertion(email: &str, private_key: &str, token_uri: &str) -> Result<String> {
    let flaw = |what: jsonwebtoken::errors::Error| {
        Error::new(
            ErrorKind::Authentication,
            format!("`private_key` of the credentials for Google Cloud is no RSA key in PEM that can sign: {what}"),
        )
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = json!({"iss": email, "scope": CLOUD_PLATFORM_SCOPE, "aud": token_uri, "iat": now, "exp": now + ASSERTED});
    let key = EncodingKey::from_rsa_pem(private_key.as_bytes()).map_err(flaw)?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(flaw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_however_they_are_written() {
        for (told, seconds) in [
            (json!({"access_token": "t", "expires_in": 3599}), 3599),
            (json!({"access_token": "t", "expires_in": "3599"}), 3599),
            (json!({"access_token": "t", "expires_in": 3599.5}), 3599),
            (json!({"access_token": "t", "expires_in": -5}), 0),
            (json!({"access_token": "t", "expires_in": u64::MAX}), u64::MAX),
            (json!({"access_token": "t"}), 300),
        ] {
            assert_eq!(read(&told, 300).unwrap().lifetime, Duration::from_secs(seconds), "{told}");
        }
    }

    #[test]
    fn an_answer_without_a_token_that_can_be_sent_is_a_failure() {
        for told in [json!({}), json!({"access_token": ""}), json!({"access_token": "a\r\nb"}), json!({"access_token": "tök"})] {
            let error = read(&told, 300).err().unwrap();
            assert_eq!(error.kind, ErrorKind::ApiConnection, "{told}");
            assert!(!error.message.contains("api_key"), "{}", error.message);
        }
    }

    #[test]
    fn a_key_that_cannot_sign_is_named_and_not_shown() {
        let error = assertion("a@b", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "http://h").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication);
        assert!(error.message.contains("`private_key`") && !error.message.contains("AAAA"), "{}", error.message);
    }
}
