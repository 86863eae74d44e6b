//! The log of the server, and what is said before there is one.

use std::io::Write;

use refrain_server::config::{Configuration, LoadError, LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

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

/// Starts the log, on standard error.
pub(crate) fn start(configuration: &Configuration) -> Result<(), LoadError> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(configuration)?)
        .with_writer(std::io::stderr);
    if is_json(configuration) {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(colors()).init();
    }
    Ok(())
}

/// Whether each line of the log is a document.
pub(crate) fn is_json(configuration: &Configuration) -> bool {
    configuration.log.format == LogFormat::Json
}

/// Points out variables that look like a slip of the pen.
pub(crate) fn show_suggestions(configuration: &Configuration) {
    for suggestion in &configuration.suggestions {
        let _ = writeln!(anstream::stderr(), "warning: {suggestion}");
    }
}

fn colors() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
