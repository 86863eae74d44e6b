//! Format-preserving renewal: a new id, time or number of the same length and alphabet in the place of an old one.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use super::{Fresh, Volatile, time};
use crate::exchange::StreamFormat;
use crate::framing::{Event, FrameKind, Framer};
use crate::json_text::find;
use crate::pattern::Pattern;

/// What makes one answer different from the next.
///
/// ```
/// use refrain_route::Occasion;
///
/// let occasion = Occasion { random: 7, unix_millis: 1_790_000_000_000, serial: 1 };
/// assert_eq!(occasion.serial, 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// A number that nobody can foresee.
    pub random: u64,
    /// The time, in milliseconds since 1970.
    pub unix_millis: u64,
    /// How many answers of this entry there were before.
    pub serial: u64,
}

/// Renews the volatile fields of one answer.
///
/// ```
/// use refrain_route::{Config, Occasion, Renewal};
///
/// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
/// let chat = config.upstreams[0].routes.named("chat").unwrap();
/// let stored = bytes::Bytes::from(r#"{"id": "chatcmpl-Ab12", "created": 1700000000, "text": "chatcmpl-Ab12"}"#);
///
/// let occasion = Occasion { random: 7, unix_millis: 1_790_000_000_000, serial: 0 };
/// let answer = Renewal::new(&chat.volatile, occasion).body(&stored).concat();
/// assert_eq!(answer.len(), stored.len());
/// assert!(answer.starts_with(br#"{"id": "chatcmpl-"#) && answer[..25] != stored[..25]);
/// assert!(answer.ends_with(br#""created": 1790000000, "text": "chatcmpl-Ab12"}"#));
/// ```
#[derive(Debug)]
pub struct Renewal<'r> {
    volatile: &'r Volatile,
    occasion: Occasion,
    random: Random,
    /// New ids by the old ones: in every frame alike.
    renewed: HashMap<Vec<u8>, Vec<u8>>,
}

/// How many ids of one answer are remembered; some servers give each frame one of its own.
const MOST_IDS: usize = 1024;

impl<'r> Renewal<'r> {
    /// The renewal of one answer.
    pub fn new(volatile: &'r Volatile, occasion: Occasion) -> Self {
        Self {
            volatile,
            occasion,
            random: Random(occasion.random),
            renewed: HashMap::new(),
        }
    }

    /// The body, in slices of the old one with the new values between them. As long as it was.
    pub fn body(&mut self, body: &Bytes) -> Vec<Bytes> {
        let patches = self.patches(body);
        let mut slices = Vec::with_capacity(2 * patches.len() + 1);
        let mut done = 0;
        for (start, new) in patches {
            slices.push(body.slice(done..start));
            done = start + new.len();
            slices.push(new.into());
        }
        slices.push(body.slice(done..));
        slices
    }

    /// A new id in the form of an old one, for headers.
    ///
    /// ```
    /// use refrain_route::{Occasion, Renewal, Volatile};
    ///
    /// let occasion = Occasion { random: 7, unix_millis: 0, serial: 0 };
    /// let volatile = Volatile::default();
    /// let mut renewal = Renewal::new(&volatile, occasion);
    /// let new = renewal.id("req_011CaBcD");
    /// assert!(new.starts_with("req_") && new.len() == 12 && new != "req_011CaBcD");
    /// assert_eq!(renewal.id("req_011CaBcD"), new);
    /// ```
    pub fn id(&mut self, old: &str) -> String {
        String::from_utf8(self.fresh_id(old.as_bytes())).unwrap_or_else(|_| old.to_owned())
    }

    /// Places in a JSON text, and what is written there.
    fn patches(&mut self, text: &[u8]) -> Vec<(usize, Vec<u8>)> {
        if self.volatile.is_nothing() {
            return Vec::new();
        }
        let patterns: Vec<&Pattern> = self
            .volatile
            .fields
            .iter()
            .map(|(pattern, _)| pattern)
            .collect();
        let mut patches: Vec<(usize, Vec<u8>)> = Vec::new();
        for found in find(text, &patterns).unwrap_or_default() {
            let (start, old) = match text.get(found.span.clone()) {
                Some([b'"', inside @ .., b'"']) => (found.span.start + 1, inside),
                Some(bare) => (found.span.start, bare),
                None => continue,
            };
            let overlaps = patches
                .last()
                .is_some_and(|(begin, new)| begin + new.len() > start);
            let (_, fresh) = &self.volatile.fields[found.pattern];
            let new = self.fresh(*fresh, old);
            if let Some(new) = new.filter(|new| new.len() == old.len() && !overlaps) {
                patches.push((start, new));
            }
        }
        patches
    }

    fn fresh(&mut self, fresh: Fresh, old: &[u8]) -> Option<Vec<u8>> {
        match fresh {
            Fresh::Renew if is_container(old) => None,
            Fresh::Renew => Some(self.fresh_id(old)),
            Fresh::Now => time::now_like(old, self.occasion.unix_millis),
            Fresh::Next => next(old, self.occasion.serial),
        }
    }

    fn fresh_id(&mut self, old: &[u8]) -> Vec<u8> {
        if let Some(new) = self.renewed.get(old) {
            return new.clone();
        }
        let new = redrawn(old, &mut self.random);
        if self.renewed.len() < MOST_IDS {
            self.renewed.insert(old.to_vec(), new.clone());
        }
        new
    }
}

/// Replays the frames of a stored stream, with volatile fields renewed, and without comments and pings.
///
/// ```
/// use bytes::Bytes;
/// use refrain_route::{Config, Occasion, StreamReplay};
///
/// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
/// let chat = config.upstreams[0].routes.named("chat").unwrap();
/// let stream = chat.exchange.stream.as_ref().unwrap();
/// let occasion = Occasion { random: 7, unix_millis: 0, serial: 0 };
/// let mut replay = StreamReplay::new(&chat.volatile, stream.format, occasion);
/// let mut out = Vec::new();
/// for piece in [": ping\n\ndata: {\"id\": \"chat", "cmpl-1234567890\"}\n\ndata: {\"id\": \"chatcmpl-1234567890\"}\n\n"] {
///     out.extend(replay.push(&Bytes::from(piece)));
/// }
/// out.extend(replay.finish());
/// let text = String::from_utf8(out.concat()).unwrap();
/// let (one, other) = text.split_once("\n\n").unwrap();
/// assert!(one.starts_with("data: {\"id\": \"chatcmpl-") && !text.contains("1234567890"));
/// assert_eq!(other.trim_end(), one);
/// ```
#[derive(Debug)]
pub struct StreamReplay<'r> {
    renewal: Renewal<'r>,
    format: StreamFormat,
    /// None once the stream is replayed to the byte.
    framer: Option<Framer>,
}

/// Frames below this are gathered; a longer one is passed on in slices.
const LONG_FRAME: usize = 16 * 1024;

impl<'r> StreamReplay<'r> {
    /// A replay that begins.
    pub fn new(volatile: &'r Volatile, format: StreamFormat, occasion: Occasion) -> Self {
        Self {
            renewal: Renewal::new(volatile, occasion),
            format,
            framer: (!volatile.verbatim).then(|| Framer::new(format)),
        }
    }

    /// Takes the next piece of the stored stream; the frames that are whole now.
    pub fn push(&mut self, piece: &Bytes) -> Vec<Bytes> {
        let Some(framer) = &mut self.framer else {
            return vec![piece.clone()];
        };
        let mut frames = Vec::new();
        framer.feed(piece, |frame| frames.push(frame));
        let mut out = Vec::new();
        let mut gathered = BytesMut::new();
        for frame in frames {
            let frame = match frame {
                crate::framing::Frame::Inside(range) => piece.slice(range),
                crate::framing::Frame::Across(bytes) => bytes.into(),
            };
            for slice in self.renewed(&frame) {
                if slice.len() < LONG_FRAME {
                    gathered.extend_from_slice(&slice);
                } else {
                    if !gathered.is_empty() {
                        out.push(gathered.split().freeze());
                    }
                    out.push(slice);
                }
            }
        }
        if !gathered.is_empty() {
            out.push(gathered.freeze());
        }
        out
    }

    /// What is left at the end.
    pub fn finish(mut self) -> Vec<Bytes> {
        let Some(framer) = self.framer.take() else {
            return Vec::new();
        };
        let (rest, _) = framer.finish();
        self.renewed(&rest.into())
    }

    fn renewed(&mut self, frame: &Bytes) -> Vec<Bytes> {
        let event = Event::read(self.format, frame);
        if event.kind == FrameKind::Idle {
            return Vec::new();
        }
        let patches = self.renewal.patches(&event.data);
        let mut slices = Vec::new();
        let mut done = 0;
        for (start, new) in patches {
            let Some(place) = event.in_frame(&(start..start + new.len())) else {
                continue;
            };
            slices.push(frame.slice(done..place.start));
            done = place.end;
            slices.push(new.into());
        }
        slices.push(frame.slice(done..));
        slices
    }
}

fn is_container(old: &[u8]) -> bool {
    matches!(old.first(), Some(b'{' | b'[')) || old == b"null" || old == b"true" || old == b"false"
}

/// The number and `serial`, in as many digits.
fn next(old: &[u8], serial: u64) -> Option<Vec<u8>> {
    let old_number: u64 = std::str::from_utf8(old).ok()?.parse().ok()?;
    let new = old_number.checked_add(serial)?.to_string();
    (new.len() == old.len()).then(|| new.into_bytes())
}

/// A new id with the same prefix, the same length, and each character of the alphabet that the old one drew from.
fn redrawn(old: &[u8], random: &mut Random) -> Vec<u8> {
    let kept = prefix(old);
    let tail = &old[kept..];
    let is_hex = |lower: bool| {
        let in_alphabet = |byte: &u8| match byte {
            b'0'..=b'9' => true,
            b'a'..=b'f' => lower,
            b'A'..=b'F' => !lower,
            other => !other.is_ascii_alphanumeric(),
        };
        tail.iter().all(in_alphabet)
    };
    let is_uuid = is_uuid(tail);
    let alphabet: &[u8] = match tail {
        tail if tail.iter().all(|byte| !byte.is_ascii_alphabetic()) => b"0123456789",
        _ if is_hex(true) => b"0123456789abcdef",
        _ if is_hex(false) => b"0123456789ABCDEF",
        tail if !tail.iter().any(u8::is_ascii_uppercase) => b"0123456789abcdefghijklmnopqrstuvwxyz",
        tail if !tail.iter().any(u8::is_ascii_lowercase) => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _ => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    };
    let mut new = old[..kept].to_vec();
    let mut escaped = 0_usize;
    for (index, &byte) in tail.iter().enumerate() {
        // An escape stays as it is: `\n`, `é`.
        if escaped == 0 && byte == b'\\' {
            escaped = if tail.get(index + 1) == Some(&b'u') {
                6
            } else {
                2
            };
        }
        let stays =
            escaped > 0 || !byte.is_ascii_alphanumeric() || (is_uuid && matches!(index, 14 | 19));
        escaped = escaped.saturating_sub(1);
        // A number must not get a zero in front.
        let is_first_digit =
            old.len() == tail.len() && index == 0 && byte.is_ascii_digit() && byte != b'0';
        new.push(match stays {
            true => byte,
            false if is_first_digit && alphabet.len() == 10 => alphabet[1 + random.below(9)],
            false => alphabet[random.below(alphabet.len())],
        });
    }
    new
}

/// How long the prefix is: words of letters with `-` or `_` behind them, `chatcmpl-`, `msg_`, `resp_`. Hexadecimal digits are no
/// word.
fn prefix(id: &[u8]) -> usize {
    let mut end = 0;
    while let Some(length) = id[end..]
        .iter()
        .position(|byte| matches!(byte, b'-' | b'_'))
    {
        let word = &id[end..end + length];
        let is_word = !word.is_empty()
            && word.iter().all(u8::is_ascii_alphabetic)
            && !word.iter().all(u8::is_ascii_hexdigit);
        // Something has to be left to be drawn.
        if !is_word || end + length + 1 == id.len() {
            break;
        }
        end += length + 1;
    }
    end
}

/// Version and variant of a UUID stay (RFC 9562, section 4).
fn is_uuid(tail: &[u8]) -> bool {
    tail.len() == 36
        && tail.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `SplitMix64` (Steele, Lea, Flood, 2014): ids have to differ, not to be secret.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % count as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn renewed(old: &str, random: u64) -> String {
        String::from_utf8(redrawn(old.as_bytes(), &mut Random(random))).unwrap()
    }

    #[test]
    fn a_new_id_has_the_prefix_the_length_and_the_alphabet_of_the_old_one() {
        let cases = [
            ("chatcmpl-9f8e7d6c5b4a", "chatcmpl-", "0123456789abcdef"),
            (
                "chatcmpl-AbC123xyz",
                "chatcmpl-",
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            ),
            (
                "msg_01XyZ",
                "msg_",
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            ),
            ("chatcmpl-tool-0123", "chatcmpl-tool-", "0123456789"),
            ("deadbeef00", "", "0123456789abcdef"),
            ("7", "", "0123456789"),
        ];
        for (old, prefix, alphabet) in cases {
            for random in 0..50 {
                let new = renewed(old, random);
                let tail = new.strip_prefix(prefix).unwrap();
                assert_eq!(new.len(), old.len());
                assert!(tail.chars().all(|c| alphabet.contains(c)), "{old} {new}");
            }
        }
        assert_ne!(
            renewed("chatcmpl-9f8e7d6c5b4a", 1),
            renewed("chatcmpl-9f8e7d6c5b4a", 2)
        );
    }

    #[test]
    fn a_uuid_stays_one_of_its_version() {
        let old = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let new = renewed(old, 3);
        assert!(is_uuid(new.as_bytes()) && new != old);
        assert_eq!((&new[14..15], &new[19..20]), ("4", "9"));
        assert!(is_uuid(&renewed(&format!("run-{old}"), 3).as_bytes()[4..]));
    }

    #[test]
    fn a_counter_goes_on_as_long_as_it_fits() {
        assert_eq!(next(b"12", 3), Some(b"15".to_vec()));
        assert_eq!(next(b"99", 1), None);
        assert_eq!(next(b"x", 1), None);
    }

    fn volatile() -> Volatile {
        let field = |at: &str, fresh| (at.parse().unwrap(), fresh);
        Volatile {
            fields: vec![
                field("/id", Fresh::Renew),
                field("/created", Fresh::Now),
                field("/message/id", Fresh::Renew),
            ],
            verbatim: false,
        }
    }

    const OCCASION: Occasion = Occasion {
        random: 5,
        unix_millis: 1_790_000_000_000,
        serial: 1,
    };

    #[test]
    fn tool_calls_and_what_only_looks_like_an_id_stay() {
        let body = r#"{"message":{"id":"msg_1a","tool_calls":[{"id":"call_77"}]},"id":{"x":1},"created":"soon"}"#;
        let new = Renewal::new(&volatile(), OCCASION)
            .body(&Bytes::from(body))
            .concat();
        let new = String::from_utf8(new).unwrap();
        assert!(
            new.contains(r#"[{"id":"call_77"}]"#)
                && new.contains(r#""id":{"x":1}"#)
                && new.contains("soon"),
            "{new}"
        );
        assert!(!new.contains("msg_1a"));
    }

    #[test]
    fn a_stream_without_a_volatile_field_loses_only_its_comments() {
        let nothing = Volatile::default();
        let mut replay = StreamReplay::new(&nothing, StreamFormat::Sse, OCCASION);
        let out = replay.push(&Bytes::from(
            ": hello\n\nid: 3\nevent: a\ndata: 1\n\ndata: [DONE]\n\n",
        ));
        assert_eq!(
            out.concat(),
            b"id: 3\nevent: a\ndata: 1\n\ndata: [DONE]\n\n"
        );

        let verbatim = Volatile {
            verbatim: true,
            ..volatile()
        };
        let mut replay = StreamReplay::new(&verbatim, StreamFormat::Sse, OCCASION);
        assert_eq!(
            replay.push(&Bytes::from(": hello\n\n")).concat(),
            b": hello\n\n"
        );
    }

    proptest! {
        #[test]
        fn a_replay_is_the_same_under_any_cutting_and_as_long_as_it_was(
            ids in prop::collection::vec("[a-z]{3}-[0-9a-f]{6}", 1..4),
            frames in prop::collection::vec((0_usize..3, any::<bool>()), 1..6),
            cuts in prop::collection::vec(0_usize..80, 0..6),
        ) {
            let text: Vec<String> = frames
                .iter()
                .map(|(id, is_split)| {
                    let id = &ids[id % ids.len()];
                    let line_end = if *is_split { "\r\ndata: " } else { "" };
                    format!("data: {{\"id\":\"{id}\",{line_end}\"created\":1700000000}}\r\n\r\n")
                })
                .collect();
            let text = text.concat();
            let volatile = volatile();
            let replayed = |pieces: &[&str]| {
                let mut replay = StreamReplay::new(&volatile, StreamFormat::Sse, OCCASION);
                let mut out: Vec<u8> = Vec::new();
                for piece in pieces {
                    out.extend(replay.push(&Bytes::copy_from_slice(piece.as_bytes())).concat());
                }
                out.extend(replay.finish().concat());
                String::from_utf8(out).unwrap()
            };
            let whole = replayed(&[&text]);
            let mut pieces = Vec::new();
            let mut rest = text.as_str();
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces.push(rest);
            prop_assert_eq!(&replayed(&pieces), &whole);
            prop_assert_eq!(whole.len(), text.len());
            prop_assert!(!whole.contains("1700000000"));
            let same = |text: &str| -> Vec<usize> {
                let ids: Vec<&str> = text.split("\"id\":\"").skip(1).map(|rest| &rest[..10]).collect();
                ids.iter().map(|id| ids.iter().position(|other| other == id).unwrap()).collect()
            };
            prop_assert_eq!(same(&whole), same(&text));
        }
    }
}
