//! How long hits took.

use std::time::Duration;

use serde_json::{Value, json};

use crate::batch::client::Outcome;
use crate::batch::lossy;
use crate::batch::measure::Run;

/// How long hits took.
#[derive(Debug)]
pub(super) struct Latencies {
    pub(super) name: &'static str,
    pub(super) count: usize,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
    /// Processor time of one hit in milliseconds: server, client.
    pub(super) processor: Option<(f64, f64)>,
}

pub(super) fn latencies(runs: &[Run]) -> Vec<Latencies> {
    let hits_of = |parallel: fn(usize) -> bool| {
        runs.iter()
            .filter(move |run| run.scenario.cached && parallel(run.scenario.parallel))
            .flat_map(|run| &run.answers)
            .filter(|answer| answer.outcome == Outcome::Hit)
            .map(|answer| answer.took)
            .collect::<Vec<_>>()
    };
    let storms = || runs.iter().filter_map(|run| run.storm.as_ref());
    let processor = {
        let hits: usize = storms()
            .map(|storm| storm.by_request.len() + storm.by_address.len())
            .sum();
        let each = |total: Duration| total.as_secs_f64() * 1e3 / lossy(hits as u64);
        let server = storms().map(|storm| storm.server).sum();
        let client = storms().map(|storm| storm.client).sum();
        (hits > 0).then(|| (each(server), each(client)))
    };
    let by_request = storms()
        .flat_map(|storm| storm.by_request.clone())
        .collect();
    let by_address = storms()
        .flat_map(|storm| storm.by_address.clone())
        .collect();
    [
        Latencies::of(
            "in the batch, in order",
            hits_of(|parallel| parallel == 1),
            None,
        ),
        Latencies::of(
            "in the batch, at a time",
            hits_of(|parallel| parallel > 1),
            None,
        ),
        Latencies::of("alone, by request", by_request, processor),
        Latencies::of("alone, by address", by_address, None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Latencies {
    pub(super) fn of(
        name: &'static str,
        mut took: Vec<Duration>,
        processor: Option<(f64, f64)>,
    ) -> Option<Self> {
        took.sort_unstable();
        let seconds = |share| Some(percentile(&took, share)?.as_secs_f64());
        Some(Self {
            name,
            count: took.len(),
            p50: seconds(50)?,
            p99: seconds(99)?,
            max: seconds(100)?,
            processor,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "count": self.count,
            "p50_seconds": self.p50,
            "p99_seconds": self.p99,
            "max_seconds": self.max,
            "server_processor_ms": self.processor.map(|(server, _)| server),
            "client_processor_ms": self.processor.map(|(_, client)| client),
        })
    }
}

/// The smallest of `sorted` that at least `percent` of them do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<Duration> = (1..=70).map(Duration::from_millis).collect();
        let millis = |percent| percentile(&sorted, percent).unwrap().as_millis();
        assert_eq!((millis(50), millis(99), millis(100)), (35, 70, 70));
        assert_eq!(percentile(&sorted[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }
}
