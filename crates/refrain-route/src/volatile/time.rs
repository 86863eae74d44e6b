//! The time, in the form of an older one: seconds or milliseconds since 1970, or RFC 3339.

/// The time now, as many characters long as the old one; none if the old one is no time, or the new one does not fit.
pub(super) fn now_like(old: &[u8], unix_millis: u64) -> Option<Vec<u8>> {
    if !old.is_empty() && old.iter().all(u8::is_ascii_digit) {
        let number = if old.len() >= 13 {
            unix_millis
        } else {
            unix_millis / 1000
        };
        return Some(number.to_string().into_bytes()).filter(|new| new.len() == old.len());
    }
    if let Some((seconds, fraction)) = decimal(old) {
        let new = (unix_millis / 1000).to_string();
        return (new.len() == seconds)
            .then(|| format!("{new}.{}", digits(unix_millis % 1000, fraction)).into_bytes());
    }
    date_like(old, unix_millis)
}

/// Digits before and behind the point of a number of seconds.
fn decimal(old: &[u8]) -> Option<(usize, usize)> {
    let point = old.iter().position(|byte| *byte == b'.')?;
    let (seconds, fraction) = (&old[..point], &old[point + 1..]);
    let is_time = seconds.len() >= 9 && !fraction.is_empty();
    let is_number = seconds.iter().chain(fraction).all(u8::is_ascii_digit);
    (is_time && is_number).then_some((seconds.len(), fraction.len()))
}

/// `2026-11-30T18:43:53.123456789+01:00`, in the same offset and with as many digits.
fn date_like(old: &[u8], unix_millis: u64) -> Option<Vec<u8>> {
    const FORM: &[u8; 19] = b"dddd-dd-ddTdd:dd:dd";
    let (date, rest) = (old.get(..19)?, old.get(19..)?);
    let fits = date.iter().zip(FORM).all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        other => byte == other,
    });
    if !fits {
        return None;
    }
    let fraction = match rest.strip_prefix(b".") {
        Some(rest) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        None => 0,
    };
    let point = usize::from(rest.first() == Some(&b'.'));
    let zone = rest.get(point + fraction..)?;
    let offset_minutes = match zone {
        b"" | b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(10).map(i64::from);
            let minutes = (digit(h1)? * 10 + digit(h2)?) * 60 + digit(m1)? * 10 + digit(m2)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let seconds = i64::try_from(unix_millis / 1000).ok()? + offset_minutes * 60;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let mut new = format!(
        "{year:04}-{month:02}-{day:02}{separator}{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        separator = char::from(date[10]),
    );
    if point == 1 {
        new.push('.');
        new += &digits(unix_millis % 1000, fraction);
    }
    new += std::str::from_utf8(zone).ok()?;
    Some(new.into_bytes()).filter(|new| new.len() == old.len())
}

/// Milliseconds as so many digits behind a point.
fn digits(millis: u64, count: usize) -> String {
    let mut digits = format!("{millis:03}");
    while digits.len() < count {
        digits.push('0');
    }
    digits.truncate(count);
    digits
}

/// Year, month and day of a number of days since 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(old: &str) -> Option<String> {
        // 2026-11-30T18:43:53.123Z
        now_like(old.as_bytes(), 1_796_064_233_123).map(|new| String::from_utf8(new).unwrap())
    }

    #[test]
    fn the_time_has_the_form_of_the_old_one() {
        let cases = [
            ("1700000000", "1796064233"),
            ("1700000000000", "1796064233123"),
            ("1700000000.25", "1796064233.12"),
            ("2024-02-29T00:00:00Z", "2026-11-30T18:43:53Z"),
            (
                "2024-02-29T00:00:00.123456789Z",
                "2026-11-30T18:43:53.123000000Z",
            ),
            ("2024-02-29T00:00:00.1+01:00", "2026-11-30T19:43:53.1+01:00"),
            ("2024-02-29T00:00:00-05:30", "2026-11-30T13:13:53-05:30"),
            ("2024-02-29 00:00:00", "2026-11-30 18:43:53"),
        ];
        for (old, new) in cases {
            assert_eq!(now(old).as_deref(), Some(new), "{old}");
        }
        for old in [
            "",
            "soon",
            "170",
            "null",
            "-1700000000",
            "2024-02-29",
            "2024-02-29T00:00:00 CET",
            "17000000000",
        ] {
            assert_eq!(now(old), None, "{old}");
        }
    }

    #[test]
    fn the_calendar_knows_leap_years() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(47_541), (2100, 3, 1));
    }
}
