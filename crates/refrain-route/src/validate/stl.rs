//! STL: binary, which is 84 bytes and 50 for each triangle it counts; or text, from `solid` to `endsolid`.
//!
//! A binary file may begin with `solid` as well, so both are followed and the end decides.

use super::piece::{Block, Fault, Fed};
use super::text::Lines;

#[derive(Debug, Default)]
pub(super) struct Stl {
    head: Block<84>,
    triangles: Option<u32>,
    length: u64,
    lines: Lines,
    text: Text,
}

#[derive(Debug, Default)]
struct Text {
    begun: bool,
    ended: bool,
    broken: bool,
    facets_begun: u64,
    facets_ended: u64,
    vertices: u64,
}

impl Stl {
    pub(super) fn feed(&mut self, input: &[u8]) {
        self.length += input.len() as u64;
        if self.triangles.is_none()
            && let Some(head) = self.head.take(&mut &*input)
        {
            self.triangles = Some(u32::from_le_bytes([head[80], head[81], head[82], head[83]]));
        }
        if !self.text.broken {
            let text = &mut self.text;
            let is_text = self.lines.feed(input, |line| text.line(line));
            self.text.broken |= !is_text;
        }
    }

    pub(super) fn end(&self) -> Fed {
        if let Some(triangles) = self.triangles
            && self.length == 84 + 50 * u64::from(triangles)
        {
            return if triangles > 0 {
                Ok(())
            } else {
                Err(Fault("it has no triangles"))
            };
        }
        let text = &self.text;
        if !text.begun || text.broken {
            return Err(Fault("its length does not fit its number of triangles"));
        }
        let last = self.lines.rest();
        let ended = text.ended && last.trim_ascii().is_empty();
        if !ended && !is_keyword(last, b"endsolid") {
            return Err(Fault("it ends before `endsolid`"));
        }
        if text.facets_begun == 0 {
            return Err(Fault("it has no triangles"));
        }
        if text.facets_begun != text.facets_ended || text.vertices != 3 * text.facets_begun {
            return Err(Fault("a facet is not whole"));
        }
        Ok(())
    }
}

impl Text {
    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        if !self.begun {
            self.begun = is_keyword(line, b"solid");
            self.broken = !self.begun;
            return;
        }
        // A file may hold several solids.
        self.ended = is_keyword(line, b"endsolid");
        self.facets_begun += u64::from(is_keyword(line, b"facet"));
        self.facets_ended += u64::from(is_keyword(line, b"endfacet"));
        self.vertices += u64::from(is_keyword(line, b"vertex"));
    }
}

fn is_keyword(line: &[u8], keyword: &[u8]) -> bool {
    let line = line.trim_ascii();
    let Some(head) = line.get(..keyword.len()) else {
        return false;
    };
    let rest = line.get(keyword.len());
    head.eq_ignore_ascii_case(keyword) && rest.is_none_or(u8::is_ascii_whitespace)
}
