//! What the cache keeps: the bytes of a result and what is said about them.

use std::mem::size_of;
use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;

use crate::generator::{Artifact, GenerateError};

/// A result as it is stored and answered. Cloning copies no bytes.
#[derive(Debug, Clone)]
pub(crate) struct StoredResult(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    body: Bytes,
    media_type: HeaderValue,
    disposition: HeaderValue,
    etag: HeaderValue,
}

/// What one stored result costs beside its body: the allocation above and the header texts in it.
const OVERHEAD_BYTES: usize = size_of::<Parts>() + 2 * size_of::<usize>() + 160;

impl StoredResult {
    /// Judges what a generator made: only a result that can be answered as it is may be stored.
    pub(crate) fn judge(artifact: Artifact) -> Result<Self, GenerateError> {
        let refuse = |message: &str| GenerateError::Failed {
            message: message.to_owned(),
        };
        if artifact.bytes.is_empty() {
            return Err(refuse("the generator made an empty result"));
        }
        let media_type = HeaderValue::try_from(&*artifact.media_type)
            .map_err(|_| refuse("the generator gave a media type that no header can carry"))?;
        let file_name = &artifact.file_name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if file_name.is_empty() || !file_name.bytes().all(plain) {
            return Err(refuse(
                "the generator gave a file name with unusual characters",
            ));
        }
        let disposition = HeaderValue::try_from(format!("attachment; filename=\"{file_name}\""))
            .map_err(|_| refuse("the generator gave a file name that no header can carry"))?;
        let etag = format!("\"{}\"", blake3::hash(&artifact.bytes).to_hex());
        let etag = HeaderValue::try_from(etag)
            .map_err(|_| refuse("the digest of the result cannot be written"))?;
        Ok(Self(Arc::new(Parts {
            // A boxed slice has no spare room, so what is charged is what is held.
            body: Bytes::from(artifact.bytes.into_boxed_slice()),
            media_type,
            disposition,
            etag,
        })))
    }

    /// The bytes.
    pub(crate) fn body(&self) -> Bytes {
        self.0.body.clone()
    }

    /// Length of the body.
    pub(crate) fn length(&self) -> u64 {
        self.0.body.len() as u64
    }

    /// Bytes of memory it takes.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.length() + OVERHEAD_BYTES as u64
    }

    /// Value of `Content-Type`.
    pub(crate) fn media_type(&self) -> &HeaderValue {
        &self.0.media_type
    }

    /// Value of `Content-Disposition`.
    pub(crate) fn disposition(&self) -> &HeaderValue {
        &self.0.disposition
    }

    /// Value of `ETag`: strong, made from the bytes.
    pub(crate) fn etag(&self) -> &HeaderValue {
        &self.0.etag
    }
}
