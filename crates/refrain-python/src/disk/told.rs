//! Entries and counters of the disk, as Python sees them.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use refrain::EntryInfo;
use refrain_disk::{DiskEntry, DiskError, DiskStats, ListedEntry};

use crate::settings::limit;

/// Counters that the library does not have.
#[derive(Default)]
pub(super) struct Counts {
    /// Entries that were read but not decoded, for callers that asked for values.
    undecoded: AtomicU64,
    /// Of a tier that only reads.
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
}

/// Bytes, codec, media type, file name, tags, and seconds: cost, age, time left.
pub(super) type Loaded<'py> = (
    Bound<'py, PyBytes>,
    String,
    String,
    String,
    Vec<String>,
    f64,
    f64,
    Option<f64>,
);

impl Counts {
    pub(super) fn note(
        &self,
        loaded: Result<Option<DiskEntry>, DiskError>,
    ) -> Result<Option<DiskEntry>, DiskError> {
        count(match &loaded {
            Ok(Some(_)) => &self.hits,
            Ok(None) => &self.misses,
            Err(_) => &self.errors,
        });
        loaded
    }

    pub(super) fn note_undecoded(&self) {
        count(&self.undecoded);
    }

    pub(super) fn of_tier<'py>(
        &self,
        py: Python<'py>,
        stats: &DiskStats,
    ) -> PyResult<Bound<'py, PyDict>> {
        let told = self.of_loads(py, stats.hits, stats.misses, stats.errors)?;
        let counts = [
            ("stores", stats.stores),
            ("evictions", stats.evictions),
            ("expirations", stats.expirations),
            ("invalidations", stats.invalidations),
            ("overweight", stats.overweight),
            ("declined", stats.declined),
            ("damaged", stats.damaged),
            ("skipped", stats.skipped),
            ("entries", stats.entries),
            ("bytes", stats.bytes),
        ];
        for (name, count) in counts {
            told.set_item(name, count)?;
        }
        told.set_item("max_bytes", limit(stats.capacity_bytes))?;
        told.set_item("suspended", stats.suspended)?;
        Ok(told)
    }

    pub(super) fn of_reader<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (hits, misses) = (read(&self.hits), read(&self.misses));
        self.of_loads(py, hits, misses, read(&self.errors))
    }

    /// An entry that was read and not decoded is a miss.
    fn of_loads<'py>(
        &self,
        py: Python<'py>,
        hits: u64,
        misses: u64,
        errors: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let undecoded = read(&self.undecoded);
        let told = PyDict::new(py);
        told.set_item("hits", hits.saturating_sub(undecoded))?;
        told.set_item("misses", misses + undecoded)?;
        told.set_item("undecoded", undecoded)?;
        told.set_item("errors", errors)?;
        Ok(told)
    }
}

/// Relaxed: a count orders nothing.
fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub(super) fn loaded_entry(py: Python<'_>, entry: DiskEntry) -> Loaded<'_> {
    let media_type = entry.media_type().to_owned();
    let file_name = entry.file_name().to_owned();
    (
        PyBytes::new(py, &entry.body),
        entry.codec,
        media_type,
        file_name,
        entry.tags,
        entry.cost.as_secs_f64(),
        entry.age.as_secs_f64(),
        entry.expires_in.map(|left| left.as_secs_f64()),
    )
}

/// The facts of an entry that are known without looking at its file. Its age and hits are those since the tier was opened,
/// so they are left out.
pub(super) fn described<'py>(py: Python<'py>, info: &EntryInfo) -> PyResult<Bound<'py, PyDict>> {
    let tags: Vec<&str> = info.tags.iter().map(|tag| &**tag).collect();
    let told = PyDict::new(py);
    told.set_item("bytes", info.weight_bytes)?;
    told.set_item("cost_seconds", info.cost.as_secs_f64())?;
    let left = info.expires_in.map(|left| left.as_secs_f64());
    told.set_item("expires_in_seconds", left)?;
    told.set_item("tags", tags)?;
    Ok(told)
}

/// The same of a tier that is only read.
pub(super) fn described_as_listed<'py>(
    py: Python<'py>,
    entry: &ListedEntry,
) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("bytes", entry.weight_bytes)?;
    told.set_item("cost_seconds", entry.cost.as_secs_f64())?;
    let left = entry.expires_in.map(|left| left.as_secs_f64());
    told.set_item("expires_in_seconds", left)?;
    told.set_item("tags", &entry.tags)?;
    Ok(told)
}
