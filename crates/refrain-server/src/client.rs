//! The identity of a client, for fair shares: its credential if it shows one, else its address.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// A client, as far as shares are concerned. Two may be taken for one, which costs one of them a part of its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Client(u64);

/// Keyed at random, so that no client can choose to be taken for another.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Client {
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap) -> Self {
        Self(match headers.get(AUTHORIZATION) {
            Some(credential) => HASHER.hash_one(credential.as_bytes()),
            None => HASHER.hash_one(network(peer)),
        })
    }
}

/// An address of version 6 stands for its network of 64 bits, which is what one customer has at least.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn by_address(address: &str) -> Client {
        Client::of(address.parse().unwrap(), &HeaderMap::new())
    }

    #[test]
    fn clients_are_told_apart_by_address_and_a_network_of_version_6_is_one() {
        assert_eq!(by_address("127.0.0.1"), by_address("::ffff:127.0.0.1"));
        assert_ne!(by_address("127.0.0.1"), by_address("127.0.0.2"));
        assert_eq!(by_address("2001:db8::1"), by_address("2001:db8::2:1"));
        assert_ne!(by_address("2001:db8::1"), by_address("2001:db8:0:1::1"));
    }

    #[test]
    fn a_credential_counts_before_the_address() {
        let of = |address: &str, token| {
            let token = HeaderValue::from_static(token);
            Client::of(
                address.parse().unwrap(),
                &HeaderMap::from_iter([(AUTHORIZATION, token)]),
            )
        };
        assert_eq!(of("127.0.0.1", "Bearer a"), of("127.0.0.2", "Bearer a"));
        assert_ne!(of("127.0.0.1", "Bearer a"), of("127.0.0.1", "Bearer b"));
    }
}
