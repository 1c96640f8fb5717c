//! Tokens that a server of OAuth 2.0 gives for a key, or for a client's id and secret (RFC 6749, section 4.4).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::credentials::{carry, Headers};
use super::http::bearer;
use super::{issuer, Attempt, Credentials};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::route::{self, Secret};
use crate::engine::secrets::Secrets;
use crate::engine::tokens::{Token, Tokens};

/// What tokens are asked for with.
pub struct Grant {
    /// Who gives the tokens, for errors.
    pub issuer: &'static str,
    pub url: String,
    /// The form (application/x-www-form-urlencoded) that is posted.
    pub form: Secret,
    /// The client's id and secret, where the server wants them as HTTP's basic authentication.
    pub client: Option<(String, Secret)>,
}

impl Grant {
    /// What stands for these credentials among the tokens.
    fn id(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.issuer, &self.url, &self.form, &self.client).hash(&mut hasher);
        hasher.finish()
    }

    /// What a server of tokens may repeat when it refuses.
    fn tell(&self, secrets: &Secrets) {
        for (name, value) in url::form_urlencoded::parse(self.form.expose().as_bytes()) {
            if ["key", "secret", "password", "assertion"].iter().any(|word| name.contains(word)) {
                secrets.add(&value);
            }
        }
        if let Some((_, secret)) = &self.client {
            secrets.add(secret.expose());
        }
    }

    async fn fetch(&self, http: &reqwest::Client) -> Result<Token> {
        let failed = |what: &str| Error::new(ErrorKind::ApiConnection, format!("{} gave no token: {what}", self.issuer));
        let mut request = http
            .post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(self.form.expose().to_owned());
        if let Some((id, secret)) = &self.client {
            request = request.basic_auth(id, Some(secret.expose()));
        }
        let told = issuer::ask(self.issuer, request).await?;
        let token = told["access_token"].as_str().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| failed("the answer holds none"))?;
        // It is the server's: the caller's key is not at fault.
        route::check_key(token).map_err(|_| failed("the one in the answer holds a line break or a character outside ASCII"))?;
        let lifetime = Duration::from_secs(told["expires_in"].as_u64().unwrap_or(0));
        Ok(Token { secret: Secret::new(token), lifetime })
    }
}

impl Credentials for Grant {
    fn headers<'a>(&'a self, attempt: Attempt<'a>) -> Headers<'a> {
        Box::pin(async move {
            self.tell(attempt.secrets);
            let token = attempt.tokens.get(self.id(), || self.fetch(attempt.http)).await?;
            attempt.secrets.add(token.expose());
            Ok(vec![bearer(token.expose())])
        })
    }

    fn refused(&self, sent: &[(String, String)], tokens: &Tokens) -> bool {
        tokens.forget(self.id(), |token| carry(sent, token));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that gives tokens: answers each request with the next of the answers.
    async fn serve(answers: &'static [(u16, &'static str)]) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/identity/token", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut seen = Vec::new();
            for (status, body) in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"the-secret") {
                    let mut piece = [0; 1024];
                    let length = socket.read(&mut piece).await.unwrap();
                    assert!(length > 0, "the request ended early");
                    request.extend_from_slice(&piece[..length]);
                }
                seen.push(String::from_utf8(request).unwrap());
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
            seen
        });
        (url, server)
    }

    #[tokio::test]
    async fn what_a_server_of_tokens_does_wrong_is_not_the_keys_fault() {
        let long: &'static str = Box::leak(format!(r#"{{"access_token":"{}"}}"#, "x".repeat(issuer::MAX_ANSWER)).into());
        let answers: &'static [_] =
            vec![(200, "{\"access_token\":\"the token\\nx\"}"), (503, "down"), (429, ""), (200, long)].leak();
        let (url, _server) = serve(answers).await;
        let grant = Grant { issuer: "The server", url, form: Secret::new("secret=the-secret"), client: None };
        let http = reqwest::Client::new();
        let error = grant.fetch(&http).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::ApiConnection);
        assert!(!error.message.contains("api_key") && !error.message.contains("the token"), "{}", error.message);
        assert_eq!(grant.fetch(&http).await.err().unwrap().kind, ErrorKind::ServiceUnavailable);
        assert_eq!(grant.fetch(&http).await.err().unwrap().kind, ErrorKind::RateLimit);
        let error = grant.fetch(&http).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::ApiResponseValidation);
        assert!(error.message.contains("1 MiB"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_token_is_given_once_and_a_refusal_says_why() {
        let answers: &[_] = &[
            (400, r#"{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}"#),
            (200, r#"{"access_token":"abc","expires_in":3600}"#),
        ];
        let (url, server) = serve(answers).await;
        let grant = Grant {
            issuer: "The server",
            url,
            form: Secret::new("grant_type=client_credentials&secret=the-secret"),
            client: Some(("me".into(), Secret::new("pass"))),
        };
        let (http, tokens, method) = (reqwest::Client::new(), Tokens::default(), reqwest::Method::POST);
        let body = bytes::Bytes::new();
        let secrets = Secrets::default();
        let attempt =
            || Attempt { method: &method, url: "", headers: &[], body: &body, http: &http, tokens: &tokens, secrets: &secrets };
        let refused = grant.headers(attempt()).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Authentication);
        assert!(refused.message.contains("could not be found") && !refused.message.contains("the-secret"), "{}", refused.message);
        for _ in 0..2 {
            assert_eq!(grant.headers(attempt()).await.unwrap(), [bearer("abc")]);
        }
        let seen = server.await.unwrap();
        // "me:pass", as RFC 7617 has it.
        assert!(seen[1].to_ascii_lowercase().contains("authorization: basic bwu6cgfzcw=="), "{}", seen[1]);
        assert!(grant.refused(&[bearer("abc")], &tokens));
        assert_eq!(grant.headers(attempt()).await.unwrap_err().kind, ErrorKind::ApiConnection);
    }
}
