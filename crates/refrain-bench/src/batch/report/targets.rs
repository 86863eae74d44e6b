//! What was wanted beside what was measured.

use serde_json::{Value, json};

use super::Setting;
use super::batch::Batch;
use super::latencies::Latencies;
use super::spread::{megabytes, milliseconds};

/// One generation takes at least this long: a cache of results that are made faster saves little.
const TARGET_GENERATION_SECONDS: f64 = 0.5;
/// A hit may take this long, for results of 1 MB.
const TARGET_HIT_SECONDS: f64 = 0.001;
/// The speed-up may miss the theoretical one by this share.
const TARGET_SPEED_UP_SHARE: f64 = 0.97;
/// More than this share of the requests is served without a generation.
const TARGET_HIT_RATE: f64 = 0.6;
/// Memory may grow by this share more than the results have bytes.
const TARGET_MEMORY_OVERHEAD: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Target {
    pub(super) what: String,
    pub(super) wanted: String,
    pub(super) measured: String,
    pub(super) met: bool,
}

pub(super) fn targets(setting: &Setting, batches: &[Batch], hits: &[Latencies]) -> Vec<Target> {
    let mut targets = vec![Target {
        what: "one generation".to_owned(),
        wanted: format!("at least {}", milliseconds(TARGET_GENERATION_SECONDS)),
        measured: milliseconds(setting.generation_seconds),
        met: setting.generation_seconds >= TARGET_GENERATION_SECONDS,
    }];
    if let Some(alone) = hits.iter().find(|hits| hits.name == "alone, by request") {
        targets.push(Target {
            what: format!("median hit, {}", megabytes(setting.result_bytes)),
            wanted: format!("at most {}", milliseconds(TARGET_HIT_SECONDS)),
            measured: milliseconds(alone.p50),
            met: alone.p50 <= TARGET_HIT_SECONDS,
        });
    }
    for batch in batches {
        let share = batch.speed_up.median / setting.theoretical_speed_up;
        targets.push(Target {
            what: format!("speed-up {}", batch.name),
            wanted: format!(
                "at least {:.3} x",
                setting.theoretical_speed_up * TARGET_SPEED_UP_SHARE
            ),
            measured: format!(
                "{:.3} x, {:.1} % of theoretical",
                batch.speed_up.median,
                share * 100.0
            ),
            met: share >= TARGET_SPEED_UP_SHARE,
        });
        targets.push(Target {
            what: format!("hit rate {}", batch.name),
            wanted: format!("above {:.0} %", TARGET_HIT_RATE * 100.0),
            measured: batch.hit_rate.percent(),
            met: batch.hit_rate.min > TARGET_HIT_RATE,
        });
        targets.push(Target {
            what: format!("memory overhead {}", batch.name),
            wanted: format!("below {:.0} %", TARGET_MEMORY_OVERHEAD * 100.0),
            measured: batch.memory_overhead.percent(),
            met: batch.memory_overhead.median < TARGET_MEMORY_OVERHEAD,
        });
    }
    targets
}

impl Target {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "wanted": self.wanted,
            "measured": self.measured,
            "met": self.met,
        })
    }
}
