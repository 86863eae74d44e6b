//! An append-only log of what has changed in a folder, which every tier that has it open reads before it changes anything.
//!
//! Only the tier whose turn it is reads records or appends them. The header is looked at by any thread, at any time.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use refrain::tier::Invalidated;
use refrain::{Capacity, Key};

use super::StoredFile;
use super::folder::OpenFile;

const MAGIC: &[u8; 8] = b"RFRNCHNG";
const HEADER_BYTES: usize = 40;
const RECORDS_AT: u64 = HEADER_BYTES as u64;
/// From here on the records begin anew.
const MOST_BYTES: u64 = 4 << 20;

/// With more than that to read it is quicker to look at the files.
const MOST_TO_READ: u64 = 64 << 20;

const UNLIMITED: Capacity = Capacity {
    bytes: u64::MAX,
    entries: u64::MAX,
};

/// The limits of a folder that is or was open, as its log has them.
pub(crate) fn capacity_in(log: &dyn StoredFile) -> Option<Capacity> {
    let mut bytes = [0; HEADER_BYTES];
    log.read_at(0, &mut bytes).ok()?;
    Header::read(&bytes).map(|header| header.capacity)
}

/// What one record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// The file of an entry has come, changed or gone.
    File(Key),
    Invalidated(Invalidated),
}

/// What others have done since this tier looked last.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) changes: Vec<Change>,
    pub(crate) capacity: Option<Capacity>,
    /// Records are missing: every file may have changed, and all be invalidated.
    pub(crate) is_anew: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    generation: u64,
    capacity: Capacity,
    end: u64,
}

/// The log, and how far this tier has read it.
#[derive(Debug)]
pub(crate) struct Changes {
    file: OpenFile,
    /// Nothing before the folder is joined.
    seen: Mutex<Option<Header>>,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let numbers = [
            self.generation,
            self.capacity.bytes,
            self.capacity.entries,
            self.end,
        ];
        let mut bytes = MAGIC.to_vec();
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    fn read(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (magic, numbers) = bytes.split_first_chunk::<8>()?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let number = |at: usize| u64::from_le_bytes(numbers[at]);
        let header = Self {
            generation: number(0),
            capacity: Capacity {
                bytes: number(1),
                entries: number(2),
            },
            end: number(3),
        };
        (magic == MAGIC && header.end >= RECORDS_AT).then_some(header)
    }
}

impl Changes {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: OpenFile(file),
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<Header>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing if there is none, or none that makes sense.
    fn header(&self) -> Option<Header> {
        let mut bytes = [0; HEADER_BYTES];
        self.file.read_at(0, &mut bytes).ok()?;
        Header::read(&bytes)
    }

    /// Whether there is anything to read.
    pub(crate) fn has_news(&self) -> bool {
        self.header() != *self.seen()
    }

    /// Begins the log, by the first tier that opens the folder.
    pub(super) fn begin(&self, capacity: Capacity) -> io::Result<()> {
        self.write(Header {
            generation: Self::next_generation(),
            capacity,
            end: RECORDS_AT,
        })
    }

    /// Joins where the log is now, and says which limits hold.
    pub(super) fn join(&self, capacity: Capacity) -> io::Result<Capacity> {
        match self.header() {
            Some(header) => {
                *self.seen() = Some(header);
                Ok(header.capacity)
            }
            None => self.begin(capacity).map(|()| capacity),
        }
    }

    /// Another number than any before it.
    fn next_generation() -> u64 {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(std::process::id())
    }

    fn write(&self, header: Header) -> io::Result<()> {
        self.file.write_at(0, &header.bytes())?;
        *self.seen() = Some(header);
        Ok(())
    }

    /// What there is to read.
    pub(crate) fn read(&self) -> io::Result<News> {
        let seen = *self.seen();
        let Some(header) = self.header() else {
            // Taken away by a user. The others find another generation.
            let capacity = seen.map_or(UNLIMITED, |seen| seen.capacity);
            self.begin(capacity)?;
            return Ok(News {
                is_anew: true,
                ..News::default()
            });
        };
        let mut news = News::default();
        if seen == Some(header) {
            return Ok(news);
        }
        if seen.is_none_or(|seen| seen.capacity != header.capacity) {
            news.capacity = Some(header.capacity);
        }
        match seen.filter(|seen| seen.generation == header.generation && seen.end <= header.end) {
            Some(seen) => match self.records_between(seen.end, header.end) {
                Some(changes) => news.changes = changes,
                None => news.is_anew = true,
            },
            None => news.is_anew = true,
        }
        *self.seen() = Some(header);
        Ok(news)
    }

    fn records_between(&self, start: u64, end: u64) -> Option<Vec<Change>> {
        let len = (end - start <= MOST_TO_READ).then(|| usize::try_from(end - start))?;
        let mut bytes = vec![0; len.ok()?];
        self.file.read_at(start, &mut bytes).ok()?;
        records(&bytes)
    }

    /// Has everything read and looked at once more, from the beginning.
    pub(crate) fn read_anew(&self) {
        *self.seen() = None;
    }

    /// Tells of what is about to be done. Everything there was to read has been read.
    pub(crate) fn append(&self, changes: &[Change]) -> io::Result<()> {
        let Some(mut header) = *self.seen() else {
            return Ok(());
        };
        if header.end > MOST_BYTES {
            // The others look at everything, and so at what these records tell of.
            header.generation = Self::next_generation();
            header.end = RECORDS_AT;
        }
        let mut bytes = Vec::with_capacity(changes.len() * 40);
        for change in changes {
            write_record(&mut bytes, change);
        }
        self.file.write_at(header.end, &bytes)?;
        header.end += bytes.len() as u64;
        self.write(header)
    }

    /// Tells of other limits for the folder.
    pub(crate) fn set_capacity(&self, capacity: Capacity) -> io::Result<()> {
        let header = *self.seen();
        header.map_or(Ok(()), |header| self.write(Header { capacity, ..header }))
    }
}

fn write_record(bytes: &mut Vec<u8>, change: &Change) {
    let (kind, content): (u8, &[u8]) = match change {
        Change::File(key) => (1, key.as_bytes()),
        Change::Invalidated(Invalidated::Key(key)) => (2, key.as_bytes()),
        Change::Invalidated(Invalidated::Tag(tag)) => (3, tag.as_bytes()),
        Change::Invalidated(Invalidated::All) => (4, &[]),
    };
    let len = u32::try_from(content.len() + 1).unwrap_or(u32::MAX);
    bytes.extend(len.to_le_bytes());
    bytes.push(kind);
    bytes.extend(content);
}

/// Nothing, if they are not as they should be.
fn records(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (record, rest) = rest.split_at_checked(len)?;
        bytes = rest;
        let (kind, content) = record.split_first()?;
        let key = || <[u8; 32]>::try_from(content).ok().map(Key::from_bytes);
        changes.push(match kind {
            1 => Change::File(key()?),
            2 => Change::Invalidated(Invalidated::Key(key()?)),
            3 => Change::Invalidated(Invalidated::Tag(Arc::from(
                std::str::from_utf8(content).ok()?,
            ))),
            4 => Change::Invalidated(Invalidated::All),
            _ => return None,
        });
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &tempfile::TempDir) -> Changes {
        let mut options = std::fs::OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        Changes::new(options.open(dir.path().join("changes")).unwrap())
    }

    const LIMITS: Capacity = Capacity {
        bytes: 1 << 20,
        entries: 7,
    };

    #[test]
    fn what_one_tier_tells_the_others_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (log(&dir), log(&dir));
        first.begin(LIMITS).unwrap();
        assert_eq!(second.join(UNLIMITED).unwrap(), LIMITS);
        let told = [
            Change::File(Key::from_bytes([1; 32])),
            Change::Invalidated(Invalidated::Key(Key::from_bytes([2; 32]))),
            Change::Invalidated(Invalidated::Tag("model:v1 ü".into())),
            Change::Invalidated(Invalidated::All),
        ];
        first.append(&told[..1]).unwrap();
        first.append(&told[1..]).unwrap();
        assert!(second.has_news() && !first.has_news());
        let news = second.read().unwrap();
        assert_eq!((news.changes, news.is_anew), (told.to_vec(), false));
        assert!(!second.has_news() && second.read().unwrap().changes.is_empty());
        let smaller = Capacity { bytes: 1, ..LIMITS };
        second.set_capacity(smaller).unwrap();
        assert_eq!(first.read().unwrap().capacity, Some(smaller));
    }

    #[test]
    fn a_log_that_begins_anew_or_makes_no_sense_has_everything_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (log(&dir), log(&dir));
        first.begin(LIMITS).unwrap();
        second.join(LIMITS).unwrap();
        let many = vec![Change::File(Key::from_bytes([1; 32])); 120_000];
        first.append(&many).unwrap();
        first.append(&many[..1]).unwrap();
        let news = second.read().unwrap();
        assert!(news.is_anew && news.changes.is_empty());
        for damage in [
            &b"\xff\xff\xff\xff"[..],
            b"\x02\0\0\0\x09x",
            b"\x21\0\0\0\x03",
        ] {
            let header = first.header().unwrap();
            first.file.write_at(header.end, damage).unwrap();
            let end = header.end + damage.len() as u64;
            first.write(Header { end, ..header }).unwrap();
            assert!(second.read().unwrap().is_anew, "{damage:?}");
        }
        std::fs::write(dir.path().join("changes"), b"").unwrap();
        assert!(second.has_news() && second.read().unwrap().is_anew);
        assert!(first.read().unwrap().is_anew);
        assert!(!first.has_news() && !second.has_news());
    }
}
