//! The guard: whether a request may be answered from a cache at all, and what happens to one whose answer is random.

use std::num::NonZeroU32;

use refrain::key::{Document, Pointer};

use crate::condition::Conditions;
use crate::language::{Node, Section, Value};

/// Which requests have an answer that repeats.
///
/// ```
/// use refrain::key::Document;
/// use refrain_route::{Guard, Verdict};
///
/// let guard = Guard::default();
/// assert_eq!(guard.judge(&Document::Null, 7), Verdict::Random);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Requests whose answer is the same each time.
    pub repeatable_when: Conditions,
    /// What happens to the others.
    pub otherwise: Otherwise,
    /// Requests that are never answered from the cache: they change something, or depend on something that is not in them.
    pub never_when: Conditions,
}

/// What happens to a request whose answer is random.
///
/// ```
/// assert_eq!(refrain_route::Otherwise::default(), refrain_route::Otherwise::Bypass);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Otherwise {
    /// It goes past the cache.
    #[default]
    Bypass,
    /// The first answer is the answer.
    Pin,
    /// The gateway draws a seed and writes it into the request, which is repeatable then.
    Assign(Seed),
    /// One of so many answers, each of which is generated once.
    Variants(NonZeroU32),
}

/// Where a seed is written, and how large it may be.
///
/// ```
/// use refrain_route::Seed;
///
/// let seed = Seed { at: "/seed".parse()?, most: 99 };
/// assert!(seed.drawn(12_345_678_901) <= 99);
/// # Ok::<(), refrain::key::ParsePointerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The place in the body, without `/body`.
    pub at: Pointer,
    /// The largest seed.
    pub most: u64,
}

impl Seed {
    /// The seed that this random number stands for.
    pub fn drawn(&self, random: u64) -> u64 {
        self.most
            .checked_add(1)
            .map_or(random, |count| random % count)
    }
}

/// What the guard says of one request.
///
/// ```
/// use refrain_route::Verdict;
///
/// assert_ne!(Verdict::Repeatable, Verdict::Variant(0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Its answer repeats.
    Repeatable,
    /// Its answer is random and is pinned.
    Pinned,
    /// Its answer is random; this seed makes it repeatable.
    Assigned(u64),
    /// Its answer is random; it gets the answer of this number.
    Variant(u32),
    /// Its answer is random, and the route lets it pass.
    Random,
    /// It is one of those that are never cached, for the condition at this place.
    Never(String),
}

/// The largest seed, unless the route says another: all servers take 31 bits.
const LARGEST_SEED: u64 = i32::MAX as u64;

impl Guard {
    /// Judges a request; `random` is a number that nobody can foresee, for seeds and variants.
    pub fn judge(&self, request: &Document, random: u64) -> Verdict {
        if let Some(conditions) = self.never_when.first_that_holds(request) {
            let at = conditions
                .first()
                .map_or_else(String::new, |condition| condition.at.to_string());
            return Verdict::Never(at);
        }
        if self.repeatable_when.hold(request) {
            return Verdict::Repeatable;
        }
        match &self.otherwise {
            Otherwise::Bypass => Verdict::Random,
            Otherwise::Pin => Verdict::Pinned,
            Otherwise::Assign(seed) => Verdict::Assigned(seed.drawn(random)),
            Otherwise::Variants(count) => {
                let number = random % u64::from(count.get());
                Verdict::Variant(u32::try_from(number).unwrap_or_default())
            }
        }
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let conditions = |key: &str| {
            let node = section.get(key)?;
            let title = format!("{}.{key}", section.title());
            Some(Conditions::read(node, &title, section.mistakes()))
        };
        let seed = section.get("seed");
        let most = section.count("seed_at_most", 1..=i64::MAX as u64);
        let otherwise = section.get("otherwise");
        Self {
            repeatable_when: conditions("repeatable_when").unwrap_or_default(),
            otherwise: otherwise.map_or(Otherwise::Bypass, |node| {
                read_otherwise(section, node, seed, most.unwrap_or(LARGEST_SEED))
            }),
            never_when: conditions("never_when").unwrap_or_default(),
        }
    }
}

fn read_otherwise(section: &Section<'_>, node: &Node, seed: Option<&Node>, most: u64) -> Otherwise {
    let mistakes = section.mistakes();
    match &node.value {
        Value::Text(word) if word == "bypass" => Otherwise::Bypass,
        Value::Text(word) if word == "pin" => Otherwise::Pin,
        Value::Text(word) if word == "assign" => {
            let at = seed
                .and_then(Node::as_text)
                .and_then(|text| text.strip_prefix("/body"));
            let Some(Ok(at)) = at.map(str::parse) else {
                let place = seed.map_or(&node.place, |seed| &seed.place);
                mistakes.add(
                    place,
                    "`assign` needs to know where the seed goes: write `seed = \"/body/seed\"` beside it",
                );
                return Otherwise::Bypass;
            };
            Otherwise::Assign(Seed { at, most })
        }
        Value::Table(_) => {
            let Some(variants) =
                Section::of(node, format!("{}.otherwise", section.title()), mistakes)
            else {
                return Otherwise::Bypass;
            };
            let count = variants.count("variants", 1..=1000);
            if variants.get("variants").is_none() {
                variants.wrong("`otherwise` as a table is { variants = 4 }");
            }
            variants.end();
            let count = count
                .and_then(|count| u32::try_from(count).ok())
                .and_then(NonZeroU32::new);
            count.map_or(Otherwise::Bypass, Otherwise::Variants)
        }
        _ => {
            section.expected(
                "otherwise",
                node,
                "`bypass`, `pin`, `assign` or { variants = 4 }",
            );
            Otherwise::Bypass
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Mistakes, Source};

    fn guard(text: &str) -> Guard {
        let mistakes = Mistakes::default();
        let node = Source::new("x", text).parse(&mistakes).unwrap();
        let section = Section::of(&node, "guard", &mistakes).unwrap();
        let guard = Guard::read(&section);
        section.end();
        assert_eq!(mistakes.into_vec(), []);
        guard
    }

    fn judged(guard: &Guard, request: &str) -> Verdict {
        guard.judge(&Document::from_json(request.as_bytes()).unwrap(), 10)
    }

    #[test]
    fn a_request_that_never_repeats_is_judged_before_all_else() {
        let guard = guard(
            "repeatable_when = 'always'\nnever_when = [[{ at = '/body/background', equals = true }]]",
        );
        assert_eq!(judged(&guard, r#"{"body": {}}"#), Verdict::Repeatable);
        assert_eq!(
            judged(&guard, r#"{"body": {"background": true}}"#),
            Verdict::Never("/body/background".to_owned())
        );
    }

    #[test]
    fn a_random_request_is_what_the_route_makes_of_it() {
        let random = r#"{"body": {"temperature": 1}}"#;
        let with = |otherwise: &str| {
            let text = format!(
                "repeatable_when = {{ at = '/body/temperature', equals = 0 }}\n{otherwise}"
            );
            judged(&guard(&text), random)
        };
        assert_eq!(with(""), Verdict::Random);
        assert_eq!(with("otherwise = 'pin'"), Verdict::Pinned);
        assert_eq!(
            with("otherwise = 'assign'\nseed = '/body/seed'\nseed_at_most = 7"),
            Verdict::Assigned(2)
        );
        assert_eq!(with("otherwise = { variants = 4 }"), Verdict::Variant(2));
    }

    #[test]
    fn the_largest_seed_of_64_bits_is_no_overflow() {
        let seed = Seed {
            at: "/seed".parse().unwrap(),
            most: u64::MAX,
        };
        assert_eq!(seed.drawn(u64::MAX), u64::MAX);
    }
}
