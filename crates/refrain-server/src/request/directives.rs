//! What a client asks of the cache: `Cache-Control` in requests (RFC 9111, section 5.2.1).
//!
//! A client can only be stricter than the server: nothing here makes the cache answer with what it otherwise would
//! not. So `max-stale` changes nothing, and a limit that cannot be read counts as zero.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;

/// The directives of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Directives {
    /// Do not answer from the cache; store what is generated.
    pub(crate) no_cache: bool,
    /// Neither answer from the cache nor store or share what is generated.
    pub(crate) no_store: bool,
    /// Do not generate.
    pub(crate) only_if_cached: bool,
    /// Oldest result that is welcome.
    pub(crate) max_age: Option<Duration>,
    /// How long the result must still be fresh.
    pub(crate) min_fresh: Option<Duration>,
}

impl Directives {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            for directive in value.to_str().unwrap_or_default().split(',') {
                read.apply(directive);
            }
        }
        read
    }

    fn apply(&mut self, directive: &str) {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-cache" => self.no_cache = true,
            "no-store" => self.no_store = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => {
                let limit = seconds(argument).unwrap_or(Duration::ZERO);
                self.max_age = Some(self.max_age.map_or(limit, |other| other.min(limit)));
            }
            "min-fresh" => {
                let limit = seconds(argument).unwrap_or(Duration::MAX);
                self.min_fresh = Some(self.min_fresh.map_or(limit, |other| other.max(limit)));
            }
            _ => {}
        }
    }

    /// Whether a stored result of this age and remaining life is welcome.
    pub(crate) fn welcome(&self, age: Duration, expires_in: Option<Duration>) -> bool {
        // Ages are told in whole seconds, and `max-age=0` must not depend on the milliseconds since.
        let young = self
            .max_age
            .is_none_or(|limit| age < limit || (age == limit && !limit.is_zero()));
        let lasting = self
            .min_fresh
            .is_none_or(|limit| expires_in.is_none_or(|left| left >= limit));
        !self.no_cache && !self.no_store && young && lasting
    }
}

/// Whole seconds; a number too large to hold is for ever (RFC 9111, section 1.2.2).
fn seconds(argument: &str) -> Option<Duration> {
    let digits = argument.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Directives {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, value.parse().unwrap());
        Directives::read(&headers)
    }

    #[test]
    fn directives_are_read_in_any_case_and_spacing() {
        let read = read("No-Cache ,max-age = \"60\", min-fresh=5,foo, only-if-cached");
        assert!(read.no_cache && read.only_if_cached && !read.no_store);
        assert_eq!(read.max_age, Some(Duration::from_secs(60)));
        assert_eq!(read.min_fresh, Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_stricter_of_two_limits_counts_and_an_unreadable_one_is_the_strictest() {
        assert_eq!(
            read("max-age=9, max-age=3").max_age,
            Some(Duration::from_secs(3))
        );
        assert_eq!(read("max-age=-1").max_age, Some(Duration::ZERO));
        assert_eq!(read("min-fresh").min_fresh, Some(Duration::MAX));
        assert_eq!(
            read("max-age=99999999999999999999").max_age,
            Some(Duration::from_secs(u64::MAX))
        );
    }

    #[test]
    fn max_stale_loosens_nothing() {
        assert_eq!(read("max-stale=100"), Directives::default());
    }
}
