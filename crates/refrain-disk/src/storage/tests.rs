use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use refrain::Key;

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/cache");
    folder::make_dirs(&path).unwrap();
    let folder = Folder::new(&path);
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

fn sharing(dir: &tempfile::TempDir) -> Sharing {
    Sharing::new(&dir.path().join("deep/cache")).unwrap()
}

const LIMITS: refrain::Capacity = refrain::Capacity {
    bytes: 1 << 20,
    entries: 9,
};

#[test]
fn one_tier_at_a_time_has_its_turn_and_the_first_to_come_is_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (sharing(&dir), sharing(&dir));
    let joined = first.join(LIMITS).unwrap();
    assert!(joined.is_alone && second.try_turn().unwrap().is_none());
    drop(joined);
    let others = refrain::Capacity {
        bytes: 1,
        entries: 1,
    };
    let joined = second.join(others).unwrap();
    assert_eq!((joined.is_alone, joined.capacity), (false, LIMITS));
    drop(joined);
    let turn = first.try_turn().unwrap();
    assert!(turn.is_some() && second.try_turn().unwrap().is_none());
    drop(turn);
    first.leave();
    assert!(!sharing(&dir).join(others).unwrap().is_alone);
    second.leave();
    let last = sharing(&dir);
    let joined = last.join(others).unwrap();
    assert_eq!((joined.is_alone, joined.capacity), (true, others));
}

#[test]
fn a_folder_that_an_older_build_has_for_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tier = sharing(&dir);
    let lock = fs::File::open(dir.path().join("deep/cache/lock")).unwrap();
    lock.lock().unwrap();
    let refused = tier.join(LIMITS).err().map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::WouldBlock));
    drop(lock);
    drop(tier.join(LIMITS).unwrap());
    let old = fs::File::open(dir.path().join("deep/cache/lock")).unwrap();
    assert!(old.try_lock().is_err(), "and the other way round");
}

#[test]
fn one_computes_a_key_and_none_waits_for_a_result_that_was_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (sharing(&dir).computing, sharing(&dir).computing);
    let (key, other) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
    for round in 0..3 {
        let Claim::Had(held) = first.claim(&key).unwrap() else {
            panic!("round {round}: nobody else has it");
        };
        assert!(matches!(second.claim(&key).unwrap(), Claim::Taken));
        held.is_stored().store(true, Ordering::Release);
    }
    assert!(matches!(second.claim(&other).unwrap(), Claim::Had(_)));
    let names = fs::read_dir(dir.path().join("deep/cache/v2/computing")).unwrap();
    assert_eq!(names.count(), 0, "locks leave nothing");
    drop(first.claim(&key).unwrap());
    for claims in [&first, &second] {
        assert!(matches!(claims.claim(&key).unwrap(), Claim::Pointless));
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a process that begins cannot be waited for"
)]
fn what_others_have_not_finished_counts_and_what_the_dead_have_left_goes() {
    let (_dir, folder) = folder();
    folder.make_dir("v2").unwrap();
    folder.make_dir("v2/unfinished").unwrap();
    let (own, others) = ("v2/unfinished/1", "v2/unfinished/2");
    let kept = [own, others].map(|name| folder.create(name).unwrap());
    for file in &kept {
        file.write_at(0, &[1; 4097]).unwrap();
    }
    write(&folder, "v2/unfinished/3", b"left");
    let is_own = |name: &str| name == own;
    // A process that another test has just begun has a copy of every open file for a moment.
    let settled = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        folder.unfinished_by_others(&is_own).unwrap() == 8192
    });
    assert!(settled, "one file is counted, and one removed");
    let mut left = folder.list("v2/unfinished").unwrap();
    left.sort();
    assert_eq!(left, ["1", "2"]);
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
