//! Inheritance of routes: presets first, a file's routes and overrides laid over them field by field, and a check that each one can match.

use std::collections::BTreeMap;

use crate::language::{Mistakes, Node, Place, Section, Source, Value, suggestion};
use crate::presets::Preset;
use crate::route::Route;
use crate::routes::Routes;
use crate::upstream::Upstream;

/// A route on its way: its name, where it comes from, and its table.
struct Draft {
    name: String,
    origin: Origin,
    node: Node,
}

#[derive(Clone, PartialEq)]
enum Origin {
    File,
    Preset(String),
}

/// Each upstream with its name and its place; none where it could not be read.
pub(super) fn read_upstreams<'n>(root: &Section<'n>) -> Vec<(String, &'n Place, Option<Upstream>)> {
    let upstreams = root.section("upstream");
    let names: Vec<&str> = upstreams
        .iter()
        .flat_map(Section::named)
        .map(|(name, ..)| name)
        .collect();
    let own_routes = own_routes(root, &names);
    let mut read = Vec::new();
    for (name, place, node) in upstreams.iter().flat_map(Section::named) {
        let mine = own_routes.iter().filter(|(upstream, ..)| *upstream == name);
        let mine = mine.map(|(_, name, node)| (*name, *node)).collect();
        read.push((
            name.to_owned(),
            place,
            read_upstream(name, node, mine, root.mistakes()),
        ));
    }
    read
}

fn read_upstream(
    name: &str,
    node: &Node,
    own: Vec<(&str, &Node)>,
    mistakes: &Mistakes,
) -> Option<Upstream> {
    let written = Section::of(node, format!("upstream `{name}`"), mistakes)?;
    let presets = written.texts("preset").unwrap_or_default();
    let mut node = Node {
        place: node.place.clone(),
        value: Value::Table(BTreeMap::new()),
    };
    let mut drafts = Vec::new();
    for (preset, place) in &presets {
        add_preset(&mut drafts, &mut node, preset, place, mistakes);
    }
    node.lay_over(written.node().clone());
    let section = Section::of(&node, format!("upstream `{name}`"), mistakes)?;
    let upstream = Upstream::read(&section, name);
    section.get("preset");
    lay_over(&mut drafts, own);
    override_routes(&mut drafts, &section, mistakes);
    section.end();
    let routes = finish(drafts, &presets, mistakes);
    let mut upstream = upstream?;
    upstream.presets = presets
        .iter()
        .map(|(preset, _)| (*preset).to_owned())
        .collect();
    upstream.routes = Routes::new(routes);
    Some(upstream)
}

/// The file's `[[route]]`: the upstream it is for, its name, its table.
fn own_routes<'n>(root: &Section<'n>, upstreams: &[&str]) -> Vec<(String, &'n str, &'n Node)> {
    let mistakes = root.mistakes();
    let Some(node) = root.get("route") else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        root.expected("route", node, "a list of routes, each under [[route]]");
        return Vec::new();
    };
    let mut routes: Vec<(String, &str, &Node)> = Vec::new();
    for item in items {
        let Some(name) = item.get("name").and_then(Node::as_text) else {
            mistakes.add(&item.place, "a route needs a `name`");
            continue;
        };
        let upstream = match (item.get("upstream"), upstreams) {
            (Some(upstream), _) => upstream.as_text().unwrap_or_default(),
            (None, [only]) => only,
            (None, _) => {
                let what = format!(
                    "route `{name}` needs to know its `upstream`{}",
                    suggestion("", upstreams.iter().copied())
                );
                mistakes.add(&item.place, what);
                continue;
            }
        };
        if !upstreams.contains(&upstream) {
            let what = format!(
                "route `{name}`: there is no upstream `{upstream}`{}",
                suggestion(upstream, upstreams.iter().copied())
            );
            mistakes.add(&item.place, what);
        }
        if routes
            .iter()
            .any(|(other, known, _)| other == upstream && *known == name)
        {
            mistakes.add(
                &item.place,
                format!(
                    "two routes of upstream `{upstream}` are called `{name}`; give one another name"
                ),
            );
        }
        routes.push((upstream.to_owned(), name, item));
    }
    routes
}

/// The routes of a preset, behind those of the presets it includes; and what it says of the upstream.
fn add_preset(
    drafts: &mut Vec<Draft>,
    upstream: &mut Node,
    name: &str,
    place: &Place,
    mistakes: &Mistakes,
) {
    let Some(preset) = Preset::named(name) else {
        let names = Preset::all().iter().map(|preset| preset.name);
        let what = format!("there is no preset `{name}`{}", suggestion(name, names));
        mistakes.add(place, what);
        return;
    };
    let source = Source::new(format!("preset {name}"), preset.text);
    let Some(file) = source.parse(mistakes) else {
        return;
    };
    let Some(root) = Section::of(&file, format!("preset {name}"), mistakes) else {
        return;
    };
    for (included, place) in root.texts("include").unwrap_or_default() {
        add_preset(drafts, upstream, included, place, mistakes);
    }
    if let Some(said) = root.get("upstream") {
        upstream.lay_over(said.clone());
    }
    let routes = match root.get("route").map(|routes| &routes.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    for node in routes {
        let Some(route) = node.get("name").and_then(Node::as_text) else {
            mistakes.add(&node.place, "a route needs a `name`");
            continue;
        };
        match drafts.iter_mut().find(|draft| draft.name == route) {
            Some(draft) => draft.node.lay_over(node.clone()),
            None => drafts.push(Draft {
                name: route.to_owned(),
                origin: Origin::Preset(name.to_owned()),
                node: node.clone(),
            }),
        }
    }
    root.end();
}

/// Routes of the file: over the preset's of the same name, and otherwise in front of all of them.
fn lay_over(drafts: &mut Vec<Draft>, own: Vec<(&str, &Node)>) {
    let mut new = Vec::new();
    for (name, node) in own {
        match drafts.iter_mut().find(|draft| draft.name == name) {
            Some(draft) => draft.node.lay_over(node.clone()),
            None => new.push(Draft {
                name: name.to_owned(),
                origin: Origin::File,
                node: node.clone(),
            }),
        }
    }
    drafts.splice(0..0, new);
}

/// `[upstream.X.route.NAME]`
fn override_routes(drafts: &mut Vec<Draft>, upstream: &Section<'_>, mistakes: &Mistakes) {
    let Some(overrides) = upstream.section("route") else {
        return;
    };
    let mut new = Vec::new();
    for (name, place, node) in overrides.named() {
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.name == name) {
            draft.node.lay_over(node.clone());
        } else if node.get("match").is_some() {
            new.push(Draft {
                name: name.to_owned(),
                origin: Origin::File,
                node: node.clone(),
            });
        } else {
            let names = drafts.iter().map(|draft| draft.name.as_str());
            let what = format!(
                "{} has no route `{name}`{}",
                upstream.title(),
                suggestion(name, names)
            );
            mistakes.add(place, what);
        }
    }
    drafts.splice(0..0, new);
}

/// Reads the routes, and leaves out or refuses those that can never match.
fn finish(drafts: Vec<Draft>, presets: &[(&str, &Place)], mistakes: &Mistakes) -> Vec<Route> {
    let mut kept: Vec<(Route, Origin)> = Vec::new();
    for draft in drafts {
        let Some(route) = Route::read(&draft.node, &draft.name, mistakes) else {
            continue;
        };
        let before = kept
            .iter()
            .find(|(other, _)| other.matching.covers(&route.matching));
        match (before, &draft.origin) {
            (None, _) => kept.push((route, draft.origin)),
            // A route of the file takes the place of those in a preset.
            (Some((_, Origin::File)), Origin::Preset(_)) => {}
            (Some((other, _)), _) => {
                let what = format!(
                    "route `{}` can never match: route `{}` stands before it and takes all of its requests",
                    route.name, other.name
                );
                mistakes.add(&draft.node.place, what);
            }
        }
    }
    for (preset, place) in presets {
        let included =
            |origin: &Origin| matches!(origin, Origin::Preset(name) if reaches(preset, name));
        if Preset::named(preset).is_some() && !kept.iter().any(|(_, origin)| included(origin)) {
            mistakes.add(
                place,
                format!(
                    "preset `{preset}` can never be reached: other routes take all of its requests"
                ),
            );
        }
    }
    kept.into_iter().map(|(route, _)| route).collect()
}

/// Whether a preset is this one, or includes it.
fn reaches(preset: &str, name: &str) -> bool {
    let mistakes = Mistakes::default();
    preset == name
        || Preset::named(preset).is_some_and(|preset| {
            let file = Source::new(preset.name, preset.text).parse(&mistakes);
            let root = file
                .as_ref()
                .and_then(|file| Section::of(file, "preset", &mistakes));
            let includes = root
                .and_then(|root| root.texts("include"))
                .unwrap_or_default();
            includes.iter().any(|(included, _)| reaches(included, name))
        })
}
