//! Progress as a program tells it: by a line protocol, or in its own words, which a regular expression finds.

use regex::Regex;

/// The word with which a line of the protocol begins.
const PROTOCOL: &str = "refrain-progress ";

/// Characters of a step that are shown.
const MOST_CHARACTERS: usize = 100;

/// How progress is found in a line.
#[derive(Debug, Clone)]
pub(crate) enum ProgressPattern {
    /// One group: a number of hundredths.
    Percent(Regex),
    /// Two groups: done, and all.
    Count(Regex),
}

/// How far a program is.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// From 0 to 1.
    pub fraction: f64,
    /// What is being done; empty if the program does not say.
    pub step: String,
}

/// What a line of standard error tells.
pub(crate) fn told(line: &str, pattern: Option<&ProgressPattern>) -> Option<Told> {
    if let Some(rest) = line.strip_prefix(PROTOCOL) {
        let (fraction, step) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let step = step.trim().chars().take(MOST_CHARACTERS).collect();
        return Some(Told {
            fraction: fraction_of(fraction.parse().ok()?)?,
            step,
        });
    }
    let number =
        |found: &regex::Captures<'_>, group| found.get(group)?.as_str().parse::<f64>().ok();
    let fraction = match pattern? {
        ProgressPattern::Percent(pattern) => number(&pattern.captures(line)?, 1)? / 100.0,
        ProgressPattern::Count(pattern) => {
            let found = pattern.captures(line)?;
            number(&found, 1)? / number(&found, 2)?
        }
    };
    Some(Told {
        fraction: fraction_of(fraction)?,
        step: String::new(),
    })
}

/// What is not from 0 to 1 is no progress: a line that only looks like it.
fn fraction_of(number: f64) -> Option<f64> {
    (0.0..=1.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fraction(line: &str, pattern: Option<&ProgressPattern>) -> Option<f64> {
        told(line, pattern).map(|told| told.fraction)
    }

    #[test]
    fn a_line_of_the_protocol_has_a_fraction_and_a_step() {
        let expected = Told {
            fraction: 0.4,
            step: "rendering layer 3".to_owned(),
        };
        assert_eq!(
            told("refrain-progress 0.4 rendering layer 3", None),
            Some(expected)
        );
        assert_eq!(fraction("refrain-progress 1", None), Some(1.0));
        for line in [
            "refrain-progress",
            "refrain-progress x",
            "refrain-progress 1.5",
            "refrain-progress NaN",
            "refrain-progress -1 a",
        ] {
            assert_eq!(told(line, None), None, "{line}");
        }
        let long = told(&format!("refrain-progress 0.5 {}", "é".repeat(5000)), None).unwrap();
        assert_eq!(long.step.chars().count(), MOST_CHARACTERS);
    }

    #[test]
    fn a_pattern_finds_a_percentage_or_a_count() {
        let percent = ProgressPattern::Percent(Regex::new(r"([0-9.]+)%").unwrap());
        assert_eq!(
            fraction("Rendered 12.5% of it", Some(&percent)),
            Some(0.125)
        );
        assert_eq!(fraction("Rendered 250%", Some(&percent)), None);
        let count = ProgressPattern::Count(Regex::new(r"Sample ([0-9]+)/([0-9]+)").unwrap());
        assert_eq!(fraction("Fra:1 Sample 8/16", Some(&count)), Some(0.5));
        assert_eq!(fraction("Fra:1 Sample 0/0", Some(&count)), None);
        assert_eq!(fraction("nothing of it", Some(&count)), None);
    }
}
