//! What is found in the folder when it is opened.

use std::io;
use std::time::{Duration, SystemTime};

use refrain::Key;

use crate::format::{Damage, FIXED_BYTES, FORMAT_VERSION, Head, Metadata, metadata_len};
use crate::names::{ENTRIES, TEMPORARY, dir_of, file_of, version_of};
use crate::storage::Storage;

/// An entry that was there already.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) key: Key,
    pub(crate) file_bytes: u64,
    pub(crate) used: SystemTime,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) metadata: Metadata,
}

/// Most heads are shorter: one read for each file.
const FIRST_READ: usize = 1024;

/// Why the folder cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    Newer(u32),
    Io(&'static str, io::Error),
}

/// The entries in the folder, the least recently used one first, and how many damaged ones were taken away. What was not
/// finished, has expired or is damaged at its head is taken away.
pub(crate) fn recover(
    storage: &dyn Storage,
    now: SystemTime,
) -> Result<(Vec<Recovered>, u64), Refusal> {
    let failed = |action| move |error| Refusal::Io(action, error);
    let names = storage.list("").map_err(failed("listing it"))?;
    let newest = names.iter().filter_map(|name| version_of(name)).max();
    if let Some(found) = newest.filter(|found| *found > FORMAT_VERSION) {
        return Err(Refusal::Newer(found));
    }
    for dir in [ENTRIES, TEMPORARY] {
        storage
            .make_dir(dir)
            .map_err(failed("making a folder in it"))?;
    }
    for name in storage
        .list(TEMPORARY)
        .map_err(failed("listing unfinished files"))?
    {
        storage
            .remove(&format!("{TEMPORARY}/{name}"))
            .map_err(failed("removing an unfinished file"))?;
    }
    let (mut entries, mut damaged) = (Vec::new(), 0);
    for first in 0..=u8::MAX {
        let dir = dir_of(first);
        let names = match storage.list(&dir) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Refusal::Io("listing entries", error)),
        };
        for name in names {
            // Whatever else is there was not put there by this tier.
            let Some(key) = (name.parse::<Key>().ok()).filter(|key| key.as_bytes()[0] == first)
            else {
                continue;
            };
            let is_damaged = match inspect(storage, &key, now) {
                Ok(Ok(entry)) if entry.expires_in != Some(Duration::ZERO) => {
                    entries.push(entry);
                    continue;
                }
                Ok(Ok(_)) => false,
                Ok(Err(_)) => true,
                Err(error) if is_not_a_file(&error) => continue,
                Err(error) if is_the_files_own(&error) => true,
                // Too many open files, say: no reason to throw anything away.
                Err(error) => return Err(Refusal::Io("reading an entry", error)),
            };
            damaged += u64::from(is_damaged);
            storage
                .remove(&file_of(&key))
                .map_err(failed("removing an expired or damaged entry"))?;
        }
    }
    entries.sort_by_key(|entry| entry.used);
    Ok((entries, damaged))
}

fn is_not_a_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory
    )
}

/// A symbolic link, which is never followed, or a place on the disk that cannot be read.
#[cfg(unix)]
fn is_the_files_own(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(Errno::from_io_error(error), Some(Errno::IO | Errno::LOOP))
}

#[cfg(not(unix))]
fn is_the_files_own(_: &io::Error) -> bool {
    false
}

/// What the head of an entry's file says. The body is looked at when it is loaded.
fn inspect(
    storage: &dyn Storage,
    key: &Key,
    now: SystemTime,
) -> io::Result<Result<Recovered, Damage>> {
    let file = file_of(key);
    let mut start = storage.read_start(&file, FIRST_READ)?;
    if let Ok(metadata) = metadata_len(&start.bytes)
        && FIXED_BYTES + metadata > FIRST_READ
    {
        start = storage.read_start(&file, FIXED_BYTES + metadata)?;
    }
    let read = Head::decode(&start.bytes);
    Ok(read.and_then(|(head, body_at)| {
        if head.key != *key {
            return Err(Damage::Key);
        }
        if start.len != head.body_len.saturating_add(body_at as u64) {
            return Err(Damage::Length);
        }
        Ok(Recovered {
            key: *key,
            file_bytes: start.len,
            used: start.used,
            expires_in: head.metadata.expires_in(now),
            metadata: head.metadata,
        })
    }))
}
