//! The files that a program has left: checked to be files of its own and whole, then read piece by piece.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::Path;

use bytes::Bytes;
use refrain_route::{MediaKind, Validator};

use crate::CommandError;
use crate::declaration::{Artifact, Artifacts, Declaration, Validation};
use crate::run::Room;
use crate::strip::{Strip, Stripper};

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// The result of a program: one file, or several one after the other.
///
/// It is read from the program's directory, which is removed when this is dropped.
#[derive(Debug)]
pub struct Output {
    files: Vec<OutputFile>,
    room: Room,
}

/// One file of a result.
#[derive(Debug)]
pub struct OutputFile {
    artifact: Artifact,
    file: File,
    stripper: Stripper,
    is_read: bool,
}

impl Output {
    /// Opens and judges what the program left.
    pub(crate) fn of(room: Room, declared: &Declaration) -> Result<Self, CommandError> {
        let paths: Vec<(&Artifact, std::path::PathBuf)> = match &declared.artifacts {
            Artifacts::Files(files) => files
                .iter()
                .map(|file| (file, room.work().join(&file.name)))
                .collect(),
            Artifacts::Stdout(artifact) => vec![(artifact, room.stdout())],
        };
        let mut files = Vec::new();
        for (artifact, path) in paths {
            let kind = match declared.success.validate {
                Validation::ByType => MediaKind::of_content_type(&artifact.media_type),
                Validation::As(kind) => Some(kind),
                Validation::None => None,
            };
            let file = open(&path).and_then(|mut file| {
                judge(&mut file, kind)?;
                Ok(file)
            });
            let file = file.map_err(|wrong| CommandError::Artifact {
                program: room.program().to_owned(),
                file: artifact.name.clone(),
                wrong,
                said: room.said.quoted(),
            })?;
            let rules = declared.strip.iter().copied();
            let stripper = Stripper::new(rules.filter(|rule| rule.is_for(&artifact.media_type)));
            files.push(OutputFile {
                artifact: artifact.clone(),
                file,
                stripper,
                is_read: false,
            });
        }
        Ok(Self { files, room })
    }

    /// The files, in the order of the declaration.
    pub fn files(&mut self) -> &mut [OutputFile] {
        &mut self.files
    }

    /// The next bytes of the next file, with its place among the files; `None` at the end of the last one. This reads from a
    /// disk and may wait for it.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn next_piece(&mut self) -> io::Result<Option<(usize, Bytes)>> {
        for (place, file) in self.files.iter_mut().enumerate() {
            if let Some(piece) = file.next_piece()? {
                return Ok(Some((place, piece)));
            }
        }
        Ok(None)
    }

    /// Whether it is one file.
    pub fn is_one(&self) -> bool {
        self.files.len() == 1
    }

    /// What the program said last on standard error.
    pub fn said(&self) -> String {
        self.room.said.last_lines()
    }
}

impl OutputFile {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.artifact.name
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.artifact.media_type
    }

    /// The next bytes; `None` at the end. This reads from a disk and may wait for it.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        while !self.is_read {
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&mut self.file)
                .take(PIECE as u64)
                .read_to_end(&mut piece)?;
            self.is_read = read == 0;
            let piece = if self.is_read {
                self.stripper.finish()
            } else {
                self.stripper.push(piece)
            };
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
        Ok(None)
    }
}

#[cfg(unix)]
fn open(path: &Path) -> Result<File, String> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    // Neither is a link followed nor a pipe waited for.
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::ELOOP as i32 => {
            "is a link, and not a file of its own".to_owned()
        }
        _ if error.kind() == io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    let found = file
        .metadata()
        .map_err(|error| format!("cannot be read: {error}"))?;
    if !found.is_file() {
        return Err("is no file".to_owned());
    }
    if found.nlink() > 1 {
        return Err("is a link, and not a file of its own".to_owned());
    }
    if found.size() == 0 {
        return Err("is empty".to_owned());
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> Result<File, String> {
    OpenOptions::new()
        .read(true)
        .open(path)
        .map_err(|error| format!("cannot be read: {error}"))
}

/// Reads all of it once, so that nothing of a file that is not whole goes any further.
fn judge(file: &mut File, kind: Option<MediaKind>) -> Result<(), String> {
    let Some(kind) = kind else { return Ok(()) };
    let mut validator = Validator::new(kind);
    let mut buffer = vec![0; PIECE];
    let failed = |error: io::Error| format!("cannot be read: {error}");
    loop {
        let length = file.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            break;
        }
        validator
            .update(&buffer[..length])
            .map_err(|invalid| format!("is refused: {invalid}"))?;
    }
    validator
        .finish()
        .map_err(|invalid| format!("is refused: {invalid}"))?;
    file.rewind().map_err(failed)
}

impl Strip {
    /// Whether it means something for files of this type.
    fn is_for(self, media_type: &str) -> bool {
        let kind = MediaKind::of_content_type(media_type);
        match self {
            Self::PngTime | Self::PngText => kind == Some(MediaKind::Png),
            Self::PdfDates | Self::PdfIds => kind == Some(MediaKind::Pdf),
        }
    }
}
