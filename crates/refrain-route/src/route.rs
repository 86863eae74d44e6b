//! A route: one call of a server in seven concepts, and the policy of its results.

use crate::artifacts::Artifacts;
use crate::cache_policy::CachePolicy;
use crate::exchange::Exchange;
use crate::guard::Guard;
use crate::key::KeyRules;
use crate::language::{Mistakes, Node, Section};
use crate::matching::Match;
use crate::success::Success;
use crate::volatile::Volatile;

/// How one call of a server is cached.
///
/// Read from a configuration; see [`Config`](crate::Config).
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name, in messages and metrics.
    pub name: String,
    /// Which requests it is for.
    pub matching: Match,
    /// What of a request counts.
    pub key: KeyRules,
    /// Whether the answer repeats.
    pub guard: Guard,
    /// How the answer comes.
    pub exchange: Exchange,
    /// What makes the answer a result.
    pub success: Success,
    /// Where in the answer the bytes are.
    pub artifacts: Artifacts,
    /// What a hit renews.
    pub volatile: Volatile,
    /// How long and for whom results live.
    pub cache: CachePolicy,
}

impl Route {
    /// Reads a table `[[route]]`; nothing if it has no name or matches nothing.
    pub(crate) fn read(node: &Node, name: &str, mistakes: &Mistakes) -> Option<Self> {
        let section = Section::of(node, format!("route `{name}`"), mistakes)?;
        section.get("name");
        section.get("upstream");
        let matching = read_part(&section, "match", Match::read);
        if section.get("match").is_none() {
            section.wrong(format!(
                "route `{name}` needs a match: match = {{ method = \"POST\", path = \"/v1/embeddings\" }}"
            ));
        }
        let route = (
            read_part(&section, "key", KeyRules::read).unwrap_or_default(),
            read_part(&section, "guard", Guard::read).unwrap_or_default(),
            read_part(&section, "exchange", Exchange::read).unwrap_or_default(),
            read_part(&section, "success", Success::read).unwrap_or_default(),
            read_part(&section, "artifacts", Artifacts::read).unwrap_or_default(),
            read_part(&section, "volatile", Volatile::read).unwrap_or_default(),
            read_part(&section, "cache", CachePolicy::read).unwrap_or_default(),
        );
        section.end();
        let (key, guard, exchange, success, artifacts, volatile, cache) = route;
        Some(Self {
            name: name.to_owned(),
            matching: matching??,
            key,
            guard,
            exchange,
            success,
            artifacts,
            volatile,
            cache,
        })
    }
}

fn read_part<T>(section: &Section<'_>, key: &str, read: impl Fn(&Section<'_>) -> T) -> Option<T> {
    let part = section.section(key)?;
    let value = read(&part);
    part.end();
    Some(value)
}
