//! Deferred removal: entries leave the index at once, and their files when a thread has the lock.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use refrain::Key;
use refrain::tier::Invalidated;

use super::writing::Writer;
use super::{DiskTier, Inner};
use crate::error::DiskError;
use crate::names::{dir_of, file_of};
use crate::storage::Change;

/// Files that are to be removed.
#[derive(Debug, Default)]
pub(super) struct Departed {
    files: Mutex<Files>,
    /// Whether there may be any, to be asked without the lock.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Files {
    /// Of entries that have left the index.
    keys: Vec<Key>,
    /// What was given up before it was finished, and the bytes that are counted for it.
    unfinished: Vec<(String, u64)>,
}

impl Departed {
    pub(super) fn push(&self, key: Key) {
        self.put(|files| files.keys.push(key));
    }

    pub(super) fn push_unfinished(&self, name: String, bytes: u64) {
        self.put(|files| files.unfinished.push((name, bytes)));
    }

    /// The file is gone already.
    pub(super) fn withdraw(&self, key: &Key) {
        self.lock().keys.retain(|departed| departed != key);
    }

    fn put(&self, change: impl FnOnce(&mut Files)) {
        change(&mut self.lock());
        // Release pairs with the acquire in `is_empty`.
        self.any.store(true, Ordering::Release);
    }

    fn take(&self) -> Files {
        let mut files = self.lock();
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *files)
    }

    fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskTier {
    /// Removes the entry for `key`, and says whether there was one. When this returns it is gone, also after a power cut,
    /// and what has been computed for it since before is not stored.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`]: this process does not see the entry again, but a crash may bring it back.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"picture"))?;
    /// assert!(tier.invalidate(&key)?);
    /// assert_eq!(tier.load(&key)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate(&self, key: &Key) -> Result<bool, DiskError> {
        self.0.invalidate(key)
    }

    /// Removes all entries with this tag, and says how many there were; one that is being stored at the moment may count twice.
    /// O(entries). Otherwise as
    /// [`invalidate`](Self::invalidate).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"picture").tags(["model:v1"]))?;
    /// assert_eq!(tier.invalidate_tag("model:v1")?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_tag(&self, tag: &str) -> Result<u64, DiskError> {
        self.0.invalidate_tag(tag)
    }

    /// Removes all entries, and says how many there were; one that is being stored at the moment may count twice. Otherwise as
    /// [`invalidate`](Self::invalidate).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// tier.store(&tier.begin(), &Key::from_bytes([7; 32]), &NewEntry::new(b"picture"))?;
    /// assert_eq!(tier.invalidate_all()?, 1);
    /// assert!(tier.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_all(&self) -> Result<u64, DiskError> {
        self.0.invalidate_all()
    }
}

impl Inner {
    pub(super) fn invalidate(&self, key: &Key) -> Result<bool, DiskError> {
        self.invalidations.key(key);
        let (first, told) = (Some(key.as_bytes()[0]), Invalidated::Key(*key));
        let [before, then] = self.remove_all_of(first, told, || self.index.invalidate(key))?;
        Ok(before || then)
    }

    pub(super) fn invalidate_tag(&self, tag: &str) -> Result<u64, DiskError> {
        self.invalidations.tag(tag);
        let told = Invalidated::Tag(tag.into());
        let [before, then] = self.remove_all_of(None, told, || self.index.invalidate_tag(tag))?;
        Ok(before + then)
    }

    pub(super) fn invalidate_all(&self) -> Result<u64, DiskError> {
        self.invalidations.all();
        let told = Invalidated::All;
        let [before, then] = self.remove_all_of(None, told, || self.index.invalidate_all())?;
        Ok(before + then)
    }

    /// The file of an entry that has left goes soon, whichever thread noticed that its time was over.
    pub(super) fn sweep_if_idle(&self) {
        if self.departed.is_empty() {
            return;
        }
        // Otherwise the thread that has it sweeps, or the next one.
        if let Some(mut writer) = self.try_turn() {
            // What could not be removed is tried again later.
            let _ = self.sweep(&mut writer);
        }
    }

    /// Removes files that were given up, and those of entries that have left the index.
    pub(super) fn sweep(&self, writer: &mut Writer) -> Result<(), DiskError> {
        if writer.is_closed {
            return Ok(());
        }
        let Files { keys, unfinished } = self.departed.take();
        // Another one may have come for a key; one that is to be written yet does not need the old file.
        let is_back =
            |key: &Key| (self.index.peek_entry(key)).is_some_and(|entry| entry.value.readable);
        let keys: Vec<Key> = keys.into_iter().filter(|key| !is_back(key)).collect();
        let told: Vec<Change> = keys.iter().copied().map(Change::File).collect();
        if let Err(error) = self.tell(&told) {
            self.departed.put(|files| {
                files.unfinished.extend(unfinished);
                files.keys.extend(keys);
            });
            return Err(error);
        }
        let (mut keys, mut unfinished) = (keys.into_iter(), unfinished.into_iter());
        while let Some((name, bytes)) = unfinished.next() {
            match self.storage.remove(&name) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    self.departed.put(|files| {
                        files.unfinished.push((name.clone(), bytes));
                        files.unfinished.extend(unfinished);
                        files.keys.extend(keys);
                    });
                    return Err(DiskError::Io {
                        action: "remove",
                        file: name,
                        source,
                    });
                }
                _ => self.give_room(bytes),
            }
        }
        while let Some(key) = keys.next() {
            let file = file_of(&key);
            match self.storage.remove(&file) {
                Ok(()) => writer.unsynced.insert(key.as_bytes()[0]),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    self.departed
                        .put(|files| files.keys.extend(std::iter::once(key).chain(keys)));
                    return Err(DiskError::Io {
                        action: "remove",
                        file,
                        source,
                    });
                }
            }
        }
        Ok(())
    }

    /// Takes entries out of the index, and their files away for good: those in the folder of `first`, or all. Once at once, so
    /// that no caller is given them while the disk makes this wait, and once for what was being stored meanwhile.
    fn remove_all_of<T>(
        &self,
        first: Option<u8>,
        told: Invalidated,
        take_out: impl Fn() -> T,
    ) -> Result<[T; 2], DiskError> {
        let before = take_out();
        let mut writer = self.turn()?;
        if writer.is_closed {
            return Err(DiskError::GivenUp);
        }
        self.tell_invalidated(told)?;
        let then = take_out();
        self.make_final(&mut writer, first)?;
        Ok([before, then])
    }

    /// Removes the files of entries that have left, so that no power cut brings them back: those in the folder of `first`, or
    /// in all of them. An entry that had been evicted before is one of them.
    fn make_final(&self, writer: &mut Writer, first: Option<u8>) -> Result<(), DiskError> {
        let done = self.sweep(writer).and_then(|()| {
            for first in writer.unsynced.among(first) {
                let dir = dir_of(first);
                match self.storage.sync_dir(&dir) {
                    Ok(()) => {}
                    // Wiped, with all that was in it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => {
                        return Err(DiskError::Io {
                            action: "sync",
                            file: dir,
                            source,
                        });
                    }
                }
                writer.unsynced.remove(first);
            }
            Ok(())
        });
        if let Err(error) = &done {
            self.count_error(error);
        }
        done
    }
}
