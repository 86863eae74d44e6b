use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A flag of the command line.
    Flag(String),
    /// A variable of the environment.
    Environment(&'static str),
    /// A variable in a `.env` file.
    DotEnv {
        /// The file.
        path: PathBuf,
        /// Line of the variable, from 1; 0 when it could not be told.
        line: usize,
        /// The variable.
        variable: &'static str,
    },
    /// A key in `refrain.toml`.
    File {
        /// The file.
        path: PathBuf,
        /// Line of the value, from 1.
        line: usize,
        /// Table and key.
        key: &'static str,
    },
    /// Nowhere: the default.
    Default,
}

/// As it stands in the listing of `refrain config`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::DotEnv {
                path,
                line,
                variable,
            } => write!(f, "{}:{line} {variable}", path.display()),
            Self::File { path, line, key } => write!(f, "{}:{line} {key}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}
