//! Volatile fields: what a hit renews in a stored answer, so that clients and their logs do not take it for a duplicate.
//!
//! A new value is as long as the old one and of the same alphabet: lengths, frames and `Content-Length` stay. Ids that
//! clients send back in their next request are never volatile: a new one would change the key of that request.

use crate::language::{Section, Value};
use crate::pattern::Pattern;

mod renewal;
mod time;

pub use renewal::{Occasion, Renewal, StreamReplay};

/// What is renewed in each answer from the cache.
///
/// ```
/// use refrain_route::Volatile;
///
/// assert!(Volatile::default().is_nothing());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volatile {
    /// Places of the JSON body, or of each frame, and what becomes of them.
    pub fields: Vec<(Pattern, Fresh)>,
    /// Whether answers are replayed to the byte instead, headers included.
    pub verbatim: bool,
}

/// What becomes of a volatile field.
///
/// ```
/// assert_ne!(refrain_route::Fresh::Renew, refrain_route::Fresh::Now);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fresh {
    /// A new id of the same form; the same one wherever the old one stood.
    Renew,
    /// The time of the answer, in the form of the old one.
    Now,
    /// The old number and one for each answer since.
    Next,
}

impl Volatile {
    /// Whether an answer is replayed as it was stored.
    pub fn is_nothing(&self) -> bool {
        self.verbatim || self.fields.is_empty()
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let verbatim = section.word("replay", &["renewed", "verbatim"]) == Some(1);
        let mut fields = Vec::new();
        for (name, place, node) in section.named() {
            if name == "replay" {
                continue;
            }
            let pattern = match name.parse::<Pattern>() {
                Ok(pattern) => pattern,
                Err(error) => {
                    section.mistakes().add(
                        place,
                        format!(
                            "{} has pointers into the answer, or `replay`: {error}",
                            section.title()
                        ),
                    );
                    continue;
                }
            };
            let fresh = match &node.value {
                Value::Text(word) if word == "renew" => Fresh::Renew,
                Value::Text(word) if word == "now" => Fresh::Now,
                Value::Text(word) if word == "next" => Fresh::Next,
                Value::Text(word) if word == "keep" => continue,
                _ => {
                    section.expected(name, node, "`renew`, `now`, `next` or `keep`");
                    continue;
                }
            };
            fields.push((pattern, fresh));
        }
        Self { fields, verbatim }
    }
}
