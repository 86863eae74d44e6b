//! Lines of text files of any line ending, across piece boundaries; and OBJ, which is such a file.

use super::piece::{Fault, Fed};

/// How long a line may be that is looked at: a name may be long, a file without line ends is no text.
const LONGEST_LINE: usize = 4096;

/// Cuts pieces into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: Vec<u8>,
}

impl Lines {
    /// Calls `line` with each line that ends in this piece; whether it still looks like text.
    pub(super) fn feed(&mut self, input: &[u8], mut line: impl FnMut(&[u8])) -> bool {
        if input.contains(&0) {
            return false;
        }
        let mut parts = input.split(|byte| matches!(byte, b'\n' | b'\r')).peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            if is_last || !self.open.is_empty() {
                self.open.extend_from_slice(part);
            }
            if is_last {
                break;
            }
            if self.open.is_empty() {
                line(part);
            } else {
                line(&self.open);
                self.open.clear();
            }
        }
        self.open.len() <= LONGEST_LINE
    }

    /// What stands behind the last line end.
    pub(super) fn rest(&self) -> &[u8] {
        &self.open
    }
}

/// OBJ: has vertices and faces, lines or points, and ends with a line end.
#[derive(Debug, Default)]
pub(super) struct Obj {
    lines: Lines,
    vertices: u64,
    elements: u64,
}

impl Obj {
    pub(super) fn feed(&mut self, input: &[u8]) -> Fed {
        let (vertices, elements) = (&mut self.vertices, &mut self.elements);
        let is_text = self
            .lines
            .feed(input, |line| match line.trim_ascii_start() {
                [b'v', b' ' | b'\t', ..] => *vertices += 1,
                [b'f' | b'l' | b'p', b' ' | b'\t', ..] => *elements += 1,
                _ => {}
            });
        if is_text {
            Ok(())
        } else {
            Err(Fault("it is no text"))
        }
    }

    pub(super) fn end(&self) -> Fed {
        if self.vertices == 0 || self.elements == 0 {
            return Err(Fault("it has no vertices or no faces"));
        }
        if !self.lines.rest().is_empty() {
            return Err(Fault("it ends within a line"));
        }
        Ok(())
    }
}
