//! `refrain bench batch`: the workload that repeats most of its requests, measured on this machine.
//!
//! The way of a run, one module each:
//!
//! ```text
//! workload (what is asked, in which order) ─▶ process (a server of its own) ─▶ measure (ask, with a client) ─▶ report
//! ```

mod client;
mod machine;
mod measure;
mod pictures;
mod process;
mod report;
mod watcher;
mod workload;

use std::num::NonZeroUsize;

use crate::args::BatchArguments;
use crate::failure::Failure;
use crate::output;

use measure::{Bench, Scenario};
use report::Report;
use watcher::Watcher;
use workload::Workload;

/// Runs every scenario once a round, so that what changes on the machine meets them all alike.
pub(super) fn batch(arguments: &BatchArguments, json: bool) -> Result<(), Failure> {
    if arguments.distinct > arguments.requests {
        return Err(Failure::usage(format!(
            "`--distinct` is {} but there are only {} requests",
            arguments.distinct, arguments.requests
        ))
        .hint("ask for fewer distinct requests, or for more requests"));
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut watcher = Watcher::new();
    let workload = Workload::new(arguments.requests, arguments.distinct, arguments.seed);
    let bench = Bench::prepare(workload, arguments, &mut watcher)?;
    let mut runs = Vec::new();
    for round in 1..=arguments.rounds {
        for scenario in Scenario::all(arguments.parallel) {
            watcher.begin(&format!(
                "round {round} of {}: {scenario}",
                arguments.rounds
            ));
            runs.push(bench.run(scenario, &watcher)?);
        }
    }
    watcher.end();
    let report = Report::new(&bench, arguments, cores, &runs);
    if json {
        return output::print_json(&report.to_json());
    }
    output::print(&report.to_text())
}
