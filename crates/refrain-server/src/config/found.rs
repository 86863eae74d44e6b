use super::{LoadError, Setting, Source, Value};

/// A value as it was found, not read yet.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) setting: &'static Setting,
    pub(super) source: Source,
    pub(super) given: Given,
}

#[derive(Debug)]
pub(super) enum Given {
    /// Text of a flag or variable.
    Text(String),
    /// A value of `refrain.toml`, read or refused there, with the text that stands in the file.
    File(Option<Value>, String),
    /// A variable that is not UTF-8.
    NotUnicode,
}

impl Found {
    pub(super) fn read(&self) -> Result<Value, LoadError> {
        let refuse = |given: &str, allowed: &str| {
            LoadError::value(self.setting, self.source.clone(), given, allowed)
        };
        let kind = self.setting.kind;
        match &self.given {
            Given::Text(text) => kind
                .read(text)
                .ok_or_else(|| refuse(text, &kind.to_string())),
            Given::File(Some(value), _) => Ok(value.clone()),
            Given::File(None, text) => Err(refuse(text, &kind.in_file())),
            Given::NotUnicode => Err(refuse("(not UTF-8)", &kind.to_string())),
        }
    }
}
