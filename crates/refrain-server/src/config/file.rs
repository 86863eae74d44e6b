//! `refrain.toml`. A key that is not a setting is refused, so that a slip is seen at once.

use std::io;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::found::{Found, Given};
use super::{LoadError, SETTINGS, Setting, Source, Suggestion};

/// As [`read`], but no settings when there is no such file.
pub(super) fn read_if_present(path: &Path) -> Result<Vec<Found>, LoadError> {
    match read(path) {
        Err(LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        answer => answer,
    }
}

/// Reads the settings in `path`.
pub(super) fn read(path: &Path) -> Result<Vec<Found>, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let document = File { path, text };
    let root = DeTable::parse(text).map_err(|error| LoadError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(0, |span| document.line(span.start)),
        message: document.message(&error),
    })?;
    document.settings(root.get_ref())
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn settings(&self, root: &DeTable<'_>) -> Result<Vec<Found>, LoadError> {
        let mut found = Vec::new();
        for (name, value) in root {
            let table = name.get_ref().as_ref();
            let known = SETTINGS.iter().any(|setting| setting.table() == table);
            let Some(entries) = value.get_ref().as_table().filter(|_| known) else {
                return Err(self.unknown(name.span().start, table));
            };
            for (name, value) in entries {
                let key = format!("{table}.{}", name.get_ref());
                let setting = SETTINGS
                    .iter()
                    .find(|setting| setting.key == key)
                    .ok_or_else(|| self.unknown(name.span().start, &key))?;
                found.push(self.found(setting, value));
            }
        }
        Ok(found)
    }

    fn found(&self, setting: &'static Setting, value: &Spanned<DeValue<'_>>) -> Found {
        let as_written = self.text.get(value.span()).unwrap_or_default();
        Found {
            setting,
            source: Source::File {
                path: self.path.to_owned(),
                line: self.line(value.span().start),
                key: setting.key,
            },
            given: Given::File(
                setting.kind.read_in_file(value.get_ref()),
                as_written.to_owned(),
            ),
        }
    }

    fn unknown(&self, offset: usize, key: &str) -> LoadError {
        LoadError::UnknownKey {
            path: self.path.to_owned(),
            line: self.line(offset),
            key: key.to_owned(),
            suggestion: Suggestion::nearest_key(key),
        }
    }

    /// What the parser says, and which key stands twice. It quotes nothing else: that may be a secret.
    fn message(&self, error: &toml::de::Error) -> String {
        let message = error.message();
        match error.span().and_then(|span| self.text.get(span)) {
            Some(key) if message == "duplicate key" => format!("{message} `{key}`"),
            _ => message.to_owned(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }
}
