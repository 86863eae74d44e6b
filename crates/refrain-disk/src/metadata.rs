//! What is known of an entry, beside its bytes: a list of named fields, as in a header of HTTP, with tags, cost and times.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::format::{Metadata, unix_millis, whole};

/// What is to be known of an entry, beside its bytes.
///
/// ```
/// use refrain_disk::EntryMetadata;
/// use std::time::Duration;
///
/// let metadata = EntryMetadata::default()
///     .field("http.status", "200")
///     .field("http.header", "content-language: de")
///     .field("http.header", "x-model: v2")
///     .tags(["model:v2"])
///     .cost(Duration::from_secs(125));
/// assert_eq!(metadata.fields().count(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it is stored with an entry"]
pub struct EntryMetadata {
    codec: String,
    fields: Vec<(String, Bytes)>,
    tags: Vec<String>,
    cost: Duration,
    age: Duration,
    time_to_live: Option<Duration>,
}

impl Default for EntryMetadata {
    /// Codec `bytes`, no fields, no tags, no cost, fresh for ever.
    fn default() -> Self {
        Self {
            codec: "bytes".to_owned(),
            fields: Vec::new(),
            tags: Vec::new(),
            cost: Duration::ZERO,
            age: Duration::ZERO,
            time_to_live: None,
        }
    }
}

impl EntryMetadata {
    /// How the bytes stand for a value. Default: `bytes`, which they are themselves.
    ///
    /// ```
    /// let metadata = refrain_disk::EntryMetadata::default().codec("json");
    /// assert_ne!(metadata, refrain_disk::EntryMetadata::default());
    /// ```
    pub fn codec(mut self, codec: impl Into<String>) -> Self {
        self.codec = codec.into();
        self
    }

    /// One more field. Names may repeat, and the order is kept. docs/disk-format.md lists the names that have a meaning.
    ///
    /// ```
    /// let metadata = refrain_disk::EntryMetadata::default().field("http.status", "404");
    /// assert_eq!(metadata.fields().next(), Some(("http.status", &b"404"[..])));
    /// ```
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The fields so far, in order.
    ///
    /// ```
    /// assert_eq!(refrain_disk::EntryMetadata::default().fields().count(), 0);
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        all_of(&self.fields)
    }

    /// What the bytes are, for HTTP: the field `media_type`. Default: none.
    ///
    /// ```
    /// let metadata = refrain_disk::EntryMetadata::default().media_type("model/stl");
    /// assert_eq!(metadata.fields().next(), Some(("media_type", &b"model/stl"[..])));
    /// ```
    pub fn media_type(self, media_type: impl Into<String>) -> Self {
        self.field("media_type", media_type.into())
    }

    /// What a person would call the file: the field `file_name`. Default: none. The tier's own files are never named after it.
    ///
    /// ```
    /// let metadata = refrain_disk::EntryMetadata::default().file_name("cube.stl");
    /// assert_eq!(metadata.fields().next(), Some(("file_name", &b"cube.stl"[..])));
    /// ```
    pub fn file_name(self, file_name: impl Into<String>) -> Self {
        self.field("file_name", file_name.into())
    }

    /// Labels, for invalidating many entries at once. Default: none.
    ///
    /// ```
    /// let metadata = refrain_disk::EntryMetadata::default().tags(["model:v2", "user:7"]);
    /// assert_ne!(metadata, refrain_disk::EntryMetadata::default());
    /// ```
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// What making it took: what is expensive for its size is kept longer. Default: zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// let metadata = refrain_disk::EntryMetadata::default().cost(Duration::from_secs(90));
    /// assert_ne!(metadata, refrain_disk::EntryMetadata::default());
    /// ```
    pub fn cost(mut self, cost: Duration) -> Self {
        self.cost = cost;
        self
    }

    /// Time since it was made, if that was before now. Default: zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// let metadata = refrain_disk::EntryMetadata::default().age(Duration::from_secs(9));
    /// assert_ne!(metadata, refrain_disk::EntryMetadata::default());
    /// ```
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// How much longer it is fresh, to the millisecond. Default: `None`, for ever; zero stores nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// let metadata = refrain_disk::EntryMetadata::default().time_to_live(Some(Duration::from_secs(60)));
    /// assert_ne!(metadata, refrain_disk::EntryMetadata::default());
    /// ```
    pub fn time_to_live(mut self, time_to_live: Option<Duration>) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// As a file says it that is written now.
    pub(crate) fn written(&self, now: SystemTime) -> Metadata {
        let written_ms = unix_millis(now);
        let expires = |ttl: Duration| written_ms.saturating_add(whole(ttl.as_millis()));
        Metadata {
            codec: self.codec.clone(),
            tags: self.tags.clone(),
            cost_us: whole(self.cost.as_micros()),
            written_ms,
            age_ms: whole(self.age.as_millis()),
            expires_ms: self.time_to_live.map(expires),
            fields: self.fields.clone(),
        }
    }
}

/// Names and values.
pub(crate) fn all_of(fields: &[(String, Bytes)]) -> impl Iterator<Item = (&str, &[u8])> {
    fields.iter().map(|(name, value)| (&**name, &**value))
}
