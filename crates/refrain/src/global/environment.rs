//! The environment variables of the cache. Names, meanings and ranges are those of the server.

use std::env;
use std::ffi::OsString;
use std::time::Duration;

use super::GlobalError;

/// What the environment says about the cache.
#[derive(Debug, PartialEq)]
pub(super) struct Environment {
    pub(super) enabled: bool,
    pub(super) capacity_entries: u64,
    pub(super) capacity_bytes: u64,
    /// `None`: for ever.
    pub(super) time_to_live: Option<Duration>,
}

/// Bytes of one MB, as the variable counts.
const MB: f64 = 1_048_576.0;

impl Environment {
    pub(super) fn of_process() -> Result<Self, GlobalError> {
        Self::read(env::var_os)
    }

    pub(super) fn read(
        lookup: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, GlobalError> {
        let disabled = Variable {
            name: "DISABLE_RESULT_CACHE",
            allowed: "1, true, yes, on, 0, false, no, off",
        };
        let max_size = Variable {
            name: "CACHE_MAX_SIZE",
            allowed: "a whole number from 1 to 1000000000",
        };
        let max_memory = Variable {
            name: "CACHE_MAX_MEMORY_MB",
            allowed: "a number from 0.001 to 1073741824",
        };
        let ttl = Variable {
            name: "CACHE_TTL_SECONDS",
            allowed: "a whole number from 1 to 3153600000, or never",
        };
        Ok(Self {
            enabled: !disabled.read(&lookup, false, switch)?,
            capacity_entries: max_size.read(&lookup, 1000, |text| whole(text, 1_000_000_000))?,
            capacity_bytes: max_memory.read(&lookup, 512 << 20, megabytes)?,
            time_to_live: ttl.read(&lookup, Some(Duration::from_secs(86_400)), |text| {
                if text.eq_ignore_ascii_case("never") {
                    return Some(None);
                }
                whole(text, 3_153_600_000).map(|seconds| Some(Duration::from_secs(seconds)))
            })?,
        })
    }
}

struct Variable {
    name: &'static str,
    allowed: &'static str,
}

impl Variable {
    /// The value, or `default` when the variable is not set. Set and empty is a slip, and refused like any other.
    fn read<T>(
        &self,
        lookup: impl Fn(&'static str) -> Option<OsString>,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, GlobalError> {
        let Some(value) = lookup(self.name) else {
            return Ok(default);
        };
        let parsed = value.to_str().and_then(|text| parse(text.trim()));
        parsed.ok_or_else(|| GlobalError::Environment {
            variable: self.name,
            value: value
                .into_string()
                .unwrap_or_else(|_| "(not UTF-8)".to_owned()),
            allowed: self.allowed,
        })
    }
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Digits only, at least 1: no sign, no separator.
fn whole(text: &str, most: u64) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse()
        .ok()
        .filter(|number| (1..=most).contains(number))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive and at most 2^50 after the check; a fraction of a byte does not matter"
)]
fn megabytes(text: &str) -> Option<u64> {
    let number: f64 = text.parse().ok()?;
    (0.001..=1_073_741_824.0)
        .contains(&number)
        .then_some((number * MB) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variable: &'static str, value: &str) -> Result<Environment, GlobalError> {
        Environment::read(|name| (name == variable).then(|| value.into()))
    }

    #[test]
    fn without_variables_the_defaults_are_those_of_the_contract() {
        let expected = Environment {
            enabled: true,
            capacity_entries: 1000,
            capacity_bytes: 512 << 20,
            time_to_live: Some(Duration::from_secs(86_400)),
        };
        assert_eq!(Environment::read(|_| None), Ok(expected));
    }

    #[test]
    fn each_variable_is_read() {
        for on in ["1", "true", "YES", " on "] {
            assert!(!with("DISABLE_RESULT_CACHE", on).unwrap().enabled);
        }
        assert!(with("DISABLE_RESULT_CACHE", "0").unwrap().enabled);
        let size = with("CACHE_MAX_SIZE", "1000000000").unwrap();
        assert_eq!(size.capacity_entries, 1_000_000_000);
        let memory = with("CACHE_MAX_MEMORY_MB", "1.5").unwrap();
        assert_eq!(memory.capacity_bytes, 1_572_864);
        let least = with("CACHE_MAX_MEMORY_MB", "0.001").unwrap();
        assert_eq!(least.capacity_bytes, 1048);
        let ttl = with("CACHE_TTL_SECONDS", "60").unwrap();
        assert_eq!(ttl.time_to_live, Some(Duration::from_secs(60)));
        let never = with("CACHE_TTL_SECONDS", "Never").unwrap();
        assert_eq!(never.time_to_live, None);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_named_with_what_is_allowed() {
        let refused: &[(&str, &[&str])] = &[
            (
                "CACHE_MAX_SIZE",
                &[
                    "",
                    " ",
                    "0",
                    "-1",
                    "+1",
                    "1.5",
                    "1e3",
                    "1000000001",
                    "99999999999999999999",
                ],
            ),
            (
                "CACHE_MAX_MEMORY_MB",
                &["", "0", "-0.5", "NaN", "inf", "512MB", "1e300", "1,5"],
            ),
            (
                "CACHE_TTL_SECONDS",
                &["", "0", "-1", "1.5", "1h", "inf", "3153600001"],
            ),
            ("DISABLE_RESULT_CACHE", &["", "2", "-1", "disable"]),
        ];
        for (variable, values) in refused {
            for value in *values {
                let error = with(variable, value).expect_err(value).to_string();
                let start = format!("environment variable `{variable}` is `{value}`, allowed: ");
                assert!(
                    error.starts_with(&start) && error.len() > start.len(),
                    "{error}"
                );
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_refused() {
        use std::os::unix::ffi::OsStringExt;

        let read = Environment::read(|name| {
            (name == "CACHE_MAX_SIZE").then(|| OsString::from_vec(vec![0xff]))
        });
        let error = read.expect_err("not a number").to_string();
        assert!(
            error.contains("`CACHE_MAX_SIZE` is `(not UTF-8)`"),
            "{error}"
        );
    }
}
