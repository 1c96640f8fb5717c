//! Reads the files that a request names by address and its provider cannot read itself.

use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use futures_util::future::try_join_all;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::Url;

use super::error::{Error, Result};
use super::transport;
use crate::wire::remote::{File, Remote, Remotes};

/// A larger file is refused: litellm's limit, and more than any provider takes.
const MAX_FILE: usize = 50 << 20;
const MAX_REDIRECTS: usize = 5;
/// A host that says nothing for this long will not give the file.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body with all files in it. They are read at the same time, over the TLS settings and proxies of the call, and without its
/// credentials.
pub async fn fill(remotes: &Remotes, http: &reqwest::Client, body: &[u8]) -> Result<Vec<u8>> {
    let files = try_join_all(remotes.0.iter().map(|remote| read(remote, http))).await?;
    remotes.fill(body, files)
}

async fn read(remote: &Remote, http: &reqwest::Client) -> Result<File> {
    let flaw = |what: String| Error::bad_request(format!("`{}` could not be read: {what}", remote.place));
    let mut url = Url::parse(&remote.url).map_err(|_| flaw("it is not a valid address".to_owned()))?;
    for _ in 0..=MAX_REDIRECTS {
        let request = http.get(url.clone()).build().map_err(|_| flaw("it is not a valid address".to_owned()))?;
        let sent = tokio::time::timeout(PATIENCE, transport::send(http, &request)).await;
        let mut response = sent.map_err(|_| flaw("its host did not answer".to_owned()))?.map_err(|e| flaw(e.message.clone()))?;
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
            let piece =
                tokio::time::timeout(PATIENCE, response.chunk()).await.map_err(|_| flaw("its host fell silent".to_owned()))?;
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
    use super::media_type;

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
