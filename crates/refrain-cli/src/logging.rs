//! The log of the server, and the warnings about settings before there is one.

use std::io::Write;
use std::panic;

use refrain_server::config::{Configuration, LoadError, LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::log_writer::LogWriter;

/// What is logged, or the refusal of a filter that makes no sense.
pub(crate) fn filter(configuration: &Configuration) -> Result<EnvFilter, LoadError> {
    let text = &configuration.log.filter;
    let refuse = || {
        configuration.setting("log").refuse(
            "error, warn, info, debug, trace, off, or directives such as \
             `info,refrain_server=debug`",
        )
    };
    // A word alone would be taken for the name of a module, and a slip like `inof` for silence.
    let is_sure = |directive: &str| {
        directive.contains(['=', '[']) || directive.trim().parse::<LevelFilter>().is_ok()
    };
    if !text.split(',').all(is_sure) {
        return Err(refuse());
    }
    EnvFilter::try_new(text).map_err(|_| refuse())
}

/// Starts the log, on `writer`; panics are told there too.
pub(crate) fn start(configuration: &Configuration, writer: LogWriter) -> Result<(), LoadError> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(configuration)?)
        .log_internal_errors(false)
        .with_writer(writer);
    if is_json(configuration) {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(colors()).init();
    }
    // The usual hook writes to standard error itself, and waits there for a reader that has stopped.
    panic::set_hook(Box::new(|about| {
        let at = about.location().map(ToString::to_string);
        let payload = about.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("no message");
        tracing::error!(at, message, "a thread panicked");
    }));
    Ok(())
}

/// Whether each line of the log is a document.
pub(crate) fn is_json(configuration: &Configuration) -> bool {
    configuration.log.format == LogFormat::Json
}

/// Points out variables that look like a slip of the pen.
pub(crate) fn show_suggestions(configuration: &Configuration, mut to: impl Write) {
    for suggestion in &configuration.suggestions {
        // One write, as a writer may take each for a line.
        let _ = to.write_all(format!("warning: {suggestion}\n").as_bytes());
    }
}

fn colors() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
