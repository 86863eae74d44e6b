//! Filters that take out of a file what never means anything and differs each time: dates, and what is made from them.

mod pdf;
mod png;

/// What is taken out of a file before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strip {
    /// The time of the last change in a PNG.
    PngTime,
    /// Texts beside the picture in a PNG: dates, render times, hosts.
    PngText,
    /// Dates in a PDF, which become the first of January 1980.
    PdfDates,
    /// Identifiers in a PDF, which become zeros.
    PdfIds,
}

impl Strip {
    pub(crate) const NAMES: [&'static str; 4] = ["png:tIME", "png:tEXt", "pdf:dates", "pdf:ids"];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::PngTime, Self::PngText, Self::PdfDates, Self::PdfIds];
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some(all[at])
    }
}

/// Applies rules to a file, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Stripper {
    png: Option<png::PngFilter>,
    pdf: Option<pdf::PdfFilter>,
}

impl Stripper {
    pub(crate) fn new(rules: impl Iterator<Item = Strip>) -> Self {
        let mut stripper = Self::default();
        for rule in rules {
            match rule {
                Strip::PngTime => stripper.png.get_or_insert_default().drop_kind(*b"tIME"),
                Strip::PngText => {
                    let png = stripper.png.get_or_insert_default();
                    for kind in [*b"tEXt", *b"zTXt", *b"iTXt"] {
                        png.drop_kind(kind);
                    }
                }
                Strip::PdfDates => stripper.pdf.get_or_insert_default().fix_dates(),
                Strip::PdfIds => stripper.pdf.get_or_insert_default().fix_ids(),
            }
        }
        stripper
    }

    /// What can be handed on after these bytes.
    pub(crate) fn push(&mut self, piece: Vec<u8>) -> Vec<u8> {
        let piece = match &mut self.png {
            Some(png) => png.push(&piece),
            None => piece,
        };
        match &mut self.pdf {
            Some(pdf) => pdf.push(&piece),
            None => piece,
        }
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.pdf
            .as_mut()
            .map(pdf::PdfFilter::finish)
            .unwrap_or_default()
    }
}
