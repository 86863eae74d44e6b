//! A result on its way to a client, and how it came to be.

use std::time::Duration;

use refrain::{Answer, EntryInfo, Outcome};
use utoipa::openapi::{Object, ObjectBuilder, Type};

use super::result::StoredResult;
use crate::Key;

/// A result and how it came to be.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// None for a request that the cache takes no part in.
    pub(crate) key: Option<Key>,
    pub(crate) result: StoredResult,
    pub(crate) outcome: Outcome,
    /// How much longer it is fresh; `None` is for ever.
    pub(crate) expires_in: Option<Duration>,
    /// Time since it was generated.
    pub(crate) age: Duration,
}

impl Served {
    pub(crate) fn hit(key: Key, result: StoredResult, info: &EntryInfo) -> Self {
        Self {
            age: result.age(info),
            key: Some(key),
            result,
            outcome: Outcome::Hit,
            expires_in: info.expires_in,
        }
    }

    pub(crate) fn of(key: Key, answer: Answer<StoredResult>) -> Self {
        Self {
            outcome: answer.outcome,
            ..Self::hit(key, answer.value, &answer.info)
        }
    }

    /// The key under which it can be fetched now.
    pub(crate) fn stored_under(&self) -> Option<Key> {
        self.key.filter(|_| self.outcome.is_kept())
    }
}

/// The words of [`Outcome::word`], as documents describe them.
pub(crate) fn words() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["hit", "miss", "collapsed"]))
        .description(Some(
            "How the result came to be: it was stored, was generated for this request, or for another one that came earlier",
        ))
        .build()
}
