//! Recorded requests, replayed through whole caches at full speed: this library and others, each as it comes.
//!
//! They go through the public interface of each cache, in one thread, as fast as it answers. This library is replayed once
//! more with a clock that goes on a second with each request: what it keeps must not depend on that.

use std::time::Duration;

use refrain::{Cache, Clock, Policy};

use super::ReplayError;
use super::trace::{Request, Trace};
use crate::subject::{Limit, Subject, SubjectName, Visitor, Weigh};

/// This may be lost against full speed, and against the better of LRU and S3-FIFO.
const TOLERANCE: f64 = 0.5;

/// What is stored: no bytes, but what they would weigh and cost.
#[derive(Debug, Clone, Copy)]
struct Priced {
    weight_bytes: u64,
    cost: Duration,
}

impl Weigh for Priced {
    fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    fn cost(&self) -> Option<Duration> {
        Some(self.cost)
    }
}

impl From<&Request> for Priced {
    fn from(request: &Request) -> Self {
        Self {
            weight_bytes: request.weight_bytes,
            cost: Duration::from_secs_f32(request.cost_seconds),
        }
    }
}

/// Asks a cache for one key after the other, and stores what it has not; `between` comes before each.
struct Replay<'a, F> {
    trace: &'a Trace,
    between: F,
}

impl<F: FnMut()> Visitor<u64, Priced> for Replay<'_, F> {
    /// The part of the cost of all requests that is saved.
    type Output = f64;

    fn visit<S: Subject<u64, Priced>>(mut self, subject: S) -> f64 {
        let (mut saved, mut all) = (0.0, 0.0);
        for request in &self.trace.requests {
            (self.between)();
            all += f64::from(request.cost_seconds);
            if subject.get(&request.key).is_some() {
                saved += f64::from(request.cost_seconds);
            } else {
                subject.insert(request.key, Priced::from(request));
            }
        }
        saved / all
    }
}

/// What `name` saves of the cost of `trace` at full speed.
pub(super) fn saved(name: SubjectName, trace: &Trace, bytes: u64) -> f64 {
    let limit = Limit::Bytes {
        bytes,
        entries: trace.entries_in(bytes),
    };
    let between = || ();
    name.build(limit, Replay { trace, between })
}

/// What the default policy saves when a second passes with each request.
pub(super) fn saved_at_a_second_each(trace: &Trace, bytes: u64) -> f64 {
    let (clock, hands) = Clock::fake();
    let cache: Cache<u64, Priced> = Cache::builder()
        .capacity_bytes(bytes)
        .policy(Policy::default())
        .weigher(|_, value: &Priced| value.weight_bytes)
        .clock(clock)
        .build()
        .expect("the settings make sense");
    let between = || hands.advance(Duration::from_secs(1));
    Replay { trace, between }.visit(cache)
}

/// A Markdown table with a row for each trace and capacity, the means, and what is not as it should be.
#[derive(Debug)]
pub(super) struct Table {
    subjects: Vec<SubjectName>,
    /// Of each point: its capacity, what was saved slowly, and by each subject, in percent.
    points: Vec<(String, f64, Vec<f64>)>,
    failures: Vec<String>,
}

impl Table {
    pub(super) fn new() -> Self {
        let weighs = SubjectName::all().iter().filter(|name| name.weighs());
        let subjects: Vec<_> = weighs.copied().collect();
        let names: Vec<_> = subjects.iter().map(ToString::to_string).collect();
        println!(
            "| trace | capacity | a second each | {} |",
            names.join(" | ")
        );
        println!("|---|--:|--:|{}", "--:|".repeat(subjects.len()));
        Self {
            subjects,
            points: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        capacity: &str,
        trace: &Trace,
    ) -> Result<(), ReplayError> {
        let bytes = trace.capacity_bytes(capacity)?;
        let slow = saved_at_a_second_each(trace, bytes) * 100.0;
        let subjects = self.subjects.iter();
        let saved: Vec<_> = subjects
            .map(|subject| saved(*subject, trace, bytes) * 100.0)
            .collect();
        row(&format!("{name} | {capacity}"), slow, &saved);
        let of = |wanted| {
            let at = self.subjects.iter().position(|subject| *subject == wanted);
            saved[at.expect("it is measured")]
        };
        let ours = of(SubjectName::Refrain);
        let better = of(SubjectName::RefrainLru).max(of(SubjectName::FoyerS3Fifo));
        for (what, than) in [
            ("at a second each", slow),
            ("the better of LRU and S3-FIFO", better),
        ] {
            if ours < than - TOLERANCE {
                self.failures.push(format!(
                    "{name} at {capacity}: {ours:.2}, and {than:.2} {what}"
                ));
            }
        }
        self.points.push((capacity.to_owned(), slow, saved));
        Ok(())
    }

    /// The means of each capacity; how much is not as it should be.
    pub(super) fn summarize(mut self, capacities: &[String]) -> usize {
        for capacity in capacities {
            let at = self.points.iter().filter(|(other, ..)| other == capacity);
            let (mut count, mut slow, mut means) = (0.0, 0.0, vec![0.0; self.subjects.len()]);
            for (_, point_slow, point) in at {
                count += 1.0;
                slow += point_slow;
                for (mean, saved) in means.iter_mut().zip(point) {
                    *mean += saved;
                }
            }
            for mean in &mut means {
                *mean /= count;
            }
            row(&format!("mean | {capacity}"), slow / count, &means);
            for (subject, mean) in self.subjects.iter().zip(&means) {
                if subject.is_rival() && *mean >= means[0] {
                    self.failures.push(format!(
                        "{subject} saves {mean:.2} in the mean at {capacity}, {:.2} is ours",
                        means[0]
                    ));
                }
            }
        }
        println!();
        for failure in &self.failures {
            println!("not as it should be: {failure}");
        }
        self.failures.len()
    }
}

fn row(point: &str, slow: f64, saved: &[f64]) {
    let saved: Vec<_> = saved.iter().map(|saved| format!("{saved:.2}")).collect();
    println!("| {point} | {slow:.2} | {} |", saved.join(" | "));
}
