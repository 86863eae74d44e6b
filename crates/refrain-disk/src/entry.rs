//! Entries of the tier: bytes with their metadata, as they are stored and as they are given back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::format::{Digest, Metadata};
use crate::metadata::{EntryMetadata, all_of};

/// Bytes to be stored, and what is to be known of them.
///
/// ```
/// use refrain_disk::NewEntry;
/// use std::time::Duration;
///
/// let entry = NewEntry::new(b"solid cube")
///     .media_type("model/stl")
///     .file_name("cube.stl")
///     .tags(["model:v2"])
///     .cost(Duration::from_secs(125))
///     .time_to_live(Some(Duration::from_secs(86_400)));
/// assert_eq!(entry.body().len(), 10);
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is stored by `DiskTier::store`"]
pub struct NewEntry<'a> {
    body: &'a [u8],
    metadata: EntryMetadata,
}

impl<'a> NewEntry<'a> {
    /// An entry of these bytes.
    ///
    /// ```
    /// assert_eq!(refrain_disk::NewEntry::new(b"abc").body(), b"abc");
    /// ```
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            metadata: EntryMetadata::default(),
        }
    }

    /// The bytes.
    ///
    /// ```
    /// assert!(refrain_disk::NewEntry::new(b"").body().is_empty());
    /// ```
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// All that is to be known of them, in the place of what was said before.
    ///
    /// ```
    /// use refrain_disk::{EntryMetadata, NewEntry};
    /// let metadata = EntryMetadata::default().field("http.status", "200");
    /// let entry = NewEntry::new(b"ok").metadata(metadata.clone());
    /// assert_eq!(entry.about(), &metadata);
    /// ```
    pub fn metadata(mut self, metadata: EntryMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// What is to be known of the bytes.
    ///
    /// ```
    /// use refrain_disk::{EntryMetadata, NewEntry};
    /// assert_eq!(NewEntry::new(b"ok").about(), &EntryMetadata::default());
    /// ```
    pub fn about(&self) -> &EntryMetadata {
        &self.metadata
    }

    /// As [`EntryMetadata::codec`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"[1]").codec("json");
    /// assert_eq!(entry.body(), b"[1]");
    /// ```
    pub fn codec(mut self, codec: impl Into<String>) -> Self {
        self.metadata = self.metadata.codec(codec);
        self
    }

    /// As [`EntryMetadata::field`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"gone").field("http.status", "410");
    /// assert_eq!(entry.about().fields().count(), 1);
    /// ```
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.metadata = self.metadata.field(name, value);
        self
    }

    /// As [`EntryMetadata::media_type`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"[1]").media_type("application/json");
    /// assert_eq!(entry.body(), b"[1]");
    /// ```
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.metadata = self.metadata.media_type(media_type);
        self
    }

    /// As [`EntryMetadata::file_name`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").file_name("cube.stl");
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn file_name(mut self, file_name: impl Into<String>) -> Self {
        self.metadata = self.metadata.file_name(file_name);
        self
    }

    /// As [`EntryMetadata::tags`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").tags(["model:v2", "user:7"]);
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.metadata = self.metadata.tags(tags);
        self
    }

    /// As [`EntryMetadata::cost`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").cost(std::time::Duration::from_secs(90));
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn cost(mut self, cost: Duration) -> Self {
        self.metadata = self.metadata.cost(cost);
        self
    }

    /// As [`EntryMetadata::time_to_live`].
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").time_to_live(None);
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn time_to_live(mut self, time_to_live: Option<Duration>) -> Self {
        self.metadata = self.metadata.time_to_live(time_to_live);
        self
    }
}

/// What was stored: with the whole body, every byte of it compared with its digest, or with a handle to read it by.
///
/// ```
/// use refrain::Key;
/// use refrain_disk::{DiskTier, NewEntry};
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
/// tier.store(&tier.begin(), &key, &NewEntry::new(b"[1]").codec("json"))?;
/// let entry = tier.load(&key)?.expect("it was stored");
/// assert_eq!((&entry.body[..], &*entry.codec), (&b"[1]"[..], "json"));
/// assert_eq!(entry.expires_in, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskEntry<B = Bytes> {
    /// The bytes, or a handle to read them by.
    pub body: B,
    /// Their BLAKE3 digest.
    pub body_digest: [u8; 32],
    /// How the bytes stand for a value.
    pub codec: String,
    /// Names and values, in the order in which they were stored.
    pub fields: Vec<(String, Bytes)>,
    /// Labels.
    pub tags: Vec<String>,
    /// What making it took.
    pub cost: Duration,
    /// Time since it was made, by the wall clock.
    pub age: Duration,
    /// Time until it expires; `None` if it never does.
    pub expires_in: Option<Duration>,
}

impl<B> DiskEntry<B> {
    pub(crate) fn new(body: B, body_digest: Digest, metadata: Metadata, now: SystemTime) -> Self {
        Self {
            body,
            body_digest,
            age: metadata.age(now),
            cost: metadata.cost(),
            expires_in: metadata.expires_in(now),
            codec: metadata.codec,
            fields: metadata.fields,
            tags: metadata.tags,
        }
    }

    /// The same with another body.
    pub(crate) fn map_body<C>(self, map: impl FnOnce(B) -> C) -> DiskEntry<C> {
        DiskEntry {
            body: map(self.body),
            body_digest: self.body_digest,
            codec: self.codec,
            fields: self.fields,
            tags: self.tags,
            cost: self.cost,
            age: self.age,
            expires_in: self.expires_in,
        }
    }

    /// The values of all fields with this name, in order.
    ///
    /// ```
    /// # use refrain::Key;
    /// # use refrain_disk::{DiskTier, NewEntry};
    /// # let dir = tempfile::tempdir()?;
    /// # let tier = DiskTier::at(dir.path()).open()?;
    /// # let key = Key::from_bytes([7; 32]);
    /// let entry = NewEntry::new(b"").field("http.header", "a: 1").field("http.header", "b: 2");
    /// tier.store(&tier.begin(), &key, &entry)?;
    /// let entry = tier.load(&key)?.expect("it was stored");
    /// assert!(entry.values("http.header").eq([b"a: 1", b"b: 2"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        all_of(&self.fields).filter_map(move |(of, value)| (of == name).then_some(value))
    }

    /// What the bytes are, for HTTP: the field `media_type`, or else the header `Content-Type` of a stored answer;
    /// `application/octet-stream` if neither says it.
    ///
    /// ```
    /// # use refrain::Key;
    /// # use refrain_disk::{DiskTier, NewEntry};
    /// # let dir = tempfile::tempdir()?;
    /// # let tier = DiskTier::at(dir.path()).open()?;
    /// # let key = Key::from_bytes([7; 32]);
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"solid").media_type("model/stl"))?;
    /// assert_eq!(tier.load(&key)?.expect("it was stored").media_type(), "model/stl");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn media_type(&self) -> &str {
        self.text("media_type")
            .or_else(|| self.header("content-type"))
            .unwrap_or("application/octet-stream")
    }

    /// What a person would call the file: the field `file_name`, or else the name in the header `Content-Disposition` of a
    /// stored answer. May be empty, and is if a header names a path.
    ///
    /// ```
    /// # use refrain::Key;
    /// # use refrain_disk::{DiskTier, NewEntry};
    /// # let dir = tempfile::tempdir()?;
    /// # let tier = DiskTier::at(dir.path()).open()?;
    /// # let key = Key::from_bytes([7; 32]);
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"solid").file_name("cube.stl"))?;
    /// assert_eq!(tier.load(&key)?.expect("it was stored").file_name(), "cube.stl");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn file_name(&self) -> &str {
        let named = || name_in(self.header("content-disposition")?);
        self.text("file_name").or_else(named).unwrap_or_default()
    }

    /// The value of a header of a stored answer.
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.values("http.header");
        let mut lines = lines.filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'));
        let (_, value) = lines.find(|(of, _)| of.eq_ignore_ascii_case(name))?;
        Some(value.trim_ascii())
    }

    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.values(name).next()?).ok()
    }
}

/// The file name in a disposition (RFC 6266), in quotes or not. None for one that is more than a name.
fn name_in(disposition: &str) -> Option<&str> {
    let mut parameters = disposition.split(';').skip(1);
    let name = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_it = name.trim_ascii().eq_ignore_ascii_case("filename");
        is_it.then(|| value.trim_ascii())
    })?;
    let name = match name.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => name,
    };
    let is_of_a_path = |c: char| matches!(c, '/' | '\\' | '"' | ':') || c.is_control();
    (!name.starts_with('.') && !name.contains(is_of_a_path)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_disposition_is_a_name_and_no_path() {
        for (disposition, name) in [
            ("attachment; filename=\"cube.stl\"", Some("cube.stl")),
            ("attachment; FileName = cube.stl", Some("cube.stl")),
            (
                "inline; size=7; filename=\"a cube.stl\"",
                Some("a cube.stl"),
            ),
            ("attachment", None),
            ("attachment; filename=\"../../.bashrc\"", None),
            ("attachment; filename=\"..\"", None),
            ("attachment; filename=\"C:\\\\boot.ini\"", None),
            ("attachment; filename=\"cut", None),
        ] {
            assert_eq!(name_in(disposition), name, "{disposition}");
        }
    }
}
