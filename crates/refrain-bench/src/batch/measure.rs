//! Asking the batch of a server of its own, and measuring what that takes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::Options;
use super::client::{Answer, Connection, Form, Outcome};
use super::error::BatchError;
use super::pictures::picture;
use super::scenario::Scenario;
use super::server::{Memory, Server, machine_processor_time, own_processor_time};
use super::workload::Workload;
use crate::{machine, stopwatch};

/// Generations of which the fastest says how long one takes.
const CALIBRATIONS: usize = 5;
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
    /// The `refrain` that is measured.
    program: PathBuf,
}

/// One generation alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calibration {
    /// The fastest of several, through HTTP.
    pub(super) generation: Duration,
    pub(super) result_bytes: u64,
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

impl Bench {
    /// Makes the pictures and measures one generation.
    pub(super) fn prepare(workload: Workload, options: &Options) -> Result<Self, BatchError> {
        let program = program(options)?;
        eprintln!("making the pictures");
        let made: Vec<OnceLock<Vec<u8>>> = vec![OnceLock::new(); workload.distinct];
        let next = AtomicUsize::new(0);
        together(machine::cores(), || {
            loop {
                // Relaxed: the number alone decides which thread makes what.
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = made.get(number) else {
                    return Ok(());
                };
                let seed = workload
                    .seed
                    .wrapping_mul(1_000_003)
                    .wrapping_add(number as u64);
                let picture = picture(options.side, seed)?;
                place.get_or_init(|| picture);
            }
        })?;
        let pictures: Vec<Vec<u8>> = made.into_iter().filter_map(OnceLock::into_inner).collect();
        let picture_bytes = pictures.iter().map(|picture| picture.len() as u64).sum();
        let forms: Vec<Form> = pictures
            .iter()
            .map(|picture| Form::new(picture, options.quality))
            .collect();
        eprintln!("measuring one generation");
        let calibration = calibrate(&program, &forms[0])?;
        Ok(Self {
            workload,
            calibration,
            picture_bytes,
            forms,
            hits: options.hits,
            program,
        })
    }

    /// Asks the batch of a server of its own.
    pub(super) fn run(&self, scenario: Scenario) -> Result<Run, BatchError> {
        let flags = ["--max-memory-mb", CACHE_MEMORY_MB, "--disable-cache=1"];
        let server = Server::start(
            &self.program,
            if scenario.cached { &flags[..2] } else { &flags },
        )?;
        self.warm_up(server.url(), scenario.parallel)?;
        scenario.settle();
        let before = server.memory();
        let (busy, used, own) = (
            machine_processor_time(),
            server.processor_time(),
            own_processor_time(),
        );
        let (wall, answers) = self.ask(server.url(), scenario.parallel)?;
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
    fn warm_up(&self, base: &str, parallel: usize) -> Result<(), BatchError> {
        let each = if parallel == 1 { 2 } else { 1 };
        let warm_up = || {
            let mut connection = Connection::new(base);
            (0..each)
                .try_for_each(|number| connection.warm_up(&self.forms[number % self.forms.len()]))
        };
        together(parallel, warm_up)
    }

    /// Asks everything once, `parallel` requests at a time, each worker taking the next in order.
    fn ask(&self, base: &str, parallel: usize) -> Result<(Duration, Vec<Answer>), BatchError> {
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
            }
        };
        let began = stopwatch::now();
        together(parallel, work)?;
        let wall = began.elapsed();
        let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((wall, answers.into_iter().flatten().collect()))
    }

    /// Every repeat has the bytes of the first, by their digest; answers the bytes of all firsts.
    fn check(&self, answers: &[Answer]) -> Result<u64, BatchError> {
        let mut firsts: Vec<Option<&Answer>> = vec![None; self.workload.distinct];
        for (answer, &distinct) in answers.iter().zip(&self.workload.order) {
            let first = *firsts[distinct].get_or_insert(answer);
            if first.etag != answer.etag || first.bytes != answer.bytes || answer.etag.is_empty() {
                return Err(BatchError::Differs {
                    request: distinct,
                    first: first.etag.clone(),
                    then: answer.etag.clone(),
                });
            }
        }
        Ok(firsts.iter().flatten().map(|first| first.bytes).sum())
    }

    fn storm(&self, server: &Server, answers: &[Answer]) -> Result<Storm, BatchError> {
        let mut connection = Connection::new(server.url());
        let (server_before, client_before) = (server.processor_time(), own_processor_time());
        let mut by_request = Vec::with_capacity(self.hits);
        let mut by_address = Vec::with_capacity(self.hits);
        for number in 0..self.hits {
            let answer = connection.generate(&self.forms[number % self.forms.len()])?;
            if answer.outcome != Outcome::Hit {
                return Err(BatchError::NoHit);
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
fn calibrate(program: &Path, form: &Form) -> Result<Calibration, BatchError> {
    let server = Server::start(program, &["--disable-cache"])?;
    let mut connection = Connection::new(server.url());
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
fn together(
    threads: usize,
    work: impl Fn() -> Result<(), BatchError> + Sync,
) -> Result<(), BatchError> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let ended: Vec<Result<(), BatchError>> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(Err(BatchError::Panicked)))
            .collect();
        ended.into_iter().collect()
    })
}

/// The program to measure: the one that was named, or the `refrain` beside this one.
fn program(options: &Options) -> Result<PathBuf, BatchError> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()
            .map_err(BatchError::Start)?
            .with_file_name(format!("refrain{}", std::env::consts::EXE_SUFFIX)),
    };
    // A server is started in a directory of its own.
    std::path::absolute(&program)
        .ok()
        .filter(|program| program.is_file())
        .ok_or(BatchError::Program { program })
}
