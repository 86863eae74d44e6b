//! Threads that live as long as the measurement, because many caches keep something for each thread they meet.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::Duration;

use super::disturbance::{MachineTime, ThreadTime};
use super::workload::{Lane, Tally};
use crate::machine;
use crate::stopwatch;

/// How long a slice is measured, and how long the caches of the processor get used to it before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceLength {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What came of one slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// Of all threads together.
    pub(crate) operations_per_second: f64,
    /// Processor time per operation.
    pub(crate) cpu_nanoseconds: f64,
    /// Share of the needed processor time that other processes took.
    pub(crate) disturbed: f64,
    pub(crate) tally: Tally,
}

struct Job {
    lane: Arc<dyn Lane>,
    thread: usize,
    start: Arc<Barrier>,
    length: SliceLength,
}

struct Report {
    tally: Tally,
    measured: Duration,
    /// Of the whole slice, warm-up included.
    time: ThreadTime,
    whole: Duration,
}

pub(crate) struct Crew {
    jobs: Vec<Sender<Job>>,
    reports: Receiver<Report>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    pub(crate) fn new(size: usize) -> Self {
        let (report, reports) = channel();
        let (jobs, threads) = (0..size)
            .map(|_| {
                let (job, jobs) = channel();
                let report = report.clone();
                (job, std::thread::spawn(move || work(&jobs, &report)))
            })
            .unzip();
        Self {
            jobs,
            reports,
            threads,
        }
    }

    /// Runs `lane` on the first `threads` of the crew at once.
    pub(crate) fn slice(&self, lane: &Arc<dyn Lane>, threads: usize, length: SliceLength) -> Slice {
        let start = Arc::new(Barrier::new(threads));
        let machine_before = MachineTime::now();
        for (thread, jobs) in self.jobs[..threads].iter().enumerate() {
            let job = Job {
                lane: Arc::clone(lane),
                thread,
                start: Arc::clone(&start),
                length,
            };
            jobs.send(job).expect("the crew waits for jobs");
        }
        let reports: Vec<Report> = self.reports.iter().take(threads).collect();
        let machine = machine_before.zip(MachineTime::now());

        let mut slice = Slice {
            operations_per_second: 0.0,
            cpu_nanoseconds: 0.0,
            disturbed: 0.0,
            tally: Tally::default(),
        };
        let mut ran = Duration::ZERO;
        let mut waited = Duration::ZERO;
        let mut whole = Duration::ZERO;
        for report in &reports {
            slice.operations_per_second +=
                as_f64(report.tally.operations) / report.measured.as_secs_f64();
            slice.tally.add(report.tally);
            ran += report.time.ran;
            waited += report.time.waited;
            whole = whole.max(report.whole);
        }
        slice.cpu_nanoseconds =
            ran.as_secs_f64() / whole.as_secs_f64() / slice.operations_per_second * 1e9;
        let cores = machine::cores();
        slice.disturbed = if threads <= cores {
            waited.as_secs_f64() / (whole.as_secs_f64() * as_f64(threads as u64))
        } else {
            machine.map_or(0.0, |(before, after)| {
                let needed = whole.as_secs_f64() * as_f64(cores as u64);
                let idle = after.idle_since(before).as_secs_f64();
                ((needed - ran.as_secs_f64() - idle) / needed).max(0.0)
            })
        };
        slice
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.jobs.clear();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Receiver<Job>, reports: &Sender<Report>) {
    for job in jobs {
        job.start.wait();
        let begun = stopwatch::now();
        let before = ThreadTime::now();
        while begun.elapsed() < job.length.warm_up {
            job.lane.batch(job.thread);
        }
        let mut tally = Tally::default();
        let start = stopwatch::now();
        let mut measured = Duration::ZERO;
        while measured < job.length.measured {
            tally.add(job.lane.batch(job.thread));
            measured = start.elapsed();
        }
        let report = Report {
            tally,
            measured,
            time: ThreadTime::now().since(before),
            whole: begun.elapsed(),
        };
        if reports.send(report).is_err() {
            return;
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "operations of a slice, far below 2^52"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Default)]
    struct Counting([AtomicU64; 2]);

    impl Lane for Counting {
        fn batch(&self, thread: usize) -> Tally {
            self.0[thread].fetch_add(1, Ordering::Relaxed);
            Tally {
                operations: 1,
                ..Tally::default()
            }
        }
    }

    #[test]
    fn each_thread_runs_its_own_part_of_a_slice() {
        let crew = Crew::new(2);
        let counting = Arc::new(Counting::default());
        let lane: Arc<dyn Lane> = counting.clone();
        let length = SliceLength {
            warm_up: Duration::ZERO,
            measured: Duration::from_millis(1),
        };
        for _ in 0..3 {
            let slice = crew.slice(&lane, 2, length);
            assert!(slice.operations_per_second > 0.0);
        }
        let [first, second] = &counting.0;
        assert!(first.load(Ordering::Relaxed) >= 3);
        assert!(second.load(Ordering::Relaxed) >= 3);
    }
}
