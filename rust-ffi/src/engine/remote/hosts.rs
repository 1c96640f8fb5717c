//! Which hosts files are read from: litellm's `user_url_validation` and `user_url_allowed_hosts`.
//!
//! The addresses in a request are often a stranger's, and this machine reaches what a stranger must not: the cloud's service of credentials,
//! databases, neighbours. So a name is resolved first, an address that is not public is refused, and the file is read from the very address
//! that was looked at: a name that has another one a moment later changes nothing.

use std::net::IpAddr;

use reqwest::Url;

use super::public::is_public;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};

/// The settings.
#[derive(Debug)]
pub struct Hosts {
    /// False: files are read from anywhere.
    checks: bool,
    /// Hosts that need no check, in lower case: `name`, `name:port`, `[::1]`.
    allowed: Vec<String>,
}

/// Where to read a file from.
#[derive(Debug, PartialEq)]
pub enum Way {
    /// From the host that the address names, whatever it resolves to.
    ByName,
    /// From one of these, which the name stood for when it was checked. Never empty.
    At(Vec<IpAddr>),
}

impl Hosts {
    pub fn of(request: &Request<'_>) -> Result<Hosts> {
        let name = "user_url_allowed_hosts";
        let allowed: Vec<String> = match request.setting_raw(name) {
            None => Vec::new(),
            Some(raw) => json::read(raw)
                .ok_or_else(|| wrong_type(&format!("settings.{name}"), "a list of hosts, as in [\"files.example.com\"]", raw))?,
        };
        Ok(Hosts {
            checks: request.setting_bool("user_url_validation")?.unwrap_or(true),
            allowed: allowed.iter().map(|host| plain(host.trim())).collect(),
        })
    }

    /// Looks up the host of an address and checks what is found. An error says what is wrong with it, and what to set.
    pub async fn way(&self, url: &Url) -> std::result::Result<Way, String> {
        if !self.checks || self.allows(url) {
            return Ok(Way::ByName);
        }
        let addresses = resolve(url).await?;
        if addresses.iter().all(is_public) {
            return Ok(Way::At(addresses));
        }
        Err("its host has an address that is not public; to read from it nevertheless, list the host in `user_url_allowed_hosts`, or set \
             `user_url_validation` to False where all addresses come from the program itself"
            .to_owned())
    }

    fn allows(&self, url: &Url) -> bool {
        let Some(host) = url.host_str().map(plain) else { return false };
        let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
        self.allowed.iter().any(|allowed| *allowed == host || Some(allowed) == with_port.as_ref())
    }
}

/// Names are the same in capitals, and with the root's dot.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

async fn resolve(url: &Url) -> std::result::Result<Vec<IpAddr>, String> {
    let port = url.port_or_known_default().unwrap_or_default();
    let name = match url.host() {
        Some(url::Host::Domain(name)) => name,
        Some(url::Host::Ipv4(address)) => return Ok(vec![address.into()]),
        Some(url::Host::Ipv6(address)) => return Ok(vec![address.into()]),
        None => return Err("its address names no host".to_owned()),
    };
    let unknown = |why: &str| {
        format!(
            "{why}, and without its address `user_url_validation` cannot tell whether the host is public; where only a proxy resolves names, list \
             the host in `user_url_allowed_hosts`"
        )
    };
    let found = tokio::net::lookup_host((name, port)).await;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map_err(|e| unknown(&format!("its host was not found ({e})")))? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    if addresses.is_empty() {
        return Err(unknown("its host was not found"));
    }
    Ok(addresses)
}

/// The address with an IP address in its host's place, and the `Host` header that names the host.
pub fn pinned(url: &Url, address: IpAddr) -> Option<(Url, String)> {
    let host = url.host_str()?;
    let header = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut pinned = url.clone();
    pinned.set_ip_host(address).ok()?;
    Some((pinned, header))
}

/// For errors of a check that was done before anything was sent.
pub fn refused(place: &str, what: &str) -> Error {
    Error::new(ErrorKind::ImageFetch, format!("`{place}` could not be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(settings: serde_json::Value) -> Result<Hosts> {
        Hosts::of(&Request::parse(json!({ "settings": settings }).to_string().as_bytes()).unwrap())
    }

    async fn way(hosts: &Hosts, url: &str) -> std::result::Result<Way, String> {
        hosts.way(&Url::parse(url).unwrap()).await
    }

    #[tokio::test]
    async fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        let hosts = set(json!({})).unwrap();
        let inside = [
            "http://127.0.0.1/x",
            "http://127.1:8080/x",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://localhost/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data/",
            "http://192.168.1.1/",
            "http://0.0.0.0/",
        ];
        for url in inside {
            let why = way(&hosts, url).await.unwrap_err();
            assert!(why.contains("user_url_allowed_hosts") && why.contains("user_url_validation"), "{url}: {why}");
        }
        assert_eq!(way(&hosts, "http://8.8.8.8/x").await, Ok(Way::At(vec!["8.8.8.8".parse().unwrap()])));
        let why = way(&hosts, "http://name.invalid/x").await.unwrap_err();
        assert!(why.contains("was not found") && why.contains("user_url_allowed_hosts"), "{why}");
    }

    #[tokio::test]
    async fn hosts_of_the_list_and_everything_without_the_check_are_read_by_name() {
        let hosts = set(json!({"user_url_allowed_hosts": ["Files.Internal.", "10.0.0.1:8080", " [::1] "]})).unwrap();
        for url in ["http://files.internal/x", "https://FILES.internal:8443/", "http://10.0.0.1:8080/", "http://[::1]:99/"] {
            assert_eq!(way(&hosts, url).await, Ok(Way::ByName), "{url}");
        }
        for url in ["http://10.0.0.1/", "http://10.0.0.2:8080/", "http://127.0.0.1/"] {
            assert!(way(&hosts, url).await.is_err(), "{url}");
        }
        let anything = set(json!({"user_url_validation": false})).unwrap();
        assert_eq!(way(&anything, "http://127.0.0.1/").await, Ok(Way::ByName));
    }

    #[test]
    fn settings_of_another_type_are_named() {
        for settings in [json!({"user_url_allowed_hosts": "h"}), json!({"user_url_validation": "no"})] {
            let name = settings.as_object().unwrap().keys().next().unwrap().clone();
            assert!(set(settings).unwrap_err().message.contains(&name));
        }
    }

    #[test]
    fn a_pinned_address_keeps_everything_but_the_host() {
        let url = Url::parse("http://u:p@h.example:81/a?b=c").unwrap();
        let (to, host) = pinned(&url, "2606:4700::1".parse().unwrap()).unwrap();
        assert_eq!((to.as_str(), host.as_str()), ("http://u:p@[2606:4700::1]:81/a?b=c", "h.example:81"));
    }
}
