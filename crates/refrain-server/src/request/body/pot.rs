//! The banker's algorithm (Dijkstra, 1965): memory is handed out as bodies come, and only while each could still get all it claims.
//!
//! A claim takes nothing from anybody; what has come is what is held. A body that would leave too little for the others to
//! be completed waits, so bodies never wait for each other in a circle.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::client::Client;
use crate::pace::Meter;

/// Memory of a fixed size that many requests share.
#[derive(Debug, Clone)]
pub(super) struct Pot(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: u64,
    /// What one client may hold with requests that have come in full and wait.
    most_of_client: u64,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By all shares together.
    held: u64,
    growing: BTreeMap<u64, Growing>,
    /// Held by shares that do not grow any more.
    settled: HashMap<Client, u64>,
    next: u64,
}

/// A body that is still coming.
#[derive(Debug)]
struct Growing {
    held: u64,
    claim: u64,
    meter: Option<Meter>,
}

/// What one request holds; it returns when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    pot: Pot,
    client: Client,
    held: u64,
    growing: Option<u64>,
}

impl Pot {
    pub(super) fn new(most: u64) -> Self {
        Self(Arc::new(Shared {
            most,
            most_of_client: most / 2,
            state: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// A share that holds nothing yet and will hold at most `claim`.
    pub(super) fn share(&self, claim: u64, client: Client, meter: Option<Meter>) -> Share {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        let growing = Growing {
            held: 0,
            claim: claim.min(self.0.most),
            meter,
        };
        state.growing.insert(number, growing);
        Share {
            pot: self.clone(),
            client,
            held: 0,
            growing: Some(number),
        }
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> u64 {
        self.lock().held
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether all that grow could be completed one after the other if `number` got `more` now.
    fn is_safe(&self, most: u64, number: u64, more: u64) -> bool {
        let Some(free) = most.checked_sub(self.held.saturating_add(more)) else {
            return false;
        };
        let mut rest: Vec<(u64, u64)> = self
            .growing
            .iter()
            .map(|(&other, body)| {
                let held = body.held + if other == number { more } else { 0 };
                (body.claim.saturating_sub(held), held)
            })
            .collect();
        // The one that needs least is completed first; what is settled already comes back by itself.
        rest.sort_unstable();
        let of_growing: u64 = rest.iter().map(|(_, held)| held).sum();
        let settled = (self.held + more).saturating_sub(of_growing);
        let mut free = free + settled;
        rest.into_iter().all(|(needed, held)| {
            let is_possible = needed <= free;
            free += held;
            is_possible
        })
    }

    fn settled_of(&self, client: Client) -> u64 {
        self.settled.get(&client).copied().unwrap_or_default()
    }
}

impl Share {
    pub(super) fn client(&self) -> Client {
        self.client
    }

    /// Holds `bytes` in all, up to the claim; waits for others within `patience`. False if that was not enough.
    pub(super) async fn grow_to(&mut self, bytes: u64, patience: Duration) -> bool {
        if self.try_grow_to(bytes) {
            return true;
        }
        let pot = self.pot.clone();
        let grown = async {
            loop {
                let freed = pot.0.freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();
                if self.try_grow_to(bytes) {
                    return;
                }
                // Others wait for what they hold: whatever is slow is to be quick from now on.
                for body in pot.lock().growing.values() {
                    body.meter.iter().for_each(Meter::hurry);
                }
                freed.await;
            }
        };
        tokio::time::timeout(patience, grown).await.is_ok()
    }

    fn try_grow_to(&mut self, bytes: u64) -> bool {
        let Some(number) = self.growing else {
            return bytes <= self.held;
        };
        let Shared {
            most,
            most_of_client,
            ..
        } = *self.pot.0;
        let mut state = self.pot.lock();
        let claim = state.growing.get(&number).map_or(0, |body| body.claim);
        let more = bytes.min(claim).saturating_sub(self.held);
        if more == 0 {
            return true;
        }
        if state.settled_of(self.client) > most_of_client || !state.is_safe(most, number, more) {
            return false;
        }
        state.held += more;
        self.held += more;
        if let Some(body) = state.growing.get_mut(&number) {
            body.held += more;
        }
        true
    }

    /// The body has come in full: nothing more is claimed.
    pub(super) fn settle(&mut self) {
        if let Some(number) = self.growing.take() {
            let mut state = self.pot.lock();
            state.growing.remove(&number);
            *state.settled.entry(self.client).or_default() += self.held;
            drop(state);
            self.pot.0.freed.notify_waiters();
        }
    }

    /// Holds `more` beyond the claim, up to all there is: at once or not at all, since waiting for more while holding
    /// some could go on for ever.
    pub(super) fn try_add(&mut self, more: u64) -> bool {
        self.settle();
        let most = self.pot.0.most;
        let mut state = self.pot.lock();
        let more = more.min(most.saturating_sub(self.held));
        // Bodies that come are not to be stuck for it.
        if !state.is_safe(most, u64::MAX, more) {
            return false;
        }
        state.held += more;
        *state.settled.entry(self.client).or_default() += more;
        self.held += more;
        true
    }

    /// Gives back what is not needed any more.
    pub(super) fn shrink_to(&mut self, bytes: u64) {
        self.settle();
        drop(self.split(self.held.saturating_sub(bytes)));
    }

    /// Takes out a share of its own of `bytes`, or what is left.
    pub(super) fn split(&mut self, bytes: u64) -> Self {
        self.settle();
        let held = bytes.min(self.held);
        self.held -= held;
        Self {
            pot: self.pot.clone(),
            client: self.client,
            held,
            growing: None,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.pot.lock();
        state.held -= self.held;
        if let Some(number) = self.growing {
            state.growing.remove(&number);
        } else {
            let left = state.settled_of(self.client).saturating_sub(self.held);
            if left > 0 {
                state.settled.insert(self.client, left);
            } else {
                state.settled.remove(&self.client);
            }
        }
        drop(state);
        self.pot.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEVER: Duration = Duration::ZERO;
    const SOON: Duration = Duration::from_secs(1);

    fn share(pot: &Pot, claim: u64) -> Share {
        pot.share(claim, Client::default(), None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_takes_nothing_from_others() {
        let pot = Pot::new(100);
        let _claims: Vec<_> = (0..50).map(|_| share(&pot, 100)).collect();
        let mut body = share(&pot, 100);
        assert!(body.grow_to(100, NEVER).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_would_leave_too_little_for_the_others_waits_until_they_are_complete() {
        let pot = Pot::new(100);
        let (mut one, mut two) = (share(&pot, 80), share(&pot, 80));
        assert!(one.grow_to(40, NEVER).await);
        assert!(!two.grow_to(40, NEVER).await, "then neither could get 80");
        assert!(two.grow_to(20, NEVER).await);
        assert!(one.grow_to(80, NEVER).await);
        let (waited, ()) = tokio::join!(two.grow_to(80, SOON), async {
            one.settle();
            drop(one);
        });
        assert!(waited);
        assert_eq!(pot.held(), 80);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_whose_requests_wait_leaves_half_to_others() {
        let pot = Pot::new(100);
        let mut queued = share(&pot, 60);
        assert!(queued.grow_to(60, NEVER).await);
        queued.settle();
        let mut of_same = share(&pot, 10);
        assert!(!of_same.grow_to(10, NEVER).await);
        let other = Client::of("192.0.2.1".parse().unwrap(), &axum::http::HeaderMap::new());
        let mut of_other = pot.share(10, other, None);
        assert!(of_other.grow_to(10, NEVER).await);
    }

    #[tokio::test]
    async fn what_is_added_later_is_had_at_once_or_not_at_all() {
        let pot = Pot::new(100);
        let (mut one, mut two) = (share(&pot, 40), share(&pot, 60));
        assert!(one.grow_to(40, NEVER).await && two.grow_to(10, NEVER).await);
        assert!(!one.try_add(60), "the other holds 10");
        assert!(
            one.try_add(20),
            "which comes back before the other needs it"
        );
        drop(two);
        assert!(one.try_add(1000), "more than there is is all there is");
        assert_eq!(pot.held(), 100);
        one.shrink_to(10);
        assert_eq!(pot.held(), 10);
        let part = one.split(4);
        drop(one);
        assert_eq!(pot.held(), 4);
        drop(part);
        assert_eq!(pot.held(), 0);
    }

    proptest! {
        /// Whatever order bodies grow in, never more is held than there is, and all that keep growing are completed.
        #[test]
        fn bodies_never_wait_for_each_other_in_a_circle(
            claims in prop::collection::vec(1u64..100, 1..12),
            order in prop::collection::vec((0usize..12, 1u64..40), 0..200),
        ) {
            let pot = Pot::new(100);
            let mut shares: Vec<_> = claims.iter().map(|claim| share(&pot, *claim)).collect();
            for (index, more) in order {
                let index = index % shares.len();
                let wanted = shares[index].held + more;
                shares[index].try_grow_to(wanted);
                prop_assert!(pot.held() <= 100);
            }
            while !shares.is_empty() {
                let done = shares.iter_mut().zip(&claims).position(|(share, _)| share.try_grow_to(u64::MAX));
                prop_assert!(done.is_some(), "stuck");
                drop(shares.swap_remove(done.unwrap_or_default()));
            }
            prop_assert_eq!(pot.held(), 0);
        }
    }
}
