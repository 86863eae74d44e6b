//! `DiskTier`: results in the files of a folder, which the server reads and writes too.
//!
//! Code that may wait for the disk runs without the interpreter, and takes it at no time. Codecs and messages to users are
//! in `refrain_cache/_disk.py`.

mod failure;
mod ticket;
mod told;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use refrain_disk::{DiskError, DiskReader, DiskTier, NewEntry};

use crate::clock::{Clock, seconds};
use crate::key::Key;
use crate::memory::{became, capacity, limit, policy_of, time_to_live};
use crate::stepped_time::Time;
use failure::{is_read_only, not_opened, refused};
pub(crate) use ticket::DiskTicket;
use told::{Counts, Loaded, described, loaded_entry};

#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct DiskFolder {
    dir: PathBuf,
    /// Replaced as a whole when writing ends.
    live: RwLock<Arc<Live>>,
    counts: Counts,
}

struct Live {
    files: Files,
    time: Time,
}

enum Files {
    Written {
        tier: DiskTier,
        /// Tells tiers apart, for their tickets.
        number: u64,
    },
    Read(DiskReader),
}

impl DiskFolder {
    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `work` on the tier, without the interpreter; an error if the tier is only read here.
    fn writing<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&DiskTier) -> Result<T, DiskError> + Send + Sync,
    ) -> PyResult<T> {
        let live = self.live();
        live.time.step(py)?;
        let Files::Written { tier, .. } = &live.files else {
            return Err(is_read_only(py, &self.dir));
        };
        let done = py.detach(|| work(tier));
        done.map_err(|error| refused(py, &error))
    }

    /// From now on files are only read here. Returns the state before.
    fn read_only_from_now_on(&self) -> Arc<Live> {
        let live = Arc::new(Live {
            files: Files::Read(DiskReader::at(&self.dir)),
            time: Time::Machine,
        });
        let mut current = self.live.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, live)
    }
}

#[pymethods]
impl DiskFolder {
    #[new]
    #[pyo3(signature = (dir, max_entries, max_bytes, policy, read_only, clock))]
    fn new(
        py: Python<'_>,
        dir: PathBuf,
        max_entries: Option<u64>,
        max_bytes: Option<u64>,
        policy: &str,
        read_only: bool,
        clock: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        /// Relaxed: a number is only to be another one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let policy = policy_of(policy)?;
        let limits = capacity(max_entries, max_bytes);
        let (time, library_clock) = match clock {
            None => (Time::Machine, refrain::Clock::monotonic()),
            clock => Time::stepped(py, Clock::new(py, clock)?)?,
        };
        let files = if read_only {
            Files::Read(DiskReader::at(&dir))
        } else {
            let builder = DiskTier::at(&dir)
                .capacity_entries(limits.entries)
                .capacity_bytes(limits.bytes)
                .policy(policy)
                .clock(library_clock);
            let opened = py.detach(|| builder.open());
            Files::Written {
                tier: opened.map_err(|error| not_opened(py, &error))?,
                number: NEXT.fetch_add(1, Ordering::Relaxed),
            }
        };
        Ok(Self {
            dir,
            live: RwLock::new(Arc::new(Live { files, time })),
            counts: Counts::default(),
        })
    }

    fn is_read_only(&self) -> bool {
        matches!(self.live().files, Files::Read(_))
    }

    /// A ticket for a computation that begins now; `None` if nothing is written here.
    fn begin(&self) -> Option<DiskTicket> {
        match &self.live().files {
            Files::Written { tier, number } => Some(DiskTicket::new(tier.begin(), *number)),
            Files::Read(_) => None,
        }
    }

    fn load<'py>(&self, py: Python<'py>, key: &Key) -> PyResult<Option<Loaded<'py>>> {
        let live = self.live();
        live.time.step(py)?;
        let loaded = py.detach(|| match &live.files {
            Files::Written { tier, .. } => tier.load(&key.0),
            Files::Read(reader) => self.counts.note(reader.load(&key.0)),
        });
        let loaded = loaded.map_err(|error| refused(py, &error))?;
        Ok(loaded.map(|entry| loaded_entry(py, entry)))
    }

    /// Without a ticket, what is being computed for the key now is not stored later.
    #[pyo3(signature = (ticket, key, content, codec, media_type, file_name, ttl_seconds, cost_seconds, tags))]
    #[expect(
        clippy::too_many_arguments,
        reason = "called with names, from one place"
    )]
    fn store(
        &self,
        py: Python<'_>,
        ticket: Option<&DiskTicket>,
        key: &Key,
        content: &Bound<'_, PyBytes>,
        codec: &str,
        media_type: &str,
        file_name: &str,
        ttl_seconds: Option<f64>,
        cost_seconds: Option<f64>,
        tags: Vec<String>,
    ) -> PyResult<&'static str> {
        let cost = cost_seconds.map(|cost| seconds("cost_seconds", cost));
        let time_to_live = time_to_live(ttl_seconds)?;
        let content = PyBackedBytes::from(content.clone());
        let entry = NewEntry::new(&content)
            .codec(codec)
            .media_type(media_type)
            .file_name(file_name)
            .tags(tags)
            .cost(cost.transpose()?.unwrap_or_default())
            .time_to_live(time_to_live);
        if let (Some(ticket), Files::Written { number, .. }) = (ticket, &self.live().files) {
            ticket.check(*number)?;
        }
        let ticket = ticket.map(DiskTicket::library_ticket);
        let stored = self.writing(py, |tier| {
            if let Some(ticket) = ticket {
                return tier.store(ticket, &key.0, &entry);
            }
            tier.overtake(&key.0);
            tier.store(&tier.begin(), &key.0, &entry)
        });
        stored.map(became)
    }

    fn __contains__(&self, py: Python<'_>, key: &Key) -> PyResult<bool> {
        let live = self.live();
        live.time.step(py)?;
        let contained = py.detach(|| match &live.files {
            Files::Written { tier, .. } => Ok(tier.contains(&key.0)),
            Files::Read(reader) => reader.load(&key.0).map(|entry| entry.is_some()),
        });
        contained.map_err(|error| refused(py, &error))
    }

    fn invalidate(&self, py: Python<'_>, key: &Key) -> PyResult<bool> {
        self.writing(py, |tier| tier.invalidate(&key.0))
    }

    fn invalidate_tag(&self, py: Python<'_>, tag: &str) -> PyResult<u64> {
        self.writing(py, |tier| tier.invalidate_tag(tag))
    }

    fn invalidate_all(&self, py: Python<'_>) -> PyResult<u64> {
        self.writing(py, DiskTier::invalidate_all)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let len = self.writing(py, |tier| Ok(tier.len()))?;
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    #[expect(clippy::unused_self, reason = "a method of Python needs one")]
    fn __bool__(&self) -> bool {
        true
    }

    /// Most entries and most bytes; `None` for no limit.
    fn limits(&self, py: Python<'_>) -> PyResult<(Option<u64>, Option<u64>)> {
        let capacity = self.writing(py, |tier| Ok(tier.capacity()))?;
        Ok((limit(capacity.entries), limit(capacity.bytes)))
    }

    #[pyo3(signature = (max_entries, max_bytes))]
    fn set_limits(
        &self,
        py: Python<'_>,
        max_entries: Option<u64>,
        max_bytes: Option<u64>,
    ) -> PyResult<()> {
        let capacity = capacity(max_entries, max_bytes);
        self.writing(py, |tier| tier.set_capacity(capacity))
    }

    /// All entries: keys, and the facts of each that are known without looking at its file.
    fn entries<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Key, Bound<'py, PyDict>)>> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.writing(py, |tier| Ok(tier.entries(cursor, 1000)))?;
            for (key, info) in &page.entries {
                all.push((Key(*key), described(py, info)?));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let live = self.live();
        live.time.step(py)?;
        match &live.files {
            Files::Written { tier, .. } => self.counts.of_tier(py, &py.detach(|| tier.stats())),
            Files::Read(_) => self.counts.of_reader(py),
        }
    }

    /// The entry that was read last is of no use: a miss, and not a hit.
    fn count_undecoded(&self) {
        self.counts.note_undecoded();
    }

    /// Lets go of the folder. Once the calls that run at this moment have ended, another tier may write to it.
    fn close(&self, py: Python<'_>) {
        let written = self.read_only_from_now_on();
        py.detach(|| drop(written));
    }

    /// For a child process, which reads what its parent writes. The tier is left as it is, locks and all.
    fn forget_everything(&self) {
        Box::leak(Box::new(self.read_only_from_now_on()));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(live) = self.live.try_read() else {
            return Ok(());
        };
        live.time
            .function()
            .map_or(Ok(()), |function| visit.call(function))
    }
}
