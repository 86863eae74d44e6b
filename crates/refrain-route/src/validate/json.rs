//! JSON (RFC 8259) as a pushdown automaton: one byte after the other, a bit for each level, no value is kept.

use refrain::key::MAX_DEPTH;

use super::piece::{Fault, Fed};

#[derive(Debug, Default)]
pub(super) struct Json {
    place: Place,
    /// For each open container, whether it is an object.
    open: Vec<bool>,
    utf8: Utf8,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Place {
    #[default]
    Value,
    /// Behind `[`: a value or `]`.
    FirstItem,
    /// Behind `{`: a name or `}`.
    FirstName,
    Name,
    Colon,
    /// Behind a value: `,` or what closes.
    Behind,
    Text {
        is_name: bool,
    },
    Escape {
        is_name: bool,
    },
    Unicode {
        is_name: bool,
        digits_left: u8,
    },
    Literal(&'static [u8]),
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Ended,
}

impl Json {
    pub(super) fn feed(&mut self, input: &[u8]) -> Fed {
        for &byte in input {
            self.byte(byte)?;
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        let number_ended = matches!(
            self.place,
            Place::Zero | Place::Digits | Place::Fraction | Place::ExponentDigits
        );
        if self.place == Place::Ended || (number_ended && self.open.is_empty()) {
            return Ok(());
        }
        Err(Fault("it ends within a value"))
    }

    fn byte(&mut self, byte: u8) -> Fed {
        self.place = match self.place {
            Place::Text { is_name } => return self.text(byte, is_name),
            Place::Escape { is_name } => match byte {
                b'u' => Place::Unicode {
                    is_name,
                    digits_left: 4,
                },
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Place::Text { is_name },
                _ => return Err(Fault("a text has an escape that does not exist")),
            },
            Place::Unicode {
                is_name,
                digits_left,
            } if byte.is_ascii_hexdigit() => match digits_left {
                1 => Place::Text { is_name },
                left => Place::Unicode {
                    is_name,
                    digits_left: left - 1,
                },
            },
            Place::Unicode { .. } => return Err(Fault("a text has an escape that does not exist")),
            Place::Literal(rest) => match rest {
                [expected] if *expected == byte => self.behind_value(),
                [expected, rest @ ..] if *expected == byte => Place::Literal(rest),
                _ => return Err(Fault("it has a word that is no value")),
            },
            Place::Minus => match byte {
                b'0' => Place::Zero,
                b'1'..=b'9' => Place::Digits,
                _ => return Err(Fault("it has a number without digits")),
            },
            Place::Zero | Place::Digits if byte == b'.' => Place::Point,
            Place::Zero | Place::Digits | Place::Fraction if matches!(byte, b'e' | b'E') => {
                Place::Exponent
            }
            Place::Digits if byte.is_ascii_digit() => Place::Digits,
            Place::Point | Place::Fraction if byte.is_ascii_digit() => Place::Fraction,
            Place::Exponent if matches!(byte, b'+' | b'-') => Place::ExponentSign,
            Place::Exponent | Place::ExponentSign | Place::ExponentDigits
                if byte.is_ascii_digit() =>
            {
                Place::ExponentDigits
            }
            Place::Point | Place::Exponent | Place::ExponentSign => {
                return Err(Fault("it has a number without digits"));
            }
            Place::Zero | Place::Digits | Place::Fraction | Place::ExponentDigits => {
                // The number has ended one byte ago.
                self.place = self.behind_value();
                return self.byte(byte);
            }
            place if is_space(byte) => place,
            Place::Value => self.begin_value(byte)?,
            Place::FirstItem if byte == b']' => self.close(false)?,
            Place::FirstItem => self.begin_value(byte)?,
            Place::FirstName if byte == b'}' => self.close(true)?,
            Place::FirstName | Place::Name if byte == b'"' => Place::Text { is_name: true },
            Place::FirstName | Place::Name => {
                return Err(Fault("an object has a member without a name"));
            }
            Place::Colon if byte == b':' => Place::Value,
            Place::Colon => return Err(Fault("an object has a name without a colon")),
            Place::Behind => match (byte, self.open.last()) {
                (b',', Some(true)) => Place::Name,
                (b',', Some(false)) => Place::Value,
                (b'}', _) => self.close(true)?,
                (b']', _) => self.close(false)?,
                _ => return Err(Fault("two values have no comma between them")),
            },
            Place::Ended => return Err(Fault("something follows its value")),
        };
        Ok(())
    }

    fn begin_value(&mut self, byte: u8) -> Result<Place, Fault> {
        Ok(match byte {
            b'"' => Place::Text { is_name: false },
            b'{' | b'[' => {
                if self.open.len() == MAX_DEPTH {
                    return Err(Fault("it is nested too deep"));
                }
                self.open.push(byte == b'{');
                if byte == b'{' {
                    Place::FirstName
                } else {
                    Place::FirstItem
                }
            }
            b't' => Place::Literal(b"rue"),
            b'f' => Place::Literal(b"alse"),
            b'n' => Place::Literal(b"ull"),
            b'-' => Place::Minus,
            b'0' => Place::Zero,
            b'1'..=b'9' => Place::Digits,
            _ => return Err(Fault("a value begins as no value does")),
        })
    }

    fn close(&mut self, is_object: bool) -> Result<Place, Fault> {
        if self.open.pop() == Some(is_object) {
            return Ok(self.behind_value());
        }
        Err(Fault("it closes what is not open"))
    }

    fn behind_value(&self) -> Place {
        if self.open.is_empty() {
            Place::Ended
        } else {
            Place::Behind
        }
    }

    fn text(&mut self, byte: u8, is_name: bool) -> Fed {
        if !self.utf8.accepts(byte) {
            return Err(Fault("a text is no UTF-8"));
        }
        match byte {
            b'"' if is_name => self.place = Place::Colon,
            b'"' => self.place = self.behind_value(),
            b'\\' => self.place = Place::Escape { is_name },
            0..=0x1f => return Err(Fault("a text has a control character")),
            _ => {}
        }
        Ok(())
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// UTF-8 (RFC 3629), byte by byte: no overlong forms, no surrogates.
#[derive(Debug, Default)]
struct Utf8 {
    /// How many bytes of the character are to come.
    left: u8,
    /// The range of the next one.
    from: u8,
    to: u8,
}

impl Utf8 {
    fn accepts(&mut self, byte: u8) -> bool {
        if self.left > 0 {
            let fits = (self.from..=self.to).contains(&byte);
            (self.left, self.from, self.to) = (self.left - 1, 0x80, 0xbf);
            return fits;
        }
        (self.left, self.from, self.to) = match byte {
            0x00..=0x7f => return true,
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            _ => return false,
        };
        true
    }
}
