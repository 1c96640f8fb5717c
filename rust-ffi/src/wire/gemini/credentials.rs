//! Access tokens for Vertex AI: from a service account's key, a user's login, or the metadata server of Google's own machines.
//!
//! Which credentials count is decided here; [`super::exchange`] fetches their tokens.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use edgequake_llm::google_auth::{self, GoogleCredentials, TokenSource};

use super::exchange;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::{string, wrong_type, Request};
use crate::engine::route::Secret;
use crate::engine::tokens::{Token, Tokens};
use crate::wire::credentials::{carry, Headers};
use crate::wire::http::bearer;
use crate::wire::{Attempt, Credentials};

/// Credentials of Google's, and what they say of themselves.
pub struct Google {
    source: TokenSource,
    /// Stands for the credentials among the client's tokens.
    key: u64,
    /// The project that they belong to.
    pub project: Option<String>,
    /// What no error may show.
    secrets: Vec<Secret>,
    /// The token was fetched for this very call: another one would be no better.
    fresh: AtomicBool,
}

impl Google {
    /// The credentials of a call: its own (`vertex_credentials`: JSON, or the path of a file), those of `VERTEXAI_CREDENTIALS`, or Google's
    /// application default ones.
    pub fn of(request: &Request<'_>) -> Result<Self> {
        for name in ["vertex_credentials", "vertex_ai_credentials"] {
            let Some(raw) = request.raw(name) else { continue };
            match raw.get().as_bytes().first() {
                Some(b'{') => return Self::read(name, raw.get()),
                Some(b'"') => {
                    let text = string(name, raw)?;
                    if !text.is_empty() {
                        return Self::text_or_path(name, &text);
                    }
                }
                _ => return Err(wrong_type(name, "JSON, the path of a file, or an object", raw)),
            }
        }
        match std::env::var("VERTEXAI_CREDENTIALS") {
            Ok(text) if !text.is_empty() => Self::text_or_path("VERTEXAI_CREDENTIALS", &text),
            _ => Self::application_default(),
        }
    }

    fn text_or_path(name: &str, text: &str) -> Result<Self> {
        if text.trim_start().starts_with('{') {
            return Self::read(name, text);
        }
        Self::file(name, Path::new(text))
    }

    fn file(name: &str, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            // The path itself may be a secret that was put into the wrong variable.
            let is_a_name = path.extension().is_some_and(|end| end == "json");
            let what = if is_a_name { path.display().to_string() } else { "its value".to_owned() };
            Error::new(
                ErrorKind::Authentication,
                format!("the file of credentials that `{name}` names ({what}) cannot be read: {error}"),
            )
        })?;
        Self::read(name, &text)
    }

    /// Reads the JSON that Google's console and `gcloud` write.
    fn read(name: &str, text: &str) -> Result<Self> {
        let credentials: GoogleCredentials = serde_json::from_str(text).map_err(|_| {
            Error::new(
                ErrorKind::Authentication,
                format!(
                    "`{name}` holds no credentials of the types service_account or authorized_user (check for line breaks in `private_key` \
                     that are not escaped); credentials of other types are exchanged by gcloud: pass what \
                     `gcloud auth print-access-token` gives, in extra_headers={{\"Authorization\": \"Bearer …\"}}"
                ),
            )
        })?;
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let project = credentials.project_id().map(str::to_owned);
        let told: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let secrets = ["private_key", "client_secret", "refresh_token"].iter().filter_map(|name| told[*name].as_str());
        Ok(Google {
            source: credentials.into_source(),
            key: hasher.finish(),
            project,
            secrets: secrets.map(Secret::new).collect(),
            fresh: AtomicBool::new(false),
        })
    }

    /// `GOOGLE_APPLICATION_CREDENTIALS`, the file of `gcloud auth application-default login`, or the metadata server.
    fn application_default() -> Result<Self> {
        let project = || google_auth::resolve_project_id(None);
        match google_auth::adc_path() {
            Some(path) => {
                let own = Self::file("GOOGLE_APPLICATION_CREDENTIALS", &path)?;
                Ok(Google { project: project().or_else(|| own.project.clone()), ..own })
            }
            None => Ok(Google {
                source: TokenSource::MetadataServer,
                key: 0,
                project: project(),
                secrets: Vec::new(),
                fresh: AtomicBool::new(false),
            }),
        }
    }

    async fn fetch(&self, attempt: &Attempt<'_>) -> Result<Token> {
        self.fresh.store(true, Ordering::Relaxed);
        exchange::token(&self.source, attempt.http, attempt.secrets).await
    }
}

impl Credentials for Google {
    fn headers<'a>(&'a self, attempt: Attempt<'a>) -> Headers<'a> {
        Box::pin(async move {
            self.secrets.iter().for_each(|secret| attempt.secrets.add(secret.expose()));
            let token = attempt.tokens.get(self.key, || self.fetch(&attempt)).await?;
            attempt.secrets.add(token.expose());
            Ok(vec![bearer(token.expose())])
        })
    }

    /// A token that should still be good was refused: it may have been revoked, and a new one may do.
    fn refused(&self, sent: &[(String, String)], tokens: &Tokens) -> bool {
        tokens.forget(self.key, |token| carry(sent, token));
        !self.fresh.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &str) -> Result<Google> {
        Google::of(&Request::parse(request.as_bytes()).unwrap())
    }

    #[test]
    fn g12_credentials_are_json_an_object_or_a_file() {
        let json =
            r#"{"type":"service_account","project_id":"p1","private_key":"k","client_email":"a@b","token_uri":"http://h/token"}"#;
        let object = of(&format!("{{\"vertex_credentials\":{json}}}")).unwrap();
        let text = of(&serde_json::json!({ "vertex_ai_credentials": json }).to_string()).unwrap();
        assert_eq!((object.project.as_deref(), object.key), (Some("p1"), text.key));
        let path = std::env::temp_dir().join(format!("credentials-{}.json", fastrand::u64(..)));
        std::fs::write(&path, json).unwrap();
        let file = of(&serde_json::json!({ "vertex_credentials": path }).to_string()).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.key, object.key);
    }

    #[test]
    fn wrong_credentials_are_refused_and_not_shown() {
        for bad in [
            r#"{"vertex_credentials":{"type":"service_account","private_key":"very-secret"}}"#,
            r#"{"vertex_credentials":"{\"type\":\"external_account\",\"x\":\"very-secret\"}"}"#,
            r#"{"vertex_credentials":"no-such-file.json"}"#,
            r#"{"vertex_credentials":7}"#,
        ] {
            let error = of(bad).err().unwrap();
            assert!(!error.message.contains("very-secret"), "{}", error.message);
            assert!(error.message.contains("vertex_credentials"), "{}", error.message);
        }
    }
}
