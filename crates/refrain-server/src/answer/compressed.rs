//! The compressed forms of results: made once for each, by content, and kept within a budget of their own.
//!
//! A form is found by the digest of its bytes, so it is never that of another result, and an invalidation has nothing to do here.

use std::sync::Arc;

use bytes::Bytes;
use flate2::write::GzEncoder;
use refrain::{BuildError, Cache, Clock};
use tokio::sync::Semaphore;

use super::coding::Coding;
use crate::config::{ServerConfig, megabytes};

/// Below this, what is saved is not worth the headers that say so.
const LEAST_BYTES: usize = 1024;
/// A result is compressed if it takes no more than this part of the budget, as a divisor.
const MOST_OF_BUDGET: u64 = 2;
/// Of 16 parts that a result takes, how many a form may take to be worth its memory.
const MOST_OF_16: usize = 14;

/// Compressed forms; none for a result that gains nothing.
#[derive(Debug)]
pub(crate) struct CompressedResults {
    forms: Cache<(blake3::Hash, Coding), Option<Bytes>>,
    /// Compressing takes a processor each.
    turns: Arc<Semaphore>,
    most_bytes: u64,
}

impl CompressedResults {
    pub(crate) fn new(config: &ServerConfig, clock: Clock) -> Result<Self, BuildError> {
        let capacity = megabytes(config.compressed_memory_mb);
        let mut forms = Cache::builder()
            .name("compressed results")
            .capacity_bytes(capacity)
            .weigher(|_, form: &Option<Bytes>| form.as_ref().map_or(64, |form| form.len() as u64))
            .clock(clock);
        if let Some(ttl) = config.ttl {
            forms = forms.time_to_live(ttl);
        }
        Ok(Self {
            forms: forms.build()?,
            turns: Arc::new(Semaphore::new(config.generation_threads.max(1))),
            most_bytes: capacity / MOST_OF_BUDGET,
        })
    }

    /// Whether a result of so many bytes is compressed at all.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        bytes >= LEAST_BYTES && bytes as u64 <= self.most_bytes
    }

    /// `bytes`, whose digest this is, in `coding`; none if they gain nothing, or it cannot be done now.
    pub(super) async fn form(
        &self,
        digest: blake3::Hash,
        bytes: &Bytes,
        coding: Coding,
    ) -> Option<Bytes> {
        let (turns, bytes) = (Arc::clone(&self.turns), bytes.clone());
        let compress = async move {
            let _turn = turns.acquire().await.ok();
            let made = tokio::task::spawn_blocking(move || compressed(&bytes, coding));
            made.await.ok().flatten()
        };
        let found = self.forms.entry((digest, coding));
        found.get_or_compute_async(compress).await.ok()?.value
    }
}

/// Level 3 of zstd and 5 of gzip: of the levels of each, the ones after which more time gains little on meshes.
fn compressed(bytes: &[u8], coding: Coding) -> Option<Bytes> {
    let most = bytes.len() / 16 * MOST_OF_16;
    let form = match coding {
        Coding::Zstd => zstd::bulk::compress(bytes, 3).ok()?,
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(5));
            std::io::Write::write_all(&mut encoder, bytes).ok()?;
            encoder.finish().ok()?
        }
    };
    (form.len() <= most).then(|| {
        let mut form = form;
        form.shrink_to_fit();
        form.into()
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn results(compressed_memory_mb: f64) -> CompressedResults {
        let config = ServerConfig {
            compressed_memory_mb,
            ..ServerConfig::default()
        };
        CompressedResults::new(&config, Clock::monotonic()).unwrap()
    }

    #[tokio::test]
    async fn forms_are_made_once_and_are_the_same_bytes() {
        let results = results(1.0);
        let bytes = Bytes::from("a relief, ".repeat(2000));
        let digest = blake3::hash(&bytes);
        let zstd = results.form(digest, &bytes, Coding::Zstd).await.unwrap();
        assert_eq!(zstd::bulk::decompress(&zstd, bytes.len()).unwrap(), bytes);
        let again = results.form(digest, &bytes, Coding::Zstd).await.unwrap();
        assert_eq!(again.as_ptr(), zstd.as_ptr());
        let gzip = results.form(digest, &bytes, Coding::Gzip).await.unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, bytes);
        assert_eq!(results.forms.stats().misses, 2);
    }

    #[tokio::test]
    async fn what_gains_nothing_is_remembered_and_sent_plain() {
        let results = results(1.0);
        let mut noise = vec![0; 4096];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let noise = Bytes::from(noise);
        let digest = blake3::hash(&noise);
        for _ in 0..2 {
            assert_eq!(results.form(digest, &noise, Coding::Zstd).await, None);
        }
        assert_eq!(results.forms.stats().misses, 1);
    }

    #[test]
    fn what_is_tiny_or_more_than_half_of_the_budget_is_not_compressed() {
        let results_of = results(1.0);
        assert!(!results_of.takes(LEAST_BYTES - 1));
        assert!(results_of.takes(1 << 19));
        assert!(!results_of.takes((1 << 19) + 1));
        assert!(!results(0.0).takes(LEAST_BYTES));
    }
}
