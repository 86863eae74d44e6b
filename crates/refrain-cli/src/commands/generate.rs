//! `refrain generate relief`: through a running server when there is one, else in this process.

mod interrupt;
mod local;
mod progress;
mod remote;
mod target;

use std::io::{Read, Write};
use std::path::Path;

use refrain_relief::{Dimensions, Format, MAX_PICTURE_BYTES, ReliefParameters};
use serde_json::json;

use crate::args::ReliefArguments;
use crate::client::{Client, NamedBy, Presence};
use crate::failure::Failure;
use crate::output;
use crate::stopwatch::Stopwatch;

use interrupt::Interrupt;
use progress::Progress;
use target::Target;

/// A relief, and how it came to be.
#[derive(Debug)]
struct Made {
    bytes: Vec<u8>,
    /// `hit`, `miss`, `collapsed`, or `local` when no server was asked.
    outcome: String,
    key: Option<String>,
}

/// Everything that is known before the work begins.
#[derive(Debug)]
struct Order {
    picture: Vec<u8>,
    parameters: ReliefParameters,
    target: Target,
    server: Option<Client>,
    json: bool,
}

pub(super) fn relief(arguments: &ReliefArguments, json: bool) -> Result<(), Failure> {
    let order = order(arguments, json)?;
    interrupt::guard(move |interrupt| carry_out(&order, interrupt))
}

/// Reads and checks everything, so that a mistake is found before anything is generated.
fn order(arguments: &ReliefArguments, json: bool) -> Result<Order, Failure> {
    let from_stdin = arguments.picture == Path::new("-");
    let format = match (&arguments.format, &arguments.output) {
        (Some(word), _) => word.0,
        (None, Some(output)) => format_of(output).unwrap_or_default(),
        (None, None) => Format::default(),
    };
    let dimensions = Dimensions {
        width: arguments.width,
        height: arguments.height,
        depth: arguments.depth,
    };
    let parameters = ReliefParameters {
        format,
        dimensions,
        quality: arguments.quality,
        base: arguments.base.unwrap_or_else(|| dimensions.usual_base()),
        invert: arguments.invert,
    };
    parameters.validate().map_err(|error| {
        Failure::usage(error)
            .hint("`refrain generate relief --help` has every option and its range")
    })?;
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None if from_stdin => {
            return Err(Failure::usage("a picture from standard input has no name")
                .hint("say where the relief goes with `-o FILE`, or `-o -` for standard output"));
        }
        None => arguments.picture.with_extension(format.extension()),
    };
    let picture = read_picture(&arguments.picture, from_stdin)?;
    let target = Target::new(&output, &arguments.picture)?;
    if json && target.is_stdout() {
        return Err(Failure::usage(
            "`--json` and `-o -` would mix two documents on standard output",
        )
        .hint("give one of them"));
    }
    Ok(Order {
        picture,
        parameters,
        target,
        server: server(arguments)?,
        json,
    })
}

fn format_of(output: &Path) -> Option<Format> {
    let extension = output.extension()?.to_str()?.to_ascii_lowercase();
    Format::of_extension(&extension)
}

/// At most one byte more than is read, so that an endless input is refused and not awaited.
fn read_picture(path: &Path, from_stdin: bool) -> Result<Vec<u8>, Failure> {
    let limit = MAX_PICTURE_BYTES as u64 + 1;
    let mut picture = Vec::new();
    let read = if from_stdin {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut picture)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut picture))
    };
    read.map_err(|error| {
        Failure::new(format!("cannot read picture `{}`", path.display())).because(error)
    })?;
    Ok(picture)
}

/// The server to ask; `None`: generate here.
fn server(arguments: &ReliefArguments) -> Result<Option<Client>, Failure> {
    if arguments.local {
        return Ok(None);
    }
    let client = Client::new(&arguments.client)?;
    match (client.presence(), client.named_by()) {
        (Presence::Refrain, _) => Ok(Some(client)),
        (Presence::Nobody, NamedBy::Flag) => Err(Failure::new(format!(
            "no server answers at {}",
            client.base()
        ))
        .hint("start it with `refrain serve`, or give `--local` to generate here")),
        (Presence::SomethingElse, NamedBy::Flag) => Err(Failure::new(format!(
            "what answers at {} is not a Refrain server",
            client.base()
        ))
        .hint("check the address, or give `--local` to generate here")),
        (Presence::Nobody, _) => Ok(None),
        (Presence::SomethingElse, _) => {
            talk(&format!(
                "what answers at {} is not a Refrain server; generating here",
                client.base()
            ));
            Ok(None)
        }
    }
}

fn carry_out(order: &Order, interrupt: &Interrupt) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let progress = Progress::start();
    let made = match &order.server {
        Some(client) => remote::generate(client, order, &progress, interrupt),
        None => local::generate(order, &progress, interrupt),
    };
    progress.end();
    let made = made?;
    interrupt.check()?;
    order.target.write(&made.bytes)?;
    report(order, &made, stopwatch.elapsed().as_secs_f64())
}

fn report(order: &Order, made: &Made, seconds: f64) -> Result<(), Failure> {
    let server = order.server.as_ref().map(Client::base);
    if order.json {
        return output::print_json(&json!({
            "file": order.target.name(),
            "bytes": made.bytes.len(),
            "outcome": made.outcome,
            "key": made.key,
            "milliseconds": (seconds * 1e6).round() / 1e3,
            "server": server,
        }));
    }
    let how = match server {
        Some(base) => format!("{} from {base}", made.outcome),
        None => "generated here".to_owned(),
    };
    talk(&format!(
        "{}: {}, {how} in {}",
        order.target.name(),
        output::bytes(made.bytes.len() as u64),
        output::duration(seconds),
    ));
    Ok(())
}

/// One line to standard error; where it is closed, there is no place to say so.
fn talk(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}
