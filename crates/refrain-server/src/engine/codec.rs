//! Results as lower tiers hold them: the body beside a list of named fields.
//!
//! `docs/disk-format.md` lists the names. What an older version or another program has written is read as far as it can be
//! answered.

use std::str::from_utf8;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use refrain::tier::{Body, Metadata, TierEntry};
use refrain::{Codec, CodecError};

use super::result::{Facts, StoredResult, attachment};
use crate::Key;
use crate::generators::{KeyPart, ResultPart};

/// The body stands for itself, so other programs can read it too.
const CODEC: &str = "bytes";

const STATUS: &str = "http.status";
const HEADER: &str = "http.header";
const TRAILER: &str = "http.trailer";
const PART: &str = "part";
const KEY_PART: &str = "key.part";
/// What other programs store in the place of headers, and all that the first version of the disk format had.
const MEDIA_TYPE: &str = "media_type";
const FILE_NAME: &str = "file_name";

#[derive(Debug)]
pub(super) struct ResultCodec;

impl Codec<StoredResult> for ResultCodec {
    fn encode(&self, result: &StoredResult) -> Result<Option<TierEntry>, CodecError> {
        let facts = result.facts();
        let mut metadata = Metadata::new(CODEC).field(STATUS, facts.status.as_str().to_owned());
        for (name, list) in [(HEADER, &facts.headers), (TRAILER, &facts.trailers)] {
            for (header, value) in list {
                metadata = metadata.field(name, line(header, value));
            }
        }
        for part in &facts.parts {
            let text = format!("{} {} {}", part.length, part.media_type, part.name);
            metadata = metadata.field(PART, text);
        }
        for part in &facts.key_parts {
            let digest = part.digest.as_bytes();
            let field = [part.pointer.as_bytes(), b"\0", digest].concat();
            metadata = metadata.field(KEY_PART, field);
        }
        Ok(Some(TierEntry::new(facts.body.clone(), metadata)))
    }

    fn decode(&self, entry: &TierEntry) -> Result<StoredResult, CodecError> {
        let metadata = &entry.metadata;
        if metadata.codec != CODEC {
            return Err(format!("codec `{}` where `{CODEC}` was expected", metadata.codec).into());
        }
        let status = match metadata.first(STATUS) {
            Some(status) => StatusCode::from_bytes(status)?,
            None => StatusCode::OK,
        };
        let mut headers = lines(metadata.all(HEADER))?;
        if let Some(media_type) = metadata.first(MEDIA_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_bytes(media_type)?);
        }
        if let Some(disposition) = metadata.first(FILE_NAME).and_then(attachment) {
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
        let parts: Result<_, CodecError> = metadata.all(PART).map(result_part).collect();
        let key_parts: Result<_, CodecError> = metadata.all(KEY_PART).map(key_part).collect();
        let digest = match (entry.body.digest(), entry.body.whole()) {
            (Some(digest), _) => blake3::Hash::from_bytes(digest),
            (None, Some(bytes)) => blake3::hash(bytes),
            (None, None) => return Err("nothing is known of the body".into()),
        };
        Ok(StoredResult::of(Facts {
            status,
            headers,
            trailers: lines(metadata.all(TRAILER))?,
            body: Body::clone(&entry.body),
            parts: parts?,
            key_parts: key_parts?,
            digest,
            age_below: Some(metadata.age),
        }))
    }

    fn streams(&self) -> bool {
        true
    }
}

fn line(name: &HeaderName, value: &HeaderValue) -> Bytes {
    [name.as_str().as_bytes(), b": ", value.as_bytes()]
        .concat()
        .into()
}

fn lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Result<HeaderMap, CodecError> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.ok_or("a header without a colon")?);
        let value = value[1..].trim_ascii();
        headers.append(
            HeaderName::from_bytes(name)?,
            HeaderValue::from_bytes(value)?,
        );
    }
    Ok(headers)
}

/// Length, media type and name, with a space between them.
fn result_part(field: &[u8]) -> Result<ResultPart, CodecError> {
    let mut words = from_utf8(field)?.splitn(3, ' ');
    let (Some(length), Some(media_type)) = (words.next(), words.next()) else {
        return Err("a part without a media type".into());
    };
    Ok(ResultPart {
        name: words.next().unwrap_or_default().into(),
        media_type: media_type.into(),
        length: length.parse()?,
    })
}

/// The pointer, a zero byte, and the digest.
fn key_part(field: &[u8]) -> Result<KeyPart, CodecError> {
    let (pointer, digest) = field
        .split_last_chunk::<32>()
        .ok_or("a part of a key without a digest")?;
    let pointer = pointer
        .strip_suffix(b"\0")
        .ok_or("a part of a key without an end")?;
    Ok(KeyPart {
        pointer: from_utf8(pointer)?.into(),
        digest: Key::from_bytes(*digest),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn result() -> StoredResult {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
        headers.append("x-model", HeaderValue::from_static("flux"));
        headers.append("x-model", HeaderValue::from_static("second: part"));
        let mut trailers = HeaderMap::new();
        trailers.insert("x-seconds", HeaderValue::from_static("12"));
        StoredResult::of(Facts {
            status: StatusCode::CREATED,
            headers,
            trailers,
            body: Body::from("abcdef"),
            parts: Box::new([
                ResultPart {
                    name: "one file.png".into(),
                    media_type: "image/png".into(),
                    length: 2,
                },
                ResultPart {
                    name: "two".into(),
                    media_type: "text/plain".into(),
                    length: 4,
                },
            ]),
            key_parts: KeyPart::of("/body/a seed", &7_u64).into_iter().collect(),
            digest: blake3::hash(b"abcdef"),
            age_below: None,
        })
    }

    #[test]
    fn a_result_comes_back_as_it_was() {
        let result = result();
        let mut entry = ResultCodec.encode(&result).unwrap().unwrap();
        entry.metadata.age = Duration::from_secs(9);
        let back = ResultCodec.decode(&entry).unwrap();
        let (was, is) = (result.facts(), back.facts());
        assert_eq!(was.status, is.status);
        assert_eq!(was.headers, is.headers);
        assert_eq!(was.trailers, is.trailers);
        assert_eq!(was.parts, is.parts);
        assert_eq!(was.key_parts, is.key_parts);
        assert_eq!(result.etag(), back.etag());
        assert_eq!(is.age_below, Some(Duration::from_secs(9)));
    }

    #[test]
    fn a_file_of_the_first_version_is_answered_with_its_name() {
        let metadata = Metadata::new(CODEC)
            .field(MEDIA_TYPE, "model/stl")
            .field(FILE_NAME, "relief.stl");
        let read = ResultCodec.decode(&TierEntry::new("solid", metadata));
        let headers = read.unwrap().headers().clone();
        assert_eq!(headers[CONTENT_TYPE], "model/stl");
        let disposition = "attachment; filename=\"relief.stl\"";
        assert_eq!(headers[CONTENT_DISPOSITION], disposition);
    }

    #[test]
    fn what_headers_say_is_not_said_twice() {
        let entry = ResultCodec.encode(&result()).unwrap().unwrap();
        let names = entry.metadata.fields.iter().map(|(name, _)| &**name);
        assert!(
            !names
                .clone()
                .any(|name| [MEDIA_TYPE, FILE_NAME].contains(&name))
        );
        assert_eq!(names.filter(|name| *name == HEADER).count(), 3);
    }

    #[test]
    fn what_cannot_be_answered_is_an_error() {
        let entry = |metadata| TierEntry::new("x", metadata);
        for metadata in [
            Metadata::new("json"),
            Metadata::new(CODEC).field(STATUS, "twenty"),
            Metadata::new(CODEC).field(HEADER, "no colon"),
            Metadata::new(CODEC).field(HEADER, "x: line\nbreak"),
            Metadata::new(CODEC).field(PART, "many image/png a"),
            Metadata::new(CODEC).field(KEY_PART, "/short\0abc"),
        ] {
            assert!(ResultCodec.decode(&entry(metadata)).is_err());
        }
    }
}
