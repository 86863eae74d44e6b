//! PLY: a header of text that counts elements, then at least a line, or at least a byte for each property, of every one.

use super::piece::{Fault, Fed, NOT_ITS_BEGINNING};

/// How long a header may be.
const LONGEST_HEADER: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Ply {
    header: Vec<u8>,
    body: Option<Body>,
}

#[derive(Debug)]
struct Body {
    is_text: bool,
    /// Elements, each a line of a text.
    elements: u64,
    /// The fewest bytes that a binary body may have.
    least_bytes: u64,
    bytes: u64,
    lines: u64,
    in_line: bool,
    /// Behind the `\r` of the header: a `\n` belongs to it.
    after_return: bool,
}

impl Ply {
    pub(super) fn feed(&mut self, input: &[u8]) -> Fed {
        if let Some(body) = &mut self.body {
            body.feed(input);
            return Ok(());
        }
        let before = self.header.len();
        self.header.extend_from_slice(input);
        let start = self.header.len().min(4);
        if !b"ply\n".starts_with(&self.header[..start])
            && !b"ply\r".starts_with(&self.header[..start])
        {
            return Err(NOT_ITS_BEGINNING);
        }
        // The end of the header may have come in two pieces.
        let from = before.saturating_sub(12);
        let end = self.header[from..]
            .windows(11)
            .position(|window| window == b"end_header\n" || window == b"end_header\r");
        let Some(end) = end.map(|at| from + at + 11) else {
            return if self.header.len() > LONGEST_HEADER {
                Err(Fault("its header has no end"))
            } else {
                Ok(())
            };
        };
        let mut body = Body::of_header(&self.header[..end])?;
        let rest = self.header.split_off(end);
        body.after_return = self.header.ends_with(b"\r");
        body.feed(&rest);
        self.header = Vec::new();
        self.body = Some(body);
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        let body = self
            .body
            .as_ref()
            .ok_or(Fault("it ends within its header"))?;
        if body.elements == 0 {
            return Err(Fault("it has no vertices"));
        }
        let is_whole = if body.is_text {
            body.lines + u64::from(body.in_line) >= body.elements
        } else {
            body.bytes >= body.least_bytes
        };
        if is_whole {
            Ok(())
        } else {
            Err(Fault("it is shorter than its header says"))
        }
    }
}

impl Body {
    fn of_header(header: &[u8]) -> Result<Self, Fault> {
        const WRONG: Fault = Fault("its header cannot be read");
        let header = std::str::from_utf8(header).map_err(|_| WRONG)?;
        let mut body = Self {
            is_text: header.contains("format ascii"),
            elements: 0,
            least_bytes: 0,
            bytes: 0,
            lines: 0,
            in_line: false,
            after_return: false,
        };
        let mut count = 0_u64;
        for line in header.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("element"), Some(_), Some(number)) => {
                    count = number.parse().map_err(|_| WRONG)?;
                    body.elements = body.elements.checked_add(count).ok_or(WRONG)?;
                }
                // A list is its count at least.
                (Some("property"), Some("list"), Some(kind))
                | (Some("property"), Some(kind), _) => {
                    let bytes = count.checked_mul(bytes_of(kind)).ok_or(WRONG)?;
                    body.least_bytes = body.least_bytes.checked_add(bytes).ok_or(WRONG)?;
                }
                _ => {}
            }
        }
        Ok(body)
    }

    fn feed(&mut self, input: &[u8]) {
        let mut input = input;
        if let Some((first, rest)) = input.split_first()
            && std::mem::take(&mut self.after_return)
            && *first == b'\n'
        {
            input = rest;
        }
        self.bytes += input.len() as u64;
        if self.is_text {
            for &byte in input {
                let ends_line = matches!(byte, b'\n' | b'\r');
                self.lines += u64::from(ends_line && self.in_line);
                self.in_line = !ends_line && (self.in_line || !byte.is_ascii_whitespace());
            }
        }
    }
}

fn bytes_of(kind: &str) -> u64 {
    match kind {
        "short" | "ushort" | "int16" | "uint16" => 2,
        "int" | "uint" | "float" | "int32" | "uint32" | "float32" => 4,
        "double" | "float64" => 8,
        _ => 1,
    }
}
