//! The `refrain` command: runs the server, and talks to it from a terminal or a script.
//!
//! Data goes to standard output, messages to standard error.
//! The exit code is 0 when it worked, 1 when it did not, 2 when the command line or the
//! configuration makes no sense, and 130 when it was interrupted.

mod args;
mod client;
mod commands;
mod failure;
mod log_writer;
mod logging;
mod output;
mod sections;
mod stopwatch;

use std::process::ExitCode;

use args::Arguments;
use clap::Parser;

/// Gives memory that a generation no longer needs back to the system, so that the server's memory is that of its
/// results. How it was measured: `docs/evaluation/seed-workload.md`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Before anything else: the process may have been started to supervise a program.
    refrain_command::supervise_if_asked();
    match commands::run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}
