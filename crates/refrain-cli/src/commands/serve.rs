use std::error::Error;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::time::Duration;

use refrain_server::config::Configuration;
use refrain_server::{App, Relief, ServeError, Server, ServerConfig};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::SettingFlags;
use crate::failure::Failure;
use crate::log_writer::LogWriter;
use crate::logging;

/// How long the end waits for the last lines of the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Serves until SIGINT, SIGTERM or SIGHUP; a second one ends it without waiting for what is running.
pub(super) fn run(flags: &SettingFlags, json: bool) -> Result<(), Failure> {
    let configuration = flags.load()?;
    let log = LogWriter::stderr()
        .map_err(|error| Failure::new("cannot start the thread of the log").because(error))?;
    logging::start(&configuration, log.clone())?;
    let ended = run_logged(configuration, &log, json);
    log.flush_within(LAST_LINES);
    ended
}

fn run_logged(configuration: Configuration, log: &LogWriter, json: bool) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("cannot start a runtime").because(error))?;
    let ended = runtime.block_on(serve(configuration, log, json));
    // A generation that cannot be interrupted must not keep the process.
    runtime.shutdown_background();
    ended
}

async fn serve(configuration: Configuration, log: &LogWriter, json: bool) -> Result<(), Failure> {
    let mut orders = Orders::listen()?;
    let server = listen(configuration.server.clone())
        .await
        .map_err(|error| refused(&error, &configuration))?;
    announce(server.local_addr(), &configuration, log, json);
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let running = server.run(async {
        // A sender that is gone says the same.
        let _ = told.await;
    });
    tokio::pin!(running);
    tokio::select! {
        () = &mut running => return Ok(()),
        name = orders.next() => {
            let grace_seconds = configuration.server.shutdown_grace.as_secs();
            tracing::info!(signal = name, grace_seconds, "told to stop; once more to stop at once");
        }
    }
    drop(tell);
    tokio::select! {
        () = &mut running => {}
        name = orders.next() => tracing::warn!(signal = name, "stopped at once"),
    }
    Ok(())
}

/// Listens with the generators that the command brings along.
async fn listen(config: ServerConfig) -> Result<Server, ServeError> {
    // Before the disk tier is opened for nothing.
    config.check_bind()?;
    let app = App::builder(config).generator(Relief).build()?;
    Server::bind(app).await
}

/// On Linux, macOS and the BSDs.
const SIGXFSZ: i32 = 25;

/// The orders to stop that an operating system sends.
struct Orders {
    interrupt: Signal,
    terminate: Signal,
    /// Sent when the terminal is closed.
    hang_up: Signal,
    /// Sent when a file grows larger than allowed, which would end the process; being listened to, it makes writing fail.
    _file_too_large: Signal,
}

impl Orders {
    /// Takes them from now on; before the server listens, so that none is missed.
    fn listen() -> Result<Self, Failure> {
        let take = |kind| {
            signal(kind)
                .map_err(|error| Failure::new("cannot listen for orders to stop").because(error))
        };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
            _file_too_large: take(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// The next one, by its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}

/// Says where the server is and what to try: as a document to programs, as lines to people.
/// A log in JSON has the address in its own line, so nothing else is written between its lines.
///
/// A reader of either that does not read is not waited for.
fn announce(address: SocketAddr, configuration: &Configuration, log: &LogWriter, json: bool) {
    let url = format!("http://{}", reachable(address));
    let json_log = logging::is_json(configuration);
    if json_log {
        for suggestion in &configuration.suggestions {
            tracing::warn!("{suggestion}");
        }
    } else {
        logging::show_suggestions(configuration, log.clone());
    }
    let version = env!("CARGO_PKG_VERSION");
    if json {
        let id = std::process::id();
        let document = json!({ "status": "listening", "url": url, "version": version, "pid": id });
        // On a thread of its own, as it may wait there for as long as the process lives.
        std::thread::spawn(move || {
            if let Err(failure) = crate::output::print(&format!("{document}\n")) {
                tracing::warn!(%failure, "the address could not be told");
            }
        });
        return;
    }
    if !json_log {
        let talk = format!(
            "Refrain {version} is listening on {url}\n\
             Try    curl -F image=@picture.png {url}/api/generate/relief -o relief.stl\n\
             or     refrain generate relief picture.png\n\
             Stop   Ctrl-C\n",
        );
        // The queue takes all of it, or counts it as lost.
        let _ = log.clone().write_all(talk.as_bytes());
    }
}

/// An address that a client on this machine can use, where `address` means every one.
fn reachable(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(crate::client::loopback_for(address.ip()), address.port())
}

fn refused(error: &ServeError, configuration: &Configuration) -> Failure {
    let ServeError::Bind { address, source } = error else {
        let source = error.source().map(ToString::to_string);
        let failure = Failure::new(error);
        return match source {
            Some(source) => failure.because(source),
            None => failure,
        };
    };
    let port = configuration.setting("port");
    let hint = match source.kind() {
        ErrorKind::AddrInUse => format!(
            "something else listens there, maybe another `refrain serve`: \
             give another port with `--port` or `{}`",
            port.setting.variable
        ),
        ErrorKind::PermissionDenied => {
            "ports below 1024 are the system's: give another with `--port`".to_owned()
        }
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address: give another with `--host`".to_owned()
        }
        _ => "check `--host` and `--port`".to_owned(),
    };
    Failure::new(format!("cannot listen on `{address}`"))
        .because(source.to_string())
        .hint(hint)
}
