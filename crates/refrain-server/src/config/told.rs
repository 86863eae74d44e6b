//! The values of all settings, before it is known where each came from.

use super::ServerConfig;

/// What the rows of the table write their values into.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) server: ServerConfig,
    pub(super) log: LogConfig,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `tracing` directives; `info`.
    pub filter: String,
    /// How a log line looks; for people.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text for people.
    Human,
    /// One JSON object a line for machines.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Human,
        }
    }
}
