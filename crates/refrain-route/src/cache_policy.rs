//! Freshness and sharing of results (RFC 9111, RFC 5861), as one route sets them.

use std::time::Duration;

use crate::language::Section;

/// How long results of a route live, for whom, and what they are called when they are invalidated.
///
/// ```
/// use refrain_route::{CachePolicy, Tenants};
///
/// assert_eq!(CachePolicy::default().tenants, Tenants::Apart);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long a result is fresh; what the cache has set if nothing is said.
    pub time_to_live: Option<Duration>,
    /// Names by which results are invalidated together.
    pub tags: Vec<String>,
    /// Whether tenants share results.
    pub tenants: Tenants,
    /// How long an expired result is still answered while a new one is generated.
    pub stale_while_revalidate: Option<Duration>,
    /// How long an expired result is answered when the origin fails.
    pub stale_if_error: Option<Duration>,
    /// Whether results are stored although the origin's answer says `no-store`.
    pub store_no_store: bool,
}

/// Whether clients with different credentials share results.
///
/// ```
/// assert_eq!(refrain_route::Tenants::default(), refrain_route::Tenants::Apart);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tenants {
    /// Each set of credentials has results of its own.
    #[default]
    Apart,
    /// All clients share: credentials do not count.
    Shared,
}

impl CachePolicy {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let tags = section.texts("tags").unwrap_or_default();
        let shared = section.word("tenants", &["apart", "shared"]) == Some(1);
        Self {
            time_to_live: section.duration("ttl"),
            tags: tags.into_iter().map(|(tag, _)| tag.to_owned()).collect(),
            tenants: if shared {
                Tenants::Shared
            } else {
                Tenants::Apart
            },
            stale_while_revalidate: section.duration("stale_while_revalidate"),
            stale_if_error: section.duration("stale_if_error"),
            store_no_store: section.word("no_store", &["obey", "ignore"]) == Some(1),
        }
    }
}
