//! Images, documents and videos of a message as Converse's blocks.

use std::borrow::Cow;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::messages::Block;
use crate::engine::error::{Error, Result};
use crate::wire::chat::messages::{DataUri, File, Media};
use crate::wire::remote::{self, Remotes};

/// As much of a document decides on its name: a name that stays the same keeps a cached prompt valid.
const NAMED_BY: usize = 64 << 10;

#[derive(Debug, Serialize)]
pub struct Medium<'a> {
    pub format: Cow<'static, str>,
    /// Documents only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub source: Source<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source<'a> {
    /// Base64.
    Bytes(Cow<'a, str>),
    S3Location {
        uri: Cow<'a, str>,
    },
}

enum Kind {
    Image,
    Document,
    Video,
}

/// What a media type is to Converse. Source: the API reference of ImageBlock, DocumentBlock and VideoBlock.
fn format_of(media_type: &str) -> Option<(Kind, &'static str)> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match media_type.as_str() {
        "image/png" => (Kind::Image, "png"),
        "image/jpeg" | "image/jpg" => (Kind::Image, "jpeg"),
        "image/gif" => (Kind::Image, "gif"),
        "image/webp" => (Kind::Image, "webp"),
        "application/pdf" => (Kind::Document, "pdf"),
        "text/csv" | "application/csv" => (Kind::Document, "csv"),
        "application/msword" => (Kind::Document, "doc"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => (Kind::Document, "docx"),
        "application/vnd.ms-excel" => (Kind::Document, "xls"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => (Kind::Document, "xlsx"),
        "text/html" | "application/xhtml+xml" => (Kind::Document, "html"),
        "text/plain" => (Kind::Document, "txt"),
        "text/markdown" | "text/x-markdown" => (Kind::Document, "md"),
        "video/mp4" => (Kind::Video, "mp4"),
        "video/quicktime" | "video/mov" => (Kind::Video, "mov"),
        "video/x-matroska" | "video/mkv" => (Kind::Video, "mkv"),
        "video/webm" => (Kind::Video, "webm"),
        "video/x-flv" | "video/flv" => (Kind::Video, "flv"),
        "video/mpeg" => (Kind::Video, "mpeg"),
        "video/mpg" => (Kind::Video, "mpg"),
        "video/x-ms-wmv" | "video/wmv" => (Kind::Video, "wmv"),
        "video/3gpp" | "video/3gp" => (Kind::Video, "three_gp"),
        _ => return None,
    })
}

/// The media type that the end of an address tells.
fn type_of_address(address: &str) -> Option<&'static str> {
    let path = address.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html" | "htm" => "text/html",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "flv" => "video/x-flv",
        "mpeg" => "video/mpeg",
        "mpg" => "video/mpg",
        "wmv" => "video/x-ms-wmv",
        "3gp" => "video/3gpp",
        _ => return None,
    })
}

/// An image or a video.
pub fn media<'a>(media: Media<'a>, place: &str, remotes: &mut Remotes) -> Result<Block<'a>> {
    block(media.url, media.format.as_deref(), place, remotes)
}

/// A file: its bytes, or where they are.
pub fn file<'a>(file: File<'a>, place: &str, remotes: &mut Remotes) -> Result<Block<'a>> {
    let source = file.id.or(file.data).ok_or_else(|| {
        Error::bad_request(format!("`{place}.file` has neither `file_data` nor `file_id`; give the file as a data URI in base64"))
    })?;
    if !source.contains("://") && !source.starts_with("data:") {
        // Base64 alone: the name or the format has to say what it is.
        let kind = file.format.or_else(|| file.filename.as_deref().and_then(type_of_address).map(Cow::Borrowed));
        let kind = kind.ok_or_else(|| {
            Error::bad_request(format!(
                "`{place}.file` does not say what it is; add `format`, such as \"application/pdf\", or a data URI"
            ))
        })?;
        return bytes(source, &kind, place);
    }
    block(source, file.format.as_deref(), place, remotes)
}

fn block<'a>(address: Cow<'a, str>, format: Option<&str>, place: &str, remotes: &mut Remotes) -> Result<Block<'a>> {
    if address.starts_with("s3://") {
        let kind = format.or_else(|| type_of_address(&address)).unwrap_or_default().to_owned();
        return made(Source::S3Location { uri: address }, &kind, place);
    }
    if address.starts_with("http://") || address.starts_with("https://") {
        return Ok(Block::Remote(remote(&address, format, place, remotes)));
    }
    let Some((media_type, start)) = DataUri::parse(&address).map(|uri| {
        let start = address.len() - uri.base64.len();
        (format.unwrap_or(uri.media_type).to_owned(), start)
    }) else {
        return Err(Error::bad_request(format!(
            "`{place}` must be a data URI in base64 (data:image/png;base64,…), an https:// address or an s3:// address"
        )));
    };
    let base64 = match address {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..]),
        Cow::Owned(mut text) => Cow::Owned(text.split_off(start)),
    };
    bytes(base64, if media_type.is_empty() { "image/jpeg" } else { &media_type }, place)
}

/// A block of these bytes.
pub fn bytes<'a>(base64: Cow<'a, str>, media_type: &str, place: &str) -> Result<Block<'a>> {
    made(Source::Bytes(base64), media_type, place)
}

/// Notes a file that has to be read before the call is sent; gives back what stands in the body until then.
fn remote(url: &str, format: Option<&str>, place: &str, remotes: &mut Remotes) -> String {
    let (format, named) = (format.map(str::to_owned), place.to_owned());
    let token = remotes.add_checked(place, url, move |file: remote::File| {
        let block = bytes(Cow::Owned(file.base64), format.as_deref().unwrap_or(&file.media_type), &named)?;
        serde_json::to_string(&block).map_err(|e| Error::bad_request(e.to_string()))
    });
    token.trim_matches('"').to_owned()
}

fn made<'a>(source: Source<'a>, media_type: &str, place: &str) -> Result<Block<'a>> {
    let Some((kind, format)) = format_of(media_type) else {
        return Err(Error::bad_request(format!(
            "`{place}` is of the type {media_type:?}, which Bedrock does not take; it takes images (png, jpeg, gif, webp), documents (pdf, csv, \
             doc, docx, xls, xlsx, html, txt, md) and videos (mp4, mov, mkv, webm, flv, mpeg, mpg, wmv, 3gp)"
        )));
    };
    let name = matches!(kind, Kind::Document).then(|| document_name(&source, format));
    let medium = Medium { format: Cow::Borrowed(format), name, source };
    Ok(match kind {
        Kind::Image => Block::Image(medium),
        Kind::Document => Block::Document(medium),
        Kind::Video => Block::Video(medium),
    })
}

/// A document needs a name, of letters, digits and few signs. litellm's, so that caches made by it stay valid: by the first 64 KiB of
/// the base64 without white space, and its length.
fn document_name(source: &Source<'_>, format: &str) -> String {
    let text: &str = match source {
        Source::Bytes(base64) => base64,
        Source::S3Location { uri } => uri,
    };
    let mut hash = Sha256::new();
    let mut length = 0;
    for piece in text.as_bytes().split(u8::is_ascii_whitespace) {
        let rest = NAMED_BY.saturating_sub(length);
        hash.update(&piece[..piece.len().min(rest)]);
        length += piece.len();
    }
    hash.update(length.to_string());
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("DocumentPDFmessages_{hash}_{format}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, format: Option<&str>) -> Result<Block<'static>> {
        block(Cow::Owned(url.to_owned()), format, "messages[0].content[0]", &mut Remotes::default())
    }

    #[test]
    fn media_types_decide_on_the_block() {
        assert!(matches!(of("data:image/jpg;base64,AA", None).unwrap(), Block::Image(m) if m.format == "jpeg"));
        assert!(matches!(of("data:video/3gpp;base64,AA", None).unwrap(), Block::Video(m) if m.format == "three_gp"));
        assert!(
            matches!(of("s3://bucket/film.mp4", None).unwrap(), Block::Video(m) if matches!(m.source, Source::S3Location { .. }))
        );
        assert!(matches!(of("https://host/cat.png", None).unwrap(), Block::Remote(_)));
        assert!(
            matches!(of("data:application/octet-stream;base64,AA", Some("text/csv")).unwrap(), Block::Document(m) if m.format == "csv")
        );
        let error = of("data:image/tiff;base64,AA", None).unwrap_err();
        assert!(error.message.contains("messages[0].content[0]") && error.message.contains("image/tiff"), "{}", error.message);
        assert!(of("cat.png", None).unwrap_err().message.contains("data URI"));
    }

    #[test]
    fn a_documents_name_depends_on_its_bytes_only() {
        let name = |text: &str| match of(text, None).unwrap() {
            Block::Document(medium) => medium.name.unwrap(),
            other => panic!("{other:?}"),
        };
        let one = name("data:application/pdf;base64,JVBERi0xLjQK\nMSAw");
        assert_eq!(one, name("data:application/pdf;base64,JVBERi0xLjQKMSAw"));
        assert_ne!(one, name("data:application/pdf;base64,JVBERi0xLjQKMSAx"));
        assert!(one.starts_with("DocumentPDFmessages_") && one.ends_with("_pdf"));
    }
}
