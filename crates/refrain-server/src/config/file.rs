//! The settings in `refrain.toml`. A key that is neither a setting nor in a section of another reader is refused, so that
//! a slip is seen at once.

use std::io;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::found::{Found, Given};
use super::{ConfigFile, LoadError, SETTINGS, Setting, Source, Suggestion};

/// As [`ConfigFile::read`], but `None` when there is no such file.
pub(super) fn read_if_present(path: &Path) -> Result<Option<ConfigFile>, LoadError> {
    match ConfigFile::read(path) {
        Err(LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

impl ConfigFile {
    /// The settings in it; `sections` are left to others.
    pub(super) fn settings(&self, sections: &[&'static str]) -> Result<Vec<Found>, LoadError> {
        let mut found = Vec::new();
        for (name, value) in &self.root() {
            let table = name.get_ref().as_ref();
            if sections.contains(&table) {
                continue;
            }
            let known = SETTINGS.iter().any(|setting| setting.table() == table);
            let Some(entries) = value.get_ref().as_table().filter(|_| known) else {
                return Err(self.unknown(name.span().start, table, sections));
            };
            for (name, value) in entries {
                let key = format!("{table}.{}", name.get_ref());
                let setting = SETTINGS
                    .iter()
                    .find(|setting| setting.key == key)
                    .ok_or_else(|| self.unknown(name.span().start, &key, sections))?;
                found.push(self.found(setting, value));
            }
        }
        Ok(found)
    }

    fn found(&self, setting: &'static Setting, value: &Spanned<DeValue<'_>>) -> Found {
        let as_written = self.text().get(value.span()).unwrap_or_default();
        Found {
            setting,
            source: Source::File {
                path: self.path().to_owned(),
                line: self.place(value.span().start).line,
                key: setting.key,
            },
            given: Given::File(
                setting.kind.read_in_file(value.get_ref()),
                as_written.to_owned(),
            ),
        }
    }

    fn unknown(&self, offset: usize, key: &str, sections: &[&'static str]) -> LoadError {
        LoadError::UnknownKey {
            path: self.path().to_owned(),
            line: self.place(offset).line,
            key: key.to_owned(),
            suggestion: Suggestion::nearest_key(key, sections),
        }
    }
}
