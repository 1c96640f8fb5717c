//! Files that a request refers to: `{"attachment": 0, "filename": "talk.mp3", "content_type": "audio/mpeg"}`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};

/// A file as a form sends it.
pub struct File<'r> {
    pub bytes: &'r [u8],
    pub filename: Cow<'r, str>,
    pub content_type: Cow<'r, str>,
}

#[derive(Deserialize)]
struct Reference<'r> {
    attachment: usize,
    #[serde(borrow)]
    filename: Option<Cow<'r, str>>,
    #[serde(borrow)]
    content_type: Option<Cow<'r, str>>,
}

/// The one file of an argument.
pub fn one<'r>(request: &Request<'r>, argument: &'static str) -> Result<Option<File<'r>>> {
    request.raw(argument).map(|raw| read(request, argument, raw)).transpose()
}

/// The files of an argument that is one or a list of them.
pub fn list<'r>(request: &Request<'r>, argument: &'static str) -> Result<Vec<File<'r>>> {
    match request.raw(argument) {
        None => Ok(Vec::new()),
        Some(raw) => match json::read::<Vec<&'r RawValue>>(raw) {
            Some(list) => list.into_iter().map(|raw| read(request, argument, raw)).collect(),
            None => Ok(vec![read(request, argument, raw)?]),
        },
    }
}

fn read<'r>(request: &Request<'r>, argument: &'static str, raw: &'r RawValue) -> Result<File<'r>> {
    let reference: Reference<'r> = json::read(raw)
        .ok_or_else(|| wrong_type(argument, "a file, as in {\"attachment\": 0, \"filename\": \"talk.mp3\"}", raw))?;
    let count = request.attachments.len();
    let bytes = *request.attachments.get(reference.attachment).ok_or_else(|| {
        Error::bad_request(format!("`{argument}` refers to attachment {}, but the call has {count}", reference.attachment))
    })?;
    if bytes.is_empty() {
        return Err(Error::bad_request(format!(
            "`{argument}` is a file without content; a file object that was read before has to be set back to its start, by seek(0)"
        )));
    }
    let kind = Kind::of(bytes);
    let filename = match reference.filename.filter(|name| !name.is_empty()) {
        Some(name) => name,
        None => kind.map_or("upload", |kind| kind.filename).into(),
    };
    let content_type = match reference.content_type.filter(|given| !given.is_empty()) {
        Some(given) => given,
        None => by_name(&filename).or(kind.map(|kind| kind.content_type)).unwrap_or("application/octet-stream").into(),
    };
    if content_type.chars().any(char::is_control) {
        return Err(Error::bad_request(format!("the content type of `{argument}` holds a line break; remove it")));
    }
    Ok(File { bytes, filename, content_type })
}

/// What a file is by its first bytes: providers tell formats by a file's name, and some files come without one.
#[derive(Clone, Copy)]
struct Kind {
    filename: &'static str,
    content_type: &'static str,
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Kind> {
        let at = |from: usize, magic: &[u8]| bytes.get(from..from + magic.len()) == Some(magic);
        let (filename, content_type) = match bytes {
            _ if at(0, b"\x89PNG\r\n\x1a\n") => ("image.png", "image/png"),
            _ if at(0, b"\xff\xd8\xff") => ("image.jpg", "image/jpeg"),
            _ if at(0, b"GIF8") => ("image.gif", "image/gif"),
            _ if at(0, b"RIFF") && at(8, b"WEBP") => ("image.webp", "image/webp"),
            _ if at(0, b"RIFF") && at(8, b"WAVE") => ("audio.wav", "audio/x-wav"),
            _ if at(0, b"fLaC") => ("audio.flac", "audio/flac"),
            _ if at(0, b"OggS") => ("audio.ogg", "audio/ogg"),
            _ if at(0, b"\x1a\x45\xdf\xa3") => ("audio.webm", "video/webm"),
            _ if at(4, b"ftyp") => ("audio.m4a", "audio/mp4"),
            // ID3 tags, or the eleven set bits that begin a frame of MPEG audio.
            _ if at(0, b"ID3") => ("audio.mp3", "audio/mpeg"),
            [0xff, second, ..] if second & 0xe6 == 0xe2 => ("audio.mp3", "audio/mpeg"),
            _ => return None,
        };
        Some(Kind { filename, content_type })
    }
}

/// The types of the formats that providers take, by a name's ending: those that Python's `mimetypes` gives, which litellm sends.
fn by_name(filename: &str) -> Option<&'static str> {
    let (_, ending) = filename.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "wav" => "audio/x-wav",
        "mp3" | "mpga" => "audio/mpeg",
        "mp4" => "video/mp4",
        "mpeg" => "video/mpeg",
        "m4a" => "audio/mp4",
        "webm" => "video/webm",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "aac" => "audio/aac",
        "aiff" => "audio/x-aiff",
        "amr" => "audio/AMR",
        "mkv" => "video/x-matroska",
        "mov" => "video/quicktime",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'r>(text: &'r str, attachments: &[&'r [u8]]) -> Result<File<'r>> {
        let request = Request { attachments: attachments.to_vec(), ..Request::parse(text.as_bytes()).unwrap() };
        one(&request, "file").map(|file| file.expect("the argument is there"))
    }

    #[test]
    fn a_file_is_called_as_the_caller_calls_it() {
        let given = file(r#"{"file":{"attachment":1,"filename":"b.WAV","content_type":"audio/wav"}}"#, &[b"", b"x"]).unwrap();
        assert_eq!((given.bytes, &*given.filename, &*given.content_type), (&b"x"[..], "b.WAV", "audio/wav"));
        assert_eq!(file(r#"{"file":{"attachment":0,"filename":"b.WAV"}}"#, &[b"x"]).unwrap().content_type, "audio/x-wav");
    }

    #[test]
    fn a_file_without_a_name_is_called_by_its_content() {
        for (content, name, kind) in [
            (&b"RIFF\0\0\0\0WAVEfmt "[..], "audio.wav", "audio/x-wav"),
            (b"ID3\x04", "audio.mp3", "audio/mpeg"),
            (b"\xff\xfb\x90\x44", "audio.mp3", "audio/mpeg"),
            (b"\0\0\0\x18ftypM4A ", "audio.m4a", "audio/mp4"),
            (b"\x89PNG\r\n\x1a\n..", "image.png", "image/png"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image.webp", "image/webp"),
            (b"?", "upload", "application/octet-stream"),
        ] {
            let file = file(r#"{"file":{"attachment":0}}"#, &[content]).unwrap();
            assert_eq!((&*file.filename, &*file.content_type), (name, kind));
        }
    }

    #[test]
    fn what_is_no_file_is_refused_with_the_cure() {
        for (text, part) in [
            (r#"{"file":"talk.mp3"}"#, "must be a file"),
            (r#"{"file":{"attachment":2}}"#, "attachment 2"),
            (r#"{"file":{"attachment":0}}"#, "seek(0)"),
            (r#"{"file":{"attachment":1,"content_type":"a\r\nb: c"}}"#, "line break"),
        ] {
            let error = file(text, &[b"", b"x"]).err().unwrap();
            assert!(error.message.contains(part), "{}", error.message);
        }
    }

    #[test]
    fn a_list_of_files_keeps_its_order() {
        let text = r#"{"image":[{"attachment":1},{"attachment":0}]}"#;
        let request = Request { attachments: vec![b"a", b"b"], ..Request::parse(text.as_bytes()).unwrap() };
        let names: Vec<&[u8]> = list(&request, "image").unwrap().iter().map(|file| file.bytes).collect();
        assert_eq!(names, [b"b", b"a"]);
    }
}
