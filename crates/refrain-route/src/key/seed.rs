//! A seed written into a JSON body, with every other byte left as it was.

use bytes::Bytes;
use refrain::key::{Document, Pointer};

use crate::json_text::{find, first_member, quoted};
use crate::pattern::{Pattern, Step};

/// The body with this seed at this place; nothing if there is no object to write it into.
///
/// The text was read strictly before, so no name comes twice.
pub(crate) fn with_seed(body: &[u8], at: &Pointer, seed: u64) -> Option<Bytes> {
    let pattern: Pattern = at.to_string().parse().ok()?;
    let seed = seed.to_string();
    if let Some(found) = find(body, &[&pattern])?.first() {
        let parts = [
            &body[..found.span.start],
            seed.as_bytes(),
            &body[found.span.end..],
        ];
        return Some(parts.concat().into());
    }
    // The innermost object on the way that is there gets what is missing.
    let steps = pattern.steps();
    for depth in (0..steps.len()).rev() {
        let object = if depth == 0 {
            whole(body)
        } else {
            let outer = Pattern::of(&steps[..depth]);
            find(body, &[&outer])?
                .first()
                .map(|found| found.span.clone())
        };
        let Some(object) = object else {
            continue;
        };
        let (place, has_others) = first_member(body, &object)?;
        let comma: &[u8] = if has_others { b"," } else { b"" };
        let member = member(&steps[depth..], &seed)?;
        return Some(
            [&body[..place], member.as_bytes(), comma, &body[place..]]
                .concat()
                .into(),
        );
    }
    None
}

fn whole(body: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some(start..body.len())
}

/// `"options":{"seed":7}`
fn member(steps: &[Step], seed: &str) -> Option<String> {
    let (first, rest) = steps.split_first()?;
    let Step::Name(name) = first else {
        return None;
    };
    let name = quoted(name);
    if rest.is_empty() {
        return Some(format!("{name}:{seed}"));
    }
    Some(format!("{name}:{{{}}}", member(rest, seed)?))
}

/// The same in the document.
pub(crate) fn set_seed(document: &mut Document, at: &Pointer, seed: u64) {
    insert(document, at, seed.into());
}

/// Puts a value at this place, with the objects on the way that are missing.
pub(crate) fn insert(document: &mut Document, at: &Pointer, value: Document) {
    let Ok(pattern) = at.to_string().parse::<Pattern>() else {
        return;
    };
    let mut names = pattern.steps().iter().map(|step| match step {
        Step::Name(name) => name.as_str(),
        Step::Every => "*",
    });
    let Some(last) = names.next_back() else {
        return;
    };
    let mut place = document;
    for name in names {
        let Document::Map(map) = place else {
            return;
        };
        if map.get(name).is_none() {
            map.insert(name, refrain::key::Map::new());
        }
        let Some(below) = map.get_mut(name) else {
            return;
        };
        place = below;
    }
    if let Document::Map(map) = place {
        map.insert(last, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_where_it_should_be_and_nothing_else_has_changed() {
        let cases = [
            (r#"{"a": 1}"#, "/seed", r#"{"seed":7,"a": 1}"#),
            (r" { } ", "/seed", r#" {"seed":7 } "#),
            (
                r#"{"seed" : null, "b":[ ]}"#,
                "/seed",
                r#"{"seed" : 7, "b":[ ]}"#,
            ),
            (r#"{"seed":-1}"#, "/seed", r#"{"seed":7}"#),
            (
                r#"{"options":{"top_k":1}}"#,
                "/options/seed",
                r#"{"options":{"seed":7,"top_k":1}}"#,
            ),
            (
                r#"{"a":1}"#,
                "/options/seed",
                r#"{"options":{"seed":7},"a":1}"#,
            ),
        ];
        for (body, at, expected) in cases {
            let at: Pointer = at.parse().unwrap();
            let written = with_seed(body.as_bytes(), &at, 7).unwrap();
            assert_eq!(std::str::from_utf8(&written).unwrap(), expected);
            let mut document = Document::from_json(body.as_bytes()).unwrap();
            set_seed(&mut document, &at, 7);
            assert_eq!(Document::from_json(&written), Ok(document));
        }
        for body in ["[1]", "7", r#"{"options":3}"#] {
            assert_eq!(
                with_seed(body.as_bytes(), &"/options/seed".parse().unwrap(), 7),
                None,
                "{body}"
            );
        }
    }
}
