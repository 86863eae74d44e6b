//! The entries of the cache in an order and in pages.

use std::cmp::Ordering;
use std::time::Duration;

use refrain::EntryInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::result_url;
use crate::engine::Engine;
use crate::generators::KeyPart;
use crate::request::fields::Fields;
use crate::request::query;
use crate::rounding::{rounded_mb, seconds};
use crate::wall::rfc3339;
use crate::{Key, Problem, ProblemKind};

/// An entry as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct EntryDocument {
    /// What it is stored under.
    key: String,
    /// Memory it takes in units of 1,048,576 bytes, to two decimals.
    size_mb: f64,
    /// When it was stored, RFC 3339.
    timestamp: String,
    /// Seconds since.
    age_seconds: f64,
    /// How often it was a hit.
    access_count: u64,
    /// When its time is over, RFC 3339; `null` is never.
    expires_at: Option<String>,
    /// Whether its time is over; such entries are removed and so not listed.
    expired: bool,
    /// Memory it takes, in bytes.
    size_bytes: u64,
    /// Seconds that generating it took.
    cost_seconds: f64,
    /// Where the result is.
    result_url: String,
    /// What the key was made from, as far as the generator says: comparing two entries tells why one was no hit.
    key_parts: Vec<KeyPartDocument>,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct KeyPartDocument {
    /// Where it stood in the request.
    #[schema(example = "/quality")]
    pointer: String,
    /// Digest of its value.
    digest: String,
}

/// What entries are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortBy {
    Key,
    Size,
    Age,
    #[default]
    Timestamp,
    AccessCount,
    ExpiresAt,
}

/// Which way entries are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    #[default]
    Asc,
    Desc,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) size: usize,
    sort: SortBy,
    direction: Direction,
}

/// The entries of one page.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<EntryDocument>,
    pub(crate) total: usize,
    pub(crate) pages: usize,
}

const WORDS: [(&str, SortBy); 6] = [
    ("key", SortBy::Key),
    ("size", SortBy::Size),
    ("age", SortBy::Age),
    ("timestamp", SortBy::Timestamp),
    ("access_count", SortBy::AccessCount),
    ("expires_at", SortBy::ExpiresAt),
];

/// Entries asked for in one piece while listing, so that writers are never held up for long.
const PIECE: usize = 1024;

impl Page {
    /// Reads a query string.
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        let mut fields = Fields::of_form(query::fields(query)?);
        let number = fields.unsigned("page", 1..=u64::MAX)?.unwrap_or(1);
        let per_page = fields.unsigned("per_page", 1..=1000)?.unwrap_or(100);
        let sort = fields.word("sort", &WORDS.map(|(word, _)| word))?;
        let order = fields.word("order", &["asc", "desc"])?;
        fields.finish()?;
        let sort_by = |word| WORDS.iter().find(|(known, _)| *known == word);
        Ok(Self {
            number: usize::try_from(number).unwrap_or(usize::MAX),
            size: usize::try_from(per_page).unwrap_or(1000),
            sort: sort
                .and_then(sort_by)
                .map_or(SortBy::default(), |(_, sort)| *sort),
            direction: match order {
                Some("desc") => Direction::Desc,
                _ => Direction::Asc,
            },
        })
    }

    /// The entries of this page.
    pub(crate) fn of(&self, engine: &Engine) -> Result<Listing, Problem> {
        let mut rows = rows(engine);
        let total = rows.len();
        let pages = total.div_ceil(self.size).max(1);
        if self.number > pages {
            let detail = format!(
                "there are {pages} pages, page {} was asked for",
                self.number
            );
            return Err(Problem::new(ProblemKind::PageBeyondEnd, detail).field("page"));
        }
        rows.sort_unstable_by(|a, b| self.compare(a, b));
        let first = (self.number - 1) * self.size;
        let entries = rows.into_iter().skip(first).take(self.size);
        Ok(Listing {
            entries: entries.map(|row| row.document(engine)).collect(),
            total,
            pages,
        })
    }

    /// Equal rows are in the order of their keys, so that pages do not overlap.
    fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let ordering = match self.sort {
            SortBy::Key => a.key.cmp(&b.key),
            SortBy::Size => a.weight_bytes.cmp(&b.weight_bytes),
            SortBy::Age => a.age.cmp(&b.age),
            SortBy::Timestamp => b.age.cmp(&a.age),
            SortBy::AccessCount => a.hits.cmp(&b.hits),
            // An entry that never expires comes after all that do.
            SortBy::ExpiresAt => match (a.expires_in, b.expires_in) {
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            },
        };
        let ordering = match self.direction {
            Direction::Asc => ordering,
            Direction::Desc => ordering.reverse(),
        };
        ordering.then_with(|| a.key.cmp(&b.key))
    }
}

/// About what a listing reads and moves for each entry.
pub(crate) const ROW_BYTES: usize = size_of::<Row>();

/// What sorting needs of an entry, and no more: a listing holds one of these for each.
#[derive(Debug)]
struct Row {
    key: Key,
    weight_bytes: u64,
    hits: u64,
    age: Duration,
    expires_in: Option<Duration>,
    cost: Duration,
}

fn rows(engine: &Engine) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut cursor = None;
    let mut began = None;
    loop {
        let page = engine.cache().entries(cursor, PIECE);
        // All ages count from the same instant, or sorting by them would depend on when an entry was met.
        let now = engine.wall().elapsed();
        let late = now.saturating_sub(*began.get_or_insert(now));
        rows.extend(
            page.entries
                .into_iter()
                .map(|(key, info)| Row::new(key, &info, late)),
        );
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

impl Row {
    fn new(key: Key, info: &EntryInfo, late: Duration) -> Self {
        Self {
            key,
            weight_bytes: info.weight_bytes,
            hits: info.hits,
            age: info.age.saturating_sub(late),
            expires_in: info.expires_in.map(|left| left.saturating_add(late)),
            cost: info.cost,
        }
    }

    fn document(&self, engine: &Engine) -> EntryDocument {
        let wall = engine.wall();
        EntryDocument {
            key: self.key.to_string(),
            size_mb: rounded_mb(self.weight_bytes),
            timestamp: rfc3339(wall.before(self.age)),
            age_seconds: seconds(self.age),
            access_count: self.hits,
            expires_at: self.expires_in.map(|left| rfc3339(wall.after(left))),
            expired: false,
            size_bytes: self.weight_bytes,
            cost_seconds: seconds(self.cost),
            result_url: result_url(self.key),
            key_parts: key_parts(self.key, engine),
        }
    }
}

/// Nothing for an entry that has gone meanwhile.
fn key_parts(key: Key, engine: &Engine) -> Vec<KeyPartDocument> {
    let entry = engine.cache().peek_entry(&key);
    let parts = entry.iter().flat_map(|entry| entry.value.key_parts());
    let document = |part: &KeyPart| KeyPartDocument {
        pointer: part.pointer.to_string(),
        digest: part.digest.to_string(),
    };
    parts.map(document).collect()
}
