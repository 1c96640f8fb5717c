//! Files that have to be read from elsewhere before a request can be sent: images at addresses that the provider does not read itself.
//!
//! A dialect writes a token where the file's data belongs and notes the address. The engine reads the files within the call's deadline, once
//! for all attempts, and puts what the dialect makes of each in its token's place.

use std::fmt;

use crate::engine::error::Result;

/// A file that was read.
pub struct File {
    pub media_type: String,
    /// The content in base64 (RFC 4648, with padding).
    pub base64: String,
}

/// What a dialect writes for a file: JSON; or why it can write nothing.
type Render = Box<dyn Fn(File) -> Result<String> + Send + Sync>;

/// A file that is to be read.
pub struct Remote {
    /// Where the caller names it, for errors.
    pub place: String,
    pub url: String,
    /// What stands in the body until then: a JSON string, with its quotes.
    pub token: String,
    pub render: Render,
}

/// All files of a request.
#[derive(Default)]
pub struct Remotes(pub Vec<Remote>);

impl Remotes {
    /// Notes a file and gives back the token to write in its place.
    pub fn add(&mut self, place: &str, url: &str, render: impl Fn(File) -> String + Send + Sync + 'static) -> String {
        self.add_checked(place, url, move |file| Ok(render(file)))
    }

    /// The same for a provider that does not take every file.
    pub fn add_checked(
        &mut self,
        place: &str,
        url: &str,
        render: impl Fn(File) -> Result<String> + Send + Sync + 'static,
    ) -> String {
        // Random, so that no text of the caller's can be taken for one.
        let token = format!("\"file {:032x}\"", fastrand::u128(..));
        self.0.push(Remote { place: place.to_owned(), url: url.to_owned(), token: token.clone(), render: Box::new(render) });
        token
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body with the files, in the order in which they were noted, in their tokens' places.
    pub fn fill(&self, body: &[u8], files: Vec<File>) -> Result<Vec<u8>> {
        let size: usize = files.iter().map(|file| file.base64.len() + 128).sum();
        let mut out = Vec::with_capacity(body.len() + size);
        let mut rest = body;
        let mut places: Vec<(usize, &Remote, File)> = self
            .0
            .iter()
            .zip(files)
            .filter_map(|(remote, file)| Some((memchr::memmem::find(body, remote.token.as_bytes())?, remote, file)))
            .collect();
        places.sort_by_key(|(at, _, _)| *at);
        for (at, remote, file) in places {
            let before = at - (body.len() - rest.len());
            out.extend_from_slice(&rest[..before]);
            out.extend_from_slice((remote.render)(file)?.as_bytes());
            rest = &rest[before + remote.token.len()..];
        }
        out.extend_from_slice(rest);
        Ok(out)
    }
}

impl fmt::Debug for Remotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|remote| &remote.url)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_where_their_tokens_stand() {
        let mut remotes = Remotes::default();
        let first = remotes.add("a", "http://h/1", |file| format!("[\"{}\",\"{}\"]", file.media_type, file.base64));
        let second = remotes.add("b", "http://h/2", |file| format!("\"{}\"", file.base64));
        let body = format!("{{\"x\":{second},\"y\":{first},\"z\":1}}");
        let file = |data: &str| File { media_type: "image/png".into(), base64: data.into() };
        let filled = remotes.fill(body.as_bytes(), vec![file("AA=="), file("BB==")]).unwrap();
        assert_eq!(String::from_utf8(filled).unwrap(), r#"{"x":"BB==","y":["image/png","AA=="],"z":1}"#);
        assert_eq!(Remotes::default().fill(b"{}", Vec::new()).unwrap(), b"{}");
    }
}
