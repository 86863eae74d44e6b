//! The key of the hash that makes tenants of credentials: drawn once, and kept beside the results that it divides.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use refrain_route::TenantSecret;

/// Of the file, in the folder of the disk tier.
const NAME: &str = "tenants";

/// The secret of this folder, or one that lives as long as the process where there is none: its results do not live longer.
///
/// # Errors
///
/// When the system has no random numbers, or the file can be neither read nor written. With another secret every tenant
/// would lose all results, so that is not passed over.
pub(crate) fn tenant_secret(folder: Option<&Path>) -> io::Result<TenantSecret> {
    let mut drawn = [0; 32];
    getrandom::fill(&mut drawn).map_err(|error| io::Error::other(error.to_string()))?;
    let Some(folder) = folder else {
        return Ok(TenantSecret::new(drawn));
    };
    let path = folder.join(NAME);
    match read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    // Written whole before it has its name: another process that shares the folder reads all of it or nothing.
    let mut file = tempfile_in(folder)?;
    file.write_all(&drawn)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(TenantSecret::new(drawn)),
        // The other process was first.
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(error.error),
    }
}

/// Only its owner may read it.
fn tempfile_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix("tenants.")
        .tempfile_in(folder)
}

fn read(path: &Path) -> io::Result<TenantSecret> {
    let bytes = std::fs::read(path)?;
    let secret: [u8; 32] = bytes.try_into().map_err(|bytes: Vec<u8>| {
        let what = format!(
            "it has {} bytes and not 32: remove it, and results of tenants are generated anew",
            bytes.len()
        );
        io::Error::new(ErrorKind::InvalidData, what)
    })?;
    Ok(TenantSecret::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(secret: &TenantSecret) -> String {
        secret.namespace(&mut vec![("authorization", b"Bearer a")])
    }

    #[test]
    fn a_folder_keeps_its_secret_and_another_has_another() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = namespace(&tenant_secret(Some(one.path())).unwrap());
        assert_eq!(namespace(&tenant_secret(Some(one.path())).unwrap()), first);
        assert_ne!(
            namespace(&tenant_secret(Some(other.path())).unwrap()),
            first
        );
        assert_ne!(namespace(&tenant_secret(None).unwrap()), first);
    }

    #[test]
    fn a_damaged_file_is_told_and_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), b"short").unwrap();
        let refused = tenant_secret(Some(folder.path())).unwrap_err();
        assert!(
            refused.to_string().starts_with("it has 5 bytes and not 32"),
            "{refused}"
        );
    }
}
