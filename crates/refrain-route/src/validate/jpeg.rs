//! JPEG (ITU T.81): segments with lengths, scans up to the next marker, and the end marker `FFD9`.

use super::piece::{Block, Fault, Fed, NOT_ITS_BEGINNING, pass};

#[derive(Debug, Default)]
pub(super) struct Jpeg {
    place: Place,
    length: Block<2>,
    has_scan: bool,
}

#[derive(Debug, Default, PartialEq)]
enum Place {
    #[default]
    Start,
    StartMarker,
    /// Where a marker has to be.
    Marker,
    /// Behind an `FF`.
    MarkerCode,
    /// The length of a segment, and whether a scan follows it.
    Length(bool),
    Segment(u64, bool),
    Scan,
    /// Behind an `FF` in a scan.
    ScanMarker,
    Ended,
}

impl Jpeg {
    pub(super) fn feed(&mut self, mut input: &[u8]) -> Fed {
        while let Some((&byte, rest)) = input.split_first() {
            match &mut self.place {
                Place::Start | Place::StartMarker => {
                    let is_start = self.place == Place::Start;
                    if byte != if is_start { 0xff } else { 0xd8 } {
                        return Err(NOT_ITS_BEGINNING);
                    }
                    self.place = if is_start {
                        Place::StartMarker
                    } else {
                        Place::Marker
                    };
                    input = rest;
                }
                Place::Marker => {
                    if byte != 0xff {
                        return Err(Fault("a marker is missing between two segments"));
                    }
                    self.place = Place::MarkerCode;
                    input = rest;
                }
                Place::MarkerCode => {
                    self.place = self.after_marker(byte)?;
                    input = rest;
                }
                Place::Length(is_scan) => {
                    if let Some(length) = self.length.take(&mut input) {
                        let left = u64::from(u16::from_be_bytes(length)).checked_sub(2);
                        let left = left.ok_or(Fault("a segment has an impossible length"))?;
                        self.place = after_segment(left, *is_scan);
                    }
                }
                Place::Segment(left, is_scan) => {
                    pass(left, &mut input);
                    self.place = after_segment(*left, *is_scan);
                }
                Place::Scan => {
                    let marker = input.iter().position(|byte| *byte == 0xff);
                    match marker {
                        Some(at) => {
                            input = &input[at + 1..];
                            self.place = Place::ScanMarker;
                        }
                        None => return Ok(()),
                    }
                }
                Place::ScanMarker => {
                    input = rest;
                    self.place = match byte {
                        // A stuffed zero, or a restart marker: the scan goes on.
                        0x00 | 0xd0..=0xd7 => Place::Scan,
                        other => self.after_marker(other)?,
                    };
                }
                Place::Ended => return self.behind(byte),
            }
        }
        Ok(())
    }

    fn after_marker(&mut self, code: u8) -> Result<Place, Fault> {
        match code {
            // Fill bytes in front of a marker.
            0xff => Ok(if self.place == Place::ScanMarker {
                Place::ScanMarker
            } else {
                Place::MarkerCode
            }),
            0xd9 if self.has_scan => Ok(Place::Ended),
            0xd9 => Err(Fault("it ends without a scan")),
            0x01 => Ok(Place::Marker),
            0xda => {
                self.has_scan = true;
                Ok(Place::Length(true))
            }
            0xc0..=0xfe if !(0xd0..=0xd8).contains(&code) => Ok(Place::Length(false)),
            _ => Err(Fault("it has a marker that cannot be there")),
        }
    }

    /// Cameras add previews and padding behind the end; a picture that was whole before stays whole.
    #[expect(clippy::unused_self, reason = "part of the state machine")]
    fn behind(&self, byte: u8) -> Fed {
        match byte {
            0x00 | 0xff => Ok(()),
            _ => Err(Fault("something follows its end marker")),
        }
    }

    pub(super) fn end(&self) -> Fed {
        if self.place == Place::Ended {
            return Ok(());
        }
        Err(Fault("it ends before its end marker"))
    }
}

fn after_segment(left: u64, is_scan: bool) -> Place {
    match (left, is_scan) {
        (0, true) => Place::Scan,
        (0, false) => Place::Marker,
        _ => Place::Segment(left, is_scan),
    }
}
