//! HTTP clients, pooled: building one costs milliseconds, so there is one for each kind of TLS and connect limit, and each keeps its
//! connections.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tower_layer::Layer;
use tower_service::Service;

use super::error::{Error, ErrorKind, Result};
use crate::wire::Head;

/// Different clients kept. Programs use one or two; more means that limits are being generated.
const MAX_CLIENTS: usize = 64;
const POOL_IDLE: Duration = Duration::from_secs(90);
/// Idle connections die silently behind NATs; a probe a minute keeps or finds them.
const KEEPALIVE: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// Set while a request is being sent: did it open a connection of its own? If not, it went over an idle one.
    static CONNECTED: Cell<bool>;
}

/// How the server's certificate is checked: litellm's `ssl_verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verify {
    #[default]
    System,
    Off,
    /// A PEM file of authorities.
    File(String),
}

/// Whom a client trusts, and how it proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    pub verify: Verify,
    /// litellm's `ssl_certificate`: a PEM file with a certificate and its key.
    pub certificate: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    connect: Duration,
    tls: Tls,
}

#[derive(Default)]
pub struct Transport {
    clients: Mutex<HashMap<Key, reqwest::Client>>,
}

impl Transport {
    /// The client for these settings, built at first need.
    pub fn client(&self, connect: Duration, tls: &Tls) -> Result<reqwest::Client> {
        let key = Key { connect, tls: tls.clone() };
        let mut clients = self.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = built(builder(connect, tls)?)?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// What all clients have in common.
pub fn builder(connect: Duration, tls: &Tls) -> Result<reqwest::ClientBuilder> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("edgequake-litellm/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_keepalive(KEEPALIVE)
        .tcp_nodelay(true)
        // A redirect would carry keys (x-api-key, api-key) to another host, and turns POST into GET.
        .redirect(reqwest::redirect::Policy::none())
        .connector_layer(NoteConnect);
    match &tls.verify {
        // With SSL_CERT_FILE or SSL_CERT_DIR the operator has said whom to trust, and the built-in list would trust more.
        Verify::System => {
            let told = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
            builder = builder.tls_built_in_webpki_certs(!told);
        }
        Verify::Off => builder = builder.danger_accept_invalid_certs(true),
        Verify::File(path) => {
            let pem = std::fs::read(path)
                .map_err(|e| Error::bad_request(format!("`ssl_verify` names a file that cannot be read: {e}")))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|_| Error::bad_request("`ssl_verify` names a file that is not PEM certificates"))?;
            builder = builder.tls_built_in_root_certs(false);
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
    }
    if let Some(path) = &tls.certificate {
        let pem = std::fs::read(path)
            .map_err(|e| Error::bad_request(format!("`ssl_certificate` names a file that cannot be read: {e}")))?;
        // The cause is not shown: it may quote the file, which holds a key.
        let identity = reqwest::Identity::from_pem(&pem).map_err(|_| {
            Error::bad_request(
                "`ssl_certificate` names a file that is not PEM with a certificate and its key, which must not be encrypted",
            )
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

pub fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client> {
    builder.build().map_err(|e| Error::new(ErrorKind::ApiConnection, format!("the HTTP client cannot be set up: {}", cause(&e))))
}

/// Checks and converts headers. CR, LF, NUL and characters outside Latin-1 are refused here, before any network.
pub fn header_map(headers: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name_ok =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::bad_request(format!("{name:?} is not a header name")))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            Error::bad_request(format!(
                "the value of the header `{name}` holds a line break, a NUL or a character that HTTP cannot carry; remove it"
            ))
        })?;
        // hyper and reqwest then leave it out of their own logs.
        value.set_sensitive(is_secret(name));
        map.insert(name_ok, value);
    }
    Ok(map)
}

/// Headers that carry credentials.
pub fn is_secret(name: &str) -> bool {
    matches!(name, "authorization" | "api-key" | "x-api-key" | "x-goog-api-key" | "proxy-authorization" | "cookie")
}

/// Sends one attempt. An idle connection that the server closed while the request was on its way (no byte of an answer came) is not
/// the server's failure: the request is sent once more, over whatever connection the pool has then, as RFC 9110 §9.2.2 lets clients
/// do and browsers do.
pub async fn send(client: &reqwest::Client, request: &reqwest::Request) -> Result<reqwest::Response> {
    for last in [false, true] {
        let Some(copy) = request.try_clone() else {
            return Err(Error::new(ErrorKind::InternalServer, "the request's body cannot be sent twice"));
        };
        let attempt = async {
            let sent = client.execute(copy).await;
            (sent, CONNECTED.with(Cell::get))
        };
        match CONNECTED.scope(Cell::new(false), attempt).await {
            (Ok(response), _) => return Ok(response),
            (Err(error), false) if !last && is_stale(&error) => continue,
            (Err(error), _) => return Err(connection_error(&error)),
        }
    }
    unreachable!("the second attempt returns")
}

/// Closed or reset before any byte of an answer?
fn is_stale(error: &reqwest::Error) -> bool {
    if error.is_connect() || error.is_timeout() || error.is_builder() {
        return false;
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            if hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled() {
                return true;
            }
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
            return matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset);
        }
        source = error.source();
    }
    false
}

/// A failure of the network, without the address (it may hold a key).
pub fn connection_error(error: &reqwest::Error) -> Error {
    if error.is_connect() && error.is_timeout() {
        return Error::new(ErrorKind::ApiConnection, "no connection to the provider within the connect limit");
    }
    let what = if error.is_connect() { "cannot connect to the provider" } else { "the connection to the provider failed" };
    Error::new(ErrorKind::ApiConnection, format!("{what}: {}", cause(error)))
}

/// The innermost cause, which says most: "Connection refused", "invalid peer certificate: Expired".
pub fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Status and headers of an answer, names in lower case, repeated ones joined.
pub fn head(response: &reqwest::Response) -> Head {
    let mut headers: Vec<(String, String)> = Vec::with_capacity(response.headers().len());
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.last_mut().filter(|(last, _)| last == name.as_str()) {
            Some((_, joined)) => {
                joined.push_str(", ");
                joined.push_str(&value);
            }
            None => headers.push((name.as_str().to_owned(), value.into_owned())),
        }
    }
    Head { status: response.status().as_u16(), headers }
}

/// Notes that the request being sent opens a connection.
#[derive(Clone)]
struct NoteConnect;

impl<S> Layer<S> for NoteConnect {
    type Service = NoteConnectService<S>;
    fn layer(&self, inner: S) -> Self::Service {
        NoteConnectService(inner)
    }
}

#[derive(Clone)]
struct NoteConnectService<S>(S);

impl<S: Service<R>, R> Service<R> for NoteConnectService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        // Outside of a scope (a connection opened in advance by the pool) there is nobody to tell.
        let _ = CONNECTED.try_with(|connected| connected.set(true));
        self.0.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn h13_line_breaks_and_nul_never_reach_the_network() {
        for bad in ["a\r\nx: y", "a\n", "a\0b"] {
            let error = header_map(&pair("authorization", bad)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest);
            assert!(!error.message.contains("x: y"), "the value is not shown");
        }
        assert!(header_map(&pair("bad name", "x")).is_err());
        assert!(header_map(&pair("x-a", "plain")).is_ok());
    }

    #[test]
    fn clients_are_shared_by_settings() {
        let transport = Transport::default();
        for seconds in [1, 1, 2] {
            transport.client(Duration::from_secs(seconds), &Tls::default()).unwrap();
        }
        assert_eq!(transport.clients.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_missing_authority_or_certificate_file_is_named_before_any_call() {
        let error = |tls: Tls| Transport::default().client(Duration::from_secs(1), &tls).unwrap_err().message.clone();
        let verify = error(Tls { verify: Verify::File("no/such.pem".into()), certificate: None });
        assert!(verify.contains("ssl_verify"), "{verify}");
        for path in ["no/such.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            let certificate = error(Tls { certificate: Some(path.to_owned()), ..Tls::default() });
            assert!(certificate.contains("ssl_certificate"), "{certificate}");
        }
    }
}
