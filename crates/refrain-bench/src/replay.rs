//! Recorded requests, replayed through the eviction policies that ship and the best simple rival, or through whole caches.

mod caches;
mod expected;
mod gdsf;
mod report;
mod simulation;
#[cfg(test)]
mod tests;
mod trace;

use std::path::{Path, PathBuf};

use refrain::policy::Policy;

use expected::Expected;
use gdsf::Gdsf;
use report::Report;
use simulation::Simulation;
use trace::{CapacityError, Request, Trace, TraceError};

/// Policies in the order of the columns, by their names in the expectations.
const POLICIES: [&str; 3] = ["lru", "gdsf-adm", "hazard"];

/// A cache without values that decides for each request whether it is a hit.
trait Replayed {
    /// Asks for the key of `request`; a miss is stored if the policy will have it. Whether it is a hit.
    fn request(&mut self, request: Request) -> bool;
}

/// The empty cache of the policy that is called so.
///
/// # Panics
///
/// If it is none of [`POLICIES`].
fn replayed(policy: &str, capacity_bytes: u64) -> Box<dyn Replayed> {
    match policy {
        "lru" => Box::new(Simulation::new(Policy::Lru, capacity_bytes)),
        "gdsf-adm" => Box::new(Gdsf::new(capacity_bytes)),
        "hazard" => Box::new(Simulation::new(Policy::Hazard, capacity_bytes)),
        _ => panic!("there is no policy `{policy}`"),
    }
}

/// The part of the cost of all requests, or the first ones, that `policy` saves.
fn saved(policy: &str, capacity_bytes: u64, trace: &Trace, first: Option<usize>) -> f64 {
    let mut cache = replayed(policy, capacity_bytes);
    let (mut saved, mut all) = (0.0, 0.0);
    for request in trace.requests.iter().take(first.unwrap_or(usize::MAX)) {
        all += f64::from(request.cost_seconds);
        if cache.request(*request) {
            saved += f64::from(request.cost_seconds);
        }
    }
    saved / all
}

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
    /// Replay through whole caches at full speed: this library's, and those of others that can be bounded in bytes. Weights
    /// and costs are as recorded
    #[arg(long)]
    caches: bool,
    /// Let every result weigh and cost the same, so that what is saved is the hit ratio
    #[arg(long)]
    units: bool,
    /// Fail unless every policy is where it is expected to be
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), ReplayError> {
    let failures = if options.caches {
        through_caches(options)?
    } else {
        through_policies(options)?
    };
    if options.check && failures > 0 {
        return Err(ReplayError::NotAsExpected { count: failures });
    }
    Ok(())
}

impl Options {
    fn read(&self, path: &Path) -> Result<Trace, TraceError> {
        let recorded = Trace::read(path, self.requests)?;
        Ok(if self.units {
            recorded.in_units()
        } else {
            recorded
        })
    }
}

/// How much is not as it should be.
fn through_caches(options: &Options) -> Result<usize, ReplayError> {
    let mut table = caches::Table::new();
    for path in &options.traces {
        let mut trace = options.read(path)?;
        trace.requests.truncate(options.first.unwrap_or(usize::MAX));
        for capacity in &options.capacities {
            table.add(&trace::name_of(path), capacity, &trace)?;
        }
    }
    Ok(table.summarize(&options.capacities))
}

/// How much is not as it is expected to be.
fn through_policies(options: &Options) -> Result<usize, ReplayError> {
    let expected = Expected::known();
    let mut report = Report::new();
    for path in &options.traces {
        let recorded = options.read(path)?;
        let drawn: Vec<_> = if recorded.is_complete() || options.draws == 0 || options.units {
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
                runs.push(POLICIES.map(|policy| saved(policy, bytes, trace, options.first)));
            }
            let name = trace::name_of(path);
            let row = expected
                .row(&name, capacity)
                .filter(|_| options.first.is_none() && !options.units);
            report.add(&name, capacity, &runs, row);
        }
    }
    Ok(report.summarize())
}
