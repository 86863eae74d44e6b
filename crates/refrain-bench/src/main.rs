//! Measurements of Refrain and of other caches, made side by side in one process.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its results, and its progress beside them"
)]

mod batch;
mod bound;
mod child;
mod counting_allocator;
mod curve;
mod disk;
mod growth;
mod keys;
mod machine;
mod memory;
mod payload;
mod probe;
mod replay;
mod sequence;
mod speed;
mod statistics;
mod stopwatch;
mod subject;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "refrain-bench", about = "Measurements of Refrain")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A batch of requests that mostly repeat, through HTTP, with the cache of a server and without
    Batch(batch::Options),
    /// Operations per second of every cache, in short interleaved slices
    Speed(speed::Options),
    /// Heap memory per entry of every cache
    Memory(memory::Options),
    /// The most bytes that lived at once while several threads wrote, beside the capacity
    Bound(bound::Options),
    /// What a request costs the policies alone, by the number of entries
    Growth(growth::Options),
    /// Nanoseconds of each operation from a thousand to ten million entries
    Curve(curve::Options),
    /// What storing, loading and starting take on this machine's disk
    Disk(disk::Options),
    /// What caches do where it gets difficult: cycles, panics, callers that leave
    Probe(probe::Options),
    /// Computation time that the policies save on recorded requests
    Replay(replay::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Batch(options) => batch::run(options)?,
        Command::Speed(options) => speed::run(options)?,
        Command::Memory(options) => memory::run(options),
        Command::Bound(options) => bound::run(options),
        Command::Growth(options) => growth::run(options),
        Command::Curve(options) => curve::run(options),
        Command::Disk(options) => disk::run(options)?,
        Command::Probe(options) => probe::run(options),
        Command::Replay(options) => replay::run(options)?,
    }
    Ok(())
}
