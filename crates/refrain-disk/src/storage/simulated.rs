//! A disk that loses power: what has not been synced may be there afterwards or not, whole or in part.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use fastrand::Rng;

use super::{About, Storage, StoredFile};

/// Handles to one disk share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    dirs: BTreeSet<String>,
    /// Names as they are seen now.
    names: BTreeMap<String, usize>,
    /// Names as they are after a power cut.
    kept: BTreeMap<String, usize>,
    files: Vec<Contents>,
    operations: u64,
    fault: Option<Fault>,
    /// Bytes that all files may take, in blocks; checked after each operation.
    limit: Option<u64>,
}

#[derive(Debug)]
struct Contents {
    bytes: Vec<u8>,
    synced: bool,
    used: SystemTime,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// At which operation, counted from 0.
    pub(crate) at: u64,
    /// And at all that follow, as if the power were off.
    pub(crate) from_then_on: bool,
    pub(crate) kind: io::ErrorKind,
}

impl SimulatedDisk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics in here")
    }

    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// What goes wrong from now on; operations are counted from 0 again.
    pub(crate) fn plan(&self, fault: Option<Fault>) {
        let mut state = self.lock();
        state.operations = 0;
        state.fault = fault;
    }

    /// Checks from now on that the files never take more.
    pub(crate) fn limit(&self, bytes: Option<u64>) {
        self.lock().limit = bytes;
    }

    /// Bytes that all files take, in blocks.
    pub(crate) fn occupied(&self) -> u64 {
        self.lock().occupied()
    }

    /// Cuts the power and brings it back: every change that was not synced has happened or not, by chance.
    pub(crate) fn cut_power(&self, rng: &mut Rng) {
        let mut state = self.lock();
        let State {
            names, kept, files, ..
        } = &mut *state;
        let all: BTreeSet<String> = names.keys().chain(kept.keys()).cloned().collect();
        for name in all {
            if names.get(&name) != kept.get(&name) && rng.bool() {
                match names.get(&name) {
                    Some(file) => kept.insert(name, *file),
                    None => kept.remove(&name),
                };
            }
        }
        for file in files.iter_mut().filter(|file| !file.synced) {
            let len = rng.usize(..=file.bytes.len());
            file.bytes.truncate(len);
            // Blocks may be there without what was in them.
            let zeroed = rng.usize(..=len);
            if rng.bool() {
                file.bytes[zeroed..].fill(0);
            }
            file.synced = true;
        }
        *names = kept.clone();
        state.fault = None;
        state.limit = None;
    }

    fn handle(&self, number: usize) -> Box<dyn StoredFile> {
        Box::new(Handle {
            disk: self.clone(),
            number,
        })
    }

    /// Puts a file there that no tier has written.
    pub(crate) fn plant(&self, name: &str, bytes: &[u8]) {
        self.make_dir(parent(name)).expect("there is room");
        let file = self.create(name).expect("it is not there yet");
        (file.write_at(0, bytes).and_then(|()| file.sync())).expect("nothing goes wrong");
        self.sync_dir(parent(name)).expect("nothing goes wrong");
    }

    /// The bytes of a file.
    pub(crate) fn contents(&self, name: &str) -> Vec<u8> {
        let state = self.lock();
        state.files[state.names[name]].bytes.clone()
    }

    /// Changes the bytes of a file behind the tier's back.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let file = state.names[name];
        change(&mut state.files[file].bytes);
    }

    /// Removes everything behind the tier's back.
    pub(crate) fn wipe(&self) {
        let mut state = self.lock();
        state.dirs.clear();
        state.names.clear();
        state.kept.clear();
    }

    fn begin(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        let now = state.operations;
        state.operations += 1;
        match state.fault {
            Some(fault) if now == fault.at || (fault.from_then_on && now > fault.at) => {
                Err(fault.kind.into())
            }
            _ => Ok(state),
        }
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl State {
    fn occupied(&self) -> u64 {
        let sizes = self
            .names
            .values()
            .map(|file| self.files[*file].bytes.len() as u64);
        sizes.map(|size| size.next_multiple_of(4096)).sum()
    }

    fn check_limit(&self) {
        if let Some(limit) = self.limit {
            let occupied = self.occupied();
            assert!(occupied <= limit, "{occupied} bytes of at most {limit}");
        }
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// At once for good, as journals of file systems have it.
    fn rename_dir(&mut self, from: &str, to: &str) {
        let inside = format!("{from}/");
        let moved = |name: &str| match name.strip_prefix(&inside) {
            Some(rest) => format!("{to}/{rest}"),
            None if name == from => to.to_owned(),
            None => name.to_owned(),
        };
        self.dirs = self.dirs.iter().map(|name| moved(name)).collect();
        for names in [&mut self.names, &mut self.kept] {
            *names = std::mem::take(names)
                .into_iter()
                .map(|(name, file)| (moved(&name), file))
                .collect();
        }
    }

    fn check_dir(&self, dir: &str) -> io::Result<()> {
        if dir.is_empty() || self.dirs.contains(dir) {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

impl Storage for SimulatedDisk {
    fn make_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.begin()?;
        state.check_dir(parent(dir))?;
        state.dirs.insert(dir.to_owned());
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let state = self.begin()?;
        state.check_dir(dir)?;
        let all = state.names.keys().chain(&state.dirs);
        let inside = all.filter(|name| parent(name) == dir);
        let last = |name: &String| name.rsplit('/').next().map(str::to_owned);
        Ok(inside.filter_map(last).collect())
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn StoredFile>> {
        let state = self.begin()?;
        let number = state.file(file)?;
        Ok(self.handle(number))
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn StoredFile>> {
        let mut state = self.begin()?;
        state.check_dir(parent(file))?;
        if state.names.contains_key(file) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.push(Contents {
            bytes: Vec::new(),
            synced: false,
            used: SystemTime::UNIX_EPOCH,
        });
        let number = state.files.len() - 1;
        state.names.insert(file.to_owned(), number);
        Ok(self.handle(number))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.begin()?;
        state.check_dir(parent(to))?;
        if state.dirs.contains(from) {
            state.rename_dir(from, to);
            return Ok(());
        }
        let file = state.file(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        let mut state = self.begin()?;
        state.file(file)?;
        state.names.remove(file);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.begin()?;
        state.check_dir(dir)?;
        let State { names, kept, .. } = &mut *state;
        kept.retain(|name, _| parent(name) != dir);
        let now = names.iter().filter(|(name, _)| parent(name) == dir);
        kept.extend(now.map(|(name, file)| (name.clone(), *file)));
        Ok(())
    }
}

/// A file that is open, whatever its name is by now.
#[derive(Debug)]
struct Handle {
    disk: SimulatedDisk,
    number: usize,
}

impl StoredFile for Handle {
    fn about(&self) -> io::Result<About> {
        // Asked of every open file at once, so that nothing of its own goes wrong with it.
        let state = self.disk.lock();
        let file = &state.files[self.number];
        Ok(About {
            len: file.bytes.len() as u64,
            used: file.used,
        })
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.disk.begin()?;
        let from = usize::try_from(offset).expect("it is small");
        let there = state.files[self.number].bytes.get(from..from + bytes.len());
        bytes.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut at = usize::try_from(offset).expect("it is small");
        // Something may go wrong when half of it is written.
        let half = bytes.len() / 2;
        for piece in [&bytes[..half], &bytes[half..]] {
            let mut state = self.disk.begin()?;
            let file = &mut state.files[self.number];
            assert!(at <= file.bytes.len(), "no holes are written");
            file.bytes.truncate(at);
            file.bytes.extend(piece);
            file.synced = false;
            at += piece.len();
            state.check_limit();
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.begin()?.files[self.number].synced = true;
        Ok(())
    }

    fn mark_used(&self, at: SystemTime) -> io::Result<()> {
        self.disk.begin()?.files[self.number].used = at;
        Ok(())
    }
}
