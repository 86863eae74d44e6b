//! The tree of processes below one, from `/proc/PID/task/TID/children`.

use std::fs;

/// Looks at each process below this one, before those below it. Processes come and go meanwhile.
pub(super) fn each_of_this(mut each: impl FnMut(i32)) {
    let mut waiting = children(std::process::id().cast_signed());
    while let Some(pid) = waiting.pop() {
        let below = children(pid);
        each(pid);
        waiting.extend(below);
    }
}

/// The numbers of all processes below this one.
pub(super) fn of_this() -> Vec<i32> {
    let mut found = Vec::new();
    each_of_this(|pid| found.push(pid));
    found
}

/// The numbers of the processes that `pid` is the parent of.
pub(super) fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for task in tasks.flatten() {
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(
            list.split_ascii_whitespace()
                .filter_map(|number| number.parse::<i32>().ok()),
        );
    }
    found
}

/// Bytes of memory that only this process has.
pub(super) fn own_memory(pid: i32) -> u64 {
    const PAGE: u64 = 4096;
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut pages = statm
        .split(' ')
        .skip(1)
        .map_while(|pages| pages.parse::<u64>().ok());
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    resident.saturating_sub(shared).saturating_mul(PAGE)
}
