//! The secrets of one call, so that none of them is shown: a provider, a token service or a proxy may write back whatever it was sent.

use std::sync::Mutex;

use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};

use super::error::{Error, Result};
use super::request::Request;
use super::route::Route;
use super::transport;

/// Shorter ones are words, and would take those out of what is said.
const SHORTEST: usize = 6;

#[derive(Default)]
pub struct Secrets(Mutex<Vec<String>>);

impl Secrets {
    /// Those that the request names, and the key of its route. What credentials find elsewhere (files, the environment, token services)
    /// they add themselves.
    pub fn of(request: &Request<'_>, route: &Route) -> Result<Self> {
        let secrets = Secrets::default();
        if let Some(key) = route.secret() {
            secrets.add(key.expose());
        }
        for (name, raw) in request.fields.iter().filter(|(name, _)| names_a_secret(name)) {
            if raw.get().starts_with('"') {
                secrets.add(&super::request::string(name, raw)?);
            }
        }
        Ok(secrets)
    }

    /// Those in the headers of a call, from wherever they came.
    pub fn add_headers(&self, route: &Route, headers: &[(String, String)]) {
        for (_, value) in headers.iter().filter(|(name, _)| transport::is_secret(name)) {
            // `Bearer …`, `Basic …`: the scheme is no secret, and may not be repeated with it.
            let secret = value.rsplit(' ').next().unwrap_or_default();
            if !route.is_default(secret) {
                self.add(secret);
            }
        }
    }

    pub fn add(&self, secret: &str) {
        let mut known = self.lock();
        if secret.len() >= SHORTEST && !known.iter().any(|known| known == secret) {
            known.push(secret.to_owned());
        }
    }

    /// Takes all of them out of an error, also as a form or an address writes them.
    pub fn conceal(&self, error: &mut Error) {
        for secret in self.lock().iter() {
            error.conceal(secret);
            let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
            if encoded != *secret {
                error.conceal(&encoded);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Arguments that hold a credential.
fn names_a_secret(name: &str) -> bool {
    ["api_key", "_token", "_secret", "password", "secret_access_key"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::engine::route::Secret;

    #[test]
    fn what_a_call_was_given_is_not_shown() {
        let text = br#"{"api_key":"the-own-key","aws_session_token":"IQoJ/+=x","max_tokens":123456,"azure_password":"p4ssw0rd","user":"not-secret"}"#;
        let request = Request::parse(text).unwrap();
        let route = Route {
            provider: "openai".into(),
            model: "m".into(),
            api_base: String::new(),
            api_key: Some(Secret::new("key-of-the-route")),
        };
        let secrets = Secrets::of(&request, &route).unwrap();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        secrets.add_headers(&route, &[header("authorization", "Bearer tok-of-a-proxy"), header("x-team", "red-team")]);
        secrets.add("found elsewhere");
        secrets.add("short");
        let said = "the-own-key IQoJ/+=x IQoJ%2F%2B%3Dx p4ssw0rd tok-of-a-proxy key-of-the-route found elsewhere short 123456 red-team not-secret";
        let mut error = Error::new(ErrorKind::BadRequest, said);
        let told = || Some(said.to_owned());
        (error.body, error.code, error.error_type, error.param, error.request_id) = (told(), told(), told(), told(), told());
        error.headers.push(("x-echo".to_owned(), said.to_owned()));
        secrets.conceal(&mut error);
        let shown = "*** *** *** *** *** *** *** short 123456 red-team not-secret";
        let told = [&error.body, &error.code, &error.error_type, &error.param, &error.request_id];
        assert!(told.iter().all(|text| text.as_deref() == Some(shown)), "{error:?}");
        assert_eq!((error.message.as_str(), error.headers[0].1.as_str()), (shown, shown));
    }
}
