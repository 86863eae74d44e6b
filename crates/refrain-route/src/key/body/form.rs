//! `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), strictly: what two readers might read in two ways is refused.

use refrain::key::{Document, Map};

use crate::key::Bypass;

pub(super) const TYPE: &str = "application/x-www-form-urlencoded";

/// The fields of a form, each under its name.
pub(super) fn read(body: &[u8]) -> Result<Document, Bypass> {
    let mut fields = Map::new();
    for pair in body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decoded(halves.next().unwrap_or_default())?;
        let name =
            String::from_utf8(name).map_err(|_| Bypass::Body("a name in the form is no UTF-8"))?;
        let value = decoded(halves.next().unwrap_or_default())?;
        if fields.get(&name).is_some() {
            return Err(Bypass::DuplicateName(name));
        }
        fields.insert(name, text_or_bytes(value));
    }
    Ok(fields.into())
}

/// Text if it is UTF-8, and otherwise bytes: never a text with replaced characters.
pub(super) fn text_or_bytes(value: Vec<u8>) -> Document {
    match String::from_utf8(value) {
        Ok(text) => text.into(),
        Err(error) => Document::Bytes(error.into_bytes().into()),
    }
}

fn decoded(text: &[u8]) -> Result<Vec<u8>, Bypass> {
    const WRONG: Bypass = Bypass::Body("the form has a `%` without two digits");
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit =
                    |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).map(|(high, low)| high * 16 + low);
                value
                    .and_then(|value| u8::try_from(value).ok())
                    .ok_or(WRONG)?
            }
            other => *other,
        });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Result<Document, Bypass> {
        read(text.as_bytes())
    }

    #[test]
    fn order_and_escapes_make_no_difference() {
        assert_eq!(form("a=1+2&b=%C3%A9"), form("b=%c3%a9&&a=1%202"));
        assert_ne!(form("a="), form(""));
        assert_eq!(form("a="), form("a"));
        assert_ne!(form("a=%ff"), form("a=%EF%BF%BD"));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        assert_eq!(form("a=1&a=2"), Err(Bypass::DuplicateName("a".to_owned())));
        assert_eq!(
            form("a=1&%61=1"),
            Err(Bypass::DuplicateName("a".to_owned()))
        );
        for text in ["a=%", "a=%1", "a=%zz", "%ff=1"] {
            assert!(form(text).is_err(), "{text}");
        }
    }
}
