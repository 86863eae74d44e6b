use std::error::Error;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use refrain_server::config::LoadError;

/// The reason why a command did not do what it was asked, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hint: Option<String>,
    kind: Kind,
}

/// The meaning of an exit code, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed = 1,
    Usage = 2,
    Interrupted = 130,
}

impl Failure {
    /// `message` begins in lower case and has no final period.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            source: None,
            hint: None,
            kind: Kind::Failed,
        }
    }

    /// The command line or the configuration makes no sense.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Usage,
            ..Self::new(message)
        }
    }

    /// The user pressed Ctrl-C.
    pub(crate) fn interrupted(message: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Interrupted,
            ..Self::new(message)
        }
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    /// `error:`, the chain of causes and `hint:`, on standard error.
    pub(crate) fn print(&self) {
        let paint = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into()));
        let (red, cyan) = (paint(AnsiColor::Red), paint(AnsiColor::Cyan));
        let mut stderr = anstream::stderr().lock();
        // Where standard error is closed, there is no place to say so.
        let _ = writeln!(stderr, "{red}error:{red:#} {}", self.message);
        let mut cause = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            let _ = writeln!(stderr, "  caused by: {error}");
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(stderr, "{cyan}hint:{cyan:#} {hint}");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let hint = error.hint();
        let source = error.source().map(|source| source.to_string().into());
        Self {
            source,
            hint,
            ..Self::usage(error)
        }
    }
}
