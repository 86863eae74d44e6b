//! A body whose beginning is in a file and whose rest is in memory, since the disk failed in between.

use bytes::Bytes;
use refrain::tier::{BodySource, BoxFuture, TierError};
use refrain_disk::SpooledSoFar;

#[derive(Debug)]
pub(super) struct HalfSpooled {
    pub(super) so_far: SpooledSoFar,
    pub(super) in_file_bytes: u64,
    pub(super) rest: Bytes,
    pub(super) digest: [u8; 32],
}

impl BodySource for HalfSpooled {
    fn len(&self) -> u64 {
        self.in_file_bytes + self.rest.len() as u64
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
        let Some(from) = offset.checked_sub(self.in_file_bytes) else {
            let in_file = self.in_file_bytes - offset;
            let len = len.min(usize::try_from(in_file).unwrap_or(usize::MAX));
            // A handle of its own: it waits for no other reader.
            return self.so_far.clone().read_at(offset, len);
        };
        let from = usize::try_from(from).map_or(self.rest.len(), |from| from.min(self.rest.len()));
        let to = from.saturating_add(len).min(self.rest.len());
        Box::pin(std::future::ready(Ok(self.rest.slice(from..to))))
    }
}
