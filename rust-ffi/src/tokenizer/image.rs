//! The size of an image, as its header tells it, and the tiles that OpenAI's models cut it into.

use base64::Engine;

use crate::wire::chat::messages::DataUri;

/// litellm's size of an image that cannot be looked at: one at an address (nothing is fetched to count tokens), or of an unknown kind.
const DEFAULT: (u32, u32) = (300, 300);
/// Headers stand at the front; a JPEG's may come after a preview.
const HEADER: usize = 256 << 10;

/// How many tiles of 512 pixels an image has after it was shrunk to 768 pixels at its short side and 2000 at its long one.
/// Source: OpenAI's guide "Images and vision", as litellm computes it.
pub fn tiles((width, height): (u32, u32)) -> usize {
    const SHORT: f64 = 768.0;
    const LONG: f64 = 2000.0;
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let (width, height) = if width <= SHORT && height <= SHORT {
        (width, height)
    } else {
        let ratio = width.max(height) / width.min(height);
        let long = (SHORT * ratio).floor().min(LONG);
        let short = if (SHORT * ratio).floor() > LONG { (LONG / ratio).floor() } else { SHORT };
        if width <= height {
            (short, long)
        } else {
            (long, short)
        }
    };
    ((width / 512.0).ceil() * (height / 512.0).ceil()) as usize
}

/// Width and height of the image in a data URI.
pub fn size_of_data_uri(uri: &str) -> (u32, u32) {
    let Some(data) = DataUri::parse(uri) else { return DEFAULT };
    let text = data.base64.as_bytes();
    let end = text.len().min(HEADER) / 4 * 4;
    base64::engine::general_purpose::STANDARD.decode(&text[..end]).ok().and_then(|bytes| size(&bytes)).unwrap_or(DEFAULT)
}

/// Width and height by the header of a PNG, GIF, JPEG or WebP. None for another kind, or a header that is cut.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let be16 = |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let le16 = |at: usize| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let be32 = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let le32 = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let le24 = |at: usize| Some(u32::from(*bytes.get(at)?) | le16(at + 1)? << 8);
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((be32(16)?, be32(20)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((le16(6)?, le16(8)?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12)? == b"WEBP" {
        return match bytes.get(12..16)? {
            b"VP8X" => Some((le24(24)? + 1, le24(27)? + 1)),
            b"VP8 " => Some((le16(26)? & 0x3FFF, le16(28)? & 0x3FFF)),
            b"VP8L" => {
                let bits = le32(21)?;
                Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
            }
            _ => None,
        };
    }
    if bytes.starts_with(b"\xFF\xD8") {
        let mut at = 2;
        loop {
            // Any number of fill bytes may stand before a marker.
            while *bytes.get(at)? == 0xFF {
                at += 1;
            }
            match bytes[at] {
                0xC0..=0xCF if !matches!(bytes[at], 0xC4 | 0xC8 | 0xCC) => return Some((be16(at + 6)?, be16(at + 4)?)),
                _ => at += 1 + be16(at + 1)? as usize,
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_the_size() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &1024u32.to_be_bytes(), &768u32.to_be_bytes()].concat();
        assert_eq!(size(&png), Some((1024, 768)));
        assert_eq!(size(b"GIF89a\x10\0\x20\0"), Some((16, 32)));
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xFF\xC0\0\x11\x08\x01\0\x02\0";
        assert_eq!(size(jpeg), Some((512, 256)));
        assert_eq!(size(&jpeg[..12]), None);
        assert_eq!(size_of_data_uri("https://h/x.png"), DEFAULT);
    }

    #[test]
    fn tiles_are_counted_after_shrinking() {
        assert_eq!(tiles((300, 300)), 1);
        assert_eq!(tiles((768, 768)), 4);
        assert_eq!(tiles((2048, 1024)), 6);
        assert_eq!(tiles((4000, 400)), 4);
        assert_eq!(tiles((0, 0)), 1);
    }
}
