//! How a client wants to wait: `Prefer` (RFC 7240).

use std::time::Duration;

use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preferences of one request that this server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Preferences {
    /// A job instead of a result that takes long.
    respond_async: bool,
    /// How long the client would wait for the result itself.
    wait: Option<Duration>,
}

impl Preferences {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        for value in headers.get_all(PREFER) {
            for preference in value.to_str().unwrap_or_default().split(',') {
                read.apply(preference);
            }
        }
        read
    }

    fn apply(&mut self, preference: &str) {
        // What follows a `;` are parameters, and these preferences have none.
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "respond-async" => self.respond_async = true,
            // The first of two counts; one that is not a number is ignored (RFC 7240, section 2).
            "wait" => {
                let seconds = value.trim().trim_matches('"').parse().ok();
                self.wait = self.wait.or(seconds.map(Duration::from_secs));
            }
            _ => {}
        }
    }

    /// How long to wait before the answer becomes a job; `None` is for as long as it takes.
    pub(crate) fn patience(self) -> Option<Duration> {
        match self.wait {
            Some(wait) => Some(wait),
            None => self.respond_async.then_some(Duration::ZERO),
        }
    }

    /// Value of `Preference-Applied`, when something was preferred.
    pub(crate) fn applied(self) -> Option<HeaderValue> {
        let wait = self.wait.map(|wait| format!("wait={}", wait.as_secs()));
        let respond_async = self.respond_async.then(|| "respond-async".to_owned());
        let applied: Vec<_> = respond_async.into_iter().chain(wait).collect();
        HeaderValue::try_from(applied.join(", "))
            .ok()
            .filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Preferences {
        let mut headers = HeaderMap::new();
        headers.insert(PREFER, value.parse().unwrap());
        Preferences::read(&headers)
    }

    #[test]
    fn an_asynchronous_answer_is_given_at_once_or_after_the_wait() {
        assert_eq!(read("respond-async").patience(), Some(Duration::ZERO));
        assert_eq!(
            read("respond-async, wait=10").patience(),
            Some(Duration::from_secs(10))
        );
        assert_eq!(read("WAIT=\"3\"").patience(), Some(Duration::from_secs(3)));
        assert_eq!(read("return=minimal, wait=soon").patience(), None);
    }

    #[test]
    fn what_was_preferred_is_told() {
        assert_eq!(
            read("wait=4, respond-async").applied().unwrap(),
            "respond-async, wait=4"
        );
        assert_eq!(read("handling=lenient").applied(), None);
    }
}
