//! `DiskTier`: results in the files of a folder, which the server reads and writes too.
//!
//! Code that may wait for the disk runs without the interpreter, and takes it at no time. Codecs and messages to users are
//! in `refrain_cache/_disk.py`.

mod failure;
mod folder;
mod ticket;
mod told;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use refrain_disk::{DiskError, DiskTier, DiskTierBuilder, ListedEntry, NewEntry};

use crate::clock::{Clock, seconds};
use crate::key::Key;
use crate::settings::{became, capacity, limit, policy_of, time_to_live};
use crate::stepped_time::Time;
pub(crate) use failure::failed;
use failure::{is_read_only, not_opened, refused};
pub(crate) use folder::{Folder, FolderTier};
pub(crate) use ticket::DiskTicket;
use told::{Counts, Loaded, described, described_as_listed, loaded_entry};

#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct DiskFolder {
    dir: PathBuf,
    /// Tells tiers apart, for their tickets.
    number: u64,
    /// Replaced as a whole in a child process.
    folder: RwLock<Arc<Folder>>,
    /// What a child process opens it with; `None` if it is only read.
    opens: Option<DiskTierBuilder>,
    counts: Counts,
}

impl DiskFolder {
    pub(crate) fn folder(&self) -> Arc<Folder> {
        Arc::clone(&self.folder.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in the folder, for a tier that is only read.
    fn listed(&self, py: Python<'_>) -> PyResult<Vec<ListedEntry>> {
        let folder = self.folder();
        let listed = py.detach(|| folder.reader.entries());
        listed.map_err(|error| refused(py, &error))
    }

    /// Runs `work` on the tier, without the interpreter; an error if the tier is only read here.
    fn writing<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&DiskTier) -> Result<T, DiskError> + Send + Sync,
    ) -> PyResult<T> {
        let folder = self.folder();
        folder.step(py)?;
        let Some(tier) = folder.tier() else {
            return Err(is_read_only(py, &self.dir));
        };
        let done = py.detach(|| work(tier));
        done.map_err(|error| refused(py, &error))
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
        let mut opens = None;
        let folder = if read_only {
            Folder::read(&dir)
        } else {
            let builder = DiskTier::at(&dir)
                .capacity_entries(limits.entries)
                .capacity_bytes(limits.bytes)
                .policy(policy)
                .clock(library_clock);
            opens = Some(builder.clone());
            let opened = py.detach(|| builder.open());
            let tier = opened.map_err(|error| not_opened(py, &error))?;
            Folder::written(tier, &dir, time)
        };
        Ok(Self {
            dir,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            folder: RwLock::new(Arc::new(folder)),
            opens,
            counts: Counts::default(),
        })
    }

    fn is_read_only(&self) -> bool {
        self.folder().is_read_only()
    }

    /// A ticket for a computation that begins now; `None` if nothing is written here.
    fn begin(&self) -> Option<DiskTicket> {
        let folder = self.folder();
        let tier = folder.tier()?;
        Some(DiskTicket::new(tier.begin(), self.number))
    }

    fn load<'py>(&self, py: Python<'py>, key: &Key) -> PyResult<Option<Loaded<'py>>> {
        let folder = self.folder();
        folder.step(py)?;
        let loaded = py.detach(|| match folder.tier() {
            Some(tier) => tier.load(&key.0),
            None => self.counts.note(folder.reader.load(&key.0)),
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
        match ticket {
            Some(ticket) => ticket.check(self.number)?,
            None => self.folder().invalidations.key(&key.0),
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
        let folder = self.folder();
        folder.step(py)?;
        let contained = py.detach(|| match folder.tier() {
            Some(tier) => Ok(tier.contains(&key.0)),
            None => folder.reader.load(&key.0).map(|entry| entry.is_some()),
        });
        contained.map_err(|error| refused(py, &error))
    }

    fn invalidate(&self, py: Python<'_>, key: &Key) -> PyResult<bool> {
        self.folder().invalidations.key(&key.0);
        self.writing(py, |tier| tier.invalidate(&key.0))
    }

    fn invalidate_tag(&self, py: Python<'_>, tag: &str) -> PyResult<u64> {
        self.folder().invalidations.tag(tag);
        self.writing(py, |tier| tier.invalidate_tag(tag))
    }

    fn invalidate_all(&self, py: Python<'_>) -> PyResult<u64> {
        self.folder().invalidations.all();
        self.writing(py, DiskTier::invalidate_all)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        if self.is_read_only() {
            return Ok(self.listed(py)?.len());
        }
        let len = self.writing(py, |tier| Ok(tier.len()))?;
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    #[expect(clippy::unused_self, reason = "a method of Python needs one")]
    fn __bool__(&self) -> bool {
        true
    }

    /// Most entries and most bytes; `None` for no limit.
    fn limits(&self, py: Python<'_>) -> PyResult<(Option<u64>, Option<u64>)> {
        if self.is_read_only() {
            let folder = self.folder();
            let capacity = py.detach(|| folder.reader.capacity());
            return Ok(capacity.map_or((None, None), |limits| {
                (limit(limits.entries), limit(limits.bytes))
            }));
        }
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
        if self.is_read_only() {
            let listed = self.listed(py)?.into_iter();
            return listed
                .map(|entry| Ok((Key(entry.key), described_as_listed(py, &entry)?)))
                .collect();
        }
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
        let folder = self.folder();
        folder.step(py)?;
        match folder.tier() {
            Some(tier) => self.counts.of_tier(py, &py.detach(|| tier.stats())),
            None => self.counts.of_reader(py),
        }
    }

    /// The entry that was read last is of no use: a miss, and not a hit.
    fn count_undecoded(&self) {
        self.counts.note_undecoded();
    }

    /// What the last store of a cache above failed with, told once.
    fn take_failure(&self) -> Option<String> {
        self.folder().take_failure()
    }

    /// Lets go of the folder once the store that runs at this moment has ended: another tier may write to it.
    fn close(&self, py: Python<'_>) {
        let folder = self.folder();
        py.detach(|| folder.close());
    }

    /// For a child process, which opens the folder itself when it needs it. The tier is left as it is, locks and all.
    pub(crate) fn forget_everything(&self) {
        if self.folder().is_of_this_process() {
            return;
        }
        let anew = match (&self.opens, self.folder().is_closed()) {
            (Some(opens), false) => Folder::later(opens.clone(), &self.dir),
            _ => Folder::read(&self.dir),
        };
        let anew = Arc::new(anew);
        let mut current = self.folder.write().unwrap_or_else(PoisonError::into_inner);
        Box::leak(Box::new(std::mem::replace(&mut *current, anew)));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(folder) = self.folder.try_read() else {
            return Ok(());
        };
        folder
            .clock_function()
            .map_or(Ok(()), |function| visit.call(function))
    }
}
