use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use toml::de::DeValue;

use super::Value;
use crate::AdminToken;
use crate::origin::Origin;

/// What a value may be, and how its text is read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// On or off.
    Switch,
    /// A whole number; both ends are allowed.
    Whole {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A whole number, or one word.
    WholeOr {
        /// The word.
        word: &'static str,
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number that may have a fraction; both ends are allowed.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// An IPv4 or IPv6 address, or `localhost`.
    Address,
    /// Names of hosts, or origins as `https://models.example`, with commas between them.
    HostNames,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text that is not empty.
    Text,
    /// A secret that an `Authorization` header can carry.
    Token,
}

impl Kind {
    /// Reads the `text` of a flag or variable, or answers `None` when it makes no sense here.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::config::{Kind, Value};
    ///
    /// let port = Kind::Whole { min: 0, max: 65535 };
    /// assert_eq!(port.read("5000"), Some(Value::Whole(5000)));
    /// assert_eq!(port.read("65536"), None);
    /// assert_eq!(port.to_string(), "a whole number from 0 to 65535");
    /// ```
    pub fn read(self, text: &str) -> Option<Value> {
        let text = text.trim();
        match self {
            Self::Switch => match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Some(Value::Switch(true)),
                "0" | "false" | "no" | "off" => Some(Value::Switch(false)),
                _ => None,
            },
            Self::Whole { min, max } => whole(text, min, max),
            Self::WholeOr { word, .. } if text.eq_ignore_ascii_case(word) => {
                Some(Value::Word(word))
            }
            Self::WholeOr { min, max, .. } => whole(text, min, max),
            Self::Number { min, max } => {
                let number: f64 = text.parse().ok()?;
                (min..=max)
                    .contains(&number)
                    .then_some(Value::Number(number))
            }
            Self::Address if text.eq_ignore_ascii_case("localhost") => {
                Some(Value::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)))
            }
            Self::Address => text.parse().ok().map(Value::Address),
            Self::HostNames => host_names(text.split(',')),
            Self::Choice(words) => words
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text))
                .map(|&word| Value::Text(word.to_owned())),
            Self::Text => (!text.is_empty()).then(|| Value::Text(text.to_owned())),
            Self::Token => AdminToken::new(text).map(Value::Token),
        }
    }

    /// Reads a `value` of `refrain.toml`, where numbers, switches, texts and lists have types.
    pub(super) fn read_in_file(self, value: &DeValue<'_>) -> Option<Value> {
        let text = match (self, value) {
            (Self::Switch, DeValue::Boolean(on)) => return Some(Value::Switch(*on)),
            (Self::HostNames, DeValue::Array(names)) => {
                let names: Option<Vec<&str>> =
                    names.iter().map(|name| name.get_ref().as_str()).collect();
                return host_names(names?);
            }
            (
                Self::Whole { .. } | Self::WholeOr { .. } | Self::Number { .. },
                DeValue::Integer(number),
            ) if number.radix() == 10 => number.as_str(),
            (Self::Number { .. }, DeValue::Float(number)) => number.as_str(),
            (Self::WholeOr { word, .. }, DeValue::String(text))
                if text.eq_ignore_ascii_case(word) =>
            {
                word
            }
            (Self::Address | Self::Choice(_) | Self::Text | Self::Token, DeValue::String(text)) => {
                text
            }
            _ => return None,
        };
        self.read(text)
    }

    /// What is allowed in a file, to follow "allowed:".
    pub(super) fn in_file(self) -> String {
        match self {
            Self::Switch => "true, false".to_owned(),
            Self::Whole { .. } | Self::Number { .. } => format!("{self}, without quotes"),
            Self::WholeOr { word, min, max } => {
                format!("a whole number from {min} to {max} without quotes, or \"{word}\"")
            }
            Self::Choice(words) => words
                .iter()
                .map(|word| format!("{word:?}"))
                .collect::<Vec<_>>()
                .join(", "),
            Self::HostNames => "a list of host names or origins in quotes".to_owned(),
            Self::Address | Self::Text | Self::Token => format!("{self}, in quotes"),
        }
    }
}

/// What is allowed, to follow "allowed:".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("1, true, yes, on, 0, false, no, off"),
            Self::Whole { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::WholeOr { word, min, max } => {
                write!(f, "a whole number from {min} to {max}, or {word}")
            }
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Address => f.write_str("an IPv4 or IPv6 address, or localhost"),
            Self::HostNames => f.write_str(
                "host names without a port, or origins as https://models.example, with commas between them",
            ),
            Self::Choice(words) => f.write_str(&words.join(", ")),
            Self::Text => f.write_str("a text that is not empty"),
            Self::Token => f.write_str("a text of visible ASCII characters that is not empty"),
        }
    }
}

/// Digits only: no sign, no fraction, no separator, so that a slip is refused and not guessed at.
fn whole(text: &str, min: u64, max: u64) -> Option<Value> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = text.parse().ok()?;
    (min..=max)
        .contains(&number)
        .then_some(Value::Whole(number))
}

fn host_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Value> {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(named);
    names
        .into_iter()
        .map(|name| {
            let name = name.trim();
            let allowed = is_name(name) || Origin::parse(name).is_some();
            allowed.then(|| name.to_ascii_lowercase())
        })
        .collect::<Option<Vec<_>>>()
        .map(Value::List)
}
