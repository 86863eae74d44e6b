//! Recorded requests, replayed through the eviction policies that ship.

mod expected;
mod report;
mod simulation;
#[cfg(test)]
mod tests;
mod trace;

use std::path::PathBuf;

use refrain::policy::Policy;

use expected::Expected;
use report::Report;
use simulation::Simulation;
use trace::{CapacityError, Trace, TraceError};

/// Policies in the order of the columns, with their names in the expectations.
const POLICIES: [(Policy, &str); 3] = [
    (Policy::Lru, "lru"),
    (Policy::Gdsf, "gdsf-adm"),
    (Policy::Hazard, "hazard"),
];

/// What cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    #[error("{count} of the numbers above are not as expected")]
    NotAsExpected { count: usize },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Traces: rows of u64 key, u32 bytes, u32 milliseconds, little-endian, compressed with xz
    #[arg(required = true)]
    traces: Vec<PathBuf>,
    /// Capacities: `30e` is 30 times the mean entry, `5%` that part of the bytes of all keys
    #[arg(long, value_delimiter = ',', default_value = "30e,300e,5%")]
    capacities: Vec<String>,
    /// Requests that a trace consists of at most; capacities follow from them
    #[arg(long, default_value_t = 500_000)]
    requests: usize,
    /// Requests to replay of them, from an empty cache
    #[arg(long)]
    first: Option<usize>,
    /// How often weights and costs are drawn for traces that have none; 0 leaves all of them 1
    #[arg(long, default_value_t = 4)]
    draws: u64,
    /// Fail unless every policy is where it is expected to be
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), ReplayError> {
    let expected = Expected::known();
    let mut report = Report::new();
    for path in &options.traces {
        let recorded = Trace::read(path, options.requests)?;
        let drawn: Vec<_> = if recorded.is_complete() || options.draws == 0 {
            vec![recorded]
        } else {
            (0..options.draws)
                .map(|seed| recorded.drawn(seed))
                .collect()
        };
        for capacity in &options.capacities {
            let mut runs = Vec::new();
            for trace in &drawn {
                let bytes = trace.capacity_bytes(capacity)?;
                runs.push(
                    POLICIES.map(|(policy, _)| {
                        Simulation::new(policy, bytes).saved(trace, options.first)
                    }),
                );
            }
            let name = trace::name_of(path);
            let row = expected
                .row(&name, capacity)
                .filter(|_| options.first.is_none());
            report.add(&name, capacity, &runs, row);
        }
    }
    match report.summarize() {
        count if options.check && count > 0 => Err(ReplayError::NotAsExpected { count }),
        _ => Ok(()),
    }
}
