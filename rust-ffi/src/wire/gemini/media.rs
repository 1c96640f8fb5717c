//! Images, sounds, films and files as Gemini's parts: inline data, or the address of a file that Google reads itself.

use std::borrow::Cow;

use crate::engine::error::{Error, Result};
use crate::wire::chat::messages::DataUri;

/// Files that were uploaded to the Gemini API. Nobody else can read these addresses.
pub const FILES_API: &str = "https://generativelanguage.googleapis.com/v1beta/files/";

/// A file, ready to become a part.
#[derive(Debug, PartialEq)]
pub enum Blob<'a> {
    /// Base64.
    Inline { media_type: Cow<'a, str>, data: Cow<'a, str> },
    /// An address that Google reads.
    Address { media_type: Option<Cow<'a, str>>, url: &'a str },
    /// An address that has to be read here, because Google does not.
    Remote { media_type: Option<Cow<'a, str>>, url: &'a str },
}

/// What a file's extension says: the extension, the media type, and whether Gemini reads such files.
///
/// Source: litellm 1.106's table, made after Google's "Supported media types" of Vertex AI.
const TYPES: &[(&[&str], &str, bool)] = &[
    (&["png"], "image/png", true),
    (&["jpeg", "jpg"], "image/jpeg", true),
    (&["webp"], "image/webp", true),
    (&["gif"], "image/gif", false),
    (&["heic"], "image/heic", true),
    (&["heif"], "image/heif", true),
    (&["aac"], "audio/aac", true),
    (&["flac"], "audio/flac", true),
    (&["m4a"], "audio/x-m4a", true),
    (&["mp3"], "audio/mpeg", true),
    (&["mpa"], "audio/m4a", true),
    (&["mpga"], "audio/mpga", true),
    (&["ogg"], "audio/ogg", true),
    (&["opus"], "audio/opus", true),
    (&["pcm"], "audio/pcm", true),
    (&["wav"], "audio/wav", true),
    (&["flv"], "video/x-flv", true),
    (&["m4v"], "video/x-m4v", false),
    (&["mov"], "video/quicktime", true),
    (&["mp4"], "video/mp4", true),
    (&["mpeg"], "video/mpeg", true),
    (&["mpegps"], "video/mpegps", true),
    (&["mpg"], "video/mpg", true),
    (&["webm"], "video/webm", true),
    (&["wmv"], "video/wmv", true),
    (&["3gp", "3gpp"], "video/3gpp", true),
    (&["pdf"], "application/pdf", true),
    (&["txt"], "text/plain", true),
    (&["csv"], "text/csv", false),
    (&["html", "htm"], "text/html", false),
    (&["json"], "application/json", false),
    (&["docx"], "application/vnd.openxmlformats-officedocument.wordprocessingml.document", false),
];

/// Media types of addresses that Vertex AI reads itself, by their end.
const ADDRESSES: &[(&str, &str)] = &[
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".png", "image/png"),
    (".webp", "image/webp"),
    (".mp4", "video/mp4"),
    (".mov", "video/mov"),
    (".mpeg", "video/mpeg"),
    (".mpg", "video/mpeg"),
    (".avi", "video/avi"),
    (".wmv", "video/wmv"),
    (".mpegps", "video/mpegps"),
    (".flv", "video/flv"),
    (".mp3", "audio/mp3"),
    (".wav", "audio/wav"),
    (".ogg", "audio/ogg"),
    (".pdf", "application/pdf"),
    (".txt", "text/plain"),
];

/// Reads an address, a data URI or a cloud's name for a file. `place` names the part, for errors; `reads_addresses`: Vertex AI fetches public
/// addresses of a known type itself, the Gemini API none.
pub fn blob<'a>(place: &str, url: &'a str, given: Option<Cow<'a, str>>, reads_addresses: bool) -> Result<Blob<'a>> {
    if url.starts_with("gs://") {
        let media_type = match given {
            Some(given) => clean(given),
            None => Cow::Borrowed(by_extension(place, url)?),
        };
        return Ok(Blob::Address { media_type: Some(media_type), url });
    }
    if url.starts_with(FILES_API) {
        return Ok(Blob::Address { media_type: given, url });
    }
    if url.starts_with("https://") && reads_addresses {
        if let Some(media_type) = given.clone().or_else(|| by_address(url).map(Cow::Borrowed)) {
            return Ok(Blob::Address { media_type: Some(media_type), url });
        }
    }
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Blob::Remote { media_type: given, url });
    }
    if let Some(uri) = DataUri::parse(url) {
        return Ok(Blob::Inline { media_type: given.unwrap_or(Cow::Borrowed(uri.media_type)), data: Cow::Borrowed(uri.base64) });
    }
    match given {
        // Base64 alone, with its type beside it.
        Some(media_type) if !url.is_empty() && !url.starts_with("data:") && is_base64(url) => {
            Ok(Blob::Inline { media_type, data: Cow::Borrowed(url) })
        }
        _ => Err(Error::bad_request(format!(
            "`{place}` is neither an address (https://…, gs://…) nor a data URI in base64 (data:image/png;base64,…)"
        ))),
    }
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b))
}

/// Without parameters, in lower case, and by the registered name.
fn clean(given: Cow<'_, str>) -> Cow<'_, str> {
    let name = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Cow::Owned(if name == "image/jpg" { "image/jpeg".to_owned() } else { name })
}

fn by_extension(place: &str, url: &str) -> Result<&'static str> {
    let name = url.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let Some(extension) = extension else {
        return Err(Error::bad_request(format!(
            "`{place}` has no extension that tells its media type; name it beside the address, as in \"format\": \"image/png\""
        )));
    };
    match TYPES.iter().find(|(extensions, _, _)| extensions.contains(&extension.as_str())) {
        Some((_, media_type, true)) => Ok(media_type),
        _ => Err(Error::bad_request(format!(
            "`{place}` ends in .{extension}, which Gemini does not read; name its media type beside the address, as in \"format\": \
             \"image/png\", to send it all the same"
        ))),
    }
}

fn by_address(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?.to_ascii_lowercase();
    ADDRESSES.iter().find(|(end, _)| path.ends_with(end)).map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, given: Option<&'static str>, vertex: bool) -> String {
        format!("{:?}", blob("messages[0].content[0]", url, given.map(Cow::Borrowed), vertex).unwrap())
    }

    #[test]
    fn g11_addresses_go_where_google_can_read_them() {
        let address = |media_type: &str, url: &str| format!("Address {{ media_type: Some({media_type:?}), url: {url:?} }}");
        assert_eq!(read("gs://b/x.PNG", None, false), address("image/png", "gs://b/x.PNG"));
        assert_eq!(read("gs://b/x", Some("image/JPG; q=1"), true), address("image/jpeg", "gs://b/x"));
        assert_eq!(read("https://h/a.mp4?x=1", None, true), address("video/mp4", "https://h/a.mp4?x=1"));
        assert!(read("https://h/a.mp4", None, false).starts_with("Remote"));
        assert!(read("http://h/a.mp4", None, true).starts_with("Remote"));
        assert!(read("https://h/a", None, true).starts_with("Remote"));
        let file = format!("{FILES_API}abc");
        assert_eq!(read(&file, None, false), format!("Address {{ media_type: None, url: {file:?} }}"));
    }

    #[test]
    fn g11_inline_data_keeps_its_base64() {
        assert_eq!(read("data:image/png;base64,AA==", None, false), r#"Inline { media_type: "image/png", data: "AA==" }"#);
        assert_eq!(
            read("data:image/png;base64,AA==", Some("image/webp"), false),
            r#"Inline { media_type: "image/webp", data: "AA==" }"#
        );
        assert_eq!(
            read("JVBERi0=", Some("application/pdf"), false),
            r#"Inline { media_type: "application/pdf", data: "JVBERi0=" }"#
        );
    }

    #[test]
    fn what_gemini_cannot_read_is_named() {
        let error = |url: &str| blob("messages[0].content[1]", url, None, true).unwrap_err().message.clone();
        assert!(error("gs://b/x.gif").contains(".gif"));
        assert!(error("gs://b/x").contains("format"));
        assert!(error("hello").contains("messages[0].content[1]"));
        assert!(error("data:text/plain,hello").contains("data URI"));
    }
}
