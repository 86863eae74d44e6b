use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{ConfigError, Kind, Setting, Source};

/// Why the settings of a start are refused.
///
/// [`hint`](Self::hint) says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A value that makes no sense for its setting.
    #[error(transparent)]
    Value(Box<RefusedValue>),
    /// A key in `refrain.toml` that is not a setting.
    #[error("`{}` line {line}: `{key}` is not a setting", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key with its table.
        key: String,
        /// The setting that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// A file that is not what its name says.
    #[error("`{}` line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 when it could not be told.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// Something in a section of `refrain.toml` that the section's reader refuses.
    #[error("`{}` line {line}, column {column}: {message}", path.display())]
    Section {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Character in that line, from 1.
        column: usize,
        /// What is wrong there, and what is allowed.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// A generator of `refrain.toml` that cannot be started.
    #[error("`{}`: {message}", path.display())]
    Generator {
        /// The file.
        path: PathBuf,
        /// Which generator, and why not.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// A file that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Values that cannot be served together.
    #[error(transparent)]
    Unservable(#[from] ConfigError),
}

/// A value that makes no sense for its setting.
#[derive(Debug, thiserror::Error)]
#[error("{} is `{given}`, allowed: {allowed}", Place(.source_of_value))]
#[non_exhaustive]
pub struct RefusedValue {
    /// The setting.
    pub setting: &'static Setting,
    /// Where the value stands.
    pub source_of_value: Source,
    /// The value as it was written; `[redacted]` for a secret.
    pub given: String,
    /// What would have been right.
    pub allowed: String,
}

impl LoadError {
    pub(super) fn value(
        setting: &'static Setting,
        source_of_value: Source,
        given: &str,
        allowed: &str,
    ) -> Self {
        let given = match setting.kind {
            Kind::Token => "[redacted]",
            _ => given,
        };
        Self::Value(Box::new(RefusedValue {
            setting,
            source_of_value,
            given: given.to_owned(),
            allowed: allowed.to_owned(),
        }))
    }

    /// What to do next: one sentence without a final period.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Value(refused) => refused.hint(),
            Self::UnknownKey {
                suggestion: Some(key),
                ..
            } => format!("did you mean `{key}`?"),
            Self::UnknownKey { .. } => "`refrain config` lists every setting".to_owned(),
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path given with `--config`".to_owned()
            }
            Self::Section { hint, .. } | Self::Generator { hint, .. } => return hint.clone(),
            Self::Syntax { .. } | Self::Read { .. } => return None,
            Self::Unservable(ConfigError::OpenWithoutToken { .. }) => {
                "set `REFRAIN_ADMIN_TOKEN` to a secret, or listen on `127.0.0.1`".to_owned()
            }
        })
    }
}

impl RefusedValue {
    fn hint(&self) -> String {
        match (self.setting.name, self.given.as_str(), self.setting.default) {
            ("max_size" | "max_memory_mb", "0", _) => {
                "to turn the cache off, set `DISABLE_RESULT_CACHE=1` or give `--disable-cache`"
                    .to_owned()
            }
            ("ttl_seconds", "0" | "-1" | "none", _) => {
                "to keep results for ever, write `never`".to_owned()
            }
            (_, _, Some(default)) => format!("leave it out for the default, `{default}`"),
            (_, _, None) => "leave it out if you do not need it".to_owned(),
        }
    }
}

/// A source as the subject of a sentence.
struct Place<'a>(&'a Source);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::Flag(flag) => write!(f, "flag `{flag}`"),
            Source::Environment(variable) => write!(f, "environment variable `{variable}`"),
            Source::DotEnv {
                path,
                line,
                variable,
            } => write!(f, "`{}` line {line}: `{variable}`", path.display()),
            Source::File { path, line, key } => {
                write!(f, "`{}` line {line}: `{key}`", path.display())
            }
            Source::Default => f.write_str("the default"),
        }
    }
}
