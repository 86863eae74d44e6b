//! The disk tier of [`refrain`]: results in files that survive a restart, `kill -9` and a power cut.
//!
//! A [`DiskTier`] is the same cache whose values are files: one limit in bytes, one order of eviction, times to live,
//! tags. It stands below a memory cache: a miss there is looked for here, and what has been computed is stored in both.
//! Whatever the disk does, a program that uses it works: an error is the same as a miss, only slower.
//!
//! An entry holds what was answered: a body, and an ordered list of named fields. A large body is written as it comes, by an
//! [`EntryWriter`], and read from any place on by a [`DiskBody`], with memory that does not grow with it.
//!
//! ```
//! use refrain::{Insertion, Key};
//! use refrain_disk::{DiskTier, NewEntry};
//!
//! let dir = tempfile::tempdir()?;
//! let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
//! {
//!     let tier = DiskTier::at(dir.path()).capacity_bytes(10 << 30).open()?;
//!     let ticket = tier.begin();
//!     let picture = b"two minutes of work"; // …computed here…
//!     let stored = tier.store(&ticket, &key, &NewEntry::new(picture).media_type("image/png"))?;
//!     assert_eq!(stored, Insertion::Stored); // a power cut does not take it away any more
//! }
//! let tier = DiskTier::at(dir.path()).open()?;
//! let entry = tier.load(&key)?.expect("it was stored");
//! assert_eq!(&entry.body[..], b"two minutes of work");
//! assert_eq!(entry.media_type(), "image/png");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In a stack of tiers
//!
//! A [`DiskTier`] is a [`refrain::tier::Tier`]: [`refrain::tier::Tiers`] puts it below other tiers, and
//! [`refrain::TieredCache`] a memory on top. Its futures need no runtime, as the disk is waited for by threads of its own.
//!
//! ```
//! use refrain::tier::{Invalidations, Metadata, Tier, TierEntry};
//! use refrain::{Insertion, Key, block_on};
//! use refrain_disk::DiskTier;
//!
//! let dir = tempfile::tempdir()?;
//! let tier = DiskTier::at(dir.path()).open()?;
//! let key = Key::from_bytes([7; 32]);
//! let entry = TierEntry::new("two minutes of work", Metadata::new("bytes").field("http.status", "200"));
//! let ticket = Invalidations::default().begin();
//! assert_eq!(block_on(Tier::store(&tier, key, entry, ticket))?, Insertion::Stored);
//! let entry = block_on(Tier::load(&tier, key))?.expect("it was stored");
//! assert_eq!(entry.metadata.first("http.status"), Some(&b"200"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Below a memory cache
//!
//! A computation looks here first, and stores here what it made. What is invalidated is invalidated here first: what is
//! loaded meanwhile is then not put into memory.
//!
//! ```
//! use bytes::Bytes;
//! use refrain::{Cache, Computed, Key};
//! use refrain_disk::{DiskTier, NewEntry};
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! fn render(memory: &Cache<Key, Bytes>, disk: &DiskTier, key: Key) -> Bytes {
//!     let rendered = memory.get_or_try_compute(key, || {
//!         let ticket = disk.begin();
//!         if let Ok(Some(entry)) = disk.load(&key) {
//!             let left = entry.expires_in.unwrap_or(Duration::MAX);
//!             return Ok::<_, Infallible>(Computed::new(entry.body).cost(entry.cost).time_to_live(left));
//!         }
//!         let picture = Bytes::from_static(b"two minutes of work");
//!         // If the disk refuses, it is in memory alone.
//!         let _ = disk.store(&ticket, &key, &NewEntry::new(&picture).cost(Duration::from_secs(120)));
//!         Ok(Computed::new(picture))
//!     });
//!     rendered.expect("nothing can go wrong here")
//! }
//!
//! fn invalidate(memory: &Cache<Key, Bytes>, disk: &DiskTier, key: &Key) -> Result<(), refrain_disk::DiskError> {
//!     let removed = disk.invalidate(key);
//!     memory.invalidate(key);
//!     removed.map(drop)
//! }
//!
//! let dir = tempfile::tempdir()?;
//! let disk = DiskTier::at(dir.path()).open()?;
//! let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
//! let picture = render(&Cache::builder().build()?, &disk, key);
//! let memory = Cache::builder().build()?; // as after a restart
//! assert_eq!(render(&memory, &disk, key), picture);
//! assert_eq!(disk.stats().hits, 1);
//! invalidate(&memory, &disk, &key)?;
//! assert!(disk.is_empty() && memory.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What you may rely on
//!
//! * What [`DiskTier::store`] calls stored is there after a crash, until it is evicted, expires or is invalidated.
//! * Every byte is compared with the digests in its file before it leaves. A damaged file is a miss.
//! * The files take no more than the capacity, in blocks of 4 KiB, at any moment; old ones are gone before a new one is
//!   written. The system keeps the bytes of a file that is gone as long as a handle has it open.
//! * What has been invalidated does not come back, not after a crash either, nor from a computation that began before.
//! * Several processes of one machine share a folder, with one limit; one computes a key while the others wait for its result.
//!   A [`DiskReader`] reads without taking part.

mod body;
mod entry;
mod error;
mod format;
mod metadata;
mod names;
mod opened;
mod pool;
mod reader;
mod reading;
mod recovery;
mod stats;
mod storage;
mod tier;
mod unfinished;

pub use body::DiskBody;
pub use entry::{DiskEntry, NewEntry};
pub use error::{DiskError, OpenError};
pub use format::FORMAT_VERSION;
pub use metadata::EntryMetadata;
pub use reader::{DiskReader, ListedEntry};
pub use refrain::tier::Ticket;
pub use stats::DiskStats;
pub use tier::{DiskTier, DiskTierBuilder, EntryWriter, Spool, SpooledSoFar};
pub use unfinished::UnfinishedBody;
