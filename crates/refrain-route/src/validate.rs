//! Validators: state machines that read a body piece by piece and say at its end whether it is whole.
//!
//! PNG, JPEG, GLB, STL, WAV and JSON are followed through their structure to the end; MP4, OGG and WebP by the lengths
//! they carry; MP3, OBJ, PLY and PDF by their beginning and what must not be missing. Pixels and samples are not decoded.

use std::fmt;
use std::str::FromStr;

mod glb;
mod jpeg;
mod json;
mod magic;
mod mp4;
mod ogg;
mod piece;
mod ply;
mod png;
mod riff;
mod stl;
mod text;

use piece::Fault;

/// A kind of file that a [`Validator`] knows.
///
/// ```
/// use refrain_route::MediaKind;
///
/// assert_eq!("stl".parse(), Ok(MediaKind::Stl));
/// assert_eq!(MediaKind::of_content_type("image/png; q=1"), Some(MediaKind::Png));
/// assert_eq!(MediaKind::of_content_type("application/octet-stream"), None);
/// assert_eq!(MediaKind::of_beginning(b"\x89PNG\r\n\x1a\n"), Some(MediaKind::Png));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// PNG: chunks from `IHDR` to `IEND`.
    Png,
    /// JPEG: segments and scans to the end marker.
    Jpeg,
    /// GLB (binary glTF 2): chunks that add up to the length in the header.
    Glb,
    /// STL: binary with as many triangles as it says, or text to `endsolid`.
    Stl,
    /// WAV: chunks that add up to the length in the header.
    Wav,
    /// JSON (RFC 8259), one value.
    Json,
    /// WebP: the length in its header.
    Webp,
    /// MP3: a tag or a frame at the beginning.
    Mp3,
    /// MP4: boxes that add up, with `ftyp` and `moov`.
    Mp4,
    /// OBJ: vertices and faces, to the end of a line.
    Obj,
    /// PLY: a header, and at least as many bytes or lines as it promises.
    Ply,
    /// PDF: its first line, and its end mark.
    Pdf,
    /// OGG: pages to one that says it is the last.
    Ogg,
}

/// A body is not what it should be, or not whole.
///
/// ```
/// use refrain_route::{MediaKind, Validator};
///
/// let mut validator = Validator::new(MediaKind::Png);
/// let error = validator.update(b"<html>").unwrap_err();
/// assert_eq!(error.to_string(), "this is no whole PNG: it does not begin as one (byte 0)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no whole {kind}: {why} (byte {at})")]
pub struct Invalid {
    /// What it should have been.
    pub kind: MediaKind,
    /// Why it is not.
    pub why: &'static str,
    /// Up to which byte it was read.
    pub at: u64,
}

/// Judges one body, piece by piece, in constant memory.
///
/// ```
/// use refrain_route::{MediaKind, Validator};
///
/// let mut validator = Validator::new(MediaKind::Json);
/// validator.update(br#"{"a": ["#)?;
/// validator.update(br#"1]}"#)?;
/// validator.finish()?;
///
/// let mut cut = Validator::new(MediaKind::Json);
/// cut.update(br#"{"a": ["#)?;
/// assert!(cut.finish().is_err());
/// # Ok::<(), refrain_route::Invalid>(())
/// ```
#[derive(Debug)]
pub struct Validator {
    kind: MediaKind,
    reader: Reader,
    read: u64,
}

#[derive(Debug)]
enum Reader {
    Png(png::Png),
    Jpeg(jpeg::Jpeg),
    Glb(glb::Glb),
    Stl(Box<stl::Stl>),
    Riff(riff::Riff),
    Json(json::Json),
    Mp3(magic::Mp3),
    Mp4(mp4::Mp4),
    Obj(text::Obj),
    Ply(Box<ply::Ply>),
    Pdf(magic::Pdf),
    Ogg(Box<ogg::Ogg>),
}

impl Validator {
    /// A validator that has seen nothing yet.
    pub fn new(kind: MediaKind) -> Self {
        let reader = match kind {
            MediaKind::Png => Reader::Png(png::Png::default()),
            MediaKind::Jpeg => Reader::Jpeg(jpeg::Jpeg::default()),
            MediaKind::Glb => Reader::Glb(glb::Glb::default()),
            MediaKind::Stl => Reader::Stl(Box::default()),
            MediaKind::Wav => Reader::Riff(riff::Riff::wave()),
            MediaKind::Webp => Reader::Riff(riff::Riff::webp()),
            MediaKind::Json => Reader::Json(json::Json::default()),
            MediaKind::Mp3 => Reader::Mp3(magic::Mp3::default()),
            MediaKind::Mp4 => Reader::Mp4(mp4::Mp4::default()),
            MediaKind::Obj => Reader::Obj(text::Obj::default()),
            MediaKind::Ply => Reader::Ply(Box::default()),
            MediaKind::Pdf => Reader::Pdf(magic::Pdf::default()),
            MediaKind::Ogg => Reader::Ogg(Box::default()),
        };
        Self {
            kind,
            reader,
            read: 0,
        }
    }

    /// What it judges.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`Invalid`] as soon as it is certain; what follows does not matter then.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        let fed = match &mut self.reader {
            Reader::Png(reader) => reader.feed(bytes),
            Reader::Jpeg(reader) => reader.feed(bytes),
            Reader::Glb(reader) => reader.feed(bytes),
            Reader::Stl(reader) => {
                reader.feed(bytes);
                Ok(())
            }
            Reader::Riff(reader) => reader.feed(bytes),
            Reader::Json(reader) => reader.feed(bytes),
            Reader::Mp3(reader) => reader.feed(bytes),
            Reader::Mp4(reader) => reader.feed(bytes),
            Reader::Obj(reader) => reader.feed(bytes),
            Reader::Ply(reader) => reader.feed(bytes),
            Reader::Pdf(reader) => reader.feed(bytes),
            Reader::Ogg(reader) => reader.feed(bytes),
        };
        let fed = fed.map_err(|fault| self.invalid(&fault));
        self.read = self.read.saturating_add(bytes.len() as u64);
        fed
    }

    /// Says whether what was read is whole.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when something is missing. It need not be called after [`update`](Self::update) has failed.
    pub fn finish(self) -> Result<(), Invalid> {
        let ended = match &self.reader {
            Reader::Png(reader) => reader.end(),
            Reader::Jpeg(reader) => reader.end(),
            Reader::Glb(reader) => reader.end(),
            Reader::Stl(reader) => reader.end(),
            Reader::Riff(reader) => reader.end(),
            Reader::Json(reader) => reader.end(),
            Reader::Mp3(reader) => reader.end(),
            Reader::Mp4(reader) => reader.end(),
            Reader::Obj(reader) => reader.end(),
            Reader::Ply(reader) => reader.end(),
            Reader::Pdf(reader) => reader.end(),
            Reader::Ogg(reader) => reader.end(),
        };
        ended.map_err(|fault| self.invalid(&fault))
    }

    /// Judges a body that is there as a whole.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when it is not whole, or something else.
    ///
    /// ```
    /// use refrain_route::{MediaKind, Validator};
    ///
    /// assert!(Validator::check(MediaKind::Json, b"[1, 2]").is_ok());
    /// assert!(Validator::check(MediaKind::Json, b"[1, 2").is_err());
    /// ```
    pub fn check(kind: MediaKind, bytes: &[u8]) -> Result<(), Invalid> {
        let mut validator = Self::new(kind);
        validator.update(bytes)?;
        validator.finish()
    }

    fn invalid(&self, Fault(why): &Fault) -> Invalid {
        Invalid {
            kind: self.kind,
            why,
            at: self.read,
        }
    }
}

/// Each kind with its name in a configuration, its name for people, and its media types.
const KINDS: [(MediaKind, &str, &str, &[&str]); 13] = [
    (MediaKind::Png, "png", "PNG", &["image/png"]),
    (
        MediaKind::Jpeg,
        "jpeg",
        "JPEG",
        &["image/jpeg", "image/jpg"],
    ),
    (MediaKind::Glb, "glb", "GLB", &["model/gltf-binary"]),
    (
        MediaKind::Stl,
        "stl",
        "STL",
        &[
            "model/stl",
            "application/sla",
            "application/vnd.ms-pki.stl",
            "model/x.stl-binary",
            "model/x.stl-ascii",
        ],
    ),
    (
        MediaKind::Wav,
        "wav",
        "WAV",
        &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"],
    ),
    (MediaKind::Json, "json", "JSON", &["application/json"]),
    (MediaKind::Webp, "webp", "WebP", &["image/webp"]),
    (MediaKind::Mp3, "mp3", "MP3", &["audio/mpeg", "audio/mp3"]),
    (MediaKind::Mp4, "mp4", "MP4", &["video/mp4", "audio/mp4"]),
    (MediaKind::Obj, "obj", "OBJ", &["model/obj"]),
    (
        MediaKind::Ply,
        "ply",
        "PLY",
        &["model/ply", "application/ply"],
    ),
    (MediaKind::Pdf, "pdf", "PDF", &["application/pdf"]),
    (
        MediaKind::Ogg,
        "ogg",
        "OGG",
        &["audio/ogg", "video/ogg", "application/ogg", "audio/opus"],
    ),
];

impl MediaKind {
    /// The names that a configuration may use.
    ///
    /// ```
    /// assert!(refrain_route::MediaKind::names().any(|name| name == "glb"));
    /// ```
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(_, name, _, _)| *name)
    }

    /// The kind of a body with this `Content-Type`, if it is one of these.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next()?.trim().to_ascii_lowercase();
        if essence.starts_with("application/") && essence.ends_with("+json") {
            return Some(Self::Json);
        }
        let kinds = KINDS.iter();
        let mut found = kinds.filter(|(_, _, _, types)| types.contains(&essence.as_str()));
        found.next().map(|(kind, ..)| *kind)
    }

    /// The kind that a body with this beginning can only be, from its first 16 bytes.
    ///
    /// STL, OBJ and JSON do not tell at their beginning.
    pub fn of_beginning(bytes: &[u8]) -> Option<Self> {
        let riff = bytes
            .starts_with(b"RIFF")
            .then(|| bytes.get(8..12))
            .flatten();
        match riff {
            Some(b"WAVE") => return Some(Self::Wav),
            Some(b"WEBP") => return Some(Self::Webp),
            _ => {}
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return Some(Self::Mp4);
        }
        let beginnings: [(&[u8], Self); 8] = [
            (b"\x89PNG\r\n\x1a\n", Self::Png),
            (b"\xff\xd8\xff", Self::Jpeg),
            (b"glTF", Self::Glb),
            (b"ID3", Self::Mp3),
            (b"%PDF-", Self::Pdf),
            (b"OggS", Self::Ogg),
            (b"ply\n", Self::Ply),
            (b"ply\r\n", Self::Ply),
        ];
        let mut kinds = beginnings.iter();
        let found = kinds.find(|(beginning, _)| bytes.starts_with(beginning));
        found.map(|(_, kind)| *kind)
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = KINDS.iter().find(|(kind, ..)| kind == self);
        f.write_str(kind.map_or("file", |(_, _, shown, _)| shown))
    }
}

/// A text that names no kind of file; its message has those there are.
///
/// ```
/// use refrain_route::MediaKind;
///
/// let error = "gif".parse::<MediaKind>().unwrap_err();
/// assert!(error.to_string().starts_with("no validator is called `gif`: there are `png`, "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no validator is called `{0}`: there are {names}", names = crate::language::one_of(MediaKind::names()))]
pub struct UnknownKind(String);

impl FromStr for MediaKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let kind = KINDS.iter().find(|(_, name, _, _)| *name == text);
        kind.map(|(kind, ..)| *kind)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
