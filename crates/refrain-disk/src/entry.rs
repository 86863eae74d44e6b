//! What is stored, and what is given back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::format::{Damage, Head, Metadata, verify};
use refrain::Key;

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
    codec: String,
    media_type: String,
    file_name: String,
    tags: Vec<String>,
    cost: Duration,
    time_to_live: Option<Duration>,
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
            codec: "bytes".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            file_name: String::new(),
            tags: Vec::new(),
            cost: Duration::ZERO,
            time_to_live: None,
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

    /// How the bytes stand for a value, for whoever makes one of them again. Default: `bytes`, which they are themselves.
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"[1]").codec("json");
    /// assert_eq!(entry.body(), b"[1]");
    /// ```
    pub fn codec(mut self, codec: impl Into<String>) -> Self {
        self.codec = codec.into();
        self
    }

    /// What the bytes are, for HTTP. Default: `application/octet-stream`.
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"[1]").media_type("application/json");
    /// assert_eq!(entry.body(), b"[1]");
    /// ```
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = media_type.into();
        self
    }

    /// What a person would call the file. Default: empty. The tier's own files are never named after it.
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").file_name("cube.stl");
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn file_name(mut self, file_name: impl Into<String>) -> Self {
        self.file_name = file_name.into();
        self
    }

    /// Labels, for invalidating many entries at once. Default: none.
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").tags(["model:v2", "user:7"]);
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// What making it took: what is expensive for its size is kept longer. Default: zero.
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").cost(std::time::Duration::from_secs(90));
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn cost(mut self, cost: Duration) -> Self {
        self.cost = cost;
        self
    }

    /// How long it is fresh, to the millisecond. Default: `None`, for ever; zero stores nothing.
    ///
    /// ```
    /// let entry = refrain_disk::NewEntry::new(b"solid").time_to_live(None);
    /// assert_eq!(entry.body(), b"solid");
    /// ```
    pub fn time_to_live(mut self, time_to_live: Option<Duration>) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// What its file begins with, if it is written now.
    pub(crate) fn head(&self, key: &Key, now: SystemTime) -> Head {
        use crate::format::{unix_millis, whole};

        let written_ms = unix_millis(now);
        let expires = |ttl: Duration| written_ms.saturating_add(whole(ttl.as_millis()));
        Head {
            key: *key,
            body_len: self.body.len() as u64,
            body_digest: *blake3::hash(self.body).as_bytes(),
            metadata: Metadata {
                codec: self.codec.clone(),
                media_type: self.media_type.clone(),
                file_name: self.file_name.clone(),
                tags: self.tags.clone(),
                cost_us: whole(self.cost.as_micros()),
                written_ms,
                expires_ms: self.time_to_live.map(expires),
            },
        }
    }
}

/// What was stored, every byte of it compared with its digest.
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
pub struct DiskEntry {
    /// The bytes.
    pub body: Bytes,
    /// Their BLAKE3 digest.
    pub body_digest: [u8; 32],
    /// How the bytes stand for a value.
    pub codec: String,
    /// What the bytes are, for HTTP.
    pub media_type: String,
    /// What a person would call the file; may be empty.
    pub file_name: String,
    /// Labels.
    pub tags: Vec<String>,
    /// What making it took.
    pub cost: Duration,
    /// Time since it was written, by the wall clock.
    pub age: Duration,
    /// Time until it expires; `None` if it never does.
    pub expires_in: Option<Duration>,
}

impl DiskEntry {
    /// Of a whole file.
    pub(crate) fn verified(key: &Key, file: Vec<u8>, now: SystemTime) -> Result<Self, Damage> {
        let (head, at) = verify(key, &file)?;
        let metadata = head.metadata;
        Ok(Self {
            body: Bytes::from(file).slice(at..),
            body_digest: head.body_digest,
            age: metadata.age(now),
            cost: metadata.cost(),
            expires_in: metadata.expires_in(now),
            codec: metadata.codec,
            media_type: metadata.media_type,
            file_name: metadata.file_name,
            tags: metadata.tags,
        })
    }
}
