//! The key: the program's version, the declaration as far as it bears on results, and the fields by their values.

use std::time::Duration;

use refrain_command::CommandGenerator;

use crate::stage::{Stage, key_of, launcher, ran_with};

const TOML: &str = "
[generator.it]
argv = ['./program', '{width}', '{label}']
version = ['./program', '--version']
artifacts.file = { name = 'out', type = 'text/plain' }
fields.width = { number = [0, 100], default = 20 }
fields.label = { text = 10, default = 'x' }
";

const PROGRAM: &str = "[ \"$1\" = --version ] && echo version ONE && exit; echo \"$@\" > out";

#[tokio::test]
async fn equal_values_have_one_key_and_one_argument_however_they_are_written() {
    let stage = Stage::new();
    stage.script("program", PROGRAM);
    let generator = stage.start(TOML, true).await.unwrap();
    let key = key_of(&generator, &[]);
    for width in ["20", "20.0", "2e1", "2.0E+1"] {
        assert_eq!(
            key_of(&generator, &[("width", width), ("label", "x")]),
            key,
            "{width}"
        );
        assert_eq!(
            ran_with(&generator, &[("width", width)]).await.unwrap(),
            b"20 x\n"
        );
    }
    for other in [
        ("width", "20.1"),
        ("width", "0"),
        ("label", "y"),
        ("label", ""),
    ] {
        assert_ne!(key_of(&generator, &[other]), key, "{other:?}");
    }
    // What a float would round stays exact.
    let exact = "0.1000000000000000055511151231257827";
    let said = ran_with(&generator, &[("width", exact)]).await.unwrap();
    assert_eq!(String::from_utf8(said).unwrap(), format!("{exact} x\n"));
}

#[tokio::test]
async fn an_upgraded_program_has_other_keys_at_once_and_the_old_one_its_old_keys() {
    let stage = Stage::new();
    stage.script("program", PROGRAM);
    let generator = stage.start(TOML, true).await.unwrap();
    let before = key_of(&generator, &[]);
    let fingerprint = generator.fingerprint().unwrap();
    assert!(generator.is_still(&fingerprint));

    stage.script("program", &PROGRAM.replace("ONE", "TWO"));
    assert!(
        !generator.is_still(&fingerprint),
        "what runs now is not what the key was made for"
    );
    assert_ne!(key_of(&generator, &[]), before);

    stage.script("program", PROGRAM);
    assert_eq!(key_of(&generator, &[]), before);
}

#[tokio::test]
async fn limits_and_guards_are_no_part_of_the_key_and_everything_else_is() {
    let stage = Stage::new();
    stage.script("program", PROGRAM);
    let key = async |more: &str| {
        key_of(
            &stage.start(&format!("{TOML}{more}\n"), true).await.unwrap(),
            &[],
        )
    };
    let plain = key("").await;
    for more in [
        "exchange.time = '1h'\nexchange.memory = '1GB'\nexchange.at_once = 4",
        "guard.never_when = 'never'",
        "progress.percent = '([0-9]+)%'",
    ] {
        assert_eq!(key(more).await, plain, "{more}");
    }
    for more in [
        "exchange.steady = false",
        "exchange.one_cpu = true",
        "env.MODE = 'fast'",
        "volatile.strip = 'png:tIME'",
        "success.exit = [0, 1]",
    ] {
        assert_ne!(key(more).await, plain, "{more}");
    }
}

#[tokio::test]
async fn a_script_beside_the_declaration_is_part_of_the_key_by_its_bytes() {
    let stage = Stage::new();
    std::fs::write(stage.file("job.sh"), "echo one > out").unwrap();
    let toml = "[generator.it]\nargv = ['sh', '{beside:job.sh}']\nversion = '1'\n\
        artifacts.file = { name = 'out', type = 'text/plain' }\n";
    let generator = stage.start(toml, true).await.unwrap();
    let one = key_of(&generator, &[]);
    assert_eq!(ran_with(&generator, &[]).await.unwrap(), b"one\n");
    std::fs::write(stage.file("job.sh"), "echo other > out").unwrap();
    assert_ne!(key_of(&generator, &[]), one);
    assert_eq!(ran_with(&generator, &[]).await.unwrap(), b"other\n");
}

#[tokio::test]
async fn what_the_guard_finds_is_never_stored() {
    let stage = Stage::new();
    stage.script("program", PROGRAM);
    let toml = format!("{TOML}guard.never_when = {{ at = '/label', matches = 'rand' }}\n");
    let generator = stage.start(&toml, true).await.unwrap();
    assert_eq!(key_of(&generator, &[("label", "a rand()")]), "Never");
    assert_ne!(key_of(&generator, &[("label", "fixed")]), "Never");
}

#[tokio::test]
async fn a_version_command_that_hangs_fails_or_says_nothing_refuses_the_start() {
    let cases = [
        (
            "sleep 60",
            "generator `it`: `program` was ended: it ran longer than 300 ms, its limit of time",
        ),
        (
            "exit 3",
            "generator `it`: `program` ended with exit status 3",
        ),
        (
            "true",
            "generator `it`: `program` was not started: `./program --version` printed no version",
        ),
    ];
    for (lines, message) in cases {
        let stage = Stage::new();
        stage.script("program", lines);
        let within = Duration::from_millis(300);
        let started =
            CommandGenerator::start_within(stage.declared(TOML), launcher(true).await, within)
                .await;
        assert_eq!(started.map(drop).expect_err(lines).to_string(), message);
    }
}

#[tokio::test]
async fn a_program_that_does_not_exist_or_cannot_be_executed_refuses_the_start() {
    let stage = Stage::new();
    let start = async |program: &str| {
        let toml = format!(
            "[generator.it]\nargv = ['{program}']\nversion = '1'\nartifacts.file = {{ name = 'out', type = 'text/plain' }}\n"
        );
        stage
            .start(&toml, true)
            .await
            .map(drop)
            .expect_err(program)
            .to_string()
    };
    let missing = start("no-such-program-anywhere").await;
    assert!(
        missing.contains("there is no such program on the PATH"),
        "{missing}"
    );
    assert!(start("./missing").await.contains("No such file"));
    std::fs::write(stage.file("plain"), "text").unwrap();
    assert!(start("./plain").await.contains("is no executable file"));
}
