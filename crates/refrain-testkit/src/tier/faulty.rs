//! A tier between a test and another tier, which does to each operation what a script says.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use refrain::tier::{
    Body, BoxFuture, Ticket, Tier, TierDescription, TierEntry, TierError, TierHealth,
};
use refrain::{Insertion, Key};

use super::memory::PiecewiseBody;

/// What happens to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing unusual.
    None,
    /// It is pending for so many polls, and then done.
    Slow(u32),
    /// It fails, and nothing is done.
    Fails,
    /// It is done, and fails.
    FailsAfterwards,
    /// It fails as it would every time.
    Refuses,
    /// It never answers, and nothing is done.
    Hangs,
    /// It is done, and never answers.
    HangsAfterwards,
    /// It answers late: when [`Faults::release`] is called.
    Late,
    /// The call panics.
    Panics,
    /// The future panics.
    PanicsLater,
    /// What is loaded is a body that breaks off in the middle; other operations fail.
    BreaksOff,
    /// What is loaded is a body with a wrong byte and the right digest; other operations fail.
    WrongByte,
}

/// The script of a faulty tier. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<Fault>,
    /// What happens when the script has ended.
    then: Option<Fault>,
    released: bool,
    /// Of the callers that wait for the release.
    wakers: Vec<Waker>,
    operations: u64,
}

impl Faults {
    /// One more fault, after those that are to come.
    pub fn push(&self, fault: Fault) {
        self.lock().next.push_back(fault);
    }

    /// What happens to all operations for which nothing else is said.
    pub fn always(&self, fault: Fault) {
        self.lock().then = Some(fault);
    }

    /// All is well from now on, and what is late answers.
    pub fn release(&self) {
        let mut script = self.lock();
        script.next.clear();
        script.then = None;
        script.released = true;
        let wakers = std::mem::take(&mut script.wakers);
        drop(script);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// What is late from now on waits for the next release.
    pub fn hold(&self) {
        self.lock().released = false;
    }

    /// How many operations the tier has been asked.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    fn take(&self) -> Fault {
        let mut script = self.lock();
        script.operations += 1;
        let then = script.then.unwrap_or(Fault::None);
        script.next.pop_front().unwrap_or(then)
    }

    fn released(&self, context: &Context<'_>) -> Poll<()> {
        let mut script = self.lock();
        if script.released {
            return Poll::Ready(());
        }
        script.wakers.push(context.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tier that does what its script says.
///
/// ```
/// use refrain::tier::Tier;
/// use refrain::{Clock, Key, block_on};
/// use refrain_testkit::tier::{Fault, FaultyTier, MemoryTier};
///
/// let (tier, faults) = FaultyTier::new(Box::new(MemoryTier::new(&Clock::monotonic())));
/// faults.push(Fault::Fails);
/// assert!(block_on(tier.load(Key::from_bytes([7; 32]))).is_err());
/// assert!(block_on(tier.load(Key::from_bytes([7; 32]))).unwrap().is_none());
/// ```
#[derive(Debug)]
pub struct FaultyTier {
    inner: Box<dyn Tier>,
    faults: Faults,
}

impl FaultyTier {
    /// A tier in front of `inner`, and its script, which is empty.
    pub fn new(inner: Box<dyn Tier>) -> (Self, Faults) {
        let faults = Faults::default();
        let script = faults.clone();
        (Self { inner, faults }, script)
    }

    fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&dyn Tier) -> BoxFuture<Result<T, TierError>>,
    ) -> BoxFuture<Result<T, TierError>> {
        let fault = self.faults.take();
        self.run_with(fault, operation)
    }

    fn run_with<T: Send + 'static>(
        &self,
        fault: Fault,
        operation: impl FnOnce(&dyn Tier) -> BoxFuture<Result<T, TierError>>,
    ) -> BoxFuture<Result<T, TierError>> {
        let fails = || TierError::failed("as the script says");
        match fault {
            Fault::None => operation(&*self.inner),
            Fault::Slow(polls) => {
                let done = lazily(operation, &*self.inner);
                Box::pin(async move {
                    wait(polls).await;
                    done.await
                })
            }
            Fault::Fails | Fault::BreaksOff | Fault::WrongByte => {
                Box::pin(async move { Err(fails()) })
            }
            Fault::FailsAfterwards => {
                let done = operation(&*self.inner);
                Box::pin(async move {
                    let _ = done.await;
                    Err(fails())
                })
            }
            Fault::Refuses => {
                Box::pin(async { Err(TierError::permanent("as the script says, every time")) })
            }
            Fault::Hangs => Box::pin(std::future::pending()),
            Fault::HangsAfterwards => {
                let done = operation(&*self.inner);
                Box::pin(async move {
                    let _ = done.await;
                    std::future::pending().await
                })
            }
            Fault::Late => {
                let (done, faults) = (lazily(operation, &*self.inner), self.faults.clone());
                Box::pin(async move {
                    poll_fn(|context| faults.released(context)).await;
                    done.await
                })
            }
            Fault::Panics => panic!("as the script says"),
            Fault::PanicsLater => Box::pin(async { panic!("as the script says, later") }),
        }
    }
}

/// The operation, begun now and awaited later.
fn lazily<T: Send + 'static>(
    operation: impl FnOnce(&dyn Tier) -> BoxFuture<Result<T, TierError>>,
    tier: &dyn Tier,
) -> Pin<Box<dyn Future<Output = Result<T, TierError>> + Send>> {
    operation(tier)
}

/// Pending for so many polls.
async fn wait(mut polls: u32) {
    poll_fn(move |context| {
        if polls == 0 {
            return Poll::Ready(());
        }
        polls -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The body of an entry with something done to it.
async fn spoilt(
    entry: BoxFuture<Result<Option<TierEntry>, TierError>>,
    spoil: impl FnOnce(PiecewiseBody, u64) -> PiecewiseBody,
) -> Result<Option<TierEntry>, TierError> {
    let Some(mut entry) = entry.await? else {
        return Ok(None);
    };
    let bytes: Bytes = entry.body.read_all().await?;
    let half = bytes.len() as u64 / 2;
    let piece = bytes.len().div_ceil(4);
    entry.body = Body::source(Arc::new(spoil(PiecewiseBody::new(bytes, piece), half)));
    Ok(Some(entry))
}

impl Tier for FaultyTier {
    fn describe(&self) -> TierDescription {
        self.inner.describe()
    }

    fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
        match self.faults.take() {
            Fault::BreaksOff => Box::pin(spoilt(self.inner.load(key), PiecewiseBody::breaking_at)),
            Fault::WrongByte => Box::pin(spoilt(self.inner.load(key), PiecewiseBody::wrong_at)),
            fault => self.run_with(fault, |tier| tier.load(key)),
        }
    }

    fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
    ) -> BoxFuture<Result<Insertion, TierError>> {
        self.run(|tier| tier.store(key, entry, valid))
    }

    fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>> {
        self.run(|tier| tier.invalidate(key))
    }

    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
        self.run(|tier| tier.invalidate_tag(tag))
    }

    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
        self.run(Tier::invalidate_all)
    }

    fn touch(&self, key: &Key) {
        self.inner.touch(key);
    }

    fn contains(&self, key: &Key) -> Option<bool> {
        self.inner.contains(key)
    }

    fn health(&self) -> TierHealth {
        self.inner.health()
    }
}
