//! TOML with spans: a configuration file as it was read, for those that read sections of their own in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::LoadError;

/// A `refrain.toml` that was read once: the settings in it, and the sections beside them.
///
/// A section is a table, or a list of tables, that is no setting: `[generator.NAME]`. The settings refuse what they do
/// not know, so a program says with [`Sources::sections`](super::Sources::sections) which sections it reads, and each
/// is left to its reader with the place of every value.
///
/// # Example
///
/// ```
/// use refrain_server::config::Sources;
///
/// let directory = tempfile::tempdir().unwrap();
/// std::fs::write(directory.path().join("refrain.toml"), "[cache]\nmax_size = 7\n\n[kitchen]\nsink = 1\n").unwrap();
/// let sources = Sources {
///     directory: directory.path().to_owned(),
///     sections: vec!["kitchen"],
///     ..Sources::default()
/// };
/// let configuration = sources.load().unwrap();
/// assert_eq!(configuration.server.max_entries, 7);
///
/// let file = configuration.file.expect("there is one");
/// assert!(file.has("kitchen"));
/// let sink = file.text().find("1").expect("it is there");
/// let place = file.place(sink);
/// assert_eq!((place.line, place.column), (5, 8));
/// let refused = file.refuse(sink, "`sink` is `1`, allowed: 2, 3", None).to_string();
/// assert!(refused.ends_with("refrain.toml` line 5, column 8: `sink` is `1`, allowed: 2, 3"));
/// ```
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
    text: Arc<str>,
}

/// A place in a file, both numbers from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in that line.
    pub column: usize,
}

impl ConfigFile {
    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// [`LoadError::Read`] without a file that can be read, [`LoadError::Syntax`] when it is no TOML.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, text.trim_start_matches('\u{feff}'))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, LoadError> {
        if let Err(error) = DeTable::parse(text) {
            let offset = error.span().map(|span| span.start);
            return Err(LoadError::Syntax {
                path: path.to_owned(),
                line: offset.map_or(0, |offset| place_in(text, offset).line),
                message: message(text, &error),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            text: text.into(),
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All of it, with the span of every key and value in [`text`](Self::text).
    ///
    /// # Panics
    ///
    /// Never: the text was read as TOML before.
    pub(super) fn root(&self) -> DeTable<'_> {
        DeTable::parse(&self.text)
            .expect("the text was read as TOML before")
            .into_inner()
    }

    /// Whether there is a section of this name.
    pub fn has(&self, section: &str) -> bool {
        self.root().keys().any(|key| key.get_ref() == section)
    }

    /// The place of a byte of the text.
    pub fn place(&self, offset: usize) -> Place {
        place_in(&self.text, offset)
    }

    /// The error that refuses what stands at a byte of the text; `hint` says what to do next.
    pub fn refuse(
        &self,
        offset: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> LoadError {
        let Place { line, column } = self.place(offset);
        LoadError::Section {
            path: self.path.clone(),
            line,
            column,
            message: message.into(),
            hint,
        }
    }
}

/// What the parser says, and which key stands twice. It quotes nothing else: that may be a secret.
fn message(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match error.span().and_then(|span| text.get(span)) {
        Some(key) if message == "duplicate key" => format!("{message} `{key}`"),
        _ => message.to_owned(),
    }
}

fn place_in(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
    Place {
        line: 1 + before.matches('\n').count(),
        column: 1 + before[line_begins..].chars().count(),
    }
}
