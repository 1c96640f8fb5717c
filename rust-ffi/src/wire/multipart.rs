//! Bodies of the type `multipart/form-data` (RFC 7578), for files beside a request's parameters.

use crate::engine::id;

/// A form in the making. Its bytes are the request's body, made once for all attempts.
pub struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// `files` is how many bytes of files will be added: a form of 20 MB must not be copied while it grows.
    pub fn new(files: usize) -> Self {
        // Nobody can foresee it, so no file can hold it but by a chance of 1 in 2^122.
        Form { boundary: id::unique("edgequake-"), body: Vec::with_capacity(files + 4096) }
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.part(name, None);
        self.body.extend_from_slice(b"\r\n");
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
    }

    pub fn file(&mut self, name: &str, filename: &str, content_type: &str, bytes: &[u8]) {
        self.part(name, Some(filename));
        self.body.extend_from_slice(b"content-type: ");
        self.body.extend_from_slice(content_type.as_bytes());
        self.body.extend_from_slice(b"\r\n\r\n");
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
    }

    /// The content type, which names the boundary, and the body.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(b"--");
        self.body.extend_from_slice(self.boundary.as_bytes());
        self.body.extend_from_slice(b"--\r\n");
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }

    /// The boundary and the first header of a part.
    fn part(&mut self, name: &str, filename: Option<&str>) {
        self.body.extend_from_slice(b"--");
        self.body.extend_from_slice(self.boundary.as_bytes());
        self.body.extend_from_slice(b"\r\ncontent-disposition: form-data; name=\"");
        escape(&mut self.body, name);
        if let Some(filename) = filename {
            self.body.extend_from_slice(b"\"; filename=\"");
            escape(&mut self.body, filename);
        }
        self.body.extend_from_slice(b"\"\r\n");
    }
}

/// As browsers write names (the URL standard's "multipart/form-data encoding"): a name cannot end its header.
fn escape(out: &mut Vec<u8>, name: &str) {
    for byte in name.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"%22"),
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_parts_between_boundaries() {
        let mut form = Form::new(3);
        form.text("model", "whisper-1");
        form.file("file", "a \"b\"\r\n.wav", "audio/x-wav", b"\0\r\n");
        let (content_type, body) = form.finish();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--{boundary}\r\ncontent-disposition: \
             form-data; name=\"file\"; filename=\"a %22b%22%0D%0A.wav\"\r\ncontent-type: audio/x-wav\r\n\r\n\0\r\n\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(Form::new(0).finish().0, Form::new(0).finish().0);
    }
}
