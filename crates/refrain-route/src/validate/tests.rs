//! Whole files pass, every cut of one is refused, and pieces make no difference.

use proptest::prelude::*;

use super::*;

fn judge(kind: MediaKind, bytes: &[u8], piece: usize) -> Result<(), Invalid> {
    let mut validator = Validator::new(kind);
    for piece in bytes.chunks(piece) {
        validator.update(piece)?;
    }
    validator.finish()
}

fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &name, data, &[9; 4]].concat()
}

fn riff_chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let padding = vec![0; data.len() % 2];
    [&name[..], &length, data, &padding].concat()
}

fn riff(form: [u8; 4], chunks: &[u8]) -> Vec<u8> {
    let length = u32::try_from(chunks.len() + 4).unwrap().to_le_bytes();
    [b"RIFF", &length[..], &form, chunks].concat()
}

fn mp4_box(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 8).unwrap().to_be_bytes();
    [&length[..], &name, data].concat()
}

fn ogg_page(flags: u8, data: &[u8]) -> Vec<u8> {
    let mut head = [0; 27];
    head[..4].copy_from_slice(b"OggS");
    (head[5], head[26]) = (flags, 1);
    [&head[..], &[u8::try_from(data.len()).unwrap()], data].concat()
}

const TEXT_STL: &str = "solid a\n facet normal 0 0 1\n  outer loop\n   vertex 0 0 0\n   vertex 1 0 0\n   vertex 0 1 0\n  endloop\n endfacet\nendsolid a";

/// A whole file of each kind, and how many of its last bytes may be missing without being missed.
fn files() -> Vec<(&'static str, MediaKind, Vec<u8>, usize)> {
    let png = [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(*b"IHDR", &[0; 13]),
        &chunk(*b"IDAT", b"pixels"),
        &chunk(*b"IEND", b""),
    ]
    .concat();
    let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xda\0\x03a12\xff\0 3\xff\xd04\xff\xd9".to_vec();
    let json_chunk = [&8_u32.to_le_bytes()[..], b"JSON", b"{\"a\":1} "].concat();
    let bin_chunk = [&4_u32.to_le_bytes()[..], b"BIN\0", b"1234"].concat();
    let length = u32::try_from(12 + json_chunk.len() + bin_chunk.len())
        .unwrap()
        .to_le_bytes();
    let glb = [
        b"glTF",
        &2_u32.to_le_bytes()[..],
        &length,
        &json_chunk,
        &bin_chunk,
    ]
    .concat();
    // Begins as a text would, as some programs write it.
    let mut stl = b"solid".to_vec();
    stl.resize(80, b' ');
    stl.extend(2_u32.to_le_bytes());
    stl.extend([7; 100]);
    let wav = riff(
        *b"WAVE",
        &[
            riff_chunk(*b"fmt ", &[1; 16]),
            riff_chunk(*b"data", b"12345"),
        ]
        .concat(),
    );
    let webp = riff(*b"WEBP", &riff_chunk(*b"VP8L", b"123456"));
    let mp4 = [
        mp4_box(*b"ftyp", b"isom"),
        mp4_box(*b"moov", b"12"),
        mp4_box(*b"mdat", b"345"),
    ]
    .concat();
    let ogg = [
        ogg_page(2, b"head"),
        ogg_page(0, b"sound"),
        ogg_page(4, b"end"),
    ]
    .concat();
    let ply =
        b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n1\n2\n".to_vec();
    let binary_ply = b"ply\r\nformat binary_little_endian 1.0\r\nelement vertex 2\r\nproperty float x\r\nend_header\r\n12345678".to_vec();
    vec![
        ("png", MediaKind::Png, png, 0),
        ("jpeg", MediaKind::Jpeg, jpeg, 0),
        ("glb", MediaKind::Glb, glb, 0),
        ("binary stl", MediaKind::Stl, stl, 0),
        // The name behind `endsolid` is optional.
        ("text stl", MediaKind::Stl, TEXT_STL.as_bytes().to_vec(), 2),
        // The byte that makes a length even.
        ("wav", MediaKind::Wav, wav, 1),
        (
            "json",
            MediaKind::Json,
            br#"{"a": [1, -2.5e+3, "\u00e9\n", true, null, {}, []]}"#.to_vec(),
            0,
        ),
        ("webp", MediaKind::Webp, webp, 0),
        ("mp4", MediaKind::Mp4, mp4, 0),
        ("ogg", MediaKind::Ogg, ogg, 0),
        (
            "obj",
            MediaKind::Obj,
            b"# a\nv 0 0 0\r\nv 1 0 0\nf 1 2 1\n".to_vec(),
            0,
        ),
        ("text ply", MediaKind::Ply, ply, 1),
        ("binary ply", MediaKind::Ply, binary_ply, 0),
        (
            "pdf",
            MediaKind::Pdf,
            b"%PDF-1.7\n1 0 obj\n%%EOF\n".to_vec(),
            1,
        ),
    ]
}

#[test]
fn a_whole_file_passes_in_pieces_of_any_length() {
    for (name, kind, bytes, _) in files() {
        for piece in [1, 2, 3, 7, 16, 64, 4096] {
            assert_eq!(
                judge(kind, &bytes, piece),
                Ok(()),
                "{name} in pieces of {piece}"
            );
        }
    }
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused() {
    for (name, kind, bytes, spare) in files() {
        for length in 0..bytes.len() - spare {
            let cut = &bytes[..length];
            // Two boxes of an MP4 and of the text formats are a whole file as well.
            let is_shorter_file = (name == "mp4" && length == 22)
                || (name == "obj" && cut.ends_with(b"\n") && length == bytes.len());
            for piece in [1, 4096] {
                let judged = judge(kind, cut, piece);
                assert_eq!(
                    judged.is_ok(),
                    is_shorter_file,
                    "{name} cut at {length}: {judged:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_such_file_is_refused_at_its_beginning() {
    for (name, kind, _, _) in files() {
        for other in [
            &b"<html><body>502</body></html>"[..],
            b"{\"error\": \"no\"",
            &[0; 100],
        ] {
            assert!(judge(kind, other, 5).is_err(), "{name}");
        }
    }
    assert!(Validator::check(MediaKind::Mp3, b"ID3\x04").is_err());
    assert!(Validator::check(MediaKind::Mp3, &[b"ID3\x04", &[0; 40][..]].concat()).is_ok());
    assert!(Validator::check(MediaKind::Mp3, &[0xff, 0xfb].repeat(20)).is_ok());
    assert!(Validator::check(MediaKind::Mp3, &[0xff, 0xd8].repeat(20)).is_err());
}

#[test]
fn what_follows_the_end_is_refused_where_the_end_is_known() {
    for (name, kind, bytes, _) in files() {
        let is_open_ended = matches!(kind, MediaKind::Obj | MediaKind::Ply | MediaKind::Pdf);
        let longer = [&bytes[..], b"\n<p>error</p>"].concat();
        assert_eq!(
            judge(kind, &longer, 3).is_ok(),
            is_open_ended && kind != MediaKind::Obj,
            "{name}"
        );
    }
}

#[test]
fn an_empty_shape_is_no_result() {
    let mut stl = vec![0; 84];
    assert!(Validator::check(MediaKind::Stl, &stl).is_err());
    stl[..5].copy_from_slice(b"solid");
    assert!(Validator::check(MediaKind::Stl, &stl).is_err());
    assert!(Validator::check(MediaKind::Stl, b"solid a\nendsolid a\n").is_err());
    assert!(Validator::check(MediaKind::Obj, b"v 0 0 0\n").is_err());
}

#[test]
fn a_wav_written_to_a_pipe_has_no_length_and_passes() {
    for length in [0xffff_ffff_u32, 0x7fff_f024] {
        let mut wav = b"RIFF".to_vec();
        wav.extend(length.to_le_bytes());
        wav.extend(b"WAVE");
        wav.extend(riff_chunk(*b"fmt ", &[1; 16]));
        wav.extend(b"data");
        wav.extend(length.to_le_bytes());
        wav.extend([5; 100]);
        assert_eq!(judge(MediaKind::Wav, &wav, 9), Ok(()));
    }
}

#[test]
fn every_kind_has_a_name_that_reads_back_and_a_type() {
    for (kind, name, _, types) in KINDS {
        assert_eq!(name.parse(), Ok(kind));
        for content_type in types {
            assert_eq!(
                MediaKind::of_content_type(&content_type.to_uppercase()),
                Some(kind)
            );
        }
    }
    assert_eq!(
        MediaKind::of_content_type("application/problem+json"),
        Some(MediaKind::Json)
    );
    for (name, kind, bytes, _) in files() {
        let told = MediaKind::of_beginning(&bytes[..16]);
        assert!(told == Some(kind) || told.is_none(), "{name}");
    }
}

proptest! {
    #[test]
    fn json_is_judged_as_serde_json_reads_it(text in json_like(), piece in 1_usize..9) {
        let read = serde_json::from_str::<serde_json::Value>(&text);
        let judged = judge(MediaKind::Json, text.as_bytes(), piece);
        // serde_json joins surrogates, which are left to readers of texts here.
        let has_surrogate = read.as_ref().is_err_and(|error| error.to_string().contains("surrogate") || error.to_string().contains("hex escape"));
        prop_assert_eq!(read.is_ok() || has_surrogate, judged.is_ok() || has_surrogate, "{}: {:?}, {:?}", text, read, judged);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..50) {
        for (kind, ..) in KINDS {
            prop_assert_eq!(judge(kind, &bytes, piece).is_ok(), judge(kind, &bytes, 4096).is_ok());
        }
    }

    #[test]
    fn one_changed_byte_never_panics(at in 0_usize..200, to in any::<u8>(), piece in 1_usize..50) {
        for (_, kind, mut bytes, _) in files() {
            let length = bytes.len();
            bytes[at % length] = to;
            prop_assert_eq!(judge(kind, &bytes, piece).is_ok(), judge(kind, &bytes, 4096).is_ok());
        }
    }
}

/// Texts that are JSON, or nearly.
fn json_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\x\"",
        "1",
        "-0",
        "01",
        "1.5",
        "1.",
        "1e5",
        "1e",
        "true",
        "nul",
        "null",
        " ",
        "\n",
        "\"é",
        "\"",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}
