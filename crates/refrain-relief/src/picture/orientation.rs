//! How a picture says that it is to be turned: EXIF, or XMP where there is no EXIF.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat};

/// What some writers put before EXIF outside of JPEG, where it does not belong.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// Text chunks of PNG in which EXIF was kept before PNG had a chunk for it, as `ImageMagick` writes them.
const PNG_PROFILES: [&str; 2] = ["Raw profile type exif", "Raw profile type APP1"];

/// Largest text of a PNG that is unpacked to look for EXIF.
const MAX_PROFILE_BYTES: usize = 1024 * 1024;

/// The tag in XMP, <https://developer.adobe.com/xmp/docs/XMPNamespaces/tiff/>.
const XMP_TAG: &[u8] = b"tiff:Orientation";

/// How the metadata in the container says that the picture is to be turned.
///
/// What cannot be read is passed over: it must not keep a sound picture from being read.
pub(super) fn of(
    decoder: &mut impl ImageDecoder,
    format: ImageFormat,
    bytes: &[u8],
) -> Option<Orientation> {
    let exif = decoder.exif_metadata().ok().flatten();
    exif.and_then(|exif| of_exif(&exif))
        .or_else(|| (format == ImageFormat::Png).then(|| of_png_texts(bytes))?)
        .or_else(|| of_xmp(&decoder.xmp_metadata().ok()??))
}

fn of_exif(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(EXIF_PREFIX).unwrap_or(exif))
}

/// The orientation of EXIF in a text before the pixels of a PNG.
fn of_png_texts(bytes: &[u8]) -> Option<Orientation> {
    let limits = png::Limits {
        bytes: MAX_PROFILE_BYTES,
    };
    let reader = png::Decoder::new_with_limits(Cursor::new(bytes), limits).read_info();
    let reader = reader.ok()?;
    let info = reader.info();
    let is_profile = |keyword: &str| PNG_PROFILES.contains(&keyword);
    let plain = info.uncompressed_latin1_text.iter();
    let packed = info.compressed_latin1_text.iter();
    let of_plain = plain
        .filter(|text| is_profile(&text.keyword))
        .find_map(|text| of_profile(&text.text));
    of_plain.or_else(|| {
        packed
            .filter(|text| is_profile(&text.keyword))
            .find_map(|text| {
                let mut text = text.clone();
                text.decompress_text_with_limit(MAX_PROFILE_BYTES).ok()?;
                of_profile(&text.get_text().ok()?)
            })
    })
}

/// A profile as text: its name, its length in bytes, and those in hexadecimal digits, with white space anywhere.
fn of_profile(text: &str) -> Option<Orientation> {
    let mut words = text.split_whitespace();
    let (_name, _length) = (words.next()?, words.next()?);
    let digits: Vec<u8> = words.flat_map(str::bytes).collect();
    let (pairs, _) = digits.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| {
            let digits = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        })
        .collect();
    of_exif(&bytes?)
}

/// The orientation in XMP, as an attribute (`tiff:Orientation="6"`) or an element (`<tiff:Orientation>6<`).
pub(super) fn of_xmp(xmp: &[u8]) -> Option<Orientation> {
    let start = xmp
        .windows(XMP_TAG.len())
        .position(|window| window == XMP_TAG)?;
    let mut rest = xmp[start + XMP_TAG.len()..]
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace());
    let digit = match rest.next()? {
        b'>' => rest.next()?,
        b'=' => {
            rest.next().filter(|quote| matches!(quote, b'"' | b'\''))?;
            rest.next()?
        }
        _ => return None,
    };
    let after = rest.next()?;
    let number = digit.checked_sub(b'0')?;
    let is_one_digit = matches!(after, b'"' | b'\'' | b'<');
    Orientation::from_exif(number).filter(|_| is_one_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_says_it_as_an_attribute_or_an_element() {
        for xmp in [
            r#"<rdf:Description tiff:Orientation="6"/>"#,
            "<rdf:Description tiff:Orientation = '6' />",
            "<tiff:Orientation> 6 </tiff:Orientation>",
        ] {
            assert_eq!(of_xmp(xmp.as_bytes()), Some(Orientation::Rotate90), "{xmp}");
        }
        for xmp in [
            "",
            "tiff:Orientation",
            r#"tiff:Orientation="0""#,
            r#"tiff:Orientation="66""#,
            r#"tiff:Orientation="x""#,
            "tiff:Orientation=6",
        ] {
            assert_eq!(of_xmp(xmp.as_bytes()), None, "{xmp}");
        }
    }

    #[test]
    fn a_profile_is_hexadecimal_digits_after_its_name_and_length() {
        let exif = "\nexif\n      32\n457869660000\n49492a0008000000\n01001201030001000000 06000000 00000000\n";
        assert_eq!(of_profile(exif), Some(Orientation::Rotate90));
        for wrong in ["", "exif", "exif 3 4", "exif 2 zz", "exif 2 éé"] {
            assert_eq!(of_profile(wrong), None, "{wrong}");
        }
    }
}
