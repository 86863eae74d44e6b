//! PDF (ISO 32000): dates and identifiers, written over with as many bytes, so that no offset in the file changes.
//!
//! They are looked for in what stands there plainly: the document information, metadata in XMP, and the trailer. What a program
//! has compressed is not touched.

/// The longest name, and what follows it, that is looked for in one piece.
const OVERLAP: usize = 512;

const DATE: &[u8] = b"19800101000000";

/// A name, and what is written over behind it.
struct Rule {
    name: &'static [u8],
    /// Bytes that may stand between the name and what is written over.
    between: &'static [u8],
    /// What ends it.
    end: &'static [u8],
    with: &'static [u8],
}

const DATES: &[Rule] = &[
    Rule {
        name: b"/CreationDate",
        between: b" \r\n\t(D:",
        end: b")>",
        with: DATE,
    },
    Rule {
        name: b"/ModDate",
        between: b" \r\n\t(D:",
        end: b")>",
        with: DATE,
    },
    Rule {
        name: b"xmp:CreateDate",
        between: b">=\"'",
        end: b"<\"'",
        with: DATE,
    },
    Rule {
        name: b"xmp:ModifyDate",
        between: b">=\"'",
        end: b"<\"'",
        with: DATE,
    },
    Rule {
        name: b"xmp:MetadataDate",
        between: b">=\"'",
        end: b"<\"'",
        with: DATE,
    },
];

const IDS: &[Rule] = &[
    Rule {
        name: b"/ID",
        between: b" \r\n\t[",
        end: b"]",
        with: b"",
    },
    Rule {
        name: b"xmpMM:DocumentID",
        between: b">=\"'",
        end: b"<\"'",
        with: b"",
    },
    Rule {
        name: b"xmpMM:InstanceID",
        between: b">=\"'",
        end: b"<\"'",
        with: b"",
    },
];

/// Writes over what differs.
#[derive(Debug, Default)]
pub(super) struct PdfFilter {
    dates: bool,
    ids: bool,
    /// The end of what has come, in which a name may have begun.
    held: Vec<u8>,
    /// The byte before that.
    before: u8,
}

impl PdfFilter {
    pub(super) fn fix_dates(&mut self) {
        self.dates = true;
    }

    pub(super) fn fix_ids(&mut self) {
        self.ids = true;
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        // What is found twice is written over twice, with the same.
        self.fix();
        let done = self.held.len().saturating_sub(OVERLAP);
        let rest = self.held.split_off(done);
        self.before = self.held.last().copied().unwrap_or(self.before);
        std::mem::replace(&mut self.held, rest)
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.fix();
        std::mem::take(&mut self.held)
    }

    fn fix(&mut self) {
        let rules = [(self.dates, DATES), (self.ids, IDS)];
        for rule in rules
            .iter()
            .filter(|(asked, _)| *asked)
            .flat_map(|(_, rules)| *rules)
        {
            let mut from = 0;
            while let Some(at) = find(&self.held[from..], rule.name) {
                let name_ends = from + at + rule.name.len();
                from = name_ends;
                let between = self.held[name_ends..]
                    .iter()
                    .take_while(|byte| rule.between.contains(byte))
                    .count();
                let begins = name_ends + between;
                let length = self.held[begins..]
                    .iter()
                    .take(OVERLAP / 2)
                    .position(|byte| rule.end.contains(byte));
                // A tag that closes says nothing, `/IDs` is another name, and one without an end in sight is not complete yet.
                let name_begins = name_ends - rule.name.len();
                let before = name_begins
                    .checked_sub(1)
                    .map_or(self.before, |before| self.held[before]);
                let closes = before == b'/';
                if let Some(length) = length.filter(|_| between > 0 && !closes) {
                    write_over(&mut self.held[begins..begins + length], rule.with);
                }
            }
        }
    }
}

/// Writes `with` over digits, and over letters too where it is empty: then all become zeros.
fn write_over(bytes: &mut [u8], with: &[u8]) {
    let mut next = with.iter();
    for byte in bytes {
        if byte.is_ascii_digit() || (with.is_empty() && byte.is_ascii_alphabetic()) {
            *byte = *next.next().unwrap_or(&b'0');
        }
    }
}

fn find(bytes: &[u8], name: &[u8]) -> Option<usize> {
    bytes.windows(name.len()).position(|window| window == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "%PDF-1.7\n1 0 obj << /CreationDate (D:20261130184512+02'00') /ModDate(D:20261130184512Z) /IDs 7 >>\n\
        <xmp:CreateDate>2026-11-30T18:45:12+02:00</xmp:CreateDate><x xmp:ModifyDate=\"2026-11-30\"/>\n\
        <xmpMM:InstanceID>uuid:1234-abcd</xmpMM:InstanceID>\n(20261130184512)\ntrailer << /ID [<0aF1> <0aF1>] >>\n%%EOF\n";

    const FIXED: &str = "%PDF-1.7\n1 0 obj << /CreationDate (D:19800101000000+00'00') /ModDate(D:19800101000000Z) /IDs 7 >>\n\
        <xmp:CreateDate>1980-01-01T00:00:00+00:00</xmp:CreateDate><x xmp:ModifyDate=\"1980-01-01\"/>\n\
        <xmpMM:InstanceID>0000:0000-0000</xmpMM:InstanceID>\n(20261130184512)\ntrailer << /ID [<0000> <0000>] >>\n%%EOF\n";

    #[test]
    fn dates_and_identifiers_are_written_over_wherever_the_pieces_end() {
        let file = format!("{}{FILE}{}", "x".repeat(700), "y".repeat(700));
        for size in (1..=file.len()).step_by(7) {
            let mut filter = PdfFilter::default();
            filter.fix_dates();
            filter.fix_ids();
            let mut kept: Vec<u8> = file
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| filter.push(piece))
                .collect();
            kept.extend(filter.finish());
            assert_eq!(
                String::from_utf8(kept).unwrap().trim_matches(['x', 'y']),
                FIXED,
                "in pieces of {size}"
            );
        }
    }
}
