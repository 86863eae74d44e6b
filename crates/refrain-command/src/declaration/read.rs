//! The reader of `[generator.NAME]`: a preset, what the file lays over it, and whether all of it fits together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use refrain::key::Document;
use refrain_route::language::{Mistake, Mistakes, Node, Section, Source, Value};
use refrain_route::{Conditions, MediaKind};

use super::{
    Argument, Artifact, Artifacts, Declaration, Exchange, Success, Validation, Version,
    field_of_piece,
};
use crate::field::{Field, FieldKind, read_pattern};
use crate::preset::{Preset, preset, preset_names};
use crate::progress::ProgressPattern;
use crate::strip::Strip;
use crate::supervisor::{Limits, Steadiness};
use crate::template::{Element, Piece, field_of_file, file_name_fault, is_field_name};

/// Keys of a generator that do not bear on the bytes of its results.
const WITHOUT_BEARING: &[&str] = &["preset", "guard", "progress", "exchange", "fields"];

const MOST_MEMORY: u64 = 1 << 50;

/// Reads every `[generator.NAME]` of a file; `folder` is where the file is. Mistakes are noted; where there is one, nothing of
/// what is read may be used.
///
/// # Example
///
/// ```
/// use refrain_command::read_generators;
/// use refrain_route::language::{Mistakes, Source};
///
/// let mistakes = Mistakes::default();
/// let text = "[generator.cad]\npreset = 'openscd'\n";
/// read_generators(&Source::new("refrain.toml", text), ".".as_ref(), &mistakes);
/// let told = mistakes.into_vec()[0].to_string();
/// assert!(told.starts_with("refrain.toml:2:10: there is no preset `openscd`; there are `blender`, "), "{told}");
/// ```
pub fn read_generators(source: &Source, folder: &Path, mistakes: &Mistakes) -> Vec<Declaration> {
    let Some(root) = source.parse(mistakes) else {
        return Vec::new();
    };
    let Some(generators) = root.get("generator") else {
        return Vec::new();
    };
    let Some(section) = Section::of(generators, "generator", mistakes) else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for (name, place, node) in section.named() {
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(named) {
            let wrong = format!(
                "`{name}` is no name of a generator: lower-case letters, digits and `-`, at most 64"
            );
            mistakes.add(place, wrong);
            continue;
        }
        if let Some(node) = over_preset(node, mistakes) {
            read.extend(generator(name, &node, folder, mistakes));
        }
    }
    read
}

impl Preset {
    /// The preset as a generator of its own.
    ///
    /// # Errors
    ///
    /// The mistakes in it: it may need something beside it, as a script.
    pub fn declaration(&self) -> Result<Declaration, Vec<Mistake>> {
        let mistakes = Mistakes::default();
        let mut read = read_generators(&self.source(), Path::new("."), &mistakes);
        let found = mistakes.into_vec();
        match read.pop() {
            Some(declaration) if found.is_empty() => Ok(declaration),
            _ => Err(found),
        }
    }
}

/// The generator with the preset below it that it names.
fn over_preset(node: &Node, mistakes: &Mistakes) -> Option<Node> {
    let Some(named) = node.get("preset") else {
        return Some(node.clone());
    };
    let Some(preset) = named.as_text().and_then(preset) else {
        let given = named.as_text().unwrap_or_default();
        let all = preset_names()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        mistakes.add(
            &named.place,
            format!("there is no preset `{given}`; there are {all}"),
        );
        return None;
    };
    let mut under = preset.node(mistakes)?;
    if let Value::Table(fields) = &mut under.value {
        // Another kind of result is not the preset's with something more.
        if node.get("artifacts").is_some() {
            fields.remove("artifacts");
        }
    }
    under.lay_over(node.clone());
    Some(under)
}

fn generator(name: &str, node: &Node, folder: &Path, mistakes: &Mistakes) -> Option<Declaration> {
    let title = format!("generator.{name}");
    let section = Section::of(node, title.clone(), mistakes)?;
    section.get("preset");
    let argv = section
        .get("argv")
        .map(|node| read_argv(node, &title, mistakes));
    let version = section
        .get("version")
        .map(|node| read_version(node, &section));
    if argv.is_none() {
        section.wrong(format!("{title} needs `argv`, the program and its arguments, such as [\"openscad\", \"-o\", \"{{out:model.stl}}\"]; or `preset`"));
    }
    if version.is_none() {
        section.wrong(format!(
            "{title} needs `version`, a command whose output is part of every key, such as [\"openscad\", \"--version\"]; \
             or a text that you change when the program changes"
        ));
    }
    let environment = section
        .section("env")
        .map(|env| read_environment(&env))
        .unwrap_or_default();
    let fields = section
        .section("fields")
        .map(|fields| read_fields(&fields))
        .unwrap_or_default();
    let guard = section.section("guard");
    let never_when = guard.map_or_else(Conditions::never, |guard| {
        let never = guard
            .get("never_when")
            .map(|node| Conditions::read(node, &format!("{title}.guard.never_when"), mistakes));
        guard.end();
        never.unwrap_or_else(Conditions::never)
    });
    let exchange = read_exchange(section.section("exchange"));
    let success = read_success(section.section("success"));
    let artifacts = read_artifacts(section.section("artifacts"), &section);
    let strip = section
        .section("volatile")
        .map(|volatile| read_strip(&volatile))
        .unwrap_or_default();
    let progress = section
        .section("progress")
        .and_then(|progress| read_progress(&progress));
    section.end();
    let declaration = Declaration {
        name: name.to_owned(),
        argv: argv??,
        version: version??,
        environment,
        fields,
        never_when,
        identity: identity(node, &exchange),
        exchange,
        success,
        artifacts: artifacts?,
        strip,
        progress,
        folder: folder.to_owned(),
    };
    check(&declaration, node, mistakes);
    Some(declaration)
}

/// What bears on the bytes of a result, as it is written.
fn identity(node: &Node, exchange: &Exchange) -> Document {
    let mut node = node.clone();
    if let Value::Table(keys) = &mut node.value {
        keys.retain(|key, _| !WITHOUT_BEARING.contains(&key.as_str()));
    }
    let Steadiness { one_cpu, no_aslr } = exchange.steadiness;
    let steady: Vec<Document> = [exchange.is_steady, one_cpu, no_aslr, exchange.is_isolated]
        .map(Document::from)
        .into();
    Document::from(vec![node.document(), steady.into()])
}

fn read_argv(node: &Node, title: &str, mistakes: &Mistakes) -> Option<Vec<Argument>> {
    let Value::List(items) = &node.value else {
        let expected = "a list of arguments, the program first: one field is one argument, and there is no shell";
        mistakes.add(&node.place, format!("{title}.argv is {expected}"));
        return None;
    };
    let element = |node: &Node| match node.as_text().map(Element::parse) {
        Some(Ok(element)) => Some(element),
        Some(Err(error)) => {
            mistakes.add(&node.place, error.to_string());
            None
        }
        None => {
            let wrong = "an argument is a text, or { rest = […] } for the fields that no other argument names";
            mistakes.add(&node.place, wrong);
            None
        }
    };
    let mut arguments = Vec::new();
    for item in items {
        let Some(rest) = item.get("rest") else {
            arguments.extend(element(item).map(Argument::One));
            continue;
        };
        let Value::List(items) = &rest.value else {
            mistakes.add(
                &rest.place,
                "`rest` is a list of arguments, such as [\"-D\", \"{name}={json}\"]",
            );
            continue;
        };
        let elements: Vec<Element> = items.iter().filter_map(element).collect();
        let known = |piece: &Piece| match piece {
            Piece::Text(_) => true,
            Piece::Field(name) => matches!(name.as_str(), "name" | "value" | "json"),
            _ => false,
        };
        if !elements
            .iter()
            .flat_map(|element| &element.pieces)
            .all(known)
        {
            mistakes.add(&rest.place, "in `rest` there may stand `{name}`, `{value}` and `{json}`, the value as JSON writes it");
        }
        arguments.push(Argument::Rest(elements));
    }
    let program = match arguments.first() {
        Some(Argument::One(element)) => element.literal().filter(|program| !program.is_empty()),
        _ => None,
    };
    if program.is_none() {
        mistakes.add(
            &node.place,
            format!("{title}.argv begins with the program, in which nothing is put"),
        );
        return None;
    }
    Some(arguments)
}

fn read_version(node: &Node, section: &Section<'_>) -> Option<Version> {
    match &node.value {
        Value::Text(text) if !text.is_empty() => Some(Version::Text(text.clone())),
        Value::List(items) if !items.is_empty() => {
            let words: Option<Vec<String>> = items
                .iter()
                .map(|item| item.as_text().map(str::to_owned))
                .collect();
            let words = words.filter(|words| {
                !words.iter().any(|word| word.contains('\0')) && !words[0].is_empty()
            });
            if words.is_none() {
                section.expected("version", node, "a list of texts");
            }
            words.map(Version::Command)
        }
        _ => {
            section.expected(
                "version",
                node,
                "a command, such as [\"openscad\", \"--version\"], or a text",
            );
            None
        }
    }
}

fn read_environment(section: &Section<'_>) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for (name, place, node) in section.named() {
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        match node.as_text() {
            Some(text) if is_name && !text.contains('\0') => {
                read.insert(name.to_owned(), text.to_owned());
            }
            _ => section.mistakes().add(
                place,
                format!("`{name}` is a variable of the program's environment with a text"),
            ),
        }
    }
    read
}

fn read_fields(section: &Section<'_>) -> BTreeMap<String, Field> {
    let mut read = BTreeMap::new();
    for (name, place, node) in section.named() {
        if !is_field_name(name) {
            let wrong = format!(
                "{name:?} is no name of a field: letters, digits and `_`, not a digit first, not `request` or `progress`"
            );
            section.mistakes().add(place, wrong);
            continue;
        }
        if let Some(field) = FieldKind::read(name, node, section.title(), section) {
            read.insert(name.to_owned(), field);
        }
    }
    read
}

fn read_exchange(section: Option<Section<'_>>) -> Exchange {
    let mut exchange = Exchange {
        time: Duration::from_secs(600),
        limits: Limits {
            cpu_seconds: 0,
            memory: 2 << 30,
            output: 256 << 20,
            processes: 64,
        },
        at_once: 1,
        queued: 1000,
        is_steady: true,
        steadiness: Steadiness::default(),
        is_isolated: false,
        finishes_abandoned: false,
    };
    if let Some(section) = section {
        section.word("kind", &["command"]);
        if let Some(time) = section.duration("time") {
            if time.is_zero() {
                section.wrong("`time` is longer than nothing");
            }
            exchange.time = time;
        }
        let limits = &mut exchange.limits;
        let bytes = |key: &str, least: u64, into: &mut u64| {
            if let Some(bytes) = section.bytes(key) {
                if !(least..=MOST_MEMORY).contains(&bytes) {
                    section.wrong(format!("`{key}` is at least {least} bytes"));
                }
                *into = bytes;
            }
        };
        // With less, not even the supervisor starts.
        bytes("memory", 64 << 20, &mut limits.memory);
        bytes("output", 1, &mut limits.output);
        if let Some(processes) = section.count("processes", 1..=100_000) {
            limits.processes = processes;
        }
        let count = |key: &str, least: u64| {
            section
                .count(key, least..=1_000_000)
                .and_then(|count| usize::try_from(count).ok())
        };
        exchange.at_once = count("at_once", 1).unwrap_or(exchange.at_once);
        exchange.queued = count("queued", 0).unwrap_or(exchange.queued);
        exchange.is_steady = section.switch("steady").unwrap_or(exchange.is_steady);
        exchange.steadiness.one_cpu = section.switch("one_cpu").unwrap_or_default();
        exchange.steadiness.no_aslr = section.switch("no_aslr").unwrap_or_default();
        exchange.is_isolated = section.switch("isolated").unwrap_or_default();
        exchange.finishes_abandoned = section.word("abandoned", &["cancel", "finish"]) == Some(1);
        section.end();
    }
    // Every processor of a large machine for all of the time.
    exchange.limits.cpu_seconds = exchange
        .time
        .as_secs()
        .saturating_add(1)
        .saturating_mul(1024);
    exchange
}

fn read_success(section: Option<Section<'_>>) -> Success {
    let mut success = Success {
        exit: BTreeSet::from([0]),
        stderr_without: Vec::new(),
        validate: Validation::ByType,
    };
    let Some(section) = section else {
        return success;
    };
    if let Some(node) = section.get("exit") {
        let codes = match &node.value {
            Value::List(items) => items
                .iter()
                .map(|item| match item.value {
                    Value::Integer(code @ 0..=255) => i32::try_from(code).ok(),
                    _ => None,
                })
                .collect::<Option<BTreeSet<i32>>>(),
            _ => None,
        };
        match codes.filter(|codes| !codes.is_empty()) {
            Some(codes) => success.exit = codes,
            None => section.expected(
                "exit",
                node,
                "a list of exit statuses from 0 to 255, such as [0]",
            ),
        }
    }
    if let Some(node) = section.get("stderr_without") {
        match &node.value {
            Value::List(items) => {
                let patterns = items
                    .iter()
                    .filter_map(|item| read_pattern("stderr_without", item, &section));
                success.stderr_without = patterns.collect();
            }
            _ => section.expected("stderr_without", node, "a list of regular expressions"),
        }
    }
    if let Some(node) = section.get("validate") {
        success.validate = match node.as_text() {
            Some("by-type") => Validation::ByType,
            Some("none") => Validation::None,
            Some(kind) if kind.parse::<MediaKind>().is_ok() => {
                kind.parse().map_or(Validation::ByType, Validation::As)
            }
            _ => {
                let expected = "\"by-type\", \"none\" or a kind of file, such as \"png\", \"stl\", \"glb\", \"wav\" or \"json\"";
                section.expected("validate", node, expected);
                Validation::ByType
            }
        };
    }
    section.end();
    success
}

fn read_artifacts(section: Option<Section<'_>>, of: &Section<'_>) -> Option<Artifacts> {
    let Some(section) = section else {
        of.wrong(format!(
            "{0} needs `artifacts`: {0}.artifacts.file = {{ name = \"model.stl\", type = \"model/stl\" }}, `files` for several, \
             or `stdout` for standard output",
            of.title()
        ));
        return None;
    };
    let mut found = Vec::new();
    if let Some(node) = section.get("file") {
        found.push(read_artifact(node, &section).map(|artifact| Artifacts::Files(vec![artifact])));
    }
    if let Some(node) = section.get("files") {
        let files: Option<Vec<Artifact>> = match &node.value {
            Value::List(items) if !items.is_empty() => items
                .iter()
                .map(|item| read_artifact(item, &section))
                .collect(),
            _ => {
                section.expected(
                    "files",
                    node,
                    "a list of files, such as [{ name = \"a.png\", type = \"image/png\" }]",
                );
                None
            }
        };
        let names: BTreeSet<&str> = files
            .iter()
            .flatten()
            .map(|file| file.name.as_str())
            .collect();
        if files
            .as_ref()
            .is_some_and(|files| files.len() != names.len())
        {
            section.wrong("a file of a result stands there once");
        }
        found.push(files.map(Artifacts::Files));
    }
    if let Some(node) = section.get("stdout") {
        found.push(read_artifact(node, &section).map(Artifacts::Stdout));
    }
    if found.len() != 1 {
        section.wrong(format!(
            "{} has one of `file`, `files` and `stdout`",
            section.title()
        ));
    }
    section.end();
    found.pop().flatten()
}

fn read_artifact(node: &Node, of: &Section<'_>) -> Option<Artifact> {
    let section = Section::of(node, format!("a file of {}", of.title()), of.mistakes())?;
    let name = section.text("name");
    let media_type = section.text("type");
    if let (Some(name), Some(fault)) = (section.get("name"), name.and_then(file_name_fault)) {
        of.mistakes()
            .add(&name.place, format!("a file name {fault}"));
    }
    let is_type = |text: &str| {
        let (kind, sub) = text.split_once('/').unwrap_or_default();
        !kind.is_empty()
            && !sub.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    };
    if !media_type.is_some_and(is_type) {
        section.wrong(format!(
            "{} needs `type`, its media type, such as \"image/png\"",
            section.title()
        ));
    }
    if name.is_none() {
        section.wrong(format!(
            "{} needs `name`: what it is called, and what a client may save it under",
            section.title()
        ));
    }
    section.end();
    Some(Artifact {
        name: name?.to_owned(),
        media_type: media_type?.to_owned(),
    })
}

fn read_strip(section: &Section<'_>) -> Vec<Strip> {
    let mut rules = Vec::new();
    for (name, place) in section.texts("strip").unwrap_or_default() {
        if let Some(rule) = Strip::named(name) {
            rules.push(rule);
            continue;
        }
        let all = Strip::NAMES.map(|name| format!("`{name}`")).join(", ");
        let wrong = format!("`{name}` is nothing that can be stripped; there are {all}");
        section.mistakes().add(place, wrong);
    }
    rules
}

fn read_progress(section: &Section<'_>) -> Option<ProgressPattern> {
    let percent = section
        .get("percent")
        .and_then(|node| read_pattern("percent", node, section));
    let count = section
        .get("count")
        .and_then(|node| read_pattern("count", node, section));
    let groups = |pattern: &regex::Regex| pattern.captures_len() - 1;
    match (percent, count) {
        (Some(percent), None) if groups(&percent) == 1 => Some(ProgressPattern::Percent(percent)),
        (None, Some(count)) if groups(&count) == 2 => Some(ProgressPattern::Count(count)),
        _ => {
            section.wrong(
                "progress has `percent`, a regular expression with one group as '([0-9.]+)%', or `count`, one with two groups as \
                 '([0-9]+)/([0-9]+)'",
            );
            None
        }
    }
}

/// What fits each for itself and not together.
fn check(declared: &Declaration, node: &Node, mistakes: &Mistakes) {
    let argv_place = node.get("argv").map_or(&node.place, |argv| &argv.place);
    let wrong = |what: String| mistakes.add(argv_place, what);
    let mut written = BTreeSet::new();
    for piece in declared.pieces() {
        let field = field_of_piece(piece).and_then(|name| declared.fields.get(name));
        match (piece, field.map(|field| &field.kind)) {
            (Piece::Field(name), None) => wrong(format!(
                "`{{{name}}}` stands in argv and there is no such field; {}",
                known(declared)
            )),
            (Piece::Field(name), Some(FieldKind::File { .. })) => {
                wrong(format!(
                    "`{name}` is a file: write `{{in:{name}}}`, with an ending if the program wants one"
                ));
            }
            (Piece::In(file), None) => {
                let name = field_of_file(file);
                wrong(format!(
                    "`{{in:{file}}}` holds the field `{name}`, and there is no such field; {}",
                    known(declared)
                ));
            }
            (Piece::In(file), Some(FieldKind::File { .. } | FieldKind::Text { .. })) => {
                written.insert(file.as_str());
            }
            (Piece::In(file), Some(_)) => {
                let name = field_of_file(file);
                wrong(format!(
                    "`{{in:{file}}}`: `{name}` is neither a file nor a text; write `{{{name}}}`"
                ));
            }
            (Piece::Beside(path), _) => {
                let there = declared.folder.join(path);
                if !there.is_file() {
                    wrong(format!(
                        "`{{beside:{path}}}`: there is no file `{}`",
                        there.display()
                    ));
                }
            }
            _ => {}
        }
    }
    let has_rest = declared
        .argv
        .iter()
        .any(|argument| matches!(argument, Argument::Rest(_)));
    let takes_all = has_rest || declared.pieces().any(|piece| *piece == Piece::Request);
    for field in declared.rest() {
        let is_file = matches!(field.kind, FieldKind::File { .. });
        if !takes_all || (has_rest && is_file) {
            let name = &field.name;
            let place = node
                .get("fields")
                .and_then(|fields| fields.get(name))
                .map_or(argv_place, |field| &field.place);
            mistakes.add(place, format!("the field `{name}` is in no argument: write `{{{name}}}` or `{{in:{name}}}` in argv, or take it out"));
        }
    }
    if let Artifacts::Files(files) = &declared.artifacts {
        for file in files
            .iter()
            .filter(|file| written.contains(file.name.as_str()))
        {
            wrong(format!(
                "`{}` is both what the program reads and what it writes",
                file.name
            ));
        }
    }
}

fn known(declared: &Declaration) -> String {
    let names: Vec<String> = declared
        .fields
        .keys()
        .map(|name| format!("`{name}`"))
        .collect();
    if names.is_empty() {
        "it has no fields".to_owned()
    } else {
        format!("its fields are {}", names.join(", "))
    }
}
