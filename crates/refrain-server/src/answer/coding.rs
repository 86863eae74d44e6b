//! Content negotiation by `Accept-Encoding` (RFC 9110, section 12.5.3): which coding a client prefers for a type that gains from one.

use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

/// A coding that results are sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    pub(super) const ALL: [Self; 2] = [Self::Zstd, Self::Gzip];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The validator of a result in this coding: its bytes are others, so it has another one.
    pub(super) fn etag(self, etag: &HeaderValue) -> Option<HeaderValue> {
        let plain = etag.to_str().ok()?.strip_suffix('"')?;
        format!("{plain}-{}\"", self.name()).try_into().ok()
    }
}

/// The coding that the client likes best; none if it likes none, or plain bytes better.
pub(super) fn preferred(request: &HeaderMap) -> Option<Coding> {
    let values = request.get_all(ACCEPT_ENCODING).iter();
    let listed: Vec<(String, u16)> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(weighed)
        .collect();
    let weight = |name: &str| {
        let found = listed.iter().find(|(listed, _)| listed == name);
        found.map(|(_, weight)| *weight)
    };
    let any = weight("*").unwrap_or(0);
    let of = |coding: Coding| match coding {
        Coding::Zstd => weight("zstd").unwrap_or(any),
        Coding::Gzip => weight("gzip").or(weight("x-gzip")).unwrap_or(any),
    };
    // The first of those that are liked as much.
    let best = Coding::ALL.into_iter().rev().max_by_key(|one| of(*one))?;
    let plain = weight("identity").unwrap_or(0);
    (of(best) > 0 && of(best) >= plain).then_some(best)
}

/// A name in lower case and its weight in thousandths; none for what cannot be read.
fn weighed(member: &str) -> Option<(String, u16)> {
    let mut parts = member.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut weight = 1000;
    for parameter in parts {
        let (key, value) = parameter.split_once('=')?;
        if key.trim().eq_ignore_ascii_case("q") {
            let value: f32 = value.trim().parse().ok()?;
            if !(0.0..=1.0).contains(&value) {
                return None;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is from 0 to 1000"
            )]
            {
                weight = (value * 1000.0) as u16;
            }
        }
    }
    Some((name.to_ascii_lowercase(), weight))
}

/// Whether results with these headers may be sent in a coding, and are smaller then as a rule.
pub(super) fn gains(result: &HeaderMap) -> bool {
    if result.contains_key(CONTENT_ENCODING) {
        return false;
    }
    let directives = result.get_all(CACHE_CONTROL).iter();
    let mut directives = directives.filter_map(|value| value.to_str().ok());
    if directives.any(|value| value.to_ascii_lowercase().contains("no-transform")) {
        return false;
    }
    let media_type = result
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next());
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.starts_with("model/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence.as_str(),
            "application/json"
                | "application/x-ndjson"
                | "application/javascript"
                | "application/xml"
                | "application/sla"
                | "application/vnd.ms-pki.stl"
                | "application/wasm"
                | "audio/wav"
                | "audio/x-wav"
                | "image/bmp"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn liked(accept: &[&'static str]) -> Option<Coding> {
        let values = accept.iter().map(|value| HeaderValue::from_static(value));
        preferred(&values.map(|value| (ACCEPT_ENCODING, value)).collect())
    }

    #[test]
    fn weights_choose_and_zstd_is_preferred_among_equals() {
        for accept in [
            "zstd",
            "gzip, zstd",
            "gzip, deflate, br, zstd",
            "*",
            "ZSTD;q=1.0, gzip;q=1",
            "zstd;q=0.5, identity;q=0.5",
        ] {
            assert_eq!(liked(&[accept]), Some(Coding::Zstd), "{accept}");
        }
        for accept in [
            "gzip",
            "x-gzip",
            "gzip;q=0.9, zstd;q=0.8",
            "gzip, zstd;q=0",
            "*, zstd;q=0",
            "identity;q=0, gzip;q=0.001",
        ] {
            assert_eq!(liked(&[accept]), Some(Coding::Gzip), "{accept}");
        }
        assert_eq!(liked(&["br", "gzip;q=0.5"]), Some(Coding::Gzip));
    }

    #[test]
    fn plain_bytes_are_sent_to_clients_that_want_them_or_say_nothing() {
        assert_eq!(liked(&[]), None);
        for accept in [
            "",
            "identity",
            "br, deflate",
            "gzip;q=0",
            "*;q=0",
            "gzip;q=2",
            "gzip;q=x",
            "identity, gzip;q=0.5",
        ] {
            assert_eq!(liked(&[accept]), None, "{accept}");
        }
    }

    #[test]
    fn types_that_are_compressed_already_gain_nothing() {
        let of = |name, value: &'static str| {
            gains(&HeaderMap::from_iter([(
                name,
                HeaderValue::from_static(value),
            )]))
        };
        for media_type in [
            "model/stl",
            "text/plain; charset=utf-8",
            "application/json",
            "image/svg+xml",
        ] {
            assert!(of(CONTENT_TYPE, media_type), "{media_type}");
        }
        for media_type in [
            "image/png",
            "video/mp4",
            "application/zip",
            "application/octet-stream",
            "",
        ] {
            assert!(!of(CONTENT_TYPE, media_type), "{media_type}");
        }
        assert!(!gains(&HeaderMap::new()));
    }
}
