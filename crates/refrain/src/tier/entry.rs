//! The entry of a tier: the body of one result, and its metadata.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::body::Body;

/// One result as a tier holds it.
///
/// ```
/// use refrain::tier::{Metadata, TierEntry};
///
/// let entry = TierEntry::new("two minutes of work", Metadata::new("bytes").tag("model:v2"));
/// assert_eq!((entry.body.len(), entry.metadata.codec.as_str()), (19, "bytes"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TierEntry {
    /// The bytes.
    pub body: Body,
    /// What is known of them.
    pub metadata: Metadata,
}

impl TierEntry {
    /// An entry of these bytes.
    ///
    /// ```
    /// use refrain::tier::{Metadata, TierEntry};
    /// assert!(TierEntry::new("", Metadata::new("bytes")).body.is_empty());
    /// ```
    pub fn new(body: impl Into<Body>, metadata: Metadata) -> Self {
        Self {
            body: body.into(),
            metadata,
        }
    }
}

/// What a tier keeps beside the bytes of a result, and gives back as it was.
///
/// ```
/// use refrain::tier::Metadata;
/// use std::time::Duration;
///
/// let metadata = Metadata::new("http")
///     .field("http.status", "200")
///     .field("http.header", "content-type: image/png")
///     .field("http.header", "etag: \"5e\"")
///     .tag("model:v2")
///     .cost(Duration::from_secs(125))
///     .expires_in(Some(Duration::from_secs(86_400)));
/// assert_eq!(metadata.first("http.status"), Some(&b"200"[..]));
/// assert_eq!(metadata.all("http.header").count(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// How the bytes stand for a value, for the codec that makes one of them again.
    pub codec: String,
    /// What else the codec needs: names with bytes, in order; a name may come more than once.
    pub fields: Vec<(String, Bytes)>,
    /// Labels, for invalidating many entries at once.
    pub tags: Vec<Arc<str>>,
    /// What making the value took.
    pub cost: Duration,
    /// Time since it was made.
    pub age: Duration,
    /// Time until it expires; `None` if it never does.
    pub expires_in: Option<Duration>,
}

impl Metadata {
    /// Metadata of a value that was made just now and never expires.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// let metadata = Metadata::new("json");
    /// assert!(metadata.fields.is_empty() && metadata.expires_in.is_none());
    /// ```
    pub fn new(codec: impl Into<String>) -> Self {
        Self {
            codec: codec.into(),
            fields: Vec::new(),
            tags: Vec::new(),
            cost: Duration::ZERO,
            age: Duration::ZERO,
            expires_in: None,
        }
    }

    /// One more field.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// assert_eq!(Metadata::new("json").field("part", "1").fields.len(), 1);
    /// ```
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// One more tag.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// assert_eq!(&*Metadata::new("json").tag("user:7").tags[0], "user:7");
    /// ```
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// What making the value took.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// use std::time::Duration;
    /// assert_eq!(Metadata::new("json").cost(Duration::from_secs(9)).cost.as_secs(), 9);
    /// ```
    #[must_use]
    pub fn cost(mut self, cost: Duration) -> Self {
        self.cost = cost;
        self
    }

    /// Time since the value was made.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// use std::time::Duration;
    /// assert_eq!(Metadata::new("json").age(Duration::from_secs(9)).age.as_secs(), 9);
    /// ```
    #[must_use]
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Time until the value expires; `None` if it never does.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// use std::time::Duration;
    /// let metadata = Metadata::new("json").expires_in(Some(Duration::from_secs(9)));
    /// assert_eq!(metadata.expires_in.unwrap().as_secs(), 9);
    /// ```
    #[must_use]
    pub fn expires_in(mut self, expires_in: Option<Duration>) -> Self {
        self.expires_in = expires_in;
        self
    }

    /// The first field of this name.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// assert_eq!(Metadata::new("json").first("part"), None);
    /// ```
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        let field = self.fields.iter().find(|(own, _)| own == name);
        field.map(|(_, value)| &value[..])
    }

    /// All fields of this name, in order.
    ///
    /// ```
    /// use refrain::tier::Metadata;
    /// let metadata = Metadata::new("json").field("part", "1").field("part", "2");
    /// assert_eq!(metadata.all("part").collect::<Vec<_>>(), [b"1", b"2"]);
    /// ```
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |(own, value): &'a (String, Bytes)| (own == name).then_some(&value[..]);
        self.fields.iter().filter_map(named)
    }

    /// Whether its time is over.
    pub(super) fn is_expired(&self) -> bool {
        self.expires_in.is_some_and(|left| left.is_zero())
    }

    /// The same after `passed`.
    pub(super) fn later_by(mut self, passed: Duration) -> Self {
        self.age = self.age.saturating_add(passed);
        self.expires_in = self.expires_in.map(|left| left.saturating_sub(passed));
        self
    }
}
