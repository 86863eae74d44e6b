use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::AdminToken;

/// A setting's value after it was checked.
///
/// It is shown as a user would write it, but for a token, which is shown as `[redacted]`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A whole number.
    Whole(u64),
    /// A number with a fraction.
    Number(f64),
    /// The word that may stand in the place of a number.
    Word(&'static str),
    /// An address to listen on.
    Address(IpAddr),
    /// Free text, or one of several words.
    Text(String),
    /// Several names.
    List(Vec<String>),
    /// A secret.
    Token(AdminToken),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => write!(f, "{}", u8::from(*on)),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
            Self::Address(address) => write!(f, "{address}"),
            Self::Text(text) => f.write_str(text),
            Self::List(names) => f.write_str(&names.join(",")),
            Self::Token(_) => f.write_str("[redacted]"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Switch(on) => serializer.serialize_bool(*on),
            Self::Whole(number) => serializer.serialize_u64(*number),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::List(names) => names.serialize(serializer),
            Self::Word(_) | Self::Address(_) | Self::Text(_) | Self::Token(_) => {
                serializer.collect_str(self)
            }
        }
    }
}

/// What the rows of the table take out. Each row has one kind, and its kind makes one variant, so
/// asking for another is a fault in the table.
impl Value {
    pub(super) fn switch(&self) -> bool {
        match self {
            Self::Switch(on) => *on,
            other => unreachable!("{other} is not a switch"),
        }
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self) -> T {
        self.whole_or_word()
            .unwrap_or_else(|| unreachable!("{self} is not a number"))
    }

    /// `None` for the word.
    pub(super) fn whole_or_word<T: TryFrom<u64>>(&self) -> Option<T> {
        match self {
            Self::Whole(number) => Some(T::try_from(*number).unwrap_or_else(|_| {
                unreachable!("{number} is in the range of its row, which fits the field")
            })),
            Self::Word(_) => None,
            other => unreachable!("{other} is not a whole number"),
        }
    }

    pub(super) fn seconds(&self) -> Duration {
        Duration::from_secs(self.whole())
    }

    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            other => unreachable!("{other} is not a number"),
        }
    }

    pub(super) fn address(&self) -> IpAddr {
        match self {
            Self::Address(address) => *address,
            other => unreachable!("{other} is not an address"),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => unreachable!("{other} is not a text"),
        }
    }

    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::List(names) => names.clone(),
            other => unreachable!("{other} is not a list"),
        }
    }

    pub(super) fn token(&self) -> AdminToken {
        match self {
            Self::Token(token) => token.clone(),
            other => unreachable!("{other} is not a token"),
        }
    }
}
