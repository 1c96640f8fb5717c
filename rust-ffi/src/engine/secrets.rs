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
        // `…_credentials` are a file's path, which an error about it must name, or hold a key that is never sent.
        for (name, raw) in request.fields.iter().filter(|(name, _)| is_argument(name) && !name.ends_with("_credentials")) {
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

/// Whether the argument `name` of a call holds a credential, or is made to: what shows a call's arguments to others shows none of these.
pub fn is_argument(name: &str) -> bool {
    const ENDINGS: &[&str] =
        &["api_key", "apikey", "_token", "_secret", "secret_key", "password", "access_key", "access_key_id", "_credentials"];
    match name {
        // Keys stand in headers and, at some providers, in the query; a client has its own.
        "token"
        | "headers"
        | "extra_headers"
        | "default_headers"
        | "provider_specific_header"
        | "extra_query"
        | "client"
        | "azure_ad_token_provider"
        | "secret_fields"
        | "proxy_server_request" => true,
        // Marks in a text, and prices.
        "bos_token" | "eos_token" => false,
        _ => !name.contains("cost_per_") && ENDINGS.iter().any(|end| name.ends_with(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::engine::route::Secret;

    #[test]
    fn credentials_are_known_by_their_arguments_names() {
        for name in [
            "api_key",
            "azure_ad_token",
            "client_secret",
            "azure_password",
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
            "aws_web_identity_token",
            "vertex_credentials",
            "vertex_ai_credentials",
            "zen_api_key",
            "token",
            "s3_aws_secret_access_key",
            "langfuse_secret_key",
            "langfuse_secret",
            "extra_headers",
            "client",
        ] {
            assert!(is_argument(name), "{name}");
        }
        for name in [
            "max_tokens",
            "input_cost_per_token",
            "output_cost_per_token",
            "eos_token",
            "prompt_cache_key",
            "metadata",
            "model",
            "aws_region_name",
            "aws_role_name",
            "vertex_project",
            "api_base",
            "litellm_credential_name",
            "top_k",
            "user",
        ] {
            assert!(!is_argument(name), "{name}");
        }
    }

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
