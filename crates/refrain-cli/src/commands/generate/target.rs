use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::output;

/// Where a relief goes.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was given, for messages.
    name: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Stdout,
    /// Written beside its place first and moved there whole: no program ever sees half a file.
    File {
        path: PathBuf,
        directory: PathBuf,
    },
    /// A device or a pipe, which cannot be replaced.
    Stream(PathBuf),
}

impl Target {
    /// Checks what can be checked before there is anything to write.
    pub(super) fn new(output: &Path, picture: &Path) -> Result<Self, Failure> {
        let name = output.to_owned();
        if output == Path::new("-") {
            let place = Place::Stdout;
            return Ok(Self { name, place });
        }
        let refuse =
            |reason: &str| Failure::new(format!("cannot write `{}`: {reason}", output.display()));
        // A link is followed, so that it stays a link.
        let path = fs::canonicalize(output).unwrap_or_else(|_| output.to_owned());
        let place = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                return Err(refuse("it is a directory").hint("name a file in it"));
            }
            Ok(found) if !found.is_file() => Place::Stream(path),
            _ => {
                let parent = path.parent().unwrap_or(Path::new(""));
                let directory = if parent == Path::new("") {
                    PathBuf::from(".")
                } else {
                    parent.to_owned()
                };
                if !directory.is_dir() {
                    let missing = format!("there is no directory `{}`", directory.display());
                    return Err(refuse(&missing).hint("make it first, or write elsewhere"));
                }
                let same = fs::canonicalize(picture).is_ok_and(|picture| picture == path);
                if same {
                    return Err(refuse("it is the picture itself").hint("give another name"));
                }
                Place::File { path, directory }
            }
        };
        Ok(Self { name, place })
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self.place, Place::Stdout)
    }

    /// The name for messages.
    pub(super) fn name(&self) -> String {
        match self.place {
            Place::Stdout => "standard output".to_owned(),
            _ => self.name.display().to_string(),
        }
    }

    /// Writes all of `bytes`, or nothing.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &self.place {
            Place::Stdout => return output::write(bytes),
            Place::Stream(path) => fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut stream| stream.write_all(bytes)),
            Place::File { path, directory } => replace(path, directory, bytes),
        };
        written.map_err(|error| {
            Failure::new(format!("cannot write `{}`", self.name.display())).because(error)
        })
    }
}

fn replace(path: &Path, directory: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".refrain-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: readable by whom the umask lets read.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_no_other_is_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.stl");
        fs::write(&path, "old").unwrap();
        let target = Target::new(&path, Path::new("picture.png")).unwrap();
        target.write(b"new bytes").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new bytes");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_its_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let target = Target::new(&link, Path::new("picture.png")).unwrap();
        target.write(b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;

        let null = Path::new("/dev/null");
        let target = Target::new(null, Path::new("picture.png")).unwrap();
        target.write(b"bytes").unwrap();
        assert!(fs::metadata(null).unwrap().file_type().is_char_device());
    }

    #[test]
    fn the_picture_itself_a_directory_and_a_missing_directory_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let picture = directory.path().join("picture.png");
        fs::write(&picture, "picture").unwrap();
        for output in [
            picture.clone(),
            directory.path().to_owned(),
            directory.path().join("missing").join("out.stl"),
        ] {
            assert!(Target::new(&output, &picture).is_err(), "{output:?}");
        }
        assert_eq!(fs::read(&picture).unwrap(), b"picture");
    }
}
