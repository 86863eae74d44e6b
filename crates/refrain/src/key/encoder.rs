//! Writes values in their canonical form.

use std::fmt;

use super::format::{self, LENGTH_BYTES, tag};
use super::ignore::Branch;
use super::path::Step;
use super::sink::Sink;
use super::{Decimal, Float, Integer, MAX_DEPTH, Media, Unkeyable, UnkeyableReason};

mod keyable;
mod sorted;

pub use keyable::Keyable;

/// Writes one value into a key; what [`Keyable::encode_key`] is given.
///
/// Each method consumes the encoder and returns the proof that exactly one value was written. An implementation
/// therefore cannot write none or two, which is what keeps neighbouring values from running into each other.
///
/// ```
/// use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
///
/// struct Size { width: u32, height: u32 }
///
/// impl Keyable for Size {
///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
///         encoder.record("Size", &[("width", &self.width), ("height", &self.height)])
///     }
/// }
///
/// let wide = canonical_form(&Size { width: 2, height: 1 })?;
/// let high = canonical_form(&Size { width: 1, height: 2 })?;
/// assert_ne!(wide, high);
/// # Ok::<(), Unkeyable>(())
/// ```
pub struct KeyEncoder<'a> {
    sink: &'a mut dyn Sink,
    ignored: Option<&'a Branch>,
    /// How many containers may still be nested here.
    levels_left: usize,
}

/// Proof that a [`KeyEncoder`] has written exactly one value.
///
/// ```
/// use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
///
/// struct Celsius(f64);
///
/// impl Keyable for Celsius {
///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
///         let written: Encoded = encoder.float(self.0)?;
///         Ok(written)
///     }
/// }
/// assert_eq!(canonical_form(&Celsius(21.5)), canonical_form(&21.5));
/// ```
#[derive(Debug)]
pub struct Encoded(());

/// The canonical form of one value, as it is inside a key.
///
/// # Errors
///
/// [`Unkeyable`] when the value, or something inside it, cannot be keyed.
///
/// ```
/// use refrain::key::{Document, canonical_form};
///
/// assert_eq!(canonical_form(&true)?, [0x03]);
/// assert_eq!(canonical_form("a")?, *b"\x07\0\0\0\0\0\0\0\x01a");
/// assert_eq!(canonical_form(&vec![1, 2])?, canonical_form(&[1_u8 as i64, 2])?);
/// # Ok::<(), refrain::Unkeyable>(())
/// ```
pub fn canonical_form<T: Keyable + ?Sized>(value: &T) -> Result<Vec<u8>, Unkeyable> {
    let mut form = Vec::new();
    value.encode_key(KeyEncoder::new(&mut form, None))?;
    Ok(form)
}

impl<'a> KeyEncoder<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, ignored: Option<&'a Branch>) -> Self {
        Self {
            sink,
            ignored,
            levels_left: MAX_DEPTH,
        }
    }

    /// For the parts of a request: the map that holds them does not count as a level.
    pub(super) fn of_request(sink: &'a mut dyn Sink, ignored: Option<&'a Branch>) -> Self {
        Self {
            levels_left: MAX_DEPTH + 1,
            ..Self::new(sink, ignored)
        }
    }

    /// Writes the value that stands for nothing: JSON's `null`, Python's and Rust's `None`.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Nothing;
    /// impl Keyable for Nothing {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.null()
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Nothing), canonical_form(&None::<u8>));
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn null(self) -> Result<Encoded, Unkeyable> {
        self.sink.write(&[tag::NULL]);
        Ok(Encoded(()))
    }

    /// Writes a truth value.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Flag;
    /// impl Keyable for Flag {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.bool(true)
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Flag), canonical_form(&true));
    /// assert_ne!(canonical_form(&Flag), canonical_form(&1));
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn bool(self, value: bool) -> Result<Encoded, Unkeyable> {
        self.sink
            .write(&[if value { tag::TRUE } else { tag::FALSE }]);
        Ok(Encoded(()))
    }

    /// Writes a whole number. Its width in Rust makes no difference.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Seed(u32);
    /// impl Keyable for Seed {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.integer(self.0)
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Seed(7)), canonical_form(&7_i8));
    /// assert_ne!(canonical_form(&Seed(7)), canonical_form(&7.0));
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn integer(self, value: impl Into<Integer>) -> Result<Encoded, Unkeyable> {
        Ok(self.big_integer(&value.into()))
    }

    pub(super) fn big_integer(mut self, value: &Integer) -> Encoded {
        value.with_digits(|digits| self.framed(tag::INTEGER, digits.as_bytes()));
        Encoded(())
    }

    /// Writes a floating-point number by its bits, so that `0.0` and `-0.0` differ.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Scale(f64);
    /// impl Keyable for Scale {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.float(self.0)
    ///     }
    /// }
    /// assert_ne!(canonical_form(&Scale(0.0)), canonical_form(&Scale(-0.0)));
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn float(self, value: impl Into<Float>) -> Result<Encoded, Unkeyable> {
        let mut form = [tag::FLOAT; 9];
        form[1..].copy_from_slice(&value.into().bits().to_be_bytes());
        self.sink.write(&form);
        Ok(Encoded(()))
    }

    /// Writes a decimal number that is no float.
    pub(super) fn decimal(mut self, value: &Decimal) -> Encoded {
        self.framed(tag::DECIMAL, value.as_str().as_bytes());
        Encoded(())
    }

    /// Writes text, exactly as it is: nothing is trimmed, folded or normalized.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Name(String);
    /// impl Keyable for Name {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.text(&self.0)
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Name("é".into())), canonical_form("\u{e9}"));
    /// assert_ne!(canonical_form(&Name("é".into())), canonical_form("e\u{301}"));
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn text(mut self, value: &str) -> Result<Encoded, Unkeyable> {
        self.framed(tag::TEXT, value.as_bytes());
        Ok(Encoded(()))
    }

    /// Writes bytes. They go straight into the digest, without a copy.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Raw(Vec<u8>);
    /// impl Keyable for Raw {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.bytes(&self.0)
    ///     }
    /// }
    /// assert_ne!(canonical_form(&Raw(b"a".to_vec())), canonical_form("a"));
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn bytes(mut self, value: &[u8]) -> Result<Encoded, Unkeyable> {
        self.framed(tag::BYTES, value);
        Ok(Encoded(()))
    }

    /// Writes media: their digest.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Media, Unkeyable, canonical_form};
    /// struct Picture(Vec<u8>);
    /// impl Keyable for Picture {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.media(&Media::of(&self.0))
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Picture(vec![1; 10_000]))?.len(), 33);
    /// # Ok::<(), Unkeyable>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None.
    pub fn media(self, value: &Media) -> Result<Encoded, Unkeyable> {
        self.sink.write(&[tag::MEDIA]);
        self.sink.write(value.digest());
        Ok(Encoded(()))
    }

    /// Writes values whose order counts and whose number may vary.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Steps(Vec<u32>);
    /// impl Keyable for Steps {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.list(&self.0)
    ///     }
    /// }
    /// assert_ne!(canonical_form(&Steps(vec![1, 2])), canonical_form(&Steps(vec![2, 1])));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when an item is, when the list is nested too deep, or when `items` does not yield as many as
    /// it announced.
    pub fn list<I>(self, items: I) -> Result<Encoded, Unkeyable>
    where
        I: IntoIterator<Item: Keyable, IntoIter: ExactSizeIterator>,
    {
        self.sequence(tag::LIST, items.into_iter())
    }

    /// Writes values whose places have meanings, such as the arguments of a call.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Point(i32, i32);
    /// impl Keyable for Point {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.tuple(&[&self.0, &self.1])
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Point(1, 2)), canonical_form(&(1, 2)));
    /// assert_ne!(canonical_form(&Point(1, 2)), canonical_form(&[1, 2]));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when an item is, or when the tuple is nested too deep.
    pub fn tuple(self, items: &[&dyn Keyable]) -> Result<Encoded, Unkeyable> {
        self.tuple_of(items)
    }

    /// A tuple of values of one type.
    pub(super) fn tuple_of<I>(self, items: I) -> Result<Encoded, Unkeyable>
    where
        I: IntoIterator<Item: Keyable, IntoIter: ExactSizeIterator>,
    {
        self.sequence(tag::TUPLE, items.into_iter())
    }

    /// Writes values whose order does not count.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Tags(Vec<String>);
    /// impl Keyable for Tags {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.set(&self.0)
    ///     }
    /// }
    /// let tags = |tags: &[&str]| Tags(tags.iter().map(|&tag| tag.into()).collect());
    /// assert_eq!(canonical_form(&tags(&["a", "b"])), canonical_form(&tags(&["b", "a"])));
    /// assert!(canonical_form(&tags(&["a", "a"])).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when an item is, when two items have the same canonical form, or when the set is nested too deep.
    pub fn set<I>(self, items: I) -> Result<Encoded, Unkeyable>
    where
        I: IntoIterator<Item: Keyable>,
    {
        let mut inner = self.enter()?;
        let forms = sorted::Forms::of(items.into_iter().map(|item| (item, ())), inner.levels_left)?;
        inner.write_counted(tag::SET, forms.len());
        for (form, ()) in forms.sorted() {
            inner.sink.write(form);
        }
        Ok(Encoded(()))
    }

    /// Writes keys with values, in any order.
    ///
    /// A mapping whose keys are all text is the same as a JSON object of these fields, and an empty one is the
    /// empty object.
    ///
    /// ```
    /// # use refrain::key::{Document, Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Headers(Vec<(String, String)>);
    /// impl Keyable for Headers {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.mapping(self.0.iter().map(|(name, value)| (name, value)))
    ///     }
    /// }
    /// let headers = Headers(vec![("b".into(), "2".into()), ("a".into(), "1".into())]);
    /// let object = Document::from_json(br#"{"a": "1", "b": "2"}"#).unwrap();
    /// assert_eq!(canonical_form(&headers), canonical_form(&object));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when a key or value is, when two keys have the same canonical form, or when the mapping is
    /// nested too deep.
    pub fn mapping<I, K, V>(self, entries: I) -> Result<Encoded, Unkeyable>
    where
        I: IntoIterator<Item = (K, V)>,
        K: Keyable,
        V: Keyable,
    {
        let mut inner = self.enter()?;
        let forms = sorted::Forms::of(entries, inner.levels_left)?;
        if let Some(named) = forms.named() {
            return inner.named_values(named.iter().map(|(name, value)| (*name, *value)));
        }
        inner.write_counted(tag::TABLE, forms.len());
        for (form, value) in forms.sorted() {
            inner.sink.write(form);
            inner
                .child(None)
                .value(value)
                .map_err(|e| e.inside(|| Step::name("value")))?;
        }
        Ok(Encoded(()))
    }

    /// Writes named values, in any order: the same as a JSON object of these fields.
    ///
    /// ```
    /// # use refrain::key::{Document, Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Size { width: u32, height: u32 }
    /// impl Keyable for Size {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.fields(&[("width", &self.width), ("height", &self.height)])
    ///     }
    /// }
    /// let object = Document::from_json(br#"{"height": 1, "width": 2}"#).unwrap();
    /// assert_eq!(canonical_form(&Size { width: 2, height: 1 }), canonical_form(&object));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when a value is, when two have one name, or when the fields are nested too deep.
    pub fn fields(self, fields: &[(&str, &dyn Keyable)]) -> Result<Encoded, Unkeyable> {
        if fields.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return self.sorted_fields(fields.iter().copied());
        }
        let mut fields = fields.to_vec();
        fields.sort_unstable_by_key(|(name, _)| *name);
        if let Some(pair) = fields.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Unkeyable::at(UnkeyableReason::Repeated, pair[0].0));
        }
        self.sorted_fields(fields.iter().copied())
    }

    /// Writes a value of a named type with named fields: a struct, a dataclass.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Circle { radius: f64 }
    /// struct Square { radius: f64 }
    /// impl Keyable for Circle {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.record("Circle", &[("radius", &self.radius)])
    ///     }
    /// }
    /// impl Keyable for Square {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.record("Square", &[("radius", &self.radius)])
    ///     }
    /// }
    /// assert_ne!(canonical_form(&Circle { radius: 1.0 }), canonical_form(&Square { radius: 1.0 }));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fields`](Self::fields).
    pub fn record(
        self,
        type_name: &str,
        fields: &[(&str, &dyn Keyable)],
    ) -> Result<Encoded, Unkeyable> {
        self.tagged(type_name, &Fields(fields))
    }

    /// Writes a value of a named type around one other value: a tuple, `()`, or whatever it wraps.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// struct Meters(f64);
    /// impl Keyable for Meters {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         encoder.tagged("Meters", &self.0)
    ///     }
    /// }
    /// assert_ne!(canonical_form(&Meters(1.5)), canonical_form(&1.5));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when the content is, or when it is nested too deep.
    pub fn tagged(self, type_name: &str, content: &dyn Keyable) -> Result<Encoded, Unkeyable> {
        let mut inner = self.enter()?;
        inner.framed(tag::TAGGED, type_name.as_bytes());
        let ignored = inner.ignored;
        inner.child(ignored).value(content)
    }

    /// Writes a variant of an enum around one other value: a tuple, `()`, or whatever it holds.
    ///
    /// ```
    /// # use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    /// enum Format { Stl, Image { dpi: u32 } }
    /// impl Keyable for Format {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         match self {
    ///             Self::Stl => encoder.variant("Format", "Stl", &()),
    ///             Self::Image { dpi } => encoder.variant("Format", "Image", dpi),
    ///         }
    ///     }
    /// }
    /// assert_ne!(canonical_form(&Format::Stl), canonical_form(&Format::Image { dpi: 300 }));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when the content is, or when it is nested too deep.
    pub fn variant(
        self,
        type_name: &str,
        variant: &str,
        content: &dyn Keyable,
    ) -> Result<Encoded, Unkeyable> {
        let mut inner = self.enter()?;
        inner.framed(tag::VARIANT, type_name.as_bytes());
        inner.write_framed(variant.as_bytes());
        let ignored = inner.ignored;
        inner.child(ignored).value(content)
    }

    /// Writes named values that come sorted by name, each name once.
    pub(super) fn sorted_fields<'v, V>(
        self,
        fields: impl Iterator<Item = (&'v str, &'v V)> + Clone,
    ) -> Result<Encoded, Unkeyable>
    where
        V: Keyable + ?Sized + 'v,
    {
        self.enter()?.named_values(fields)
    }
}

/// Struct fields, as a value of their own.
struct Fields<'a>(&'a [(&'a str, &'a dyn Keyable)]);

impl Keyable for Fields<'_> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.fields(self.0)
    }
}

impl KeyEncoder<'_> {
    fn value<V: Keyable + ?Sized>(self, value: &V) -> Result<Encoded, Unkeyable> {
        value.encode_key(self)
    }

    /// One container further in.
    fn enter(self) -> Result<Self, Unkeyable> {
        let levels_left = self.levels_left.checked_sub(1);
        let levels_left = levels_left.ok_or(UnkeyableReason::TooDeep)?;
        Ok(Self {
            levels_left,
            ..self
        })
    }

    /// An encoder for one value inside this container.
    fn child<'b>(&'b mut self, ignored: Option<&'b Branch>) -> KeyEncoder<'b> {
        KeyEncoder {
            sink: self.sink,
            ignored,
            levels_left: self.levels_left,
        }
    }

    fn sequence<I>(self, tag: u8, items: I) -> Result<Encoded, Unkeyable>
    where
        I: ExactSizeIterator<Item: Keyable>,
    {
        let mut inner = self.enter()?;
        let announced = items.len();
        let ignored = inner.ignored;
        let left_out = ignored.map_or(0, |branch| branch.ignored_positions(announced));
        inner.write_counted(tag, announced - left_out);
        let mut yielded = 0;
        for (index, item) in items.enumerate() {
            yielded += 1;
            let branch = ignored.and_then(|branch| branch.position(index));
            if !branch.is_some_and(Branch::is_ignored) {
                let written = inner.child(branch).value(&item);
                written.map_err(|e| e.inside(|| Step::Index(index)))?;
            }
        }
        if yielded != announced {
            return Err(Unkeyable::new(
                "its iterator announced another number of items than it gave; collect it first",
            ));
        }
        Ok(Encoded(()))
    }

    /// Writes a map inside a container that was entered already.
    fn named_values<'v, V>(
        mut self,
        fields: impl Iterator<Item = (&'v str, &'v V)> + Clone,
    ) -> Result<Encoded, Unkeyable>
    where
        V: Keyable + ?Sized + 'v,
    {
        let ignored = self.ignored;
        let below = |name: &str| ignored.and_then(|branch| branch.field(name));
        let counts = |name: &str| !below(name).is_some_and(Branch::is_ignored);
        let count = fields.clone().filter(|(name, _)| counts(name)).count();
        self.write_counted(tag::MAP, count);
        for (name, value) in fields.filter(|(name, _)| counts(name)) {
            self.write_framed(name.as_bytes());
            let written = self.child(below(name)).value(value);
            written.map_err(|e| e.inside(|| Step::name(name)))?;
        }
        Ok(Encoded(()))
    }

    /// Tag, length, bytes.
    fn framed(&mut self, tag: u8, bytes: &[u8]) {
        self.write_counted(tag, bytes.len());
        self.sink.write(bytes);
    }

    fn write_counted(&mut self, tag: u8, count: usize) {
        let mut head = [tag; 1 + LENGTH_BYTES];
        head[1..].copy_from_slice(&format::length(count));
        self.sink.write(&head);
    }

    /// Length, bytes.
    fn write_framed(&mut self, bytes: &[u8]) {
        self.sink.write(&format::length(bytes.len()));
        self.sink.write(bytes);
    }
}

impl fmt::Debug for KeyEncoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncoder")
            .field("levels_left", &self.levels_left)
            .finish_non_exhaustive()
    }
}
