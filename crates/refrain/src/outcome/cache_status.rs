//! `Cache-Status` (RFC 9211): the one mapping of outcomes to its registered words.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::{BypassReason, Insertion, Outcome, Stored};

/// A header should stay short, whatever a rule is called.
const LONGEST_DETAIL: usize = 100;

impl Outcome {
    /// The value of `Cache-Status` for an answer that came to be like this, from the cache of this name. `expires_in` is how
    /// much longer a stored value is fresh, as in [`EntryInfo`](crate::EntryInfo).
    ///
    /// The registered words say where the answer comes from; what has none is in `detail`.
    /// A `cache` that is no token of a header (letters, digits, `-`, `_`, `.`) is written as a quoted string.
    ///
    /// ```
    /// use refrain::{Insertion, Outcome, Stored, TierName};
    /// use std::time::Duration;
    ///
    /// let hit = Outcome::Hit.cache_status("refrain", Some(Duration::from_secs(60)));
    /// assert_eq!(hit, "refrain; hit; ttl=60");
    /// let stored = Stored::in_memory(Insertion::Overweight).and_in([TierName::new("disk")]);
    /// let computed = Outcome::Computed { stored, refreshed: false };
    /// assert_eq!(computed.cache_status("refrain", None), "refrain; fwd=miss; stored; detail=\"on disk\"");
    /// ```
    pub fn cache_status(&self, cache: &str, expires_in: Option<Duration>) -> String {
        let mut text = String::with_capacity(64);
        // A string takes all that is written.
        let _ = self.write_cache_status(&mut text, cache, expires_in);
        text
    }

    fn write_cache_status(
        &self,
        text: &mut String,
        cache: &str,
        expires_in: Option<Duration>,
    ) -> fmt::Result {
        write_name(text, cache)?;
        match self {
            Self::Hit | Self::Loaded { .. } => {
                text.write_str("; hit")?;
                match expires_in {
                    Some(left) => write!(text, "; ttl={}", left.as_secs()),
                    None => Ok(()),
                }
            }
            Self::Computed { stored, refreshed } => {
                text.write_str(if *refreshed {
                    "; fwd=request"
                } else {
                    "; fwd=miss"
                })?;
                write_fate(text, stored)
            }
            Self::Collapsed { stored } => {
                text.write_str("; fwd=miss; collapsed")?;
                // Whether it was stored is the leader's to tell; a waiter only tells why not.
                if stored.is_anywhere() {
                    return Ok(());
                }
                write_fate(text, stored)
            }
            Self::Bypassed {
                reason: BypassReason::NotStored | BypassReason::Unwelcome,
            } => text.write_str("; fwd=request"),
            Self::Bypassed { reason } => {
                text.write_str("; fwd=bypass")?;
                write_detail(text, reason.as_str())
            }
        }
    }
}

/// A token as it is, and anything else as a quoted string (RFC 8941, section 3.3).
fn write_name(text: &mut String, name: &str) -> fmt::Result {
    let is_token = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && (name.chars()).all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if is_token {
        text.write_str(name)
    } else {
        write_quoted(text, name)
    }
}

fn write_fate(text: &mut String, stored: &Stored) -> fmt::Result {
    if stored.is_anywhere() {
        text.write_str("; stored")?;
        // These survive a restart, and a power cut.
        let names: Vec<_> = stored.below().iter().map(|tier| tier.as_str()).collect();
        return if names.is_empty() {
            Ok(())
        } else {
            write_detail(text, &format!("on {}", names.join(" and ")))
        };
    }
    let why_not = match stored.memory() {
        Insertion::Pending => return Ok(()),
        Insertion::Overweight => "larger than the cache",
        Insertion::Declined => "not worth its place",
        Insertion::Invalidated => "invalidated meanwhile",
        Insertion::Expired => "no time to live",
        Insertion::Stored | Insertion::NotAsked => "not to be stored",
    };
    write_detail(text, why_not)
}

fn write_detail(text: &mut String, detail: &str) -> fmt::Result {
    text.write_str("; detail=")?;
    write_quoted(text, detail)
}

/// A string of a structured header; what that cannot carry is replaced.
fn write_quoted(text: &mut String, words: &str) -> fmt::Result {
    text.write_char('"')?;
    for character in words.chars().take(LONGEST_DETAIL) {
        text.write_char(match character {
            '"' | '\\' => '\'',
            ' '..='~' => character,
            _ => ' ',
        })?;
    }
    text.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::TierName;

    #[test]
    fn every_outcome_has_its_registered_words() {
        let disk = TierName::new("disk");
        let computed = |stored, refreshed| Outcome::Computed { stored, refreshed };
        let in_memory = Stored::in_memory;
        let below = |memory| in_memory(memory).and_in([disk]);
        let bypassed = |reason| Outcome::Bypassed { reason };
        let collapsed = |stored| Outcome::Collapsed { stored };
        for (outcome, value) in [
            (Outcome::Hit, "hit; ttl=86399"),
            (
                Outcome::Loaded {
                    tier: disk,
                    collapsed: true,
                },
                "hit; ttl=86399",
            ),
            (
                computed(in_memory(Insertion::Stored), false),
                "fwd=miss; stored",
            ),
            (
                computed(below(Insertion::Stored), false),
                "fwd=miss; stored; detail=\"on disk\"",
            ),
            (
                computed(below(Insertion::Declined), false),
                "fwd=miss; stored; detail=\"on disk\"",
            ),
            (
                computed(
                    below(Insertion::Stored).and_in([disk, TierName::new("shared")]),
                    true,
                ),
                "fwd=request; stored; detail=\"on disk and shared\"",
            ),
            (
                computed(in_memory(Insertion::Overweight), false),
                "fwd=miss; detail=\"larger than the cache\"",
            ),
            (
                computed(in_memory(Insertion::Declined), false),
                "fwd=miss; detail=\"not worth its place\"",
            ),
            (
                computed(in_memory(Insertion::Invalidated), true),
                "fwd=request; detail=\"invalidated meanwhile\"",
            ),
            (
                computed(in_memory(Insertion::Expired), false),
                "fwd=miss; detail=\"no time to live\"",
            ),
            (
                computed(in_memory(Insertion::NotAsked), false),
                "fwd=miss; detail=\"not to be stored\"",
            ),
            (computed(in_memory(Insertion::Pending), true), "fwd=request"),
            (collapsed(below(Insertion::Stored)), "fwd=miss; collapsed"),
            (
                collapsed(in_memory(Insertion::Pending)),
                "fwd=miss; collapsed",
            ),
            (
                collapsed(in_memory(Insertion::Overweight)),
                "fwd=miss; collapsed; detail=\"larger than the cache\"",
            ),
            (bypassed(BypassReason::NotStored), "fwd=request"),
            (bypassed(BypassReason::Unwelcome), "fwd=request"),
            (
                bypassed(BypassReason::SwitchedOff),
                "fwd=bypass; detail=\"DISABLE_RESULT_CACHE\"",
            ),
            (
                bypassed(BypassReason::new("a \"quote\"\n")),
                "fwd=bypass; detail=\"a 'quote' \"",
            ),
        ] {
            let left = Some(Duration::from_millis(86_399_900));
            let told = outcome.cache_status("refrain", left);
            assert_eq!(told, format!("refrain; {value}"));
        }
        assert_eq!(Outcome::Hit.cache_status("refrain", None), "refrain; hit");
    }

    #[test]
    fn a_name_that_is_no_token_is_quoted_and_a_long_detail_cut() {
        assert_eq!(
            Outcome::Hit.cache_status("two words", None),
            "\"two words\"; hit"
        );
        assert_eq!(Outcome::Hit.cache_status("", None), "\"\"; hit");
        let reason = BypassReason::new("é".repeat(1000));
        let told = Outcome::Bypassed { reason }.cache_status("refrain", None);
        assert!(told.is_ascii() && told.len() < 200, "{told}");
    }
}
