//! Reads the files that a request names by address and its provider cannot read itself.

mod hosts;
mod public;

use std::net::IpAddr;
use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use futures_util::future::try_join_all;
use reqwest::header::{CONTENT_TYPE, HOST, LOCATION};
use reqwest::{Response, Url};

pub use self::hosts::Hosts;
use self::hosts::{pinned, refused, Way};
use super::error::{Error, Result};
use super::transport;
use crate::wire::remote::{File, Remote, Remotes};

/// A larger file is refused: litellm's limit, and more than any provider takes.
const MAX_FILE: usize = 50 << 20;
/// litellm's limit.
const MAX_REDIRECTS: usize = 10;
/// A host that says nothing for this long will not give the file.
const PATIENCE: Duration = Duration::from_secs(60);

/// How files are read.
pub struct Reader {
    /// Has the call's proxies and trusts whom the call trusts. Sends no credentials, a client's certificate among them.
    pub http: reqwest::Client,
    /// False where any certificate is taken: then a name can be anybody's on https, too.
    pub proves_names: bool,
    pub hosts: Hosts,
}

impl Reader {
    /// The body with all files in it. They are read at the same time.
    pub async fn fill(&self, remotes: &Remotes, body: &[u8]) -> Result<Vec<u8>> {
        let files = try_join_all(remotes.0.iter().map(|remote| self.read(remote))).await?;
        remotes.fill(body, files)
    }

    async fn read(&self, remote: &Remote) -> Result<File> {
        let flaw = |what: String| refused(&remote.place, &what);
        let mut url = Url::parse(&remote.url).map_err(|_| flaw("it is not a valid address".to_owned()))?;
        for _ in 0..=MAX_REDIRECTS {
            let opened = tokio::time::timeout(PATIENCE, self.open(&url)).await;
            let mut response = opened.map_err(|_| flaw("its host did not answer".to_owned()))?.map_err(flaw)?;
            let status = response.status();
            if status.is_redirection() {
                let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                let next = to.and_then(|to| url.join(to).ok()).filter(|next| matches!(next.scheme(), "http" | "https"));
                url = next.ok_or_else(|| flaw(format!("status {} leads nowhere", status.as_u16())))?;
                continue;
            }
            if !status.is_success() {
                return Err(flaw(format!("its host answered with status {}", status.as_u16())));
            }
            let declared = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let mut content = Vec::new();
            loop {
                let piece = tokio::time::timeout(PATIENCE, response.chunk()).await;
                let piece = piece.map_err(|_| flaw("its host fell silent".to_owned()))?;
                let Some(piece) = piece.map_err(|e| flaw(transport::connection_error(&e).message.clone()))? else { break };
                if content.len() + piece.len() > MAX_FILE {
                    return Err(flaw(format!("it is larger than {} MiB", MAX_FILE >> 20)));
                }
                content.extend_from_slice(&piece);
            }
            if content.is_empty() {
                return Err(flaw("it is empty".to_owned()));
            }
            let media_type = media_type(declared.as_deref(), &content, url.path());
            let media_type = media_type.ok_or_else(|| flaw("nothing tells its media type; name it in `format`".to_owned()))?;
            return Ok(File { media_type, base64: STANDARD.encode(&content) });
        }
        Err(flaw("it is redirected too often".to_owned()))
    }

    /// Asks for what stands at an address, if files may be read from there. The error is what is wrong.
    async fn open(&self, url: &Url) -> std::result::Result<Response, String> {
        let addresses = match self.hosts.way(url).await? {
            Way::At(addresses) if url.scheme() == "http" || !self.proves_names => addresses,
            // The certificate shows that it is the host whose addresses were checked.
            _ => return self.get(url.clone(), None).await,
        };
        self.open_at(url, addresses).await
    }

    /// The same from one of these addresses, whatever the host's name stands for.
    async fn open_at(&self, url: &Url, addresses: Vec<IpAddr>) -> std::result::Result<Response, String> {
        let mut last = String::new();
        for address in addresses {
            let (to, host) = pinned(url, address).ok_or("it is not a valid address")?;
            match self.get(to, Some(host)).await {
                Ok(response) => return Ok(response),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn get(&self, url: Url, host: Option<String>) -> std::result::Result<Response, String> {
        let mut request = self.http.get(url);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let request = request.build().map_err(|_| "it is not a valid address".to_owned())?;
        transport::send(&self.http, &request).await.map_err(|e: Error| e.message.clone())
    }
}

/// What the file is: by its host's word where that says something, by its first bytes, by its name.
fn media_type(declared: Option<&str>, content: &[u8], path: &str) -> Option<String> {
    let declared = declared.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    // Stores answer with these for whatever they hold.
    let vague = |name: &String| matches!(name.as_str(), "" | "application/octet-stream" | "binary/octet-stream");
    if let Some(name) = declared.filter(|name| !vague(name)) {
        return Some(name);
    }
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
    ];
    if let Some((_, name)) = MAGIC.iter().find(|(start, _)| content.starts_with(start)) {
        return Some((*name).to_owned());
    }
    if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
        return Some("image/webp".to_owned());
    }
    const NAMES: &[(&str, &str)] = &[
        (".png", "image/png"),
        (".jpg", "image/jpeg"),
        (".jpeg", "image/jpeg"),
        (".gif", "image/gif"),
        (".webp", "image/webp"),
        (".heic", "image/heic"),
        (".pdf", "application/pdf"),
        (".txt", "text/plain"),
        (".mp3", "audio/mpeg"),
        (".wav", "audio/wav"),
        (".mp4", "video/mp4"),
        (".mov", "video/quicktime"),
        (".webm", "video/webm"),
    ];
    let path = path.to_ascii_lowercase();
    NAMES.iter().find(|(end, _)| path.ends_with(end)).map(|(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::engine::request::Request;

    #[tokio::test]
    async fn a_file_is_read_from_the_address_that_was_checked_under_the_hosts_name() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let asked = tokio::spawn(async move {
            let (mut connection, _) = server.accept().await.unwrap();
            let mut head = [0; 1024];
            let length = connection.read(&mut head).await.unwrap();
            connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&head[..length]).to_lowercase()
        });
        let http = transport::Transport::default().client(Duration::from_secs(9), &transport::Tls::default()).unwrap();
        let hosts = Hosts::of(&Request::parse(b"{}").unwrap()).unwrap();
        let reader = Reader { http, proves_names: true, hosts };
        // The name does not exist, so that an answer can only come from the address; nobody listens at the first one.
        let url = Url::parse(&format!("http://files.invalid:{port}/x?y")).unwrap();
        let addresses = ["::1", "127.0.0.1"].map(|address| address.parse().unwrap());
        assert_eq!(reader.open_at(&url, addresses.to_vec()).await.unwrap().status(), 204);
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("get /x?y http/1.1") && asked.contains(&format!("host: files.invalid:{port}\r\n")), "{asked}");
    }

    #[test]
    fn a_type_is_told_by_header_then_bytes_then_name() {
        let is = |declared, content: &[u8], path| media_type(declared, content, path);
        assert_eq!(is(Some("image/PNG; charset=x"), b"", "/x.gif").as_deref(), Some("image/png"));
        assert_eq!(is(Some("application/octet-stream"), b"\xff\xd8\xff\xe0", "/x").as_deref(), Some("image/jpeg"));
        assert_eq!(is(None, b"RIFF\0\0\0\0WEBP", "/x").as_deref(), Some("image/webp"));
        assert_eq!(is(None, b"?", "/a/B.MP4").as_deref(), Some("video/mp4"));
        assert_eq!(is(None, b"?", "/x"), None);
    }
}
