use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::client::{Answer, Connection, Form, Outcome};
use super::pictures::picture;
use super::process::{Memory, Process, own_processor_time};
use super::workload::Workload;
use crate::args::BatchArguments;
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;

/// How rare the specks of a picture are, from the least work to the most.
const SPARSITIES: [u32; 6] = [1024, 256, 128, 64, 32, 16];
/// How long a server is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// Room for every result of the workload, so that nothing is evicted.
const CACHE_MEMORY_MB: &str = "4096";

/// What is asked, ready to be sent, and how long one generation takes here.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) workload: Workload,
    pub(super) calibration: Calibration,
    /// Bytes of all pictures together.
    pub(super) picture_bytes: u64,
    forms: Vec<Form>,
    trivial: Form,
    hits: usize,
}

/// The picture that was found to take long enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calibration {
    pub(super) sparsity: u32,
    /// The faster of two generations, through HTTP.
    pub(super) generation: Duration,
    pub(super) result_bytes: u64,
}

/// One way to ask the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) parallel: usize,
    pub(super) cached: bool,
}

/// What came of asking the batch once.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) scenario: Scenario,
    pub(super) wall: Duration,
    pub(super) answers: Vec<Answer>,
    /// Bytes of the distinct results.
    pub(super) stored_bytes: u64,
    pub(super) before: Memory,
    pub(super) after: Memory,
    pub(super) storm: Option<Storm>,
}

/// Hits alone, one after the other, when everything is stored.
#[derive(Debug)]
pub(super) struct Storm {
    /// By the request with its picture.
    pub(super) by_request: Vec<Duration>,
    /// By the address of the result.
    pub(super) by_address: Vec<Duration>,
    /// Processor time of the server for all of them.
    pub(super) server: Duration,
    /// Processor time of the client for all of them.
    pub(super) client: Duration,
}

impl Scenario {
    pub(super) fn all(parallel: usize) -> Vec<Self> {
        let mut ways = vec![1];
        if parallel > 1 {
            ways.push(parallel);
        }
        ways.into_iter()
            .flat_map(|parallel| [true, false].map(|cached| Self { parallel, cached }))
            .collect()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parallel {
            1 => f.write_str("in order")?,
            parallel => write!(f, "{parallel} at a time")?,
        }
        f.write_str(if self.cached {
            ", with the cache"
        } else {
            ", without"
        })
    }
}

impl Bench {
    /// Makes the pictures: as rich as one generation needs to take as long as it was asked.
    pub(super) fn prepare(
        workload: Workload,
        arguments: &BatchArguments,
        watcher: &mut Watcher,
    ) -> Result<Self, Failure> {
        watcher.begin("measuring one generation");
        let calibration = calibrate(arguments)?;
        watcher.say(&format!(
            "one generation at quality {} of a picture of {side} x {side} takes {} and makes {}",
            arguments.quality,
            crate::output::duration(calibration.generation.as_secs_f64()),
            crate::output::bytes(calibration.result_bytes),
            side = arguments.side,
        ));
        watcher.begin("making the pictures");
        let mut picture_bytes = 0;
        let mut forms = Vec::with_capacity(workload.distinct);
        for number in 0..workload.distinct {
            watcher.step(number, workload.distinct);
            let seed = workload
                .seed
                .wrapping_mul(1_000_003)
                .wrapping_add(number as u64);
            let picture = picture(arguments.side, calibration.sparsity, seed)?;
            picture_bytes += picture.len() as u64;
            forms.push(Form::new(&picture, arguments.quality));
        }
        Ok(Self {
            workload,
            calibration,
            picture_bytes,
            forms,
            trivial: Form::new(&picture(64, 64, 0)?, 1),
            hits: arguments.hits,
        })
    }

    /// Asks the batch of a server of its own.
    pub(super) fn run(&self, scenario: Scenario, watcher: &Watcher) -> Result<Run, Failure> {
        let flags = ["--max-memory-mb", CACHE_MEMORY_MB, "--disable-cache=1"];
        let server = Process::start(if scenario.cached { &flags[..2] } else { &flags })?;
        let mut connection = Connection::new(&server.base);
        for _ in 0..20 {
            // Brings code, threads and buffers into memory, and nothing into the cache.
            connection.warm_up(&self.trivial)?;
        }
        settle();
        let before = server.memory();
        let (wall, answers) = self.ask(&server.base, scenario.parallel, watcher)?;
        settle();
        let after = server.memory();
        let stored_bytes = self.check(&answers)?;
        let storm = match scenario {
            Scenario {
                parallel: 1,
                cached: true,
            } => Some(self.storm(&server, &mut connection, &answers)?),
            _ => None,
        };
        Ok(Run {
            scenario,
            wall,
            answers,
            stored_bytes,
            before,
            after,
            storm,
        })
    }

    /// Asks everything once, `parallel` requests at a time, each worker taking the next in order.
    fn ask(
        &self,
        base: &str,
        parallel: usize,
        watcher: &Watcher,
    ) -> Result<(Duration, Vec<Answer>), Failure> {
        let order = &self.workload.order;
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(vec![None; order.len()]);
        let gate = Barrier::new(parallel + 1);
        let work = || {
            let mut connection = Connection::new(base);
            gate.wait();
            loop {
                // Nothing else is read on account of the number, so no order is needed.
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(&distinct) = order.get(at) else {
                    return Ok(());
                };
                let answer = connection.generate(&self.forms[distinct])?;
                let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                answers[at] = Some(answer);
                drop(answers);
                watcher.step(at + 1, order.len());
            }
        };
        let (wall, ended) = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..parallel).map(|_| scope.spawn(work)).collect();
            gate.wait();
            let stopwatch = Stopwatch::start();
            let ended: Vec<Result<(), Failure>> = workers
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|_| Err(Failure::new("a client of the benchmark panicked")))
                })
                .collect();
            (stopwatch.elapsed(), ended)
        });
        ended.into_iter().collect::<Result<(), Failure>>()?;
        let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((wall, answers.into_iter().flatten().collect()))
    }

    /// Every repeat has the bytes of the first, by their digest; answers the bytes of all firsts.
    fn check(&self, answers: &[Answer]) -> Result<u64, Failure> {
        let mut firsts: Vec<Option<&Answer>> = vec![None; self.workload.distinct];
        for (answer, &distinct) in answers.iter().zip(&self.workload.order) {
            let first = *firsts[distinct].get_or_insert(answer);
            if first.etag != answer.etag || first.bytes != answer.bytes || answer.etag.is_empty() {
                return Err(Failure::new(format!(
                    "request {distinct} was answered with {} and then with {}",
                    first.etag, answer.etag
                ))
                .hint("this is a fault of the server: equal requests must have equal bytes"));
            }
        }
        Ok(firsts.iter().flatten().map(|first| first.bytes).sum())
    }

    fn storm(
        &self,
        server: &Process,
        connection: &mut Connection,
        answers: &[Answer],
    ) -> Result<Storm, Failure> {
        let (server_before, client_before) = (server.processor_time(), own_processor_time());
        let mut by_request = Vec::with_capacity(self.hits);
        let mut by_address = Vec::with_capacity(self.hits);
        for number in 0..self.hits {
            let answer = connection.generate(&self.forms[number % self.forms.len()])?;
            if answer.outcome != Outcome::Hit {
                return Err(Failure::new("a request whose result is stored was no hit"));
            }
            by_request.push(answer.took);
        }
        for number in 0..self.hits {
            let location = &answers[number % answers.len()].location;
            by_address.push(connection.fetch(location)?.took);
        }
        Ok(Storm {
            by_request,
            by_address,
            server: server.processor_time().saturating_sub(server_before),
            client: own_processor_time().saturating_sub(client_before),
        })
    }
}

/// Tries richer and richer pictures until one generation takes long enough.
fn calibrate(arguments: &BatchArguments) -> Result<Calibration, Failure> {
    let server = Process::start(&["--disable-cache"])?;
    let mut connection = Connection::new(&server.base);
    let mut longest = Duration::ZERO;
    for sparsity in SPARSITIES {
        let form = Form::new(&picture(arguments.side, sparsity, 0)?, arguments.quality);
        let (first, second) = (connection.generate(&form)?, connection.generate(&form)?);
        let generation = first.took.min(second.took);
        if generation.as_secs_f64() >= arguments.least_seconds {
            return Ok(Calibration {
                sparsity,
                generation,
                result_bytes: first.bytes,
            });
        }
        longest = longest.max(generation);
    }
    Err(Failure::new(format!(
        "one generation takes {} at most, less than the {} s asked for",
        crate::output::duration(longest.as_secs_f64()),
        arguments.least_seconds
    ))
    .hint("give a higher `--quality`, or a lower `--least-seconds`"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an allocator gives memory back when it has been left alone for a while"
)]
fn settle() {
    std::thread::sleep(SETTLE);
}

/// Shows on standard error what is being measured: a bar on a terminal, else a line a scenario.
#[derive(Debug)]
pub(super) struct Watcher {
    bar: ProgressBar,
}

impl Watcher {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{msg:44} [{bar:30}] {pos:>3}/{len} {elapsed}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    pub(super) fn begin(&mut self, what: &str) {
        if self.bar.is_hidden() {
            self.say(what);
        }
        self.bar.set_position(0);
        self.bar.set_message(what.to_owned());
    }

    pub(super) fn step(&self, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
    }

    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| {
            use std::io::Write;
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(anstream::stderr(), "{line}");
        });
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
