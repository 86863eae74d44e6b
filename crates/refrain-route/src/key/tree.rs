//! A trie of pointers with `*`, made deterministic: at each step of a document one branch says all that is ruled there.

use std::collections::BTreeMap;

use crate::pattern::{Pattern, Step};

/// What is ruled at one place of a document, and below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RuleTree {
    /// The pattern for which the value is left out.
    pub(crate) ignored_by: Option<Pattern>,
    /// Whether the value is media as base64.
    pub(crate) is_media: bool,
    named: BTreeMap<Box<str>, RuleTree>,
    every: Option<Box<RuleTree>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Ignore,
    Media,
}

impl RuleTree {
    /// The tree of these patterns.
    pub(crate) fn new(ignore: &[Pattern], media: &[Pattern]) -> Self {
        let ignore = ignore.iter().map(|pattern| (pattern, Rule::Ignore));
        let media = media.iter().map(|pattern| (pattern, Rule::Media));
        let rules: Vec<_> = ignore
            .chain(media)
            .map(|(pattern, rule)| (pattern.steps(), pattern, rule))
            .collect();
        Self::of(&rules)
    }

    fn of(rules: &[(&[Step], &Pattern, Rule)]) -> Self {
        let mut tree = Self::default();
        let mut names: Vec<&str> = Vec::new();
        for (steps, pattern, rule) in rules {
            match (steps.first(), rule) {
                (None, Rule::Ignore) => tree.ignored_by = Some((*pattern).clone()),
                (None, Rule::Media) => tree.is_media = true,
                (Some(Step::Name(name)), _) => names.push(name),
                (Some(Step::Every), _) => {}
            }
        }
        let below = |name: Option<&str>| {
            let rules: Vec<_> = rules
                .iter()
                .filter_map(|(steps, pattern, rule)| {
                    let (first, rest) = steps.split_first()?;
                    let applies = match first {
                        Step::Every => true,
                        Step::Name(other) => Some(other.as_str()) == name,
                    };
                    applies.then_some((rest, *pattern, *rule))
                })
                .collect();
            (!rules.is_empty()).then(|| Self::of(&rules))
        };
        names.sort_unstable();
        names.dedup();
        tree.every = below(None).map(Box::new);
        tree.named = names
            .into_iter()
            .filter_map(|name| Some((name.into(), below(Some(name))?)))
            .collect();
        tree
    }

    /// What is ruled at the field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        self.named.get(name).or(self.every.as_deref())
    }

    /// What is ruled at the item at this position.
    pub(crate) fn item(&self, index: usize) -> Option<&Self> {
        if self.named.is_empty() {
            return self.every.as_deref();
        }
        self.field(index.to_string().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_star_beside_each_other_both_count() {
        let patterns = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<_>>()
        };
        let tree = RuleTree::new(
            &patterns(&["/a/*/id", "/a/b/x", "/*/z"]),
            &patterns(&["/a/*/data"]),
        );
        let at = |steps: &[&str]| steps.iter().try_fold(&tree, |tree, step| tree.field(step));
        let is_ignored = |steps: &[&str]| at(steps).is_some_and(|tree| tree.ignored_by.is_some());
        assert!(is_ignored(&["a", "b", "id"]) && is_ignored(&["a", "b", "x"]));
        assert!(is_ignored(&["a", "c", "id"]) && !is_ignored(&["a", "c", "x"]));
        assert!(is_ignored(&["a", "z"]) && is_ignored(&["q", "z"]));
        assert!(
            at(&["a", "b", "data"]).unwrap().is_media && at(&["a", "c", "data"]).unwrap().is_media
        );
        assert!(at(&["b", "c"]).is_none());
    }
}
