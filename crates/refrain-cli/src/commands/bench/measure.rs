use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::client::{Answer, Connection, Form, Outcome};
use super::pictures::picture;
use super::process::{Memory, Process, machine_processor_time, own_processor_time};
use super::watcher::Watcher;
use super::workload::Workload;
use crate::args::BatchArguments;
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;

/// Generations of which the fastest says how long one takes.
const CALIBRATIONS: usize = 5;
/// How long a server is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(3);
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
    hits: usize,
}

/// One generation alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calibration {
    /// The fastest of several, through HTTP.
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
    /// Processor time of the server.
    pub(super) server: Duration,
    /// Processor time of what else ran on the machine.
    pub(super) others: Duration,
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

    /// Waits until the memory of the server is that of its results; without the cache there are none.
    #[expect(
        clippy::disallowed_methods,
        reason = "an allocator gives memory back when it has been left alone for a while"
    )]
    fn settle(self) {
        if self.cached {
            std::thread::sleep(SETTLE);
        }
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
    /// Makes the pictures and measures one generation.
    pub(super) fn prepare(
        workload: Workload,
        arguments: &BatchArguments,
        watcher: &mut Watcher,
    ) -> Result<Self, Failure> {
        watcher.begin("making the pictures");
        let made: Vec<OnceLock<Vec<u8>>> = vec![OnceLock::new(); workload.distinct];
        let next = AtomicUsize::new(0);
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        together(cores, || {
            loop {
                // Relaxed: the number alone decides who makes what.
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = made.get(number) else {
                    return Ok(());
                };
                watcher.step(number, workload.distinct);
                let seed = workload
                    .seed
                    .wrapping_mul(1_000_003)
                    .wrapping_add(number as u64);
                let picture = picture(arguments.side, seed)?;
                place.get_or_init(|| picture);
            }
        })?;
        let pictures: Vec<Vec<u8>> = made.into_iter().filter_map(OnceLock::into_inner).collect();
        let picture_bytes = pictures.iter().map(|picture| picture.len() as u64).sum();
        let forms: Vec<Form> = pictures
            .iter()
            .map(|picture| Form::new(picture, arguments.quality))
            .collect();
        watcher.begin("measuring one generation");
        let calibration = calibrate(&forms[0])?;
        watcher.say(&format!(
            "one generation at quality {} of a picture of {side} x {side} takes {} and makes {}",
            arguments.quality,
            crate::output::duration(calibration.generation.as_secs_f64()),
            crate::output::bytes(calibration.result_bytes),
            side = arguments.side,
        ));
        Ok(Self {
            workload,
            calibration,
            picture_bytes,
            forms,
            hits: arguments.hits,
        })
    }

    /// Asks the batch of a server of its own.
    pub(super) fn run(&self, scenario: Scenario, watcher: &Watcher) -> Result<Run, Failure> {
        let flags = ["--max-memory-mb", CACHE_MEMORY_MB, "--disable-cache=1"];
        let server = Process::start(if scenario.cached { &flags[..2] } else { &flags })?;
        self.warm_up(&server.base, scenario.parallel)?;
        scenario.settle();
        let before = server.memory();
        let (busy, used, own) = (
            machine_processor_time(),
            server.processor_time(),
            own_processor_time(),
        );
        let (wall, answers) = self.ask(&server.base, scenario.parallel, watcher)?;
        let used = server.processor_time().saturating_sub(used);
        let own = own_processor_time().saturating_sub(own);
        let busy = machine_processor_time().saturating_sub(busy);
        scenario.settle();
        let after = server.memory();
        let stored_bytes = self.check(&answers)?;
        let storm = match scenario {
            Scenario {
                parallel: 1,
                cached: true,
            } => Some(self.storm(&server, &answers)?),
            _ => None,
        };
        Ok(Run {
            scenario,
            wall,
            answers,
            stored_bytes,
            server: used,
            others: busy.saturating_sub(used + own),
            before,
            after,
            storm,
        })
    }

    /// Brings code, threads and buffers into memory, by the work that is measured then, and nothing into the cache.
    fn warm_up(&self, base: &str, parallel: usize) -> Result<(), Failure> {
        let each = if parallel == 1 { 2 } else { 1 };
        let warm_up = || {
            let mut connection = Connection::new(base);
            (0..each)
                .try_for_each(|number| connection.warm_up(&self.forms[number % self.forms.len()]))
        };
        together(parallel, warm_up)
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
        let work = || {
            let mut connection = Connection::new(base);
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
        let stopwatch = Stopwatch::start();
        together(parallel, work)?;
        let wall = stopwatch.elapsed();
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

    fn storm(&self, server: &Process, answers: &[Answer]) -> Result<Storm, Failure> {
        let mut connection = Connection::new(&server.base);
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

/// How long one generation takes when nothing else runs.
fn calibrate(form: &Form) -> Result<Calibration, Failure> {
    let server = Process::start(&["--disable-cache"])?;
    let mut connection = Connection::new(&server.base);
    let mut fastest = Duration::MAX;
    let mut result_bytes = 0;
    for _ in 0..CALIBRATIONS {
        let answer = connection.generate(form)?;
        fastest = fastest.min(answer.took);
        result_bytes = answer.bytes;
    }
    Ok(Calibration {
        generation: fastest,
        result_bytes,
    })
}

/// Does the same on `threads` threads, and waits for all of them.
fn together(threads: usize, work: impl Fn() -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let ended: Vec<Result<(), Failure>> = workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(Failure::new("a thread of the benchmark panicked")))
            })
            .collect();
        ended.into_iter().collect()
    })
}
