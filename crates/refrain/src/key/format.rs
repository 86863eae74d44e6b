//! The bytes of the canonical form that are constants. `docs/key-format.md` is the description in full.

/// The version of the canonical form, part of every key: 1.
///
/// A change of the form changes this byte, so that keys of two versions never meet.
///
/// ```
/// use refrain::Key;
/// use refrain::key::FORMAT_VERSION;
///
/// let form = Key::builder().generator("relief", "1").canonical_form()?;
/// assert_eq!(form[..7], *b"refrain");
/// assert_eq!(form[7], FORMAT_VERSION);
/// # Ok::<(), refrain::Unkeyable>(())
/// ```
pub const FORMAT_VERSION: u8 = 1;

/// How many containers may be nested in one part: 100.
///
/// A value nested deeper is [`Unkeyable`](crate::Unkeyable), and so is one that contains itself.
///
/// ```
/// use refrain::key::{Document, JsonErrorKind, MAX_DEPTH};
///
/// let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
/// assert!(Document::from_json(nested(MAX_DEPTH).as_bytes()).is_ok());
///
/// let error = Document::from_json(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
/// assert_eq!(error.kind(), &JsonErrorKind::TooDeep);
/// ```
pub const MAX_DEPTH: usize = 100;

/// What the canonical form of a request begins with.
pub(super) const MAGIC: [u8; 8] = [b'r', b'e', b'f', b'r', b'a', b'i', b'n', FORMAT_VERSION];

/// First byte of a value. 0x00 and everything above 0x10 is reserved and never written by this version.
pub(super) mod tag {
    pub(in crate::key) const NULL: u8 = 0x01;
    pub(in crate::key) const FALSE: u8 = 0x02;
    pub(in crate::key) const TRUE: u8 = 0x03;
    pub(in crate::key) const INTEGER: u8 = 0x04;
    pub(in crate::key) const FLOAT: u8 = 0x05;
    pub(in crate::key) const DECIMAL: u8 = 0x06;
    pub(in crate::key) const TEXT: u8 = 0x07;
    pub(in crate::key) const BYTES: u8 = 0x08;
    pub(in crate::key) const MEDIA: u8 = 0x09;
    pub(in crate::key) const LIST: u8 = 0x0a;
    pub(in crate::key) const TUPLE: u8 = 0x0b;
    pub(in crate::key) const SET: u8 = 0x0c;
    pub(in crate::key) const MAP: u8 = 0x0d;
    pub(in crate::key) const TABLE: u8 = 0x0e;
    pub(in crate::key) const TAGGED: u8 = 0x0f;
    pub(in crate::key) const VARIANT: u8 = 0x10;
}

/// Bytes of a length or count.
pub(super) const LENGTH_BYTES: usize = 8;

/// A length or count as it is written: 8 bytes, the most significant first.
pub(super) fn length(count: usize) -> [u8; LENGTH_BYTES] {
    let count = u64::try_from(count).expect("a usize has at most 64 bits");
    count.to_be_bytes()
}
