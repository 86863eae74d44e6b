//! Jobs: requests that are answered later. A bounded table of them, forgotten some time after they end.

mod document;
mod events;
mod job;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use refrain::{Cache, Capacity, Policy};

use crate::config::{ServerConfig, megabytes};
use crate::engine::Engine;
use crate::engine::outcome::Served;
use crate::engine::result::StoredResult;
use crate::{Problem, ProblemKind};

pub(crate) use document::JobDocument;
pub(crate) use events::events;
pub(crate) use job::{Job, JobId, NewJob};

/// Every job that can be asked about.
#[derive(Debug)]
pub(crate) struct Jobs {
    engine: Arc<Engine>,
    running: Mutex<HashMap<JobId, Arc<Job>>>,
    /// Until their time is over, or their place is needed: the first that ended leaves first.
    ended: Cache<JobId, Arc<Job>>,
    /// Results that are not in the cache, for their job alone.
    results: Cache<JobId, StoredResult>,
    retention: Duration,
    limit: usize,
}

impl Jobs {
    pub(crate) fn new(
        config: &ServerConfig,
        engine: Arc<Engine>,
        clock: refrain::Clock,
    ) -> Result<Self, refrain::BuildError> {
        let results = Cache::builder()
            .name("job results")
            .capacity_bytes(megabytes(config.job_results_mb))
            .weigher(|_, result: &StoredResult| result.weight_bytes())
            .time_to_live(config.job_retention)
            .clock(clock.clone())
            .build()?;
        let ended = Cache::builder()
            .name("jobs")
            .policy(Policy::Lru)
            .time_to_live(config.job_retention)
            .clock(clock)
            .build()?;
        Ok(Self {
            engine,
            running: Mutex::default(),
            ended,
            results,
            retention: config.job_retention,
            limit: config.max_jobs,
        })
    }

    /// Turns a request into a job, which goes on whether or not a client asks about it.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Busy`] when as many jobs as allowed are still running.
    pub(crate) fn begin(
        self: &Arc<Self>,
        new: NewJob,
        mut answer: BoxFuture<'static, Result<Served, Problem>>,
    ) -> Result<Arc<Job>, Problem> {
        let waiter = new.waiter.clone();
        let job = self.admit(new)?;
        let (jobs, running) = (Arc::clone(self), Arc::clone(&job));
        self.engine.spawn(async move {
            tokio::select! {
                () = running.left() => {
                    waiter.leave_on_purpose();
                    drop(answer);
                    jobs.retire(&running);
                    running.end_cancelled(jobs.engine.wall());
                }
                served = &mut answer => jobs.settle(&running, served),
            }
        });
        Ok(job)
    }

    /// A job that ended before it began: there was a stored result.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub(crate) fn record(
        &self,
        new: NewJob,
        served: Result<Served, Problem>,
    ) -> Result<Arc<Job>, Problem> {
        let job = self.admit(new)?;
        self.settle(&job, served);
        Ok(job)
    }

    /// The job with this id.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::UnknownJob`] when there is none, or none any more.
    pub(crate) fn find(&self, id: &str) -> Result<Arc<Job>, Problem> {
        let known = |id: JobId| {
            let running = self.running().get(&id).cloned();
            // Not counted as a use: asking about a job keeps it no longer.
            running.or_else(|| Some(self.ended.peek_entry(&id)?.value))
        };
        id.parse().ok().and_then(known).ok_or_else(|| {
            Problem::new(
                ProblemKind::UnknownJob,
                format!(
                    "there is no job with this id; a finished one is remembered for {} seconds",
                    self.retention.as_secs()
                ),
            )
        })
    }

    /// The result that only this job can deliver.
    pub(crate) fn result(&self, job: &Job) -> Option<StoredResult> {
        self.results.get(&job.id())
    }

    /// Jobs that have not ended.
    pub(crate) fn active(&self) -> usize {
        self.running().len()
    }

    /// The request was answered: its result is fetched by key or, when it is not stored, from the job.
    fn settle(&self, job: &Arc<Job>, served: Result<Served, Problem>) {
        self.retire(job);
        let wall = self.engine.wall();
        match served {
            Ok(served) => {
                if served.stored_under().is_none() {
                    self.results.insert(job.id(), served.result.clone());
                }
                job.end_done(&served, wall);
            }
            Err(problem) => job.end_failed(&problem, wall),
        }
    }

    fn admit(&self, new: NewJob) -> Result<Arc<Job>, Problem> {
        let job = Arc::new(Job::new(new, self.engine.wall().now())?);
        let mut running = self.running();
        if running.len() >= self.limit {
            let limit = self.limit;
            let detail = format!("{limit} jobs are running, which is the limit");
            return Err(Problem::busy(detail, 5));
        }
        running.insert(job.id(), Arc::clone(&job));
        self.leave_room(&running);
        Ok(job)
    }

    /// The job runs no more, and can still be asked about.
    fn retire(&self, job: &Arc<Job>) {
        let mut running = self.running();
        if running.remove(&job.id()).is_some() {
            self.leave_room(&running);
            self.ended.insert(job.id(), Arc::clone(job));
        }
    }

    /// Running and ended jobs together stay within the limit.
    fn leave_room(&self, running: &HashMap<JobId, Arc<Job>>) {
        let places = self.limit.saturating_sub(running.len());
        self.ended.set_capacity(Capacity {
            bytes: u64::MAX,
            entries: places as u64,
        });
    }

    fn running(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Job>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
