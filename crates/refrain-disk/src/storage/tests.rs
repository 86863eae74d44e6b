use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::lock(&dir.path().join("deep/cache")).unwrap();
    (dir, folder)
}

#[test]
fn files_are_written_whole_renamed_listed_and_removed() {
    let (_dir, folder) = folder();
    folder.make_dir("a").unwrap();
    folder.make_dir("a").unwrap();
    folder.write_new("a/new", [b"one ", b"two"]).unwrap();
    let again = folder.write_new("a/new", [b"", b""]).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    folder.rename("a/new", "a/name").unwrap();
    folder.sync_dir("a").unwrap();
    assert_eq!(folder.list("a").unwrap(), ["name"]);
    assert_eq!(folder.read("a/name").unwrap(), b"one two");
    let used = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000);
    folder.mark_used("a/name", used).unwrap();
    let start = folder.read_start("a/name", 3).unwrap();
    assert_eq!((&*start.bytes, start.len), (&b"one"[..], 7));
    folder.remove("a/name").unwrap();
    let gone = folder.read("a/name").unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}

#[test]
fn the_last_use_of_a_file_is_found_again() {
    let (_dir, folder) = folder();
    folder.write_new("file", [b"", b""]).unwrap();
    let used = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000);
    folder.mark_used("file", used).unwrap();
    // Where reading a file notes its use, the note is newer.
    assert!(folder.read_start("file", 0).unwrap().used >= used);
}

#[test]
fn one_process_at_a_time_may_write() {
    let (dir, folder) = folder();
    let path = dir.path().join("deep/cache");
    let refused = Folder::lock(&path).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    folder.unlock();
    assert!(Folder::lock(&path).is_ok());
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (dir, folder) = folder();
    folder.make_dir("a").unwrap();
    folder.write_new("a/file", [b"secret", b""]).unwrap();
    let root = dir.path().join("deep/cache");
    let mode = |name: &str| {
        let about = fs::metadata(root.join(name)).unwrap();
        about.permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("a"), mode("a/file")), (0o700, 0o700, 0o600));
    symlink(root.join("a/file"), root.join("a/link")).unwrap();
    assert!(folder.read("a/link").is_err());
    assert!(folder.read_start("a/link", 1).is_err());
    assert!(folder.write_new("a/link", [b"x", b""]).is_err());
    assert_eq!(folder.read("a/file").unwrap(), b"secret");
}
