//! Exact numbers of any size, so that no two different ones enter a key alike.

use std::fmt;
use std::str::FromStr;

/// A whole number of any size.
///
/// `-0`, which JSON can say, is kept apart from `0`: readers disagree on what it means.
///
/// ```
/// use refrain::key::Integer;
///
/// let huge: Integer = "123456789012345678901234567890123456789012".parse()?;
/// assert_eq!(huge.to_string(), "123456789012345678901234567890123456789012");
/// assert_eq!(huge.to_i128(), None);
/// assert_eq!("7".parse::<Integer>()?, Integer::from(7_u8));
/// # Ok::<(), refrain::key::ParseIntegerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Integer(Digits);

/// Each number has exactly one of these, so that equal numbers are equal here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Digits {
    /// Magnitudes up to 2^64-1, zero and negative zero among them.
    Few { is_negative: bool, magnitude: u64 },
    /// All others: an optional `-`, then decimal digits without leading zeros.
    Many(Box<str>),
}

/// A text that is not a whole number as JSON writes it: no `+`, no leading zeros, no white space.
///
/// ```
/// use refrain::key::{Integer, ParseIntegerError};
///
/// assert_eq!("007".parse::<Integer>(), Err(ParseIntegerError));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a whole number: write decimal digits without leading zeros, with `-` in front at most"
)]
pub struct ParseIntegerError;

/// A binary floating-point number, known by its 64 bits.
///
/// `0.0` and `-0.0` differ, and so do NaNs with different bits. Neither is equal to the [`Integer`] of the same
/// value: a generator may well treat `7` and `7.0` differently.
///
/// ```
/// use refrain::key::Float;
///
/// assert_eq!(Float::new(0.5).get(), 0.5);
/// assert_ne!(Float::new(0.0), Float::new(-0.0));
/// assert_eq!(Float::new(f64::NAN), Float::new(f64::NAN));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Float(u64);

/// A decimal number that no 64-bit float stands for, kept exactly: `1e400`, `0.10000000000000000555`.
///
/// Read from JSON only. Numbers that are equal are equal here, however they were written.
///
/// ```
/// use refrain::key::Document;
///
/// let Document::Decimal(decimal) = Document::from_json(b"-120.0E+399")? else { unreachable!() };
/// assert_eq!(decimal.as_str(), "-12e400");
/// # Ok::<(), refrain::key::JsonError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

impl Integer {
    /// The number, if it fits; negative zero becomes zero.
    ///
    /// ```
    /// use refrain::key::Integer;
    ///
    /// assert_eq!(Integer::from(u64::MAX).to_i128(), Some(18_446_744_073_709_551_615));
    /// assert_eq!(Integer::from(u128::MAX).to_i128(), None);
    /// ```
    pub fn to_i128(&self) -> Option<i128> {
        match &self.0 {
            Digits::Few {
                is_negative,
                magnitude,
            } => {
                let magnitude = i128::from(*magnitude);
                Some(if *is_negative { -magnitude } else { magnitude })
            }
            Digits::Many(digits) => digits.parse().ok(),
        }
    }

    fn from_sign_and_magnitude(is_negative: bool, magnitude: u128) -> Self {
        Self(match u64::try_from(magnitude) {
            Ok(magnitude) => Digits::Few {
                is_negative,
                magnitude,
            },
            Err(_) if is_negative => Digits::Many(format!("-{magnitude}").into()),
            Err(_) => Digits::Many(magnitude.to_string().into()),
        })
    }

    /// Hands the decimal digits to `take`, without an allocation.
    pub(super) fn with_digits<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Digits::Few {
                is_negative,
                magnitude,
            } => take(FewDigits::new(*is_negative, *magnitude).as_str()),
            Digits::Many(digits) => take(digits),
        }
    }
}

/// The digits of a number of 64 bits, on the stack.
struct FewDigits {
    /// 20 digits of 2^64-1 and a sign, filled from the end.
    digits: [u8; 21],
    start: usize,
}

impl FewDigits {
    fn new(is_negative: bool, mut magnitude: u64) -> Self {
        let mut this = Self {
            digits: [b'0'; 21],
            start: 21,
        };
        loop {
            let digit = u8::try_from(magnitude % 10).expect("a remainder of 10 is below 10");
            this.push_front(b'0' + digit);
            magnitude /= 10;
            if magnitude == 0 {
                break;
            }
        }
        if is_negative {
            this.push_front(b'-');
        }
        this
    }

    fn push_front(&mut self, byte: u8) {
        self.start -= 1;
        self.digits[self.start] = byte;
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[self.start..]).expect("digits and a sign are ASCII")
    }
}

impl FromStr for Integer {
    type Err = ParseIntegerError;

    fn from_str(text: &str) -> Result<Self, ParseIntegerError> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_canonical = digits == "0" || !digits.starts_with('0');
        if !is_number || !is_canonical {
            return Err(ParseIntegerError);
        }
        Ok(Self(match digits.parse() {
            Ok(magnitude) => Digits::Few {
                is_negative,
                magnitude,
            },
            Err(_) => Digits::Many(text.into()),
        }))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_digits(|digits| f.write_str(digits))
    }
}

macro_rules! integer_from_unsigned {
    ($($type:ty),*) => {$(
        impl From<$type> for Integer {
            fn from(value: $type) -> Self {
                let magnitude = u128::try_from(value).expect("no Rust integer is wider");
                Self::from_sign_and_magnitude(false, magnitude)
            }
        }
    )*};
}

macro_rules! integer_from_signed {
    ($($type:ty),*) => {$(
        impl From<$type> for Integer {
            fn from(value: $type) -> Self {
                let magnitude = u128::try_from(value.unsigned_abs()).expect("no Rust integer is wider");
                Self::from_sign_and_magnitude(value < 0, magnitude)
            }
        }
    )*};
}

integer_from_unsigned!(u8, u16, u32, u64, u128, usize);
integer_from_signed!(i8, i16, i32, i64, i128, isize);

impl Float {
    /// The float with the bits of `value`.
    ///
    /// ```
    /// use refrain::key::Float;
    ///
    /// assert_eq!(Float::new(7.0), Float::from(7.0_f32));
    /// ```
    pub const fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    /// The value.
    ///
    /// ```
    /// use refrain::key::Float;
    ///
    /// assert!(Float::new(f64::NAN).get().is_nan());
    /// ```
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }
}

impl From<f64> for Float {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl From<f32> for Float {
    /// The same value at 64 bits.
    fn from(value: f32) -> Self {
        if !value.is_nan() {
            return Self::new(f64::from(value));
        }
        // The conversion of a NaN may change its bits, differently from machine to machine.
        let bits = u64::from(value.to_bits());
        let sign = bits >> 31;
        let payload = bits & 0x007f_ffff;
        Self(sign << 63 | 0x7ff << 52 | payload << 29)
    }
}

impl fmt::Debug for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.get())
    }
}

impl Decimal {
    /// The number as digits, `e` and an exponent: a whole number of digits times a power of ten, in lowest terms.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// let Document::Decimal(decimal) = Document::from_json(b"0.10000000000000000555")? else { unreachable!() };
    /// assert_eq!(decimal.as_str(), "10000000000000000555e-20");
    /// # Ok::<(), refrain::key::JsonError>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number from JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Number {
    Integer(Integer),
    Float(Float),
    Decimal(Decimal),
}

/// A number whose exponent has more than nine digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExponentTooLong;

impl Number {
    /// Reads a number of JSON's grammar, without changing its value.
    pub(super) fn read(token: &str) -> Result<Self, ExponentTooLong> {
        if let Ok(integer) = token.parse() {
            return Ok(Self::Integer(integer));
        }
        let decimal = LowestTerms::read(token)?;
        let nearest: f64 = token.parse().expect("every JSON number is a Rust float");
        // A float stands for the shortest decimal that reads back as it; only that one becomes a float here, so that
        // two different numbers never become the same float. Of several that are equally short it is the nearest,
        // and of two equally near the even one, as Python and JavaScript print it; the standard library does not.
        let is_shortest = nearest.is_finite() && {
            let mut shortest = zmij::Buffer::new();
            let shortest = LowestTerms::read(shortest.format_finite(nearest));
            shortest.as_ref() == Ok(&decimal)
        };
        Ok(if is_shortest {
            Self::Float(Float::new(nearest))
        } else {
            Self::Decimal(decimal.into())
        })
    }
}

/// A decimal number as `digits` times ten to the `exponent`, where the digits neither begin nor end with zero.
/// Zero has no digits and exponent 0.
#[derive(Debug, PartialEq, Eq)]
struct LowestTerms {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl LowestTerms {
    fn read(token: &str) -> Result<Self, ExponentTooLong> {
        let (is_negative, unsigned) = match token.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, token),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = String::with_capacity(mantissa.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let all = digits.len();
        digits.truncate(digits.trim_end_matches('0').len());
        if digits.is_empty() {
            return Ok(Self {
                is_negative,
                digits,
                exponent: 0,
            });
        }
        let dropped = signed(all - digits.len());
        let leading = digits.len() - digits.trim_start_matches('0').len();
        digits.drain(..leading);
        Ok(Self {
            is_negative,
            digits,
            exponent: exponent + dropped - signed(fraction.len()),
        })
    }
}

fn read_exponent(text: &str) -> Result<i64, ExponentTooLong> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.trim_start_matches('0');
    if digits.len() > 9 {
        return Err(ExponentTooLong);
    }
    // Nothing but zeros is the exponent 0.
    Ok(sign * digits.parse().unwrap_or(0))
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("no text is longer than 2^63 bytes")
}

impl From<LowestTerms> for Decimal {
    fn from(terms: LowestTerms) -> Self {
        let sign = if terms.is_negative { "-" } else { "" };
        Self(format!("{sign}{}e{}", terms.digits, terms.exponent).into())
    }
}

#[cfg(test)]
mod tests;
