//! Exact decimal numbers: what a request said, printed without a rounding and compared digit by digit.

use std::cmp::Ordering;
use std::fmt;

/// Digits that a number may have when it is written out.
const MOST_DIGITS: usize = 40;

/// A decimal number, written out: no exponent, no zeros that mean nothing.
///
/// # Example
///
/// ```
/// use refrain_command::Number;
///
/// let printed = |text: &str| Number::parse(text).map(|number| number.to_string());
/// assert_eq!(printed("0.1").as_deref(), Some("0.1"));
/// assert_eq!(printed("20.0").as_deref(), Some("20"));
/// assert_eq!(printed("-1.50e3").as_deref(), Some("-1500"));
/// assert_eq!(printed("18446744073709551617").as_deref(), Some("18446744073709551617"));
/// assert_eq!(printed("NaN"), None);
/// assert_eq!(printed("1e999"), None);
/// assert!(Number::parse("0.30") < Number::parse("0.4"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    is_negative: bool,
    /// Without zeros at its beginning; empty for a number below 1.
    whole: String,
    /// Without zeros at its end; empty for a whole number.
    fraction: String,
}

impl Number {
    /// Reads a number as JSON writes it; `None` if it is none, or has too many digits written out.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (digits, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let is_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_padded = whole.len() > 1 && whole.starts_with('0');
        if !is_digits(whole)
            || !is_digits(fraction)
            || is_padded
            || whole.len() + fraction.len() > 1000
        {
            return None;
        }
        let mut digits = format!("{whole}{fraction}");
        // Where the point stands among the digits.
        let mut point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
        if digits.bytes().all(|digit| digit == b'0') {
            (digits, point) = (String::new(), 0);
        }
        let most = i64::try_from(MOST_DIGITS).ok()?;
        let leading = digits.bytes().take_while(|&digit| digit == b'0').count();
        digits.drain(..leading);
        point -= i64::try_from(leading).ok()?;
        let kept = digits.trim_end_matches('0').len();
        digits.truncate(kept);
        if point.abs() > most {
            return None;
        }
        let place = usize::try_from(point.max(0)).ok()?;
        let (whole, fraction) = if digits.len() <= place {
            let zeros = "0".repeat(place - digits.len());
            (digits + &zeros, String::new())
        } else {
            let zeros = "0".repeat(usize::try_from((-point).max(0)).ok()?);
            let (whole, fraction) = digits.split_at(place);
            (whole.to_owned(), zeros + fraction)
        };
        (whole.len() + fraction.len() <= MOST_DIGITS).then_some(Self {
            is_negative: is_negative && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        })
    }

    /// Whether it has no fraction.
    pub fn is_whole(&self) -> bool {
        self.fraction.is_empty()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let whole = if self.whole.is_empty() {
            "0"
        } else {
            &self.whole
        };
        write!(f, "{sign}{whole}")?;
        if self.fraction.is_empty() {
            return Ok(());
        }
        write!(f, ".{}", self.fraction)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = || {
            let by_length = self.whole.len().cmp(&other.whole.len());
            by_length
                .then_with(|| self.whole.cmp(&other.whole))
                .then_with(|| self.fraction.cmp(&other.fraction))
        };
        match (self.is_negative, other.is_negative) {
            (false, false) => size(),
            (true, true) => size().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_number_has_one_spelling() {
        let spellings = [
            ("0", ["0", "-0", "0.000", "0e10", "-0.0E-3"]),
            ("1500", ["1500", "1500.0", "1.5e3", "15E2", "150000e-2"]),
            (
                "0.0012",
                ["0.0012", "0.00120", "1.2e-3", "12e-4", "0.12E-2"],
            ),
            ("-7", ["-7", "-7.0", "-70e-1", "-0.7e1", "-7e0"]),
        ];
        for (printed, texts) in spellings {
            for text in texts {
                assert_eq!(Number::parse(text).unwrap().to_string(), printed, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_number_or_too_long_is_none() {
        for text in [
            "",
            "-",
            "+1",
            ".5",
            "5.",
            "1e",
            "01",
            "0x10",
            "NaN",
            "nan",
            "inf",
            "-inf",
            "1_000",
            "1 ",
            "--1",
            "1.2.3",
            "1e41",
            "1e-41",
            "1e2147483648",
            "-1e999999999",
        ] {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
        assert!(Number::parse(&"9".repeat(40)).is_some());
        assert!(Number::parse(&"9".repeat(41)).is_none());
        assert!(Number::parse(&"9".repeat(100_000)).is_none());
    }

    proptest! {
        #[test]
        fn a_printed_number_reads_as_itself_and_is_ordered_as_numbers_are(one in -1_000_000_i64..1_000_000, other in -1_000_000_i64..1_000_000) {
            let number = |thousandths: i64| Number::parse(&format!("{thousandths}e-3")).unwrap();
            prop_assert_eq!(Number::parse(&number(one).to_string()), Some(number(one)));
            prop_assert_eq!(number(one).cmp(&number(other)), one.cmp(&other));
        }

        #[test]
        fn no_text_whatever_makes_reading_panic(text in "[-+0-9.eE]{0,30}") {
            let _ = Number::parse(&text);
        }
    }
}
