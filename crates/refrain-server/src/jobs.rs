//! Jobs: requests that are answered later. A bounded table of them, forgotten some time after they end.

mod document;
mod events;
mod job;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use refrain::Cache;

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
    by_id: Mutex<HashMap<JobId, Arc<Job>>>,
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
            .clock(clock)
            .build()?;
        Ok(Self {
            engine,
            by_id: Mutex::default(),
            results,
            retention: config.job_retention,
            limit: config.max_jobs,
        })
    }

    /// Turns a request into a job, which goes on whether or not anybody asks about it.
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
        let mut by_id = self.lock();
        self.forget_old(&mut by_id);
        id.parse()
            .ok()
            .and_then(|id: JobId| by_id.get(&id).cloned())
            .ok_or_else(|| {
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
        self.lock().values().filter(|job| !job.has_ended()).count()
    }

    /// The request was answered: its result is fetched by key or, when it is not stored, from the job.
    fn settle(&self, job: &Job, served: Result<Served, Problem>) {
        let wall = self.engine.wall();
        match served {
            Ok(served) => {
                if !served.is_stored() {
                    self.results.insert(job.id(), served.result.clone());
                }
                job.end_done(&served, wall);
            }
            Err(problem) => job.end_failed(&problem, wall),
        }
    }

    fn admit(&self, new: NewJob) -> Result<Arc<Job>, Problem> {
        let job = Arc::new(Job::new(new, self.engine.wall().now())?);
        let mut by_id = self.lock();
        self.forget_old(&mut by_id);
        if by_id.len() >= self.limit {
            let oldest = by_id
                .values()
                .filter_map(|job| Some((job.ended_at()?, job.id())))
                .min()
                .ok_or_else(|| {
                    let limit = self.limit;
                    Problem::busy(format!("{limit} jobs are running, which is the limit"), 5)
                })?;
            by_id.remove(&oldest.1);
        }
        by_id.insert(job.id(), Arc::clone(&job));
        Ok(job)
    }

    fn forget_old(&self, by_id: &mut HashMap<JobId, Arc<Job>>) {
        let now = self.engine.wall().elapsed();
        by_id.retain(|_, job| {
            job.ended_at()
                .is_none_or(|ended| now.saturating_sub(ended) < self.retention)
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Job>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
