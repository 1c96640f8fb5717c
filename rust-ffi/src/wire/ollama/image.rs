//! Images, which Ollama takes as base64 without the prefix of a data URI. Those at an address are fetched, for Ollama does not do it.

use std::borrow::Cow;

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::wire::chat::messages::{DataUri, Message};
use crate::wire::remote::Remotes;

/// An image as the caller wrote it, and where.
pub struct Image<'a> {
    pub url: Cow<'a, str>,
    place: String,
}

impl<'a> Image<'a> {
    /// The image in a part of a message.
    pub fn of(message: &Message<'_>, part: usize, url: Cow<'a, str>) -> Self {
        Image { url, place: format!("messages[{}].content[{part}]", message.at) }
    }

    fn write(&self, out: &mut Vec<u8>, remotes: &mut Remotes) -> Result<()> {
        let url = self.url.as_ref();
        if has_scheme(url, "http://") || has_scheme(url, "https://") {
            let place = self.place.clone();
            let token = remotes.add_checked(&self.place, url, move |file| {
                if file.media_type.starts_with("image/") {
                    return Ok(format!("\"{}\"", file.base64));
                }
                Err(Error::bad_request(format!("the address in `{place}` leads to {}, which is no image", file.media_type)))
            });
            out.extend_from_slice(token.as_bytes());
            return Ok(());
        }
        let base64 = match DataUri::parse(url).filter(|uri| !uri.base64.is_empty()) {
            Some(uri) => uri.base64,
            None if is_base64(url) => url,
            None => {
                return Err(Error::bad_request(format!(
                    "`{}.image_url` is no image that Ollama could be given: write an address that begins with http:// or https://, a data URI in \
                     base64 (data:image/png;base64,…), or the base64 alone",
                    self.place
                )))
            }
        };
        json::push_string(out, base64);
        Ok(())
    }
}

/// Schemes are written in any case (RFC 3986, section 3.1).
fn has_scheme(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Base64 (RFC 4648, with padding) and no path: of the formats of images only JPEG's begins with a slash, as `/9j/`.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let path = text.starts_with('/') && !text.starts_with("/9j/");
    let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    !digits.is_empty() && !path && padding <= 2 && text.len().is_multiple_of(4) && plain
}

/// The list of a message's, or a prompt's, images.
pub fn push_images(out: &mut Vec<u8>, images: &[Image<'_>], remotes: &mut Remotes) -> Result<()> {
    out.push(b'[');
    for (number, image) in images.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        image.write(out, remotes)?;
    }
    out.push(b']');
    Ok(())
}
