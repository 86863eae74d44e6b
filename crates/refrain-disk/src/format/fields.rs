//! Metadata as length-prefixed items, each with its kind, its name and its value.
//!
//! The entry's own items (codec, tags, cost, times) and the fields of the result are of two kinds, so that no field can be
//! taken for one of the entry's own.

use bytes::Bytes;

use super::{Metadata, array};

/// An item of the entry itself. A reader skips names that it does not know.
const OWN: u8 = 0;
/// A field of the result. A reader hands it on as it is.
const FIELD: u8 = 1;
/// Kind, length of the name, length of the value.
const PREFIX_BYTES: usize = 6;

/// `None` if a name or a value is longer than its length can say.
pub(super) fn encode(metadata: &Metadata) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut own = |name: &str, value: &[u8]| put(&mut bytes, OWN, name, value);
    own("codec", metadata.codec.as_bytes())?;
    own("cost_us", &metadata.cost_us.to_le_bytes())?;
    own("written_ms", &metadata.written_ms.to_le_bytes())?;
    if metadata.age_ms > 0 {
        own("age_ms", &metadata.age_ms.to_le_bytes())?;
    }
    if let Some(expires_ms) = metadata.expires_ms {
        own("expires_ms", &expires_ms.to_le_bytes())?;
    }
    for tag in &metadata.tags {
        own("tag", tag.as_bytes())?;
    }
    for (name, value) in &metadata.fields {
        put(&mut bytes, FIELD, name, value)?;
    }
    Some(bytes)
}

fn put(bytes: &mut Vec<u8>, kind: u8, name: &str, value: &[u8]) -> Option<()> {
    bytes.push(kind);
    bytes.push(u8::try_from(name.len()).ok()?);
    bytes.extend(u32::try_from(value.len()).ok()?.to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend(value);
    Some(())
}

/// `None` if the bytes are not what a writer of this version makes: an unknown kind, an item of the entry's own twice or
/// missing, a length beyond the end.
pub(super) fn decode(bytes: &[u8]) -> Option<Metadata> {
    let (mut codec, mut cost_us, mut written_ms) = (None, None, None);
    let (mut age_ms, mut expires_ms) = (None, None);
    let (mut tags, mut fields) = (Vec::new(), Vec::new());
    let bytes = Bytes::copy_from_slice(bytes);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let prefix = rest.get(..PREFIX_BYTES)?;
        let name_len = usize::from(prefix[1]);
        let value_len = usize::try_from(u32::from_le_bytes(array(&prefix[2..]))).ok()?;
        let named = &rest[PREFIX_BYTES..];
        let name = std::str::from_utf8(named.get(..name_len)?).ok()?;
        let value = named[name_len..].get(..value_len)?;
        rest = &named[name_len + value_len..];
        match (prefix[0], name) {
            (FIELD, _) => fields.push((name.to_owned(), bytes.slice_ref(value))),
            (OWN, "codec") => once(&mut codec, text(value)?)?,
            (OWN, "cost_us") => once(&mut cost_us, number(value)?)?,
            (OWN, "written_ms") => once(&mut written_ms, number(value)?)?,
            (OWN, "age_ms") => once(&mut age_ms, number(value)?)?,
            (OWN, "expires_ms") => once(&mut expires_ms, number(value)?)?,
            (OWN, "tag") => tags.push(text(value)?),
            (OWN, _) => {}
            _ => return None,
        }
    }
    Some(Metadata {
        codec: codec?,
        tags,
        cost_us: cost_us?,
        written_ms: written_ms?,
        age_ms: age_ms.unwrap_or(0),
        expires_ms,
        fields,
    })
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn text(value: &[u8]) -> Option<String> {
    String::from_utf8(value.to_vec()).ok()
}

fn number(value: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(value.try_into().ok()?))
}
