//! An entry's file that is open and whose head and foot are verified: its body is read whole, or given out as a handle.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use refrain::Key;

use crate::body::{DiskBody, OnDamage, OpenFiles, read_whole};
use crate::entry::DiskEntry;
use crate::error::DiskError;
use crate::names::file_of;
use crate::reading::{Inspected, Unreadable, inspect};
use crate::storage::{Storage, StoredFile};

/// An entry's file.
pub(crate) struct Opened {
    pub(crate) file: Box<dyn StoredFile>,
    pub(crate) found: Inspected,
    name: String,
}

/// What `read` makes of the file for `key`; none if it is not there, or not as it was written.
pub(crate) fn opened<T>(
    storage: &dyn Storage,
    key: &Key,
    read: impl FnOnce(Opened) -> Result<T, Unreadable>,
) -> Result<Option<T>, DiskError> {
    let name = file_of(key);
    let opened = storage.open(&name).map_err(Unreadable::Io);
    let done = opened.and_then(|file| {
        read(Opened {
            found: inspect(&*file, key)?,
            file,
            name: name.clone(),
        })
    });
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Unreadable::Damaged(_)) => Ok(None),
        Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(Unreadable::Io(source)) => Err(DiskError::Io {
            action: "read",
            file: name,
            source,
        }),
    }
}

impl Opened {
    /// With the whole body.
    pub(crate) fn whole(self, now: SystemTime) -> Result<DiskEntry<Bytes>, Unreadable> {
        let Inspected {
            metadata,
            body,
            body_digest,
            ..
        } = &self.found;
        let digests = self.found.digests(&*self.file)?;
        let bytes = read_whole(&*self.file, *body, &digests)?;
        Ok(DiskEntry::new(bytes, *body_digest, metadata.clone(), now))
    }

    /// With a handle to read the body by.
    pub(crate) fn streamed(
        self,
        now: SystemTime,
        shared: (&Arc<dyn Storage>, &Arc<OpenFiles>),
        on_damage: OnDamage,
    ) -> Result<DiskEntry<DiskBody>, Unreadable> {
        let digests = self.found.digests(&*self.file)?;
        let Inspected {
            metadata,
            body,
            body_digest,
            seal,
            ..
        } = self.found;
        let parts = (body, digests, seal);
        let body = DiskBody::new(self.file, self.name, parts, shared, on_damage);
        Ok(DiskEntry::new(body, body_digest, metadata, now))
    }
}
