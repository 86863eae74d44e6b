//! A batch of requests that mostly repeat, asked of a server through HTTP, with its cache and without.
//!
//! The way of a run, one module each:
//!
//! ```text
//! workload (what is asked, in which order) ─▶ server (a process of its own) ─▶ measure (ask, with a client) ─▶ report
//! ```

mod client;
mod error;
mod measure;
mod pictures;
mod report;
mod scenario;
mod server;
mod workload;

use std::path::PathBuf;

use error::BatchError;
use measure::Bench;
use report::Report;
use scenario::Scenario;
use workload::Workload;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Requests in the batch
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = positive())]
    requests: usize,
    /// Different ones among them; the others repeat
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = positive())]
    distinct: usize,
    /// Requests at a time, beside one after the other
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = positive())]
    parallel: usize,
    /// How often everything is measured
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = positive())]
    rounds: usize,
    /// Hits measured alone when everything is stored, in each round
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    hits: usize,
    /// Fineness of the reliefs; 4 makes results of 1 MB
    #[arg(long, value_name = "1-10", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=10))]
    quality: u8,
    /// Pixels along each side of the pictures
    #[arg(long, value_name = "16-4096", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(16..=4096))]
    side: u32,
    /// Seed of the pictures and of their order
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The `refrain` to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn positive() -> impl clap::builder::TypedValueParser<Value = usize> {
    use clap::builder::TypedValueParser;

    clap::value_parser!(u64)
        .range(1..=1_000_000)
        .try_map(usize::try_from)
}

/// Runs every scenario once a round, so that what changes on the machine meets them all alike.
pub(crate) fn run(options: &Options) -> Result<(), BatchError> {
    let Options {
        requests, distinct, ..
    } = *options;
    if distinct > requests {
        return Err(BatchError::Distinct { distinct, requests });
    }
    let workload = Workload::new(requests, distinct, options.seed);
    let bench = Bench::prepare(workload, options)?;
    let mut runs = Vec::new();
    for round in 1..=options.rounds {
        for scenario in Scenario::all(options.parallel) {
            eprintln!("round {round} of {}: {scenario}", options.rounds);
            runs.push(bench.run(scenario)?);
        }
    }
    let report = Report::new(&bench, options, &runs);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report.to_json())?);
    } else {
        report.print();
    }
    Ok(())
}

/// A count as a number to calculate ratios with.
#[expect(
    clippy::cast_precision_loss,
    reason = "shown with a few digits; exact up to 2^53"
)]
fn lossy(count: u64) -> f64 {
    count as f64
}
