//! Traces: one request after another, with the weight of its result and what it cost to compute.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "costs and capacities to a part in a million are good enough"
)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use lzma_rust2::XzReader;
use refrain_testkit::Random;

/// A trace that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("cannot read trace `{path}`: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("trace `{path}` has {bytes} bytes, not a multiple of 16: it was cut short")]
    Cut { path: PathBuf, bytes: usize },
}

/// A capacity that means nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "capacity `{given}` is neither a number of mean entries like `30e` nor a part of all bytes like `5%`"
)]
pub(crate) struct CapacityError {
    given: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) key: u64,
    pub(crate) weight_bytes: u64,
    pub(crate) cost_seconds: f32,
}

#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) requests: Vec<Request>,
    /// Nothing was recorded but 1.
    without_weights: bool,
    without_costs: bool,
    keys: usize,
    unique_bytes: u64,
}

const ROW_BYTES: usize = 16;

/// The name of a trace, from that of its file.
pub(crate) fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    file.trim_end_matches(".bin.xz").to_owned()
}

impl Trace {
    pub(crate) fn read(path: &Path, limit: usize) -> Result<Self, TraceError> {
        let failed = |source| TraceError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let mut rows =
            XzReader::new(BufReader::new(file), true).take(limit.saturating_mul(ROW_BYTES) as u64);
        let mut bytes = Vec::new();
        rows.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() % ROW_BYTES != 0 {
            return Err(TraceError::Cut {
                path: path.to_owned(),
                bytes: bytes.len(),
            });
        }
        Ok(Self::of(
            bytes.chunks_exact(ROW_BYTES).map(Request::of).collect(),
        ))
    }

    pub(crate) fn of(requests: Vec<Request>) -> Self {
        let unique: HashMap<_, _> = requests
            .iter()
            .map(|request| (request.key, request.weight_bytes))
            .collect();
        Self {
            without_weights: requests.iter().all(|request| request.weight_bytes == 1),
            without_costs: requests.iter().all(|request| request.cost_seconds <= 0.001),
            keys: unique.len(),
            unique_bytes: unique.values().sum(),
            requests,
        }
    }

    /// Whether weights and costs were recorded.
    pub(crate) fn is_complete(&self) -> bool {
        !self.without_weights && !self.without_costs
    }

    /// With log-normal weights and costs by key where none were recorded: medians 1.5 MB and 20 s. The spreads are such
    /// that the bound for `lirs-loop` comes out as in the study, whose own draws are not known.
    pub(crate) fn drawn(&self, seed: u64) -> Self {
        let weight = |key| log_normal(key, seed * 2, 1.5e6, 1.25).clamp(1e4, 1.2e8);
        let cost = |key| log_normal(key, seed * 2 + 1, 20.0, 1.0).clamp(0.5, 600.0);
        let draw = |request: &Request| Request {
            key: request.key,
            weight_bytes: if self.without_weights {
                weight(request.key) as u64
            } else {
                request.weight_bytes
            },
            cost_seconds: if self.without_costs {
                cost(request.key) as f32
            } else {
                request.cost_seconds
            },
        };
        Self::of(self.requests.iter().map(draw).collect())
    }

    /// Every result weighs a byte and costs a second.
    pub(crate) fn in_units(&self) -> Self {
        let unit = |request: &Request| Request {
            key: request.key,
            weight_bytes: 1,
            cost_seconds: 1.0,
        };
        Self::of(self.requests.iter().map(unit).collect())
    }

    /// How many entries of the mean weight come to `bytes`: what some caches need to know beforehand.
    pub(crate) fn entries_in(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.unique_bytes as f64 * self.keys as f64).ceil() as u64
    }

    pub(crate) fn capacity_bytes(&self, capacity: &str) -> Result<u64, CapacityError> {
        let bytes = self.unique_bytes as f64;
        let parse = |number: &str| number.parse::<f64>().ok().filter(|number| *number > 0.0);
        let entries = capacity.strip_suffix('e').and_then(parse);
        let percent = capacity.strip_suffix('%').and_then(parse);
        match (entries, percent) {
            (Some(entries), _) => Ok((bytes / self.keys as f64 * entries) as u64),
            (_, Some(percent)) => Ok((bytes * percent / 100.0) as u64),
            _ => Err(CapacityError {
                given: capacity.to_owned(),
            }),
        }
    }
}

impl Request {
    fn of(row: &[u8]) -> Self {
        let number =
            |at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        Self {
            key: u64::from(number(4)) << 32 | u64::from(number(0)),
            weight_bytes: u64::from(number(8)),
            cost_seconds: number(12) as f32 / 1000.0,
        }
    }
}

/// By Box and Muller, from a hash of the key.
fn log_normal(key: u64, stream: u64, median: f64, sigma: f64) -> f64 {
    let first = mix(mix(key) ^ stream);
    let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let radius = (-2.0 * uniform(first).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * uniform(mix(first))).cos();
    median * (sigma * normal).exp()
}

fn mix(seed: u64) -> u64 {
    Random::new(seed).next()
}
