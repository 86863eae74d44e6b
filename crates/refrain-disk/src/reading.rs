//! From a file to what it says: head and foot are verified, and the digests of the body's chunks are found.

use std::io;

use refrain::Key;

use crate::format::{
    CHUNK_BYTES, DIGEST_BYTES, Damage, Digest, FORMAT_VERSION, HEAD_BYTES, Metadata, Sealing,
    TRAILER_BYTES, Trailer, array, chunk_bytes_in, chunks, metadata_in, v1, version_in,
};
use crate::storage::{About, StoredFile};

/// Why there is nothing to be had from a file.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not as it was written. As good as no file.
    Damaged(Damage),
    /// The operating system refused.
    Io(io::Error),
}

impl From<Damage> for Unreadable {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged(Damage::CutOff),
            _ => Self::Io(error),
        }
    }
}

/// What a file says, all of it verified but the body.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) metadata: Metadata,
    pub(crate) file: About,
    pub(crate) body: Place,
    pub(crate) body_digest: Digest,
    /// Tells this file from any other that had its name.
    pub(crate) seal: Digest,
    /// Where the digests of the chunks are, and theirs; version 1 has none.
    list: Option<(u64, Digest)>,
}

/// Where the body is in its file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) len: u64,
    pub(crate) chunk_bytes: u32,
}

/// Most metadata are shorter: two short reads for each file, one if all of it is as short.
const FIRST_READ: usize = 1024;

/// Reads all but the body of the file for `key`.
pub(crate) fn inspect(file: &dyn StoredFile, key: &Key) -> Result<Inspected, Unreadable> {
    let about = file.about()?;
    let start = read(file, 0, about.len.min(FIRST_READ as u64))?;
    match version_in(&start)? {
        1 => inspect_v1(file, key, about, &start),
        FORMAT_VERSION => inspect_v2(file, key, about, start),
        other => Err(Damage::Version(other).into()),
    }
}

fn inspect_v2(
    file: &dyn StoredFile,
    key: &Key,
    about: About,
    start: Vec<u8>,
) -> Result<Inspected, Unreadable> {
    let head: [u8; HEAD_BYTES] = array(start.get(..HEAD_BYTES).ok_or(Damage::CutOff)?);
    let chunk_bytes = chunk_bytes_in(&head)?;
    let end = if about.len > FIRST_READ as u64 {
        read(file, about.len - FIRST_READ as u64, FIRST_READ as u64)?
    } else {
        start
    };
    let before = end.len().checked_sub(TRAILER_BYTES).ok_or(Damage::CutOff)?;
    let trailer_bytes: [u8; TRAILER_BYTES] = array(&end[before..]);
    let trailer = Trailer::decode(&trailer_bytes)?;
    let foot_bytes = (trailer.metadata_len + TRAILER_BYTES) as u64;
    let metadata_at = about.len.checked_sub(foot_bytes).ok_or(Damage::Length)?;
    let metadata = if let Some(from) = before.checked_sub(trailer.metadata_len) {
        metadata_in(&head, &end[from..before], &trailer_bytes)?
    } else {
        let metadata = read(file, metadata_at, trailer.metadata_len as u64)?;
        metadata_in(&head, &metadata, &trailer_bytes)?
    };
    if head[16..] != *key.as_bytes() {
        return Err(Damage::Key.into());
    }
    let list_bytes = chunks(trailer.body_len, chunk_bytes).checked_mul(DIGEST_BYTES as u64);
    let list_at = (HEAD_BYTES as u64).checked_add(trailer.body_len);
    let list_end = list_at
        .zip(list_bytes)
        .and_then(|(at, len)| at.checked_add(len));
    let (Some(list_at), Some(true)) = (list_at, list_end.map(|end| end == metadata_at)) else {
        return Err(Damage::Length.into());
    };
    Ok(Inspected {
        metadata,
        file: about,
        body: Place {
            at: HEAD_BYTES as u64,
            len: trailer.body_len,
            chunk_bytes,
        },
        body_digest: trailer.body_digest,
        seal: trailer.seal,
        list: Some((list_at, trailer.list_digest)),
    })
}

fn inspect_v1(
    file: &dyn StoredFile,
    key: &Key,
    about: About,
    start: &[u8],
) -> Result<Inspected, Unreadable> {
    let at = v1::head_bytes(start)?;
    let head = match start.get(..at) {
        Some(head) => v1::decode(head)?,
        None => v1::decode(&read(file, 0, at as u64)?)?,
    };
    if head.key != *key {
        return Err(Damage::Key.into());
    }
    if (at as u64).checked_add(head.body_len) != Some(about.len) {
        return Err(Damage::Length.into());
    }
    Ok(Inspected {
        metadata: head.metadata,
        file: about,
        body: Place {
            at: at as u64,
            len: head.body_len,
            chunk_bytes: CHUNK_BYTES,
        },
        body_digest: head.body_digest,
        seal: head.seal,
        list: None,
    })
}

impl Inspected {
    /// The digests of the body's chunks, one after another. Reads the whole body of a file of version 1, which has none.
    pub(crate) fn digests(&self, file: &dyn StoredFile) -> Result<Vec<u8>, Unreadable> {
        let Place {
            len, chunk_bytes, ..
        } = self.body;
        let Some((at, list_digest)) = self.list else {
            return self.digests_of_body(file);
        };
        let list = read(file, at, chunks(len, chunk_bytes) * DIGEST_BYTES as u64)?;
        if *blake3::hash(&list).as_bytes() != list_digest {
            return Err(Damage::List.into());
        }
        Ok(list)
    }

    fn digests_of_body(&self, file: &dyn StoredFile) -> Result<Vec<u8>, Unreadable> {
        let mut sealing = Sealing::default();
        for number in 0..chunks(self.body.len, self.body.chunk_bytes) {
            let (at, len) = self.body.chunk(number);
            sealing.chunk(&read(file, at, len as u64)?);
        }
        let sealed = sealing.finish();
        if sealed.body_digest != self.body_digest {
            return Err(Damage::Body.into());
        }
        Ok(sealed.digests)
    }
}

impl Place {
    /// Where a chunk is in the file, and how long it is. Chunks are counted from 0.
    pub(crate) fn chunk(&self, number: u64) -> (u64, usize) {
        let from = number * u64::from(self.chunk_bytes);
        let len = (self.len - from).min(u64::from(self.chunk_bytes));
        (self.at + from, size(len))
    }

    /// Appends a chunk to `bytes`, once it is found to have its digest.
    pub(crate) fn read_chunk(
        &self,
        file: &dyn StoredFile,
        digests: &[u8],
        number: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        let (at, len) = self.chunk(number);
        let before = bytes.len();
        bytes.resize(before + len, 0);
        file.read_at(at, &mut bytes[before..])?;
        let of_list = size(number) * DIGEST_BYTES;
        if blake3::hash(&bytes[before..]).as_bytes()[..] != digests[of_list..][..DIGEST_BYTES] {
            return Err(Damage::Body.into());
        }
        Ok(())
    }
}

/// Bytes of a file that is as long; what its own lengths say is not believed before.
fn read(file: &dyn StoredFile, offset: u64, len: u64) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = room_for(len)?;
    bytes.resize(size(len), 0);
    file.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// An empty vector with room for so many bytes.
pub(crate) fn room_for(len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(size(len))
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    Ok(bytes)
}

/// What does not fit into memory is found when memory for it is asked for.
pub(crate) fn size(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
