//! The options of an entry that an attribute gives: time to live, cost, tags.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::function::Site;
use crate::catch::catch;
use crate::computed::{Computed, EntryOptions};

/// The options of the entry that is about to be computed.
#[derive(Debug)]
pub struct Options {
    entry: EntryOptions,
    /// False when they could not be had.
    is_known: bool,
}

/// The options from `say`, if they are `wanted` at all. If it panics, the result is handed out and not stored: it is not
/// known for how long it would be right.
pub fn options(site: &'static Site, wanted: bool, say: impl FnOnce(Options) -> Options) -> Options {
    let nothing = || Options {
        entry: EntryOptions::default(),
        is_known: true,
    };
    if !wanted {
        return nothing();
    }
    let function = site.function();
    let mut options = catch(|| say(nothing())).unwrap_or_else(|message| {
        function.warn(&format!("`ttl`, `cost` or `tags` panicked: {message}"));
        Options {
            is_known: false,
            ..nothing()
        }
    });
    let own = &function.tags;
    let tags = options.entry.tags.map_or_else(
        || Arc::clone(own),
        |tags| tags.iter().chain(own.iter()).cloned().collect(),
    );
    options.entry.tags = Some(tags);
    options
}

impl Options {
    /// How long the entry is fresh.
    #[must_use]
    pub fn ttl(mut self, ttl: impl Span) -> Self {
        self.entry.time_to_live = ttl.span().or(self.entry.time_to_live);
        self
    }

    /// The time that computing the value takes.
    #[must_use]
    pub fn cost(mut self, cost: impl Span) -> Self {
        self.entry.cost = cost.span().or(self.entry.cost);
        self
    }

    /// Labels of the entry.
    #[must_use]
    pub fn tags<T: Label>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.entry = self.entry.tags(tags.into_iter().map(Label::text));
        self
    }

    /// The value with these options. `weigh` is the user's.
    pub(super) fn apply<T, V>(
        mut self,
        value: T,
        weigh: impl FnOnce(&T) -> Option<u64>,
        put: impl FnOnce(T) -> V,
    ) -> Computed<V> {
        match catch(|| weigh(&value)) {
            Ok(weight_bytes) => self.entry.weight_bytes = weight_bytes,
            // Without a weight it cannot be stored.
            Err(_) => self.is_known = false,
        }
        let computed = Computed::new(put(value)).with(self.entry);
        if self.is_known {
            computed
        } else {
            computed.share_only()
        }
    }
}

/// A time that may be left to the cache.
#[diagnostic::on_unimplemented(
    message = "`ttl` and `cost` are a `Duration` or an `Option<Duration>`, not `{Self}`",
    label = "not a `Duration`",
    note = "for seconds, write `std::time::Duration::from_secs(…)`"
)]
pub trait Span {
    /// The time; `None`: as the cache is set.
    fn span(self) -> Option<Duration>;
}

impl Span for Duration {
    fn span(self) -> Option<Duration> {
        Some(self)
    }
}

impl Span for Option<Duration> {
    fn span(self) -> Option<Duration> {
        self
    }
}

/// The text of a tag.
#[diagnostic::on_unimplemented(
    message = "`tags` is a list of texts, and `{Self}` is not one",
    label = "tags are texts",
    note = "make it one with `format!(…)`, such as `tags = [format!(\"user:{{id}}\")]`"
)]
pub trait Label {
    /// As an entry has it.
    fn text(self) -> Arc<str>;
}

macro_rules! labels {
    ($($type:ty),*) => {$(
        impl Label for $type {
            fn text(self) -> Arc<str> {
                self.into()
            }
        }
    )*};
}

labels!(&str, String, Arc<str>, Box<str>, Cow<'_, str>);

impl Label for &String {
    fn text(self) -> Arc<str> {
        Arc::from(self.as_str())
    }
}

impl Label for &&str {
    fn text(self) -> Arc<str> {
        Arc::from(*self)
    }
}
