//! The builder of a key, from the parts of a request.

use smallvec::SmallVec;

use super::format::{self, MAGIC};
use super::sink::Sink;
use super::{IgnoreList, Key, KeyEncoder, Keyable, Map, RequestForm, Unkeyable, UnkeyableReason};

/// Describes one request: for whom, by which generator, from which parts. Made by [`Key::builder`].
///
/// All of it goes into the key: the namespace first, so that tenants never share an entry; the generator with its
/// fingerprint, so that a new model does not answer with the results of the old one; and each part under its name.
/// The order of the parts makes no difference.
///
/// ```
/// use refrain::Key;
/// use refrain::key::{Document, Media};
///
/// let body = Document::from_json(br#"{"format": "stl", "quality": 7}"#)?;
/// let picture = Media::of(b"PNG...");
/// let key = Key::builder()
///     .namespace("tenant-a")
///     .generator("relief", "mesh-2")
///     .part("body", &body)
///     .part("image", &picture)
///     .build()?;
///
/// let for_another_tenant = Key::builder()
///     .namespace("tenant-b")
///     .generator("relief", "mesh-2")
///     .part("image", &picture)
///     .part("body", &body)
///     .build()?;
/// assert_ne!(key, for_another_tenant);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a key is made by `build`"]
pub struct KeyBuilder<'a> {
    namespace: &'a str,
    generator: Option<Generator<'a>>,
    /// Most requests have a few; a list of them should not cost an allocation.
    parts: SmallVec<[(&'a str, &'a dyn Keyable); 4]>,
    ignored: Option<&'a IgnoreList>,
}

#[derive(Clone, Copy)]
struct Generator<'a> {
    name: &'a str,
    fingerprint: &'a str,
}

impl<'a> KeyBuilder<'a> {
    pub(super) fn new() -> Self {
        Self {
            namespace: "",
            generator: None,
            parts: SmallVec::new(),
            ignored: None,
        }
    }

    /// Whose request this is. Default: the empty namespace, for caches that serve one user.
    ///
    /// Take it from the credential, never from something the client may choose. Requests of different namespaces
    /// never share a key.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let request = Key::builder().generator("relief", "1");
    /// assert_ne!(request.clone().namespace("a").build(), request.namespace("b").build());
    /// ```
    pub fn namespace(mut self, namespace: &'a str) -> Self {
        self.namespace = namespace;
        self
    }

    /// The name of the generator that computes the result, and the fingerprint of its state. There is no default.
    ///
    /// The fingerprint is anything that changes whenever the same request may give another result: a version, the
    /// digest of the weights, settings of the server.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let old = Key::builder().generator("relief", "1").build()?;
    /// let new = Key::builder().generator("relief", "2").build()?;
    /// assert_ne!(old, new);
    /// assert!(Key::builder().build().is_err());
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn generator(mut self, name: &'a str, fingerprint: &'a str) -> Self {
        self.generator = Some(Generator { name, fingerprint });
        self
    }

    /// Adds a part of the request: an argument, the body, the query, a header that is passed on.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let request = Key::builder().generator("scale", "1");
    /// let key = request.clone().part("width", &2).part("height", &3).build()?;
    /// assert_eq!(key, request.clone().part("height", &3).part("width", &2).build()?);
    /// assert_ne!(key, request.part("width", &3).part("height", &2).build()?);
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn part(mut self, name: &'a str, value: &'a dyn Keyable) -> Self {
        self.parts.push((name, value));
        self
    }

    /// Adds every field of `parts` as a part: the whole request, when it is kept as one document.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain::key::Map;
    ///
    /// let request: Map = [("width", 2), ("height", 3)].into_iter().collect();
    /// let together = Key::builder().generator("scale", "1").parts(&request).build()?;
    /// let apart = Key::builder().generator("scale", "1").part("width", &2).part("height", &3).build()?;
    /// assert_eq!(together, apart);
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn parts(mut self, parts: &'a Map) -> Self {
        let parts = parts.iter().map(|(name, value)| (name, value as _));
        self.parts.extend(parts);
        self
    }

    /// Leaves out what the list names. Default: nothing, so that everything counts.
    ///
    /// The pointers begin with the name of a part: `/body/client_id`.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain::key::IgnoreList;
    ///
    /// let ignored = IgnoreList::parse(["/trace"])?;
    /// let request = Key::builder().generator("scale", "1").part("width", &2).ignoring(&ignored);
    /// assert_eq!(request.clone().part("trace", &17).build()?, request.build()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ignoring(mut self, ignored: &'a IgnoreList) -> Self {
        self.ignored = Some(ignored);
        self
    }

    /// The key of the request.
    ///
    /// Costs about a microsecond for a small request; bytes among the parts are hashed where they lie.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] names the part: one that cannot be keyed, a name that two parts have, or the generator, if it
    /// was not named. The request must then go past the cache.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let request = Key::builder().generator("scale", "1");
    /// assert_eq!(request.clone().part("width", &2).build(), request.clone().part("width", &2).build());
    ///
    /// let unkeyable = request.part("width", &2).part("width", &2).build().unwrap_err();
    /// assert_eq!(unkeyable.to_string(), "`width` cannot be part of a key: it appears twice; keep one of them");
    /// ```
    pub fn build(self) -> Result<Key, Unkeyable> {
        self.build_with(RequestForm::key)
    }

    /// The value that `take` makes of the request's form: its key, or one that the caller has kept for this form.
    ///
    /// For callers with the same requests again and again: [`RequestForm::short`] tells which one it is for less than the
    /// digest costs.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); `take` is not called then.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use refrain::Key;
    /// use refrain::key::RequestForm;
    ///
    /// let mut known: HashMap<Vec<u8>, Key> = HashMap::new();
    /// let mut key_of = |width: u32| {
    ///     let request = Key::builder().generator("scale", "1").part("width", &width);
    ///     request.build_with(|form: &RequestForm| match form.short() {
    ///         Some(short) => *known.entry(short.to_vec()).or_insert_with(|| form.key()),
    ///         None => form.key(),
    ///     })
    /// };
    /// assert_eq!(key_of(2)?, key_of(2)?);
    /// assert_ne!(key_of(2)?, key_of(3)?);
    /// assert_eq!(known.len(), 2);
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn build_with<T>(self, take: impl FnOnce(&RequestForm) -> T) -> Result<T, Unkeyable> {
        let mut form = RequestForm::new();
        self.write(form.sink())?;
        Ok(take(&form))
    }

    /// The bytes whose BLAKE3 digest is the key; to explain a key, or to compare with another implementation.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let request = Key::builder().generator("scale", "1").part("width", &2);
    /// let form = request.clone().canonical_form()?;
    /// assert_eq!(request.build()?.as_bytes(), blake3::hash(&form).as_bytes());
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn canonical_form(self) -> Result<Vec<u8>, Unkeyable> {
        let mut form = Vec::new();
        self.write(&mut form)?;
        Ok(form)
    }

    fn write(self, sink: &mut dyn Sink) -> Result<(), Unkeyable> {
        let generator = self
            .generator
            .ok_or_else(|| Unkeyable::at(UnkeyableReason::Missing, "generator"))?;
        sink.write(&MAGIC);
        for name in [self.namespace, generator.name, generator.fingerprint] {
            sink.write(&format::length(name.len()));
            sink.write(name.as_bytes());
        }
        let ignored = self.ignored.map(IgnoreList::root);
        KeyEncoder::of_request(sink, ignored).fields(&self.parts)?;
        Ok(())
    }
}

impl std::fmt::Debug for KeyBuilder<'_> {
    /// Names the parts; their values may be secret or large.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.parts.iter().map(|(name, _)| *name).collect();
        let generator = self.generator.map(|generator| generator.name);
        f.debug_struct("KeyBuilder")
            .field("generator", &generator)
            .field("parts", &names)
            .finish_non_exhaustive()
    }
}
