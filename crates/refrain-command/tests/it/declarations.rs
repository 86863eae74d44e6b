//! Declarations with mistakes: each is told with its line and column and what is allowed.

use std::path::Path;

use refrain_command::{Declaration, preset, preset_names, read_generators};
use refrain_route::language::{Mistakes, Source};

fn read(text: &str) -> (Vec<Declaration>, Vec<String>) {
    let mistakes = Mistakes::default();
    let read = read_generators(
        &Source::new("refrain.toml", text),
        Path::new("."),
        &mistakes,
    );
    (
        read,
        mistakes
            .into_vec()
            .iter()
            .map(ToString::to_string)
            .collect(),
    )
}

/// A declaration without mistakes; a line of a case takes the place of the one with the same first key.
const FINE: [(&str, &str); 5] = [
    ("[generator.it]", "[generator.it]"),
    ("argv", "argv = ['true', '{width}']"),
    ("version", "version = '1'"),
    ("fields", "fields.width = { number = [1, 9] }"),
    (
        "artifacts",
        "artifacts.file = { name = 'out', type = 'text/plain' }",
    ),
];

fn with(line: &str) -> String {
    let key = line.split(['.', ' ']).next().unwrap_or_default();
    let mut lines: Vec<&str> = FINE
        .iter()
        .map(|(known, fine)| if *known == key { line } else { fine })
        .collect();
    if !FINE.iter().any(|(known, _)| *known == key) {
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_is_allowed() {
    let cases = [
        (
            "argv = ['true', '{wdth}']",
            ":2:8: `{wdth}` stands in argv and there is no such field; its fields are `width`",
        ),
        (
            "argv = ['true', '{out:../x}']",
            ":2:17: `{out:../x}`: a file name has letters, digits",
        ),
        (
            "argv = ['true', '{what:x}']",
            ":2:17: `{what:x}` is no placeholder; there may stand `{field}`",
        ),
        (
            "argv = ['true', '{width']",
            ":2:17: `{width` has a brace without its pair",
        ),
        (
            "argv = []",
            ":2:8: generator.it.argv begins with the program",
        ),
        (
            "argv = ['{width}']",
            ":2:8: generator.it.argv begins with the program",
        ),
        (
            "argv = 'true {width}'",
            ":2:8: generator.it.argv is a list of arguments",
        ),
        (
            "argv = ['true']",
            ":4:16: the field `width` is in no argument",
        ),
        (
            "argv = ['true', '{width}', '{in:a.png}']",
            ":2:8: `{in:a.png}` holds the field `a`, and there is no such field",
        ),
        (
            "argv = ['true', '{in:width.txt}']",
            ":2:8: `{in:width.txt}`: `width` is neither a file nor a text",
        ),
        (
            "argv = ['true', '{width}', '{beside:missing.py}']",
            ":2:8: `{beside:missing.py}`: there is no file `./missing.py`",
        ),
        (
            "argvs = 1",
            ":6:1: generator.it has no `argvs`; did you mean `argv`?",
        ),
        ("version = []", ":3:11: generator.it.version is a command"),
        (
            "fields.width = { number = [9, 1] }",
            ":4:27: generator.it.fields.width.number is the least and the most",
        ),
        (
            "fields.width = { number = [1, nan] }",
            ":4:27: generator.it.fields.width.number is the least and the most",
        ),
        (
            "fields.width = { number = [1, 9], text = true }",
            ":4:16: generator.it.fields.width has one of `number`, `whole`",
        ),
        (
            "fields.width = { number = [1, 9], default = 10 }",
            ":4:45: the default of generator.it.fields.width must be a number from 1 to 9, is 10",
        ),
        (
            "fields.width = { number = [1, 9], max = '1MB' }",
            ":4:35: generator.it.fields.width has no `max`",
        ),
        (
            "fields.'wid/th' = { number = [1, 9] }",
            ":4:8: \"wid/th\" is no name of a field",
        ),
        (
            "fields.'../x' = { number = [1, 9] }",
            ":4:8: \"../x\" is no name of a field",
        ),
        (
            "fields.\"wid\\nth\" = { number = [1, 9] }",
            ":4:8: \"wid\\nth\" is no name of a field",
        ),
        (
            "fields.\"wid\\u0000th\" = { number = [1, 9] }",
            ":4:8: \"wid\\0th\" is no name of a field",
        ),
        (
            "fields.-o = { number = [1, 9] }",
            ":4:8: \"-o\" is no name of a field",
        ),
        (
            "artifacts.file = { name = '../out', type = 'text/plain' }",
            ":5:27: a file name has letters",
        ),
        (
            "artifacts.file = { name = 'out' }",
            ":5:18: a file of generator.it.artifacts needs `type`",
        ),
        (
            "artifacts.fil = { name = 'out', type = 'text/plain' }",
            ":5:11: generator.it.artifacts has no `fil`; did you mean `file`?",
        ),
        (
            "exchange.time = 30",
            ":6:17: generator.it.exchange.time is a time with its unit",
        ),
        (
            "exchange.memory = '1MB'",
            "`memory` is at least 67108864 bytes",
        ),
        (
            "exchange.at_once = 0",
            ":6:20: generator.it.exchange.at_once is a whole number from 1 to 1000000",
        ),
        (
            "exchange.kind = 'http'",
            ":6:17: generator.it.exchange.kind is `command`",
        ),
        (
            "success.exit = [256]",
            ":6:16: generator.it.success.exit is a list of exit statuses from 0 to 255",
        ),
        (
            "success.stderr_without = ['(']",
            ":6:27: `(` is no regular expression",
        ),
        (
            "success.validate = 'tiff'",
            ":6:20: generator.it.success.validate is \"by-type\", \"none\" or a kind of file",
        ),
        (
            "volatile.strip = ['png:date']",
            ":6:19: `png:date` is nothing that can be stripped; there are `png:tIME`",
        ),
        (
            "progress.percent = 'done'",
            "a regular expression with one group",
        ),
        ("guard.never_when = { at = 'x', equals = 1 }", ":6:27: "),
        (
            "preset = 'openscd'",
            ":6:10: there is no preset `openscd`; there are `blender`, `espeak-ng`",
        ),
        (
            "env.'A=B' = 'x'",
            ":6:5: `A=B` is a variable of the program's environment",
        ),
    ];
    assert_eq!(read(&with("version = '2'")).1, [""; 0]);
    for (line, expected) in cases {
        let told = read(&with(line)).1;
        assert!(
            told.iter().any(|told| told.contains(expected)),
            "{line}\nexpected {expected}\ntold     {told:#?}"
        );
        assert!(
            told.iter().all(|told| told.starts_with("refrain.toml:")),
            "{told:?}"
        );
    }
}

#[test]
fn a_name_that_cannot_be_in_an_address_is_refused() {
    for name in ["CAD", "a/b", "a b", "..", "ä"] {
        let told =
            read(&with("version = '2'").replace("generator.it", &format!("generator.\"{name}\"")))
                .1;
        assert!(told[0].starts_with("refrain.toml:1:12: "), "{told:?}");
    }
}

#[test]
fn a_preset_is_laid_under_what_the_file_says() {
    let text = "[generator.cad]\npreset = 'openscad'\n[generator.cad.fields]\nwidth = { number = [1, 1000], default = 20 }\n";
    let (read, mistakes) = read(text);
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(read[0].name(), "cad");
    let schema = read[0].schema();
    assert_eq!(schema["required"], serde_json::json!(["model"]));
    assert_eq!(schema["properties"]["width"]["default"], 20);
}

#[test]
fn each_preset_can_be_copied_into_a_file_and_read_there() {
    for name in preset_names().filter(|name| *name != "python") {
        let (read, mistakes) = read(preset(name).unwrap().text());
        assert_eq!(mistakes, [""; 0], "{name}");
        assert_eq!(read[0].name(), name);
    }
}
