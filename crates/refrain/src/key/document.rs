//! A request, or part of one, as a tree of typed values.

use bytes::Bytes;

use super::path::Step;
use super::pointer::{self, Pointer};
use super::{
    Decimal, Encoded, Float, Integer, KeyEncoder, Keyable, Media, Unkeyable, UnkeyableReason,
};

mod containers;
mod conversions;

pub use containers::{Map, RepeatedKey, Set, Table, Tagged};

/// A typed value of any shape: what JSON, a form or a Python call brings, as it enters a key.
///
/// Two documents are equal exactly when their canonical forms are, and then they make the same key. Types count:
/// `1`, `1.0`, `"1"` and `true` are four different documents, and so are `null`, `""`, `[]` and `{}`.
///
/// ```
/// use refrain::key::{Document, Media};
///
/// let mut request = Document::from_json(br#"{"image": "Y2F0", "size": {"width": 100}}"#)?;
/// assert_eq!(request.get(&"/size/width".parse()?), Some(&Document::from(100)));
///
/// request.digest_media(&"/image".parse()?)?;
/// assert_eq!(request.get(&"/image".parse()?), Some(&Document::from(Media::of(b"cat"))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Document {
    /// Nothing, said explicitly: `null`, `None`. Something absent is not in the document at all.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number of any size.
    Integer(Integer),
    /// A binary floating-point number.
    Float(Float),
    /// A decimal number that no float stands for.
    Decimal(Decimal),
    /// Text, not normalized.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// Media, known by the digest of their bytes.
    Media(Media),
    /// Values in an order that counts, any number of them.
    List(Vec<Document>),
    /// Values whose places have meanings: the arguments of a call, a Python tuple.
    Tuple(Vec<Document>),
    /// Values in no order, each once.
    Set(Set),
    /// Values under names, in no order: a JSON object, a form, a Python dictionary whose keys are all `str`.
    Map(Map),
    /// Values under keys that are not all text: a Python dictionary with other keys.
    Table(Table),
    /// A value of a named type, or a variant of one: a dataclass, a struct, a member of an enum.
    Tagged(Box<Tagged>),
}

impl Document {
    /// A mapping from these keys to these values, in any order: a [`Map`] if all keys are text, otherwise a [`Table`].
    ///
    /// # Errors
    ///
    /// [`RepeatedKey`] when two keys are equal.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// let named = Document::mapping([("b".into(), 2.into()), ("a".into(), 1.into())])?;
    /// assert_eq!(named, Document::from_json(br#"{"a": 1, "b": 2}"#).unwrap());
    ///
    /// let numbered = Document::mapping([(1.into(), "one".into())])?;
    /// assert!(matches!(numbered, Document::Table(_)));
    /// # Ok::<(), refrain::key::RepeatedKey>(())
    /// ```
    pub fn mapping(
        entries: impl IntoIterator<Item = (Document, Document)>,
    ) -> Result<Self, RepeatedKey> {
        let entries: Vec<_> = entries.into_iter().collect();
        if !entries.iter().all(|(key, _)| matches!(key, Self::Text(_))) {
            return Ok(Self::Table(Table::from_entries(entries)?));
        }
        let named = entries.into_iter().map(|(key, value)| match key {
            Self::Text(name) => (name, value),
            _ => unreachable!("all keys are text: checked above"),
        });
        Ok(Self::Map(Map::from_unsorted(named.collect())?))
    }

    /// The value at this place, if there is one.
    ///
    /// The pointer goes through maps by name, through lists and tuples by position, and looks through [`Tagged`].
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// let document = Document::from_json(br#"{"images": ["a", "b"]}"#)?;
    /// assert_eq!(document.get(&"/images/1".parse()?), Some(&Document::from("b")));
    /// assert_eq!(document.get(&"/images/2".parse()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, place: &Pointer) -> Option<&Self> {
        place.steps().try_fold(self, |value, step| {
            let value = value.untagged();
            match value {
                Self::Map(map) => map.get(step),
                Self::List(items) | Self::Tuple(items) => items.get(pointer::index(step)?),
                _ => None,
            }
        })
    }

    /// The value at this place, to be changed.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// let mut document = Document::from_json(br#"{"seed": null}"#)?;
    /// if let Some(seed) = document.get_mut(&"/seed".parse()?) {
    ///     *seed = 42.into();
    /// }
    /// assert_eq!(document, Document::from_json(br#"{"seed": 42}"#)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_mut(&mut self, place: &Pointer) -> Option<&mut Self> {
        place.steps().try_fold(self, |value, step| {
            let value = value.untagged_mut();
            match value {
                Self::Map(map) => map.get_mut(step),
                Self::List(items) | Self::Tuple(items) => items.get_mut(pointer::index(step)?),
                _ => None,
            }
        })
    }

    /// Turns the base64 text at this place into [`Media`], so that only the bytes it stands for count.
    ///
    /// In a list, each item is turned. What is absent or null stays so, and media stay media. Returns whether
    /// there are media here now.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when something else is here: text that is not base64, such as an address, or no text at all.
    /// Nothing has changed then, and the request must go past the cache.
    ///
    /// ```
    /// use refrain::key::{Document, UnkeyableReason};
    ///
    /// let image = "/image".parse()?;
    /// let mut inline = Document::from_json(br#"{"image": "data:image/png;base64,Y2F0"}"#)?;
    /// let mut bare = Document::from_json(br#"{"image": "Y2F0"}"#)?;
    /// assert_ne!(inline, bare);
    /// assert!(inline.digest_media(&image)? && bare.digest_media(&image)?);
    /// assert_eq!(inline, bare);
    ///
    /// let mut remote = Document::from_json(br#"{"image": "https://example.org/cat.png"}"#)?;
    /// let unkeyable = remote.digest_media(&image).unwrap_err();
    /// assert_eq!(unkeyable.part(), "image");
    /// assert_eq!(unkeyable.reason(), &UnkeyableReason::NotBase64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn digest_media(&mut self, place: &Pointer) -> Result<bool, Unkeyable> {
        let Some(value) = self.get_mut(place) else {
            return Ok(false);
        };
        let digested = value.as_media().map_err(|error| {
            let steps: Vec<_> = place.steps().collect();
            let outward = steps.into_iter().rev();
            outward.fold(error, |error, step| error.inside(|| Step::name(step)))
        })?;
        let Some(digested) = digested else {
            return Ok(false);
        };
        *value = digested;
        Ok(true)
    }

    /// This value as media, nothing if it is null.
    fn as_media(&self) -> Result<Option<Self>, Unkeyable> {
        match self {
            Self::Null => Ok(None),
            Self::Media(media) => Ok(Some(Self::Media(*media))),
            Self::Text(text) => {
                let media = Media::from_base64(text).map_err(UnkeyableReason::from)?;
                Ok(Some(Self::Media(media)))
            }
            Self::List(items) => {
                let mut media = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let item = item.as_media();
                    let item = item.map_err(|e| e.inside(|| Step::Index(index)))?;
                    media.push(item.unwrap_or_default());
                }
                Ok(Some(Self::List(media)))
            }
            _ => Err(UnkeyableReason::NotText.into()),
        }
    }

    fn untagged(&self) -> &Self {
        match self {
            Self::Tagged(tagged) => tagged.content.untagged(),
            other => other,
        }
    }

    fn untagged_mut(&mut self) -> &mut Self {
        match self {
            Self::Tagged(tagged) => tagged.content.untagged_mut(),
            other => other,
        }
    }
}

impl Keyable for Document {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        match self {
            Self::Null => encoder.null(),
            Self::Bool(value) => encoder.bool(*value),
            Self::Integer(value) => Ok(encoder.big_integer(value)),
            Self::Float(value) => encoder.float(*value),
            Self::Decimal(value) => Ok(encoder.decimal(value)),
            Self::Text(value) => encoder.text(value),
            Self::Bytes(value) => encoder.bytes(value),
            Self::Media(value) => encoder.media(value),
            Self::List(items) => encoder.list(items),
            Self::Tuple(items) => encoder.tuple_of(items),
            Self::Set(set) => set.encode_key(encoder),
            Self::Map(map) => map.encode_key(encoder),
            Self::Table(table) => table.encode_key(encoder),
            Self::Tagged(tagged) => tagged.encode_key(encoder),
        }
    }
}
