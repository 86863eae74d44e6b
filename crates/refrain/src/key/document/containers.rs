//! Containers of a document whose order does not count, and named types.

use std::collections::BTreeMap;

use super::Document;
use crate::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};

/// Values under names, in no order, each name once.
///
/// ```
/// use refrain::key::{Document, Map};
///
/// let mut map = Map::new();
/// map.insert("seed", 7);
/// map.insert("format", "stl");
/// assert_eq!(Document::from(map), Document::from_json(br#"{"format": "stl", "seed": 7}"#)?);
/// # Ok::<(), refrain::key::JsonError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Sorted by the UTF-8 bytes of the names.
    fields: Vec<(String, Document)>,
}

/// Values in no order, each once.
///
/// ```
/// use refrain::key::{Document, Set};
///
/// let set: Set = [2, 1, 2].into_iter().map(Document::from).collect();
/// assert_eq!(set.len(), 2);
/// assert_eq!(set, [1, 2].into_iter().map(Document::from).collect());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set {
    /// Sorted by canonical form.
    items: Vec<Document>,
}

/// Values under keys that are not all text, in no order, each key once. Made by [`Document::mapping`].
///
/// ```
/// use refrain::key::Document;
///
/// let ports = Document::mapping([(80.into(), "http".into()), (22.into(), "ssh".into())])?;
/// let Document::Table(table) = ports else { unreachable!() };
/// assert_eq!(table.iter().count(), 2);
/// # Ok::<(), refrain::key::RepeatedKey>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Sorted by the canonical form of the keys.
    entries: Vec<(Document, Document)>,
}

/// A value of a named type, or a variant of one.
///
/// ```
/// use refrain::key::{Document, Tagged, canonical_form};
///
/// let meters = Tagged { type_name: "Meters".into(), variant: None, content: 1.5.into() };
/// let yards = Tagged { type_name: "Yards".into(), ..meters.clone() };
/// assert_ne!(canonical_form(&Document::from(meters)), canonical_form(&Document::from(yards)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Name of the type, as far as it must be told from others.
    pub type_name: String,
    /// Name of the variant, if the type is an enum.
    pub variant: Option<String>,
    /// Its content: a [`Map`] of fields, a tuple, anything.
    pub content: Document,
}

/// A mapping was given two equal keys.
///
/// ```
/// use refrain::key::{Document, RepeatedKey};
///
/// let twice = Document::mapping([("a".into(), 1.into()), ("a".into(), 2.into())]);
/// assert_eq!(twice, Err(RepeatedKey { name: Some("a".to_owned()) }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a mapping has the key {} twice; keep one of them", .name.as_deref().map_or_else(String::new, |name| format!("`{name}`")))]
pub struct RepeatedKey {
    /// The key, if it is text.
    pub name: Option<String>,
}

impl Map {
    /// A map of nothing.
    ///
    /// ```
    /// use refrain::key::Map;
    ///
    /// assert!(Map::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// The value under `name`.
    ///
    /// ```
    /// use refrain::key::{Document, Map};
    ///
    /// let map: Map = [("a", 1)].into_iter().collect();
    /// assert_eq!(map.get("a"), Some(&Document::from(1)));
    /// assert_eq!(map.get("b"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&Document> {
        let place = self.find(name).ok()?;
        Some(&self.fields[place].1)
    }

    /// The value under `name`, to be changed.
    ///
    /// ```
    /// use refrain::key::{Document, Map};
    ///
    /// let mut map: Map = [("a", 1)].into_iter().collect();
    /// *map.get_mut("a").unwrap() = Document::Null;
    /// assert_eq!(map.get("a"), Some(&Document::Null));
    /// ```
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Document> {
        let place = self.find(name).ok()?;
        Some(&mut self.fields[place].1)
    }

    /// Puts a value under `name` and returns the one it replaces.
    ///
    /// ```
    /// use refrain::key::{Document, Map};
    ///
    /// let mut map = Map::new();
    /// assert_eq!(map.insert("a", 1), None);
    /// assert_eq!(map.insert("a", "x"), Some(Document::from(1)));
    /// ```
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<Document>,
    ) -> Option<Document> {
        let (name, value) = (name.into(), value.into());
        match self.find(&name) {
            Ok(place) => Some(std::mem::replace(&mut self.fields[place].1, value)),
            Err(place) => {
                self.fields.insert(place, (name, value));
                None
            }
        }
    }

    /// Takes the value under `name` out.
    ///
    /// ```
    /// use refrain::key::{Document, Map};
    ///
    /// let mut map: Map = [("a", 1)].into_iter().collect();
    /// assert_eq!(map.remove("a"), Some(Document::from(1)));
    /// assert!(map.is_empty());
    /// ```
    pub fn remove(&mut self, name: &str) -> Option<Document> {
        let place = self.find(name).ok()?;
        Some(self.fields.remove(place).1)
    }

    /// How many names there are.
    ///
    /// ```
    /// use refrain::key::Map;
    ///
    /// let map: Map = [("a", 1), ("b", 2)].into_iter().collect();
    /// assert_eq!(map.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// use refrain::key::{Document, Map};
    ///
    /// assert_eq!(Document::from(Map::new()), Document::from_json(b"{}")?);
    /// assert!(Map::new().is_empty());
    /// # Ok::<(), refrain::key::JsonError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Names and values, sorted by name.
    ///
    /// ```
    /// use refrain::key::Map;
    ///
    /// let map: Map = [("b", 2), ("a", 1)].into_iter().collect();
    /// let names: Vec<&str> = map.iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Document)> + Clone {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// A map of fields in any order, unless a name is there twice.
    pub(in crate::key) fn from_unsorted(
        mut fields: Vec<(String, Document)>,
    ) -> Result<Self, RepeatedKey> {
        fields.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        match fields.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            None => Ok(Self { fields }),
            Some(pair) => Err(RepeatedKey {
                name: Some(pair[0].0.clone()),
            }),
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.fields
            .binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

impl IntoIterator for Map {
    type Item = (String, Document);
    type IntoIter = std::vec::IntoIter<(String, Document)>;

    /// Names and values, sorted by name.
    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

/// As for the maps of the standard library, the last of several values under one name stays.
impl<N: Into<String>, V: Into<Document>> FromIterator<(N, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let fields = fields.into_iter();
        let sorted: BTreeMap<String, Document> = fields
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            fields: sorted.into_iter().collect(),
        }
    }
}

impl Keyable for Map {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.sorted_fields(self.iter())
    }
}

impl Set {
    /// How many values there are.
    ///
    /// ```
    /// use refrain::key::{Document, Set};
    ///
    /// let set: Set = ["a", "b", "a"].into_iter().map(Document::from).collect();
    /// assert_eq!(set.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// use refrain::key::Set;
    ///
    /// assert!(Set::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The values, sorted by their canonical form.
    ///
    /// ```
    /// use refrain::key::{Document, Set};
    ///
    /// let set: Set = [3, 1, 2].into_iter().map(Document::from).collect();
    /// assert!(set.iter().eq(&[1.into(), 2.into(), 3.into()]));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Document> + Clone {
        self.items.iter()
    }
}

impl FromIterator<Document> for Set {
    fn from_iter<I: IntoIterator<Item = Document>>(items: I) -> Self {
        let mut items: Vec<_> = items
            .into_iter()
            .map(|item| (sort_form(&item), item))
            .collect();
        items.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        items.dedup_by(|(_, left), (_, right)| left == right);
        Self {
            items: items.into_iter().map(|(_, item)| item).collect(),
        }
    }
}

impl Keyable for Set {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.set(&self.items)
    }
}

impl Table {
    /// Keys and values, sorted by the canonical form of the keys.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// let Document::Table(table) = Document::mapping([(2.into(), "b".into()), (1.into(), "a".into())])? else {
    ///     unreachable!()
    /// };
    /// assert!(table.iter().eq([(&1.into(), &"a".into()), (&2.into(), &"b".into())]));
    /// # Ok::<(), refrain::key::RepeatedKey>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Document, &Document)> + Clone {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// A table of entries in any order, unless a key is there twice.
    pub(super) fn from_entries(entries: Vec<(Document, Document)>) -> Result<Self, RepeatedKey> {
        let formed = entries
            .into_iter()
            .map(|entry| (sort_form(&entry.0), entry));
        let mut formed: Vec<_> = formed.collect();
        formed.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let entries: Vec<_> = formed.into_iter().map(|(_, entry)| entry).collect();
        let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) else {
            return Ok(Self { entries });
        };
        Err(RepeatedKey {
            name: match &pair[0].0 {
                Document::Text(name) => Some(name.clone()),
                _ => None,
            },
        })
    }
}

impl Keyable for Table {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.mapping(self.iter())
    }
}

impl Keyable for Tagged {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        match &self.variant {
            None => encoder.tagged(&self.type_name, &self.content),
            Some(variant) => encoder.variant(&self.type_name, variant, &self.content),
        }
    }
}

/// The form by which an element is sorted. One that is nested too deep has no form; it makes its container unkeyable later,
/// so its place does not matter.
fn sort_form(element: &Document) -> Vec<u8> {
    canonical_form(element).unwrap_or_default()
}
