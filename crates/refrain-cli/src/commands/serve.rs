use std::error::Error;
use std::io::{ErrorKind, IsTerminal as _, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use refrain_route::Config;
use refrain_server::config::Configuration;
use refrain_server::{App, Command, Relief, ServeError, Server, ServerConfig, commands_of};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::doors;
use crate::args::ServeArguments;
use crate::failure::Failure;
use crate::log_writer::LogWriter;
use crate::logging;

/// How long the end waits for the last lines of the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Serves until SIGINT, SIGTERM or SIGHUP; a second one ends it without waiting for what is running.
///
/// Where doors come from a file and there is no terminal that could be closed, SIGHUP has that file read again.
pub(super) fn run(arguments: &ServeArguments, json: bool) -> Result<(), Failure> {
    let configuration = arguments.settings.load()?;
    let doors = Doors::find(arguments, &configuration)?;
    let log = LogWriter::stderr()
        .map_err(|error| Failure::new("cannot start the thread of the log").because(error))?;
    logging::start(&configuration, log.clone())?;
    let ended = run_logged(configuration, doors, &log, json);
    log.flush_within(LAST_LINES);
    ended
}

fn run_logged(
    configuration: Configuration,
    doors: Doors,
    log: &LogWriter,
    json: bool,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("cannot start a runtime").because(error))?;
    let ended = runtime.block_on(serve(configuration, doors, log, json));
    // A generation that cannot be interrupted must not keep the process.
    runtime.shutdown_background();
    ended
}

async fn serve(
    configuration: Configuration,
    doors: Doors,
    log: &LogWriter,
    json: bool,
) -> Result<(), Failure> {
    let mut orders = Orders::listen()?;
    let commands = commands_of(configuration.file.as_ref(), logged).await?;
    let app = build(
        configuration.server.clone(),
        commands,
        &doors,
        &configuration,
    )?;
    let server = Server::bind(app.clone())
        .await
        .map_err(|error| refused(&error, &configuration))?;
    announce(&server, &configuration, &doors, log, json);
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let running = server.run(async {
        // A sender that is gone says the same.
        let _ = told.await;
    });
    tokio::pin!(running);
    loop {
        tokio::select! {
            () = &mut running => return Ok(()),
            name = orders.next() => {
                if name == "SIGHUP" && doors.are_reloaded() {
                    reload(&app).await;
                    continue;
                }
                let grace_seconds = configuration.server.shutdown_grace.as_secs();
                tracing::info!(signal = name, grace_seconds, "told to stop; once more to stop at once");
                break;
            }
        }
    }
    drop(tell);
    tokio::select! {
        () = &mut running => {}
        name = orders.next() => tracing::warn!(signal = name, "stopped at once"),
    }
    Ok(())
}

/// Says what is weaker here than elsewhere.
fn logged(warning: &str) {
    tracing::warn!("{warning}");
}

async fn reload(app: &App) {
    if let Err(error) = app.reload_gateway_from_its_source().await {
        tracing::error!(%error, "the doors stay as they were");
    }
}

/// The server with the generators that the command brings along, and the doors that are configured.
fn build(
    config: ServerConfig,
    commands: Vec<Command>,
    doors: &Doors,
    configuration: &Configuration,
) -> Result<App, Failure> {
    // Before the disk tier is opened for nothing.
    config
        .check_bind()
        .map_err(|error| refused(&error.into(), configuration))?;
    let mut builder = App::builder(config).generator(Relief);
    for command in commands {
        builder = builder.generator(command);
    }
    if let Some(config) = &doors.config {
        builder = builder.gateway(config).map_err(Failure::usage)?;
    }
    if let Some(path) = doors.file.clone() {
        builder = builder.gateway_source(move || doors::read_again(&path));
    }
    builder
        .build()
        .map_err(|error| refused(&error.into(), configuration))
}

/// The doors that are configured, and the file that says so.
struct Doors {
    config: Option<Config>,
    file: Option<PathBuf>,
    /// Then SIGHUP comes from a terminal that is closed, and not from an operator.
    has_terminal: bool,
}

impl Doors {
    fn find(arguments: &ServeArguments, configuration: &Configuration) -> Result<Self, Failure> {
        let has_terminal = std::io::stdin().is_terminal();
        let of_file = configuration
            .file
            .as_ref()
            .filter(|file| doors::are_in(file));
        match (doors::of_flags(arguments)?, of_file) {
            (Some(_), Some(file)) => {
                let what = format!(
                    "`--preset` and the doors in `{}` are both there",
                    file.path().display()
                );
                Err(Failure::usage(what).hint("give the one or the other"))
            }
            (config @ Some(_), None) => Ok(Self {
                config,
                file: None,
                has_terminal,
            }),
            (None, Some(file)) => Ok(Self {
                config: Some(doors::read(file)?),
                file: Some(file.path().to_owned()),
                has_terminal,
            }),
            (None, None) => Ok(Self {
                config: None,
                file: None,
                has_terminal,
            }),
        }
    }

    /// Whether SIGHUP asks for another look at the file.
    fn are_reloaded(&self) -> bool {
        self.file.is_some() && !self.has_terminal
    }
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
fn announce(
    server: &Server,
    configuration: &Configuration,
    doors: &Doors,
    log: &LogWriter,
    json: bool,
) {
    let address = server.local_addr();
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
        let doors: Vec<_> = door_lines(server, doors)
            .into_iter()
            .map(|(url, upstream)| json!({ "url": url, "upstream": upstream }))
            .collect();
        let mut document =
            json!({ "status": "listening", "url": url, "version": version, "pid": id });
        if !doors.is_empty() {
            document["doors"] = json!(doors);
        }
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
        let line = |(url, upstream)| format!("Door   {url} stands in for {upstream}\n");
        let doors: Vec<String> = door_lines(server, doors).into_iter().map(line).collect();
        // The queue takes all of it, or counts it as lost.
        let _ = log
            .clone()
            .write_all(format!("{talk}{}", doors.concat()).as_bytes());
    }
}

/// The addresses of the doors as clients use them, and the names of the upstreams.
fn door_lines(server: &Server, doors: &Doors) -> Vec<(String, String)> {
    let names = doors
        .config
        .iter()
        .flat_map(|config| &config.listen)
        .map(|door| door.upstream.clone());
    let urls = server
        .door_addrs()
        .into_iter()
        .map(|address| format!("http://{}", reachable(address)));
    urls.zip(names).collect()
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
