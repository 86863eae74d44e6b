//! What a program says on standard error: lines as they come, and the end of it for messages, in bounded memory.

use std::collections::VecDeque;

use regex::Regex;

/// Bytes that are kept for messages.
const KEPT: usize = 8 * 1024;

/// Bytes of a line that are looked at.
const LONGEST_LINE: usize = 4 * 1024;

/// Reads standard error piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Said {
    line: Vec<u8>,
    last: VecDeque<u8>,
    /// The first line in which a forbidden pattern was found, and the pattern.
    pub(crate) forbidden: Option<(String, String)>,
}

impl Said {
    /// Takes the next bytes, and hands on each line that ends in them.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        forbidden: &[Regex],
        each_line: &mut impl FnMut(&str),
    ) {
        self.last.extend(bytes);
        let surplus = self.last.len().saturating_sub(KEPT);
        self.last.drain(..surplus);
        for &byte in bytes {
            // A bar that is drawn anew ends its lines with a carriage return.
            if matches!(byte, b'\n' | b'\r') {
                self.end_line(forbidden, each_line);
            } else if self.line.len() < LONGEST_LINE {
                self.line.push(byte);
            }
        }
    }

    /// Ends the last line, which need not have an end.
    pub(crate) fn end_line(&mut self, forbidden: &[Regex], each_line: &mut impl FnMut(&str)) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&line);
        if self.forbidden.is_none()
            && let Some(pattern) = forbidden.iter().find(|pattern| pattern.is_match(&line))
        {
            self.forbidden = Some((pattern.to_string(), shortened(&line)));
        }
        each_line(&line);
    }

    /// The last lines.
    pub(crate) fn last_lines(&self) -> String {
        let bytes: Vec<u8> = self.last.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// The last line that says something, to follow a message: `: it said "…"`.
    pub(crate) fn quoted(&self) -> String {
        let all = self.last_lines();
        let last = all.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(String::new, |line| {
            format!("; it said {:?}", shortened(line.trim()))
        })
    }
}

fn shortened(line: &str) -> String {
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_line_feed_or_a_carriage_return_wherever_the_pieces_end() {
        let mut lines = Vec::new();
        let mut said = Said::default();
        for piece in ["on", "e\rtw", "o\r\nthr\u{e9}e\n", "four"] {
            said.push(piece.as_bytes(), &[], &mut |line| {
                lines.push(line.to_owned());
            });
        }
        said.end_line(&[], &mut |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two", "thr\u{e9}e", "four"]);
        assert_eq!(said.quoted(), "; it said \"four\"");
    }

    #[test]
    fn a_flood_without_line_ends_is_kept_in_bounded_memory() {
        let mut said = Said::default();
        for _ in 0..1000 {
            said.push(&[b'x'; 4096], &[], &mut |_| {});
        }
        assert!(said.line.len() <= LONGEST_LINE && said.last.len() <= KEPT);
    }

    #[test]
    fn the_first_forbidden_line_is_remembered_with_its_pattern() {
        let forbidden = [Regex::new("^ERROR:").unwrap()];
        let mut said = Said::default();
        said.push(
            b"fine\nERROR: no such thing\nERROR: more\n",
            &forbidden,
            &mut |_| {},
        );
        assert_eq!(
            said.forbidden,
            Some(("^ERROR:".to_owned(), "ERROR: no such thing".to_owned()))
        );
    }
}
