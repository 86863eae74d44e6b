use std::fs;
use std::time::Duration;

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::lock(&dir.path().join("deep/cache")).unwrap();
    (dir, folder)
}

fn write(folder: &Folder, name: &str, bytes: &[u8]) {
    let file = folder.create(name).unwrap();
    file.write_at(0, bytes).unwrap();
    file.sync().unwrap();
}

fn read(folder: &Folder, name: &str) -> io::Result<Vec<u8>> {
    let file = folder.open(name)?;
    let mut bytes = vec![0; usize::try_from(file.about()?.len).unwrap()];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

#[test]
fn files_are_written_in_pieces_renamed_listed_and_removed() {
    let (_dir, folder) = folder();
    folder.make_dir("a").unwrap();
    folder.make_dir("a").unwrap();
    let file = folder.create("a/new").unwrap();
    file.write_at(0, b"one ").unwrap();
    file.write_at(4, b"tw").unwrap();
    file.write_at(4, b"two").unwrap();
    let again = folder.create("a/new").unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    folder.rename("a/new", "a/name").unwrap();
    folder.sync_dir("a").unwrap();
    assert_eq!(folder.list("a").unwrap(), ["name"]);
    assert_eq!(read(&folder, "a/name").unwrap(), b"one two");
    let mut some = [0; 3];
    file.read_at(4, &mut some).unwrap();
    assert_eq!(
        &some, b"two",
        "what is written can be read by the same handle"
    );
    let beyond = file.read_at(5, &mut some).unwrap_err();
    assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
    folder.remove("a/name").unwrap();
    let gone = folder.open("a/name").unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    file.read_at(4, &mut some).unwrap();
    assert_eq!(&some, b"two", "an open file can be read when it is gone");
}

#[test]
fn a_folder_takes_another_name_with_all_that_is_in_it() {
    let (_dir, folder) = folder();
    folder.make_dir("a").unwrap();
    write(&folder, "a/file", b"x");
    folder.rename("a", "b").unwrap();
    assert_eq!(read(&folder, "b/file").unwrap(), b"x");
}

#[test]
fn the_last_use_of_a_file_is_found_again() {
    let (_dir, folder) = folder();
    write(&folder, "file", b"");
    let used = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    folder.open("file").unwrap().mark_used(used).unwrap();
    // Where reading a file notes its use, the note is newer.
    assert!(folder.open("file").unwrap().about().unwrap().used >= used);
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
fn no_other_user_may_look_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (dir, folder) = folder();
    folder.make_dir("a").unwrap();
    write(&folder, "a/file", b"secret");
    let root = dir.path().join("deep/cache");
    let mode = |name: &str| {
        let about = fs::metadata(root.join(name)).unwrap();
        about.permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("a"), mode("a/file")), (0o700, 0o700, 0o600));
    symlink(root.join("a/file"), root.join("a/link")).unwrap();
    assert!(folder.open("a/link").is_err());
    assert!(folder.create("a/link").is_err());
    assert_eq!(folder.list("a").unwrap(), ["file"]);
    assert_eq!(read(&folder, "a/file").unwrap(), b"secret");
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_listed_and_opening_it_waits_for_nothing() {
    let (dir, folder) = folder();
    let root = dir.path().join("deep/cache");
    folder.make_dir("a").unwrap();
    folder.make_dir("a/folder").unwrap();
    let pipe = root.join("a/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("a/socket")).unwrap();
    assert_eq!(folder.list("a").unwrap(), ["folder"]);
    for name in ["a/folder", "a/pipe", "a/socket"] {
        assert!(folder.open(name).is_err(), "{name}");
    }
}
