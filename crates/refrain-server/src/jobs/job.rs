use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::document::{JobDocument, JobState};
use crate::answer::result_url;
use crate::engine::outcome::Served;
use crate::engine::waiter::{Waiter, WaiterWatch};
use crate::problem::ProblemDocument;
use crate::progress::{Phase, Snapshot};
use crate::wall::{WallClock, rfc3339};
use crate::{Key, Problem, ProblemKind};

/// Names a job: 128 random bits, so that no client guesses another's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobId(u128);

/// What a job is for.
#[derive(Debug)]
pub(crate) struct NewJob {
    pub(crate) generator: String,
    /// None for a request that the cache takes no part in.
    pub(crate) key: Option<Key>,
    /// The place on which the request waits.
    pub(crate) waiter: Waiter,
}

/// One request that is answered later.
#[derive(Debug)]
pub(crate) struct Job {
    id: JobId,
    generator: String,
    key: Option<Key>,
    created_at: Timestamp,
    waiter: Waiter,
    leave: CancellationToken,
    end: watch::Sender<Option<Arc<End>>>,
}

/// How a job ended.
#[derive(Debug)]
pub(super) struct End {
    state: JobState,
    last: Snapshot,
    outcome: Option<&'static str>,
    result_url: Option<String>,
    error: Option<ProblemDocument>,
    finished_at: Timestamp,
}

impl Job {
    pub(super) fn new(new: NewJob, created_at: Timestamp) -> Result<Self, Problem> {
        Ok(Self {
            id: JobId::random()?,
            generator: new.generator,
            key: new.key,
            created_at,
            waiter: new.waiter,
            leave: CancellationToken::new(),
            end: watch::Sender::new(None),
        })
    }

    pub(crate) fn id(&self) -> JobId {
        self.id
    }

    pub(crate) fn url(&self) -> String {
        format!("/api/jobs/{}", self.id)
    }

    /// Leaves the job: it ends as cancelled, unless it has ended already.
    pub(crate) fn leave(&self) {
        self.leave.cancel();
    }

    pub(super) async fn left(&self) {
        self.leave.cancelled().await;
    }

    /// Watches for the end and, apart, for progress.
    pub(super) fn watch(&self) -> (watch::Receiver<Option<Arc<End>>>, WaiterWatch) {
        (self.end.subscribe(), self.waiter.watch())
    }

    pub(super) fn end_done(&self, served: &Served, wall: &WallClock) {
        let own_url = || format!("{}/result", self.url());
        let result_url = served.stored_under().map_or_else(own_url, result_url);
        let last = Snapshot {
            fraction: 1.0,
            step: "done".into(),
            ..self.waiter.snapshot()
        };
        self.finish(End {
            outcome: Some(served.outcome.word()),
            result_url: Some(result_url),
            last,
            ..self.ended(JobState::Done, wall)
        });
    }

    pub(super) fn end_failed(&self, problem: &Problem, wall: &WallClock) {
        let state = match problem.kind() {
            ProblemKind::Cancelled => JobState::Cancelled,
            _ => JobState::Failed,
        };
        self.finish(End {
            error: Some(problem.document()),
            ..self.ended(state, wall)
        });
    }

    pub(super) fn end_cancelled(&self, wall: &WallClock) {
        self.finish(self.ended(JobState::Cancelled, wall));
    }

    fn ended(&self, state: JobState, wall: &WallClock) -> End {
        End {
            state,
            last: self.waiter.snapshot(),
            outcome: None,
            result_url: None,
            error: None,
            finished_at: wall.now(),
        }
    }

    fn finish(&self, end: End) {
        self.end.send_replace(Some(Arc::new(end)));
        // A job is remembered for a while; what its request carried is not.
        self.waiter.vacate();
    }

    pub(crate) fn document(&self) -> JobDocument {
        let end = self.end.borrow().clone();
        let last = match &end {
            Some(end) => end.last.clone(),
            None => self.waiter.snapshot(),
        };
        let state = match (&end, last.phase) {
            (Some(end), _) => end.state,
            (None, Phase::Queued) => JobState::Queued,
            (None, Phase::Running) => JobState::Running,
        };
        JobDocument {
            id: self.id.to_string(),
            generator: self.generator.clone(),
            key: self.key.map(|key| key.to_string()),
            state,
            progress: last.fraction,
            step: last.step.into_owned(),
            outcome: end.as_ref().and_then(|end| end.outcome),
            result_url: end.as_ref().and_then(|end| end.result_url.clone()),
            error: end.as_ref().and_then(|end| end.error.clone()),
            created_at: rfc3339(self.created_at),
            finished_at: end.as_ref().map(|end| rfc3339(end.finished_at)),
            url: self.url(),
            events_url: format!("{}/events", self.url()),
        }
    }
}

impl JobId {
    fn random() -> Result<Self, Problem> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            let detail = format!("the system gives no random numbers: {error}");
            Problem::new(ProblemKind::Internal, detail)
        })?;
        Ok(Self(u128::from_ne_bytes(bytes)))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

impl FromStr for JobId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.len() == 32
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        id.map(Self).ok_or(())
    }
}
