use proptest::prelude::*;

use super::*;

fn float(token: &str) -> f64 {
    match Number::read(token) {
        Ok(Number::Float(float)) => float.get(),
        other => panic!("{token} was read as {other:?}"),
    }
}

fn decimal(token: &str) -> String {
    match Number::read(token) {
        Ok(Number::Decimal(decimal)) => decimal.as_str().to_owned(),
        other => panic!("{token} was read as {other:?}"),
    }
}

#[test]
fn neighbours_beyond_two_to_the_53_stay_apart() {
    let read = |token| Number::read(token).unwrap();
    assert_ne!(read("9007199254740992"), read("9007199254740993"));
    assert_ne!(read("18446744073709551615"), read("18446744073709551616"));
    assert_ne!(read("9007199254740992.0"), read("9007199254740993.0"));
    assert_ne!(read("0"), read("-0"));
}

#[test]
fn a_float_is_the_same_however_it_is_written() {
    for token in ["0.1", "0.10", "1e-1", "1E-01", "0.01e1", "10.0e-2"] {
        assert_eq!(float(token).to_bits(), 0.1_f64.to_bits(), "{token}");
    }
    assert_eq!(float("7.0").to_bits(), 7_f64.to_bits());
    assert_eq!(float("1e2").to_bits(), 100_f64.to_bits());
    assert_eq!(
        float("0.30000000000000004").to_bits(),
        (0.1_f64 + 0.2).to_bits()
    );
    assert_eq!(float("5e-324").to_bits(), 1);
    // 91575886100510.125, halfway between two texts of this length: the even one.
    assert_eq!(
        float("91575886100510.12").to_bits(),
        91_575_886_100_510.12_f64.to_bits()
    );
    assert_eq!(decimal("91575886100510.13"), "9157588610051013e-2");
    // Halfway between two floats: the shortest text of the even one.
    assert_eq!(float("1e23").to_bits(), 1e23_f64.to_bits());
    assert_eq!(
        float("1.7976931348623157e308").to_bits(),
        f64::MAX.to_bits()
    );
}

#[test]
fn zero_keeps_its_sign_and_loses_its_exponent() {
    for token in ["0.0", "0e5", "0.000e-999999999"] {
        assert_eq!(float(token).to_bits(), 0, "{token}");
    }
    assert_eq!(float("-0.0").to_bits(), (-0.0_f64).to_bits());
    assert_eq!(float("-0e1").to_bits(), (-0.0_f64).to_bits());
}

#[test]
fn what_no_float_stands_for_is_kept_exactly() {
    assert_eq!(decimal("1e400"), "1e400");
    assert_eq!(decimal("-1E-400"), "-1e-400");
    assert_eq!(decimal("0.10000000000000001"), "10000000000000001e-17");
    assert_eq!(decimal("9007199254740993.0"), "9007199254740993e0");
    assert_eq!(
        decimal("100000000000000000000000100.50"),
        "1000000000000000000000001005e-1"
    );
}

#[test]
fn an_exponent_of_more_than_nine_digits_is_refused() {
    assert!(Number::read("1e999999999").is_ok());
    assert!(Number::read("1e-0000000000999999999").is_ok());
    assert_eq!(Number::read("1e1000000000"), Err(ExponentTooLong));
    assert_eq!(Number::read("0e-1000000000"), Err(ExponentTooLong));
}

#[test]
fn integers_of_every_width_have_their_digits() {
    assert_eq!(Integer::from(u128::MAX).to_string(), u128::MAX.to_string());
    assert_eq!(Integer::from(i128::MIN).to_string(), i128::MIN.to_string());
    assert_eq!(Integer::from(i128::MIN).to_i128(), Some(i128::MIN));
    assert_eq!(Integer::from(i8::MIN), Integer::from(-128_i64));
    assert_eq!("-0".parse::<Integer>().unwrap().to_string(), "-0");
    assert_eq!(
        Integer::from(u64::MAX),
        "18446744073709551615".parse().unwrap()
    );
}

#[test]
fn a_text_that_is_no_integer_is_refused() {
    for text in [
        "", "-", "+1", "00", "-01", "1.0", "1e3", " 1", "1 ", "٣", "0x1",
    ] {
        assert_eq!(text.parse::<Integer>(), Err(ParseIntegerError), "{text:?}");
    }
}

#[test]
fn f32_nans_keep_their_bits() {
    let quiet = f32::from_bits(0x7fc0_0000);
    assert_eq!(
        Float::from(quiet),
        Float::new(f64::from_bits(0x7ff8_0000_0000_0000))
    );
    let signalling = f32::from_bits(0xff80_0001);
    assert_eq!(Float::from(signalling).bits(), 0xfff0_0000_2000_0000);
}

proptest! {
    #[test]
    fn every_float_reads_back_from_its_shortest_text(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let mut text = zmij::Buffer::new();
        let text = text.format_finite(value);
        prop_assert_eq!(float(text).to_bits(), bits);
    }

    #[test]
    fn every_wide_integer_reads_back_from_its_digits(value: i128) {
        let integer = Integer::from(value);
        prop_assert_eq!(integer.to_string(), value.to_string());
        prop_assert_eq!(&value.to_string().parse::<Integer>().unwrap(), &integer);
        prop_assert_eq!(integer.to_i128(), Some(value));
    }

    /// The value of a number is its digits and its power of ten: equal here means equal there, and only then.
    #[test]
    fn numbers_are_read_as_equal_only_if_they_are(
        (left, left_exponent) in (0_i64..200_000, -3_i64..4),
        (right, right_exponent) in (0_i64..200_000, -3_i64..4),
    ) {
        let read = |digits: i64, exponent: i64| Number::read(&format!("{digits}.0e{exponent}")).unwrap();
        let scaled = |digits: i64, exponent: i64| digits * 10_i64.pow(u32::try_from(exponent + 3).unwrap());
        prop_assert_eq!(
            read(left, left_exponent) == read(right, right_exponent),
            scaled(left, left_exponent) == scaled(right, right_exponent)
        );
    }

    #[test]
    fn long_numbers_that_differ_in_one_digit_stay_apart(
        digits in "[1-9][0-9]{15,40}",
        position: prop::sample::Index,
        exponent in -350_i64..350,
    ) {
        let position = position.index(digits.len());
        let mut changed = digits.clone().into_bytes();
        changed[position] = if changed[position] == b'9' { b'8' } else { changed[position] + 1 };
        let changed = String::from_utf8(changed).unwrap();
        let read = |digits: &str| Number::read(&format!("0.{digits}e{exponent}")).unwrap();
        prop_assert_ne!(read(&digits), read(&changed));
    }
}
