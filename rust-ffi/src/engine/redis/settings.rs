//! Where a Redis is and how it is spoken to: litellm's names, and its `REDIS_…` variables of the environment.

use std::time::Duration;

use ::redis::{
    ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, TlsCertificates,
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT};
use crate::engine::environment;
use crate::engine::error::{Error, Result};

const DEFAULT_PORT: u16 = 6379;
/// Shorter passwords would take words out of a message.
const SHORTEST_SECRET: usize = 3;

/// What was set, each value checked. Equal settings are one server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// One, or the nodes by which a cluster is found.
    nodes: Vec<(String, u16)>,
    cluster: bool,
    unix_socket: Option<String>,
    username: Option<String>,
    password: Option<String>,
    db: i64,
    tls: Option<Tls>,
    timeout: Duration,
    connect_timeout: Duration,
    resp3: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Tls {
    /// `ssl_cert_reqs="none"`: whoever answers is believed.
    insecure: bool,
    /// `ssl_check_hostname=False`: the certificate may be another host's.
    any_hostname: bool,
    /// Paths of PEM files.
    ca_certs: Option<String>,
    certfile: Option<String>,
    keyfile: Option<String>,
}

impl Settings {
    /// Takes the settings of Redis out of `config`, and leaves there what is the caller's own. What is not set comes from the environment.
    pub fn take(config: &mut Map<String, Value>) -> Result<Self> {
        Self::read(config, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(config: &mut Map<String, Value>, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut given = Given { config, env: &env };
        // Several connections are not needed where commands travel interleaved.
        given.config.remove("max_connections");
        let (url, host) = (given.own("url")?, given.own("host")?);
        let startup = match given.config.remove("startup_nodes") {
            None | Some(Value::Null) => given.config.remove("redis_startup_nodes"),
            nodes => nodes,
        };
        let startup = startup.filter(|nodes| !nodes.is_null() && nodes.as_array().is_none_or(|nodes| !nodes.is_empty()));
        let unix_socket = given.own("unix_socket_path")?;
        let named = [("url", url.is_some()), ("host", host.is_some()), ("startup_nodes", startup.is_some())];
        let named: Vec<_> =
            named.into_iter().chain([("unix_socket_path", unix_socket.is_some())]).filter(|(_, is)| *is).collect();
        if let [(one, _), (other, _), ..] = named[..] {
            return Err(Error::bad_request(format!("the settings of Redis name two servers: by `{one}` and by `{other}`")));
        }
        let port = given.port()?;
        let mut settings = Settings {
            nodes: Vec::new(),
            cluster: false,
            unix_socket,
            username: given.text("username")?,
            password: given.text("password")?,
            db: given.number("db")?.unwrap_or(0.0) as i64,
            tls: None,
            timeout: given.seconds("socket_timeout")?.unwrap_or(DEFAULT_TIMEOUT),
            connect_timeout: given.seconds("socket_connect_timeout")?.unwrap_or(DEFAULT_CONNECT_TIMEOUT),
            resp3: given.number("protocol")? == Some(3.0),
        };
        let startup = startup.or_else(|| named.is_empty().then(|| env("REDIS_CLUSTER_NODES")).flatten().map(Value::String));
        let url = url.or_else(|| (named.is_empty() && startup.is_none()).then(|| env("REDIS_URL")).flatten());
        let mut tls = given.flag("ssl")?.unwrap_or(false);
        if let Some(startup) = startup {
            settings.cluster = true;
            settings.nodes = nodes(startup)?;
        } else if let Some(url) = url {
            tls = settings.take_url(&url, &mut given)?;
        } else if settings.unix_socket.is_none() {
            let host = host.or_else(|| env("REDIS_HOST")).ok_or_else(|| {
                Error::bad_request(
                    "no server is named for Redis: set `url` or `host` (or REDIS_URL or REDIS_HOST in the environment)",
                )
            })?;
            settings.nodes.push((host, port));
        }
        let strict = given.text("ssl_cert_reqs")?.is_none_or(|text| !text.eq_ignore_ascii_case("none"));
        let certificates = Tls {
            insecure: !strict,
            any_hostname: !given.flag("ssl_check_hostname")?.unwrap_or(true),
            ca_certs: given.text("ssl_ca_certs")?,
            certfile: given.text("ssl_certfile")?,
            keyfile: given.text("ssl_keyfile")?,
        };
        settings.tls = tls.then_some(certificates);
        Ok(settings)
    }

    /// What an address says, which wins over what stands beside it. Gives whether the server speaks TLS.
    fn take_url(&mut self, text: &str, given: &mut Given<'_, impl Fn(&str) -> Option<String>>) -> Result<bool> {
        // The address is not quoted: it may hold a password.
        let wrong = |why: &str| {
            Error::bad_request(format!("the `url` of Redis is wrong: {why}; it is like redis://user:password@host:6379/0"))
        };
        let url = url::Url::parse(text).map_err(|_| wrong("it is not an address"))?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            "unix" | "redis+unix" | "valkey+unix" => {
                self.unix_socket = Some(url.path().to_owned());
                false
            }
            _ => return Err(wrong("it must begin with redis://, rediss:// or unix://")),
        };
        let decode = |part: &str| percent_decode_str(part).decode_utf8().map(String::from).map_err(|_| wrong("it is not UTF-8"));
        if !url.username().is_empty() {
            self.username = Some(decode(url.username())?);
        }
        if let Some(password) = url.password() {
            self.password = Some(decode(password)?);
        }
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "db" => self.db = value.parse().map_err(|_| wrong("`db` must be a number"))?,
                "protocol" => self.resp3 = matches!(value.as_ref(), "3" | "resp3"),
                "ssl_cert_reqs" | "ssl_check_hostname" | "ssl_ca_certs" | "ssl_certfile" | "ssl_keyfile" => {
                    given.config.insert(name.into_owned(), value.into_owned().into());
                }
                "socket_timeout" => self.timeout = seconds(&name, value.parse().ok())?,
                "socket_connect_timeout" => self.connect_timeout = seconds(&name, value.parse().ok())?,
                _ => return Err(wrong(&format!("{name:?} is nothing that can be set there"))),
            }
        }
        if url.fragment() == Some("insecure") {
            given.config.insert("ssl_cert_reqs".into(), "none".into());
        }
        if self.unix_socket.is_none() {
            let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
            self.nodes.push((decode(host.trim_matches(['[', ']']))?, url.port().unwrap_or(DEFAULT_PORT)));
            if let Some(db) = url.path().strip_prefix('/').filter(|db| !db.is_empty()) {
                self.db = db.parse().map_err(|_| wrong("its path must be the number of a database"))?;
            }
        }
        Ok(tls)
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.cluster
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    pub(super) fn any_hostname(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.any_hostname)
    }

    pub(super) fn address(&self) -> String {
        match &self.unix_socket {
            Some(path) => path.clone(),
            None => self.nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(","),
        }
    }

    /// Takes the password out of what the library or the server says.
    pub(super) fn conceal(&self, text: &str) -> String {
        match &self.password {
            Some(password) if password.len() >= SHORTEST_SECRET => text.replace(password.as_str(), "***"),
            _ => text.to_owned(),
        }
    }

    pub(super) fn nodes(&self) -> Result<Vec<ConnectionInfo>> {
        let addresses: Vec<_> = match &self.unix_socket {
            Some(path) => vec![ConnectionAddr::Unix(path.into())],
            None => self.nodes.iter().map(|(host, port)| self.node(host, *port)).collect(),
        };
        let mut login = RedisConnectionInfo::default().set_db(self.db).set_skip_set_lib_name();
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        if self.resp3 {
            login = login.set_protocol(ProtocolVersion::RESP3);
        }
        let info = |address: ConnectionAddr| address.into_connection_info().map(|info| info.set_redis_settings(login.clone()));
        addresses
            .into_iter()
            .map(|address| info(address).map_err(|error| Error::bad_request(format!("the settings of Redis are wrong: {error}"))))
            .collect()
    }

    fn node(&self, host: &str, port: u16) -> ConnectionAddr {
        match &self.tls {
            Some(tls) => ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: tls.insecure, tls_params: None },
            None => ConnectionAddr::Tcp(host.to_owned(), port),
        }
    }

    pub(super) fn certificates(&self) -> Result<Option<TlsCertificates>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let read = |name: &str, path: &Option<String>| {
            let read = |path: &String| {
                std::fs::read(path)
                    .map_err(|error| Error::bad_request(format!("`{name}` of Redis cannot be read: {path}: {error}")))
            };
            path.as_ref().map(read).transpose()
        };
        let root_cert = read("ssl_ca_certs", &tls.ca_certs)?;
        let client_tls = match (read("ssl_certfile", &tls.certfile)?, read("ssl_keyfile", &tls.keyfile)?) {
            (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
            (None, None) => None,
            _ => return Err(Error::bad_request("`ssl_certfile` and `ssl_keyfile` of Redis are set together or not at all")),
        };
        Ok((root_cert.is_some() || client_tls.is_some() || tls.any_hostname).then_some(TlsCertificates { client_tls, root_cert }))
    }
}

/// The caller's settings, then the environment's.
struct Given<'a, F> {
    config: &'a mut Map<String, Value>,
    env: &'a F,
}

impl<F: Fn(&str) -> Option<String>> Given<'_, F> {
    /// What the caller himself has set. Numbers are taken for texts: a port may be either.
    fn own(&mut self, name: &str) -> Result<Option<String>> {
        let text = match self.config.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text,
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(_) => return Err(wrong(name, "a string")),
        };
        Ok(match environment::variable(&text) {
            Some(variable) => Some((self.env)(variable).ok_or_else(|| {
                Error::bad_request(format!("`{name}` of Redis is to come from the environment, where {variable} is not set"))
            })?),
            None => Some(text).filter(|text| !text.is_empty()),
        })
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        Ok(self.own(name)?.or_else(|| (self.env)(&format!("REDIS_{}", name.to_ascii_uppercase()))))
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>> {
        let number = |text: String| text.trim().parse().map_err(|_| wrong(name, "a number"));
        self.text(name)?.map(number).transpose()
    }

    fn port(&mut self) -> Result<u16> {
        let port = |text: String| text.trim().parse().map_err(|_| wrong("port", "a number below 65536"));
        self.text("port")?.map_or(Ok(DEFAULT_PORT), port)
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>> {
        self.number(name)?.map(|number| seconds(name, Some(number))).transpose()
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        let flag = |text: String| match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err(wrong(name, "true or false")),
        };
        self.text(name)?.map(flag).transpose()
    }
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::bad_request(format!("`{name}` of Redis must be {expected}"))
}

fn seconds(name: &str, number: Option<f64>) -> Result<Duration> {
    let fits = |number: &f64| *number > 0.0 && *number <= 3600.0;
    let number = number.filter(fits).ok_or_else(|| wrong(name, "a number of seconds above 0, at most 3600"))?;
    Ok(Duration::from_secs_f64(number))
}

/// `[{"host": …, "port": …}, …]`, or that as a text, as an environment has it.
fn nodes(startup: Value) -> Result<Vec<(String, u16)>> {
    let expected = || wrong("startup_nodes", r#"a list like [{"host": "10.0.0.1", "port": 6379}]"#);
    let list = match startup {
        Value::String(text) => serde_json::from_str(&text).map_err(|_| expected())?,
        list => list,
    };
    let node = |node: &Value| {
        let port = match node.get("port") {
            None => DEFAULT_PORT,
            Some(Value::String(text)) => text.parse().ok()?,
            Some(port) => u16::try_from(port.as_u64()?).ok()?,
        };
        Some((node.get("host")?.as_str()?.to_owned(), port))
    };
    let nodes: Option<Vec<_>> = list.as_array().ok_or_else(expected)?.iter().map(node).collect();
    nodes.filter(|nodes| !nodes.is_empty()).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(config: Value, env: &[(&str, &str)]) -> Result<Settings> {
        let Value::Object(mut config) = config else { unreachable!() };
        let settings = Settings::read(&mut config, |name| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })?;
        assert_eq!(config, *json!({"namespace": "mine"}).as_object().unwrap(), "what is not Redis's stays, and nothing else");
        Ok(settings)
    }

    fn told(mut config: Value, env: &[(&str, &str)]) -> String {
        config["namespace"] = "mine".into();
        match read(config, env) {
            Ok(s) => {
                let login = format!("{}:{}@", s.username.clone().unwrap_or_default(), s.password.clone().unwrap_or_default());
                let tls = s
                    .tls
                    .as_ref()
                    .map(|tls| format!(" tls insecure={} any={} ca={:?}", tls.insecure, tls.any_hostname, tls.ca_certs));
                format!("{login}{}/{} cluster={}{}", s.address(), s.db, s.cluster, tls.unwrap_or_default())
            }
            Err(error) => error.message.clone(),
        }
    }

    #[test]
    fn a_server_is_named_in_every_way_that_litellm_knows() {
        let cases = [
            (json!({"host": "h", "port": "7000", "password": "p", "db": 2}), ":p@h:7000/2 cluster=false"),
            (
                json!({"host": "h", "ssl": true, "ssl_cert_reqs": "none"}),
                ":@h:6379/0 cluster=false tls insecure=true any=false ca=None",
            ),
            (json!({"url": "redis://u:p%40@h:1/3", "max_connections": 100}), "u:p@@h:1/3 cluster=false"),
            (
                json!({"url": "rediss://h?ssl_ca_certs=/ca.pem&ssl_check_hostname=false"}),
                ":@h:6379/0 cluster=false tls insecure=false any=true ca=Some(\"/ca.pem\")",
            ),
            (json!({"url": "unix:///run/redis.sock?db=4"}), ":@/run/redis.sock/4 cluster=false"),
            (json!({"redis_startup_nodes": [{"host": "a", "port": 1}, {"host": "b", "port": "2"}]}), ":@a:1,b:2/0 cluster=true"),
            (json!({"host": "os.environ/HOST", "port": null, "username": ""}), ":@from-env:6379/0 cluster=false"),
        ];
        for (config, expected) in cases {
            assert_eq!(told(config, &[("HOST", "from-env")]), expected);
        }
    }

    #[test]
    fn the_environment_fills_in_what_is_not_set() {
        let all = [("REDIS_URL", "redis://e:1"), ("REDIS_HOST", "eh"), ("REDIS_PORT", "9"), ("REDIS_PASSWORD", "ep")];
        assert_eq!(told(json!({}), &all), ":ep@e:1/0 cluster=false");
        assert_eq!(
            told(json!({"host": "own"}), &all),
            ":ep@own:9/0 cluster=false",
            "a named server is not replaced by another one"
        );
        assert_eq!(
            told(json!({}), &[("REDIS_HOST", "eh"), ("REDIS_SSL", "True")]),
            ":@eh:6379/0 cluster=false tls insecure=false any=false ca=None"
        );
        assert_eq!(told(json!({}), &[("REDIS_CLUSTER_NODES", r#"[{"host":"c","port":7001}]"#)]), ":@c:7001/0 cluster=true");
    }

    #[test]
    fn wrong_settings_are_named_and_no_secret_is() {
        for (config, named) in [
            (json!({}), "REDIS_URL"),
            (json!({"host": "h", "url": "redis://:secret@x"}), "`url` and by `host`"),
            (json!({"url": "http://:secret@x"}), "redis://"),
            (json!({"url": "redis://:secret@x/zero"}), "database"),
            (json!({"url": "redis://:secret@x?hots=1"}), "\"hots\""),
            (json!({"host": "h", "port": "secret"}), "`port`"),
            (json!({"host": "h", "ssl": "perhaps"}), "`ssl`"),
            (json!({"host": "h", "socket_timeout": -1}), "`socket_timeout`"),
            (json!({"startup_nodes": [{"port": 1}]}), "`startup_nodes`"),
            (json!({"host": "h", "password": "os.environ/NOT_SET"}), "NOT_SET"),
        ] {
            let message = told(config, &[]);
            assert!(message.contains(named) && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_password_in_what_the_server_says_is_not_shown() {
        let settings = read(json!({"url": "redis://:hunter2@h", "namespace": "mine"}), &[]).unwrap();
        assert_eq!(settings.conceal("AUTH hunter2 failed"), "AUTH *** failed");
    }
}
