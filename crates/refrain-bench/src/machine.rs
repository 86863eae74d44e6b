//! What the figures were measured on.

use std::num::NonZero;
use std::process::Command;
use std::thread::available_parallelism;

/// Processor cores that this process may use.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Processor, cores, memory, kernel and compiler, in one line.
pub(crate) fn description() -> String {
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".into());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let compiler = Command::new("rustc")
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    format!(
        "{processor}, {} cores, {memory} memory, Linux {}, {}",
        cores(),
        kernel.trim(),
        compiler.trim()
    )
}

fn field(file: &str, name: &str) -> Option<String> {
    std::fs::read_to_string(file)
        .ok()?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(left, _)| left.trim() == name)
        .map(|(_, right)| right.trim().to_owned())
}
