use std::fs;

use serde::Serialize;

/// The machine that a measurement was made on, as far as it tells.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_mb: u64,
    pub(super) system: String,
    pub(super) refrain: &'static str,
}

impl Machine {
    pub(super) fn this(cores: usize) -> Self {
        let line = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let found = text.lines().find(|line| line.starts_with(name))?;
            Some(found.split_once(':')?.1.trim().to_owned())
        };
        let memory = line("/proc/meminfo", "MemTotal");
        let kilobytes = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores,
            memory_mb: kilobytes.unwrap_or(0) / 1024,
            system: format!("{} {}", std::env::consts::OS, version.trim()),
            refrain: env!("CARGO_PKG_VERSION"),
        }
    }
}
