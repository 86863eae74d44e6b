//! A document as the rules of a route see it: what is ignored is absent, and media are their digests, without a copy of the rest.

use refrain::key::{
    Document, Encoded, KeyEncoder, Keyable, Media, Unkeyable, UnkeyableReason, canonical_form,
};

use super::RuleTree;
use crate::pattern::escaped;

/// A value, and what is ruled there and below.
#[derive(Clone, Copy)]
pub(crate) struct Ruled<'a> {
    pub(crate) value: &'a Document,
    pub(crate) rules: Option<&'a RuleTree>,
    pub(crate) null_is_absent: bool,
}

impl<'a> Ruled<'a> {
    fn below(&self, value: &'a Document, rules: Option<&'a RuleTree>) -> Self {
        Self {
            value,
            rules,
            null_is_absent: self.null_is_absent,
        }
    }

    /// Why this value is left out, if it is.
    fn absence(&self, in_map: bool) -> Option<String> {
        if let Some(pattern) = self.rules.and_then(|rules| rules.ignored_by.as_ref()) {
            return Some(format!("the route ignores {pattern}"));
        }
        self.is_absent_null(in_map)
            .then(|| "null counts as absent".to_owned())
    }

    fn counts(&self, in_map: bool) -> bool {
        self.rules.is_none_or(|rules| rules.ignored_by.is_none()) && !self.is_absent_null(in_map)
    }

    fn is_absent_null(&self, in_map: bool) -> bool {
        in_map && self.null_is_absent && *self.value == Document::Null
    }

    fn is_media(&self) -> bool {
        self.rules.is_some_and(|rules| rules.is_media)
    }

    fn media(&self) -> Result<Media, Unkeyable> {
        match self.value {
            Document::Media(media) => Ok(*media),
            Document::Text(text) => Ok(Media::from_base64(text).map_err(UnkeyableReason::from)?),
            _ => Err(UnkeyableReason::NotText.into()),
        }
    }

    fn fields(&self) -> Vec<(&'a str, Self)> {
        let Document::Map(map) = self.value else {
            return Vec::new();
        };
        let fields = map.iter();
        fields
            .map(|(name, value)| {
                (
                    name,
                    self.below(value, self.rules.and_then(|rules| rules.field(name))),
                )
            })
            .collect()
    }

    fn items(&self) -> Vec<Self> {
        let (Document::List(items) | Document::Tuple(items)) = self.value else {
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.below(item, self.rules.and_then(|rules| rules.item(index))))
            .collect()
    }
}

impl Keyable for Ruled<'_> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        if self.rules.is_none() && !self.null_is_absent {
            return self.value.encode_key(encoder);
        }
        if self.is_media() && *self.value != Document::Null {
            return encoder.media(&self.media()?);
        }
        match self.value {
            Document::Map(_) => {
                let mut fields = self.fields();
                fields.retain(|(_, field)| field.counts(true));
                let fields: Vec<(&str, &dyn Keyable)> = fields
                    .iter()
                    .map(|(name, field)| (*name, field as &dyn Keyable))
                    .collect();
                encoder.fields(&fields)
            }
            Document::List(_) => {
                let mut items = self.items();
                items.retain(|item| item.counts(false));
                encoder.list(&items)
            }
            other => other.encode_key(encoder),
        }
    }
}

/// One value of a request that is no container, or an empty one: where, and its form or why it is left out.
pub(crate) struct Leaf {
    pub(crate) at: String,
    pub(crate) form: Result<Vec<u8>, String>,
}

/// The values of a part, to explain a key: at most so many, each under its pointer.
pub(crate) fn leaves(ruled: Ruled<'_>, at: &str, at_most: usize) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    gather(ruled, at.to_owned(), false, at_most, &mut leaves);
    leaves
}

fn gather(ruled: Ruled<'_>, at: String, in_map: bool, at_most: usize, leaves: &mut Vec<Leaf>) {
    if leaves.len() == at_most {
        return;
    }
    if let Some(why) = ruled.absence(in_map) {
        leaves.push(Leaf { at, form: Err(why) });
        return;
    }
    let fields = ruled.fields();
    let items = ruled.items();
    if ruled.is_media() || (fields.is_empty() && items.is_empty()) {
        if let Ok(form) = canonical_form(&ruled) {
            leaves.push(Leaf { at, form: Ok(form) });
        }
        return;
    }
    for (name, field) in fields {
        gather(
            field,
            format!("{at}/{}", escaped(name)),
            true,
            at_most,
            leaves,
        );
    }
    for (index, item) in items.into_iter().enumerate() {
        gather(item, format!("{at}/{index}"), false, at_most, leaves);
    }
}
