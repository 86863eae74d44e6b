//! The reasons for which a request goes past the cache, in the words of `Cache-Status`.

use std::fmt;

/// Why a request goes past the cache.
///
/// ```
/// use refrain_route::Bypass;
///
/// assert_eq!(Bypass::Random.to_string(), "the answer is random");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bypass {
    /// Its answer is random, and the route lets it pass.
    Random,
    /// It is one of those that are never cached, for the condition at this place.
    Never(String),
    /// A name that an object has twice, or a field that a form has twice; readers disagree on what that means.
    DuplicateName(String),
    /// The body is not what the route expects.
    Body(&'static str),
    /// This part cannot be keyed, for this reason.
    Unkeyable {
        /// The part.
        at: String,
        /// Why.
        why: String,
    },
    /// The body is compressed, so that nothing is known of it.
    Encoded,
}

impl fmt::Display for Bypass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("the answer is random"),
            Self::Never(at) => write!(f, "never cached because of {at}"),
            Self::DuplicateName(at) if at.is_empty() => f.write_str("duplicate name"),
            Self::DuplicateName(at) => write!(f, "duplicate name {}", plain(at)),
            Self::Body(why) => f.write_str(why),
            Self::Unkeyable { at, .. } => write!(f, "{} cannot be keyed", plain(at)),
            Self::Encoded => f.write_str("the body is compressed"),
        }
    }
}

/// A name that a client has chosen, as it may stand in a header: short, printable, without quotes.
fn plain(name: &str) -> String {
    const LONGEST: usize = 100;
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\');
    let characters = name.chars().take(LONGEST);
    characters
        .map(|c| if is_plain(c) { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_named_can_stand_in_a_header() {
        let bypass = Bypass::DuplicateName("a\r\nx: \"\\é".repeat(100));
        let told = bypass.to_string();
        assert!(
            told.starts_with("duplicate name a??x: ???a") && told.len() < 120,
            "{told}"
        );
    }
}
