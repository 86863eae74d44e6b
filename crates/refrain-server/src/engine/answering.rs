//! One request, from its key to its answer: looked up, joined, generated, or made for its caller alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use refrain::{Answer, BypassReason, ComputeError, Insertion, Outcome, Role};

use super::Engine;
use super::generation::{Generation, Interest};
use super::outcome::Served;
use super::problems::{compute_problem, not_cached, problem_of};
use super::result::StoredResult;
use super::turns::{Turns, TurnsOf};
use super::waiter::Waiter;
use crate::generate_error::GenerateError;
use crate::generators::{Generator, Keying, Prepared, Work};
use crate::live::{Keeping, LiveBody};
use crate::request::body::heavy;
use crate::request::directives::Directives;
use crate::request::exchange::Exchange;
use crate::{Key, Problem};

/// How often a request starts over because others cancelled the generation it had joined. Normally once: the second one is
/// partly its own. The limit is for generators that say they were cancelled when no caller has left.
const MAX_ATTEMPTS: u32 = 3;

/// A request that its generator has read.
pub(crate) struct Request {
    pub(crate) keying: Keying,
    work: Arc<dyn Work>,
    turns: TurnsOf,
    pub(crate) directives: Directives,
}

impl Request {
    /// Reads a request with its generator, off the async threads when there is much to decode and digest.
    pub(crate) async fn prepare(
        generator: &Arc<dyn Generator>,
        turns: &Arc<Turns>,
        exchange: Exchange,
        directives: Directives,
    ) -> Result<Self, Problem> {
        let turns = turns.of(exchange.client());
        let (bytes, generator) = (exchange.data_bytes(), Arc::clone(generator));
        let Prepared { keying, work } = heavy(bytes, move || generator.prepare(exchange)).await?;
        Ok(Self {
            keying,
            work,
            turns,
            directives,
        })
    }

    /// A request whose key is known already.
    pub(crate) fn keyed(
        key: Key,
        work: Arc<dyn Work>,
        turns: TurnsOf,
        directives: Directives,
    ) -> Self {
        Self {
            keying: Keying::Key(key),
            work,
            turns,
            directives,
        }
    }

    /// The key; none for a request that the cache takes no part in.
    pub(crate) fn key(&self) -> Option<Key> {
        match self.keying {
            Keying::Key(key) => Some(key),
            Keying::Bypass(_) => None,
        }
    }
}

impl Engine {
    /// The result that is in memory, if the client may have it: no flight, no lock, nothing allocated.
    ///
    /// Counts a hit. A miss is counted by what follows.
    pub(crate) fn look_up(&self, request: &Request) -> Option<Served> {
        let Keying::Key(key) = request.keying else {
            return None;
        };
        self.found(key, request.directives)
    }

    /// The same for a request whose work there is no need to prepare.
    pub(crate) fn found(&self, key: Key, directives: Directives) -> Option<Served> {
        if !self.cache_enabled || directives.no_cache || directives.no_store {
            return None;
        }
        let entry = self.cache().hit_entry_if(&key, |result, info| {
            directives.welcome(result.age(info), info.expires_in)
        })?;
        self.cache.tiers().touch(&key);
        Some(Served::hit(key, entry.value, &entry.info))
    }

    /// Answers a request for which the look-up found nothing; the caller waits as `waiter`.
    ///
    /// Dropping this future is hanging up: what happens to the work then, the waiter knows.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        request: Request,
        waiter: &Waiter,
    ) -> Result<Served, Problem> {
        let directives = request.directives;
        match request.keying.clone() {
            Keying::Bypass(_) if directives.only_if_cached => Err(not_cached()),
            Keying::Bypass(reason) => self.alone(None, &request, reason, waiter).await,
            Keying::Key(key) if directives.only_if_cached => self.stored(key, directives).await,
            Keying::Key(key) if !self.cache_enabled => {
                self.alone(Some(key), &request, BypassReason::SwitchedOff, waiter)
                    .await
            }
            Keying::Key(key) if directives.no_store => {
                self.alone(Some(key), &request, BypassReason::NotStored, waiter)
                    .await
            }
            Keying::Key(key) => self.shared(key, request, waiter).await,
        }
    }

    /// A generation for this caller alone. It stops when the caller hangs up: no other caller could use it.
    async fn alone(
        self: &Arc<Self>,
        key: Option<Key>,
        request: &Request,
        reason: BypassReason,
        waiter: &Waiter,
    ) -> Result<Served, Problem> {
        // Relaxed: a counter orders nothing.
        self.bypasses.fetch_add(1, Ordering::Relaxed);
        waiter.leave_on_purpose();
        let live = LiveBody::new(if waiter.takes_live_bodies() {
            Keeping::windowed(self.window)
        } else {
            self.keeping(None)
        });
        let (work, turns) = (Arc::clone(&request.work), request.turns.clone());
        let generation = Arc::new(Generation::alone(work, turns, &self.stop, live));
        let outcome = Outcome::Bypassed { reason };
        let interest = waiter.take(&generation, outcome.clone(), &Arc::default());
        // A task of its own: a client that reads the body while it grows does not drive the work.
        let made = self
            .tasks
            .spawn(Arc::clone(self).generate(generation))
            .await;
        if let Some(interest) = interest {
            interest.settle();
        }
        match made.unwrap_or(Err(GenerateError::Cancelled)) {
            Ok(made) => Ok(Served {
                key,
                result: made.result,
                outcome,
                expires_in: None,
                age: Duration::ZERO,
            }),
            Err(error) => Err(problem_of(&error)),
        }
    }

    /// The stored result, or the one generation of this key that all callers share.
    async fn shared(
        self: &Arc<Self>,
        key: Key,
        request: Request,
        waiter: &Waiter,
    ) -> Result<Served, Problem> {
        for attempt in 1.. {
            match self.flight(key, &request, waiter).await {
                Ok(answer) => return Ok(Served::of(key, answer)),
                // Others left on purpose and took the generation with them; this caller still wants it.
                Err(error) if self.was_stopped_by_others(&error) && attempt < MAX_ATTEMPTS => {}
                // What broke off was another caller's attempt, and this one has none of its own yet.
                Err(error)
                    if is_interrupted(&error) && !waiter.leads() && attempt < MAX_ATTEMPTS => {}
                Err(error) => return Err(compute_problem(&error)),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Joins the flight of this key, or begins one.
    async fn flight(
        self: &Arc<Self>,
        key: Key,
        request: &Request,
        waiter: &Waiter,
    ) -> Result<Answer<StoredResult>, ComputeError<GenerateError>> {
        let directives = request.directives;
        // For an answer that begins before the flight has told.
        let refused = Arc::new(AtomicBool::new(directives.no_cache));
        let mut asked = self.cache.entry(key);
        if directives.no_cache {
            asked = asked.refresh();
        } else if directives.max_age.is_some() || directives.min_fresh.is_some() {
            let refused = Arc::clone(&refused);
            asked = asked.accept(move |result, info| {
                let welcome = directives.welcome(result.age(info), info.expires_in);
                // Relaxed: it is read by the caller that waits for this.
                refused.fetch_or(!welcome, Ordering::Relaxed);
                welcome
            });
        }
        let mut interest: Option<Interest> = None;
        let generation = || {
            let (work, turns) = (Arc::clone(&request.work), request.turns.clone());
            Arc::new(Generation::shared(work, turns, &self.stop, (self, key)))
        };
        let joined = |generation: &Arc<Generation>, role: Role| {
            let stored = Insertion::Pending.into();
            let outcome = match role {
                Role::Waiter => Outcome::Collapsed { stored },
                _ => Outcome::Computed {
                    stored,
                    refreshed: false,
                },
            };
            if role == Role::Alone {
                // No other caller can use it.
                waiter.leave_on_purpose();
            }
            // The caller has left the flight before, if there was one: that has ended without a result for it.
            if let Some(before) = interest.take() {
                before.settle();
            }
            interest = waiter.take(generation, outcome, &refused);
        };
        let engine = Arc::clone(self);
        let answer = asked
            .side(generation)
            .joined(joined)
            .get_or_try_compute_async(move |generation| async move {
                Ok(engine.generate(generation).await?.computed())
            })
            .await;
        if let Some(interest) = interest {
            interest.settle();
        }
        self.note_tiers();
        answer
    }

    fn was_stopped_by_others(&self, error: &ComputeError<GenerateError>) -> bool {
        let cancelled = match error {
            ComputeError::Failed(error) => matches!(**error, GenerateError::Cancelled),
            ComputeError::Cancelled => true,
            _ => false,
        };
        cancelled && !self.stop.is_cancelled()
    }
}

fn is_interrupted(error: &ComputeError<GenerateError>) -> bool {
    matches!(error, ComputeError::Failed(error) if matches!(**error, GenerateError::Interrupted(_)))
}
