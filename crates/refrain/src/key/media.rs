//! Media, such as pictures, sound and models: they enter a key as the digest of their bytes and nothing else.

use std::borrow::Cow;
use std::fmt;
use std::io;

use base64_simd::{Out, STANDARD_NO_PAD};
use memchr::memchr2;

/// Media in a request, known by the BLAKE3 digest of their decoded bytes.
///
/// The same picture sent as base64, as a data URI, as a multipart file or as a raw body is the same `Media`;
/// file name, media type and multipart boundary play no part.
///
/// ```
/// use refrain::key::Media;
///
/// let raw = Media::of(b"PNG...");
/// assert_eq!(Media::from_base64("UE5HLi4u"), Ok(raw));
/// assert_eq!(Media::from_base64("data:image/png;base64,UE5HLi4u"), Ok(raw));
/// assert_ne!(Media::of(b"PNG..!"), raw);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Media {
    digest: [u8; 32],
}

/// A text that is neither base64 nor a base64 data URI.
///
/// ```
/// use refrain::key::{Media, NotBase64};
///
/// assert_eq!(Media::from_base64("a cat"), Err(NotBase64));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is neither base64 nor a base64 data URI; send the bytes themselves")]
pub struct NotBase64;

/// Digests media that arrive in pieces.
///
/// ```
/// use refrain::key::{Media, MediaHasher};
///
/// let mut hasher = MediaHasher::new();
/// hasher.update(b"PN");
/// hasher.update(b"G...");
/// assert_eq!(hasher.finish(), Media::of(b"PNG..."));
/// ```
#[derive(Debug, Clone, Default)]
pub struct MediaHasher {
    hasher: blake3::Hasher,
}

impl Media {
    /// The media with these bytes. Reads them once and copies nothing.
    ///
    /// ```
    /// use refrain::key::Media;
    ///
    /// assert_eq!(Media::of(b"same"), Media::of(b"same"));
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(*blake3::hash(bytes).as_bytes())
    }

    /// The media in this text: base64, or a data URI with `;base64`.
    ///
    /// The standard alphabet, with or without padding; line breaks are skipped, for many tools write base64 in
    /// lines. The media type of a data URI makes no difference. The text is decoded in pieces, never as a whole in
    /// memory.
    ///
    /// # Errors
    ///
    /// [`NotBase64`] for anything else, addresses in particular: what an address leads to may change.
    ///
    /// ```
    /// use refrain::key::{Media, NotBase64};
    ///
    /// assert_eq!(Media::from_base64("Y2F0\r\nIQ"), Ok(Media::of(b"cat!")));
    /// assert_eq!(Media::from_base64("data:text/plain,cat!"), Err(NotBase64));
    /// ```
    pub fn from_base64(text: &str) -> Result<Self, NotBase64> {
        let digits = without_data_uri(text)?;
        let breaks_line = |byte: u8| matches!(byte, b'\r' | b'\n');
        let digits: Cow<'_, [u8]> = if memchr2(b'\r', b'\n', digits.as_bytes()).is_some() {
            Cow::Owned(digits.bytes().filter(|&byte| !breaks_line(byte)).collect())
        } else {
            Cow::Borrowed(digits.as_bytes())
        };
        digest_base64(&digits)
    }

    /// The media whose bytes have this BLAKE3 digest, for a caller that has digested them already.
    ///
    /// ```
    /// use refrain::key::Media;
    ///
    /// let media = Media::of(b"cat");
    /// assert_eq!(Media::from_digest(*media.digest()), media);
    /// ```
    pub const fn from_digest(digest: [u8; 32]) -> Self {
        Self { digest }
    }

    /// The BLAKE3 digest of the bytes.
    ///
    /// ```
    /// use refrain::key::Media;
    ///
    /// assert_eq!(Media::from_digest([7; 32]).digest(), &[7; 32]);
    /// ```
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = blake3::Hash::from_bytes(self.digest);
        write!(f, "Media({})", digest.to_hex())
    }
}

impl MediaHasher {
    /// A hasher that has seen nothing yet.
    ///
    /// ```
    /// use refrain::key::{Media, MediaHasher};
    ///
    /// assert_eq!(MediaHasher::new().finish(), Media::of(b""));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes. Pieces of 64 KiB and more are digested at full speed.
    ///
    /// ```
    /// use refrain::key::MediaHasher;
    ///
    /// let (mut whole, mut pieces) = (MediaHasher::new(), MediaHasher::new());
    /// whole.update(b"abc");
    /// pieces.update(b"a").update(b"bc");
    /// assert_eq!(whole.finish(), pieces.finish());
    /// ```
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.hasher.update(bytes);
        self
    }

    /// The media whose bytes were taken so far.
    ///
    /// ```
    /// use refrain::key::{Media, MediaHasher};
    ///
    /// let mut hasher = MediaHasher::new();
    /// assert_eq!(hasher.update(b"cat").finish(), Media::of(b"cat"));
    /// ```
    pub fn finish(&self) -> Media {
        Media::from_digest(*self.hasher.finalize().as_bytes())
    }
}

/// Lets a reader be digested with `std::io::copy`. Never fails.
impl io::Write for MediaHasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The base64 digits of a data URI (RFC 2397), or the text itself when it is none.
fn without_data_uri(text: &str) -> Result<&str, NotBase64> {
    let Some(scheme) = text.get(..5) else {
        return Ok(text);
    };
    if !scheme.eq_ignore_ascii_case("data:") {
        return Ok(text);
    }
    let (media_type, data) = text[5..].split_once(',').ok_or(NotBase64)?;
    match media_type.rsplit_once(';') {
        Some((_, encoding)) if encoding.eq_ignore_ascii_case("base64") => Ok(data),
        _ => Err(NotBase64),
    }
}

/// Digits decoded at a time: small enough to stay in the processor's cache, a multiple of 4, and its three quarters
/// long enough for BLAKE3 to work on many chunks at once.
const DIGITS_AT_ONCE: usize = 64 * 1024;

fn digest_base64(digits: &[u8]) -> Result<Media, NotBase64> {
    let digits = without_padding(digits)?;
    let mut decoded = vec![0; digits.len().min(DIGITS_AT_ONCE) / 4 * 3 + 3];
    let mut hasher = MediaHasher::new();
    // Without padding, every piece but the last is whole groups of four digits, and a `=` in one is no digit.
    for piece in digits.chunks(DIGITS_AT_ONCE) {
        let bytes = STANDARD_NO_PAD
            .decode(piece, Out::from_slice(&mut decoded))
            .map_err(|_| NotBase64)?;
        hasher.update(bytes);
    }
    Ok(hasher.finish())
}

/// The digits before the padding, of which there may be as much as fills the last group, or less.
fn without_padding(digits: &[u8]) -> Result<&[u8], NotBase64> {
    let end = digits.iter().rposition(|byte| *byte != b'=');
    let (digits, padding) = digits.split_at(end.map_or(0, |last| last + 1));
    let missing = match digits.len() % 4 {
        0 => 0,
        // Six bits are no byte.
        1 => return Err(NotBase64),
        length => 4 - length,
    };
    if padding.len() > missing {
        return Err(NotBase64);
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use base64_simd::STANDARD;

    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn base64_of_any_length_is_the_media_of_its_bytes() {
        let piece = DIGITS_AT_ONCE / 4 * 3;
        for length in [
            0,
            1,
            2,
            3,
            4,
            piece - 1,
            piece,
            piece + 1,
            2 * piece,
            3 * piece + 5,
        ] {
            let bytes = noise(length);
            let text = STANDARD.encode_to_string(&bytes);
            assert_eq!(Media::from_base64(&text), Ok(Media::of(&bytes)));
            let bare = text.trim_end_matches('=');
            assert_eq!(Media::from_base64(bare), Ok(Media::of(&bytes)));
            let uri = format!("data:application/octet-stream;name=x;base64,{text}");
            assert_eq!(Media::from_base64(&uri), Ok(Media::of(&bytes)));
        }
    }

    #[test]
    fn lines_of_base64_are_joined() {
        let bytes = noise(200_000);
        let text = STANDARD.encode_to_string(&bytes);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let media = Media::from_base64(&lines.join("\r\n"));
        assert_eq!(media, Ok(Media::of(&bytes)));
    }

    #[test]
    fn what_is_not_base64_is_refused_and_never_an_empty_stand_in() {
        for text in [
            "a",
            "abc!",
            "ab-_",
            "a cat",
            " YQ==",
            "=",
            "====",
            "YQ==YQ==",
            "YR==",
            "é",
            "dåta:",
            "https://example.org/cat.png",
            "data:",
            "data:image/png;base64",
            "data:image/png,YQ==",
            "data:;base64;charset=utf-8,YQ==",
            "data:image/png;base64,?",
        ] {
            assert_eq!(Media::from_base64(text), Err(NotBase64), "{text}");
        }
    }

    #[test]
    fn padding_inside_a_long_text_is_refused() {
        let mut text = STANDARD.encode_to_string(noise(DIGITS_AT_ONCE * 2));
        text.replace_range(DIGITS_AT_ONCE - 2..DIGITS_AT_ONCE, "==");
        assert_eq!(Media::from_base64(&text), Err(NotBase64));
    }

    #[test]
    fn padding_may_be_left_out_in_part_but_never_be_more_than_fits() {
        for text in ["YQ", "YQ=", "YQ==", "YWI", "YWI=", "YWJj", ""] {
            assert!(Media::from_base64(text).is_ok(), "{text}");
        }
        for text in [
            "YQ===", "YWI==", "YWJj=", "YWJj====", "Y", "Y=", "Y===", "Y=Q=", "YR", "YWJ",
        ] {
            assert_eq!(Media::from_base64(text), Err(NotBase64), "{text}");
        }
    }

    #[test]
    fn a_byte_that_is_no_digit_is_refused_wherever_it_stands() {
        let text = STANDARD.encode_to_string(noise(300));
        for at in 0..text.len() {
            for wrong in [0, b' ', b'-', b'_', b'=', b'.', 0x7f] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = wrong;
                let changed = String::from_utf8(bytes).unwrap();
                let refused = Media::from_base64(&changed).is_err();
                assert!(
                    refused || at == text.len() - 1 && wrong == b'=',
                    "{at} {wrong}"
                );
            }
        }
    }

    #[test]
    fn a_data_uri_may_shout() {
        let media = Media::from_base64("DATA:;BASE64,Y2F0");
        assert_eq!(media, Ok(Media::of(b"cat")));
    }

    #[test]
    fn a_reader_can_be_digested_piece_by_piece() {
        let bytes = noise(100_000);
        let mut hasher = MediaHasher::new();
        io::copy(&mut bytes.as_slice(), &mut hasher).unwrap();
        assert_eq!(hasher.finish(), Media::of(&bytes));
    }
}
