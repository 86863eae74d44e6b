//! Stale answers on purpose (RFC 5861): while a new one is generated, and when the origin fails.
//!
//! An entry is kept for its time to live and a window behind it, in which it is stale. To the cache below it is fresh all the
//! time: here it is told apart by how much of its life is left.

use std::time::Duration;

use axum::http::HeaderValue;
use refrain_route::CachePolicy;

use crate::Problem;
use crate::engine::outcome::Served;
use crate::request::directives::Directives;

/// How long results of one route are fresh, and what they may be used for behind that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Staleness {
    while_revalidate: Duration,
    if_error: Duration,
}

impl Staleness {
    pub(super) fn of(policy: &CachePolicy) -> Self {
        Self {
            while_revalidate: policy.stale_while_revalidate.unwrap_or_default(),
            if_error: policy.stale_if_error.unwrap_or_default(),
        }
    }

    fn window(self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }

    /// How long a result is kept whose route says how long it is fresh, or does not; `usual` is the cache's own time.
    ///
    /// `None` leaves it to the cache.
    pub(super) fn kept_for(
        self,
        of_route: Option<Duration>,
        usual: Option<Duration>,
    ) -> Option<Duration> {
        if self.window().is_zero() {
            return of_route;
        }
        let fresh_for = of_route.or(usual)?;
        Some(fresh_for.saturating_add(self.window()))
    }

    /// What the client asks for, and that the result is fresh.
    pub(super) fn fresh(self, directives: Directives) -> Directives {
        if self.window().is_zero() {
            return directives;
        }
        let fresher = directives.min_fresh.unwrap_or_default();
        Directives {
            min_fresh: Some(fresher.saturating_add(self.window())),
            ..directives
        }
    }

    /// The same result with what is left of its freshness.
    pub(super) fn told(self, mut served: Served) -> Served {
        if let Some(left) = &mut served.expires_in {
            *left = left.saturating_sub(self.window());
        }
        served
    }

    /// Whether a stale result may be used at all: a client that says how fresh it wants one does not want this.
    pub(super) fn may_be_used(self, directives: Directives) -> bool {
        let is_open = directives.max_age.is_none() && directives.min_fresh.is_none();
        is_open && !directives.no_cache && !self.window().is_zero()
    }

    /// For how long this result has been stale.
    pub(super) fn of_result(self, served: &Served) -> Duration {
        let left = served.expires_in.unwrap_or(Duration::MAX);
        self.window().saturating_sub(left)
    }

    /// Whether it is answered while a new one is generated.
    pub(super) fn serves_meanwhile(self, served: &Served) -> bool {
        self.of_result(served) <= self.while_revalidate
    }

    /// Whether it is answered in the place of this error.
    pub(super) fn serves_instead_of(self, problem: &Problem, served: &Served) -> bool {
        let is_failure = matches!(problem.status().as_u16(), 500 | 502..=504);
        is_failure && self.of_result(served) <= self.if_error
    }
}

/// `Cache-Status` of a result that has been stale for so long.
pub(super) fn cache_status(stale_for: Duration, detail: &str) -> HeaderValue {
    let text = format!(
        "refrain; hit; ttl=-{}; detail=\"{detail}\"",
        stale_for.as_secs()
    );
    HeaderValue::try_from(text).expect("it is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_behind_the_freshness_and_clients_do_not_see_it_as_such() {
        let seconds = Duration::from_secs;
        let stale = Staleness {
            while_revalidate: seconds(10),
            if_error: seconds(60),
        };
        let (five, six) = (Some(seconds(5)), Some(seconds(6)));
        assert_eq!(stale.kept_for(five, six), Some(seconds(65)));
        assert_eq!(stale.kept_for(None, six), Some(seconds(66)));
        assert_eq!(stale.kept_for(None, None), None);
        assert_eq!(
            stale.fresh(Directives::default()).min_fresh,
            Some(seconds(60))
        );
        assert!(stale.may_be_used(Directives::default()));
        let strict = Directives {
            max_age: Some(seconds(1)),
            ..Directives::default()
        };
        assert!(!stale.may_be_used(strict));
        let none = Staleness {
            while_revalidate: seconds(0),
            if_error: seconds(0),
        };
        assert_eq!(none.kept_for(None, six), None, "the cache knows");
        assert_eq!(none.fresh(strict), strict);
        assert!(!none.may_be_used(Directives::default()));
    }
}
