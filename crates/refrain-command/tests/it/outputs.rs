//! The files of a result: only files of the program's own that are there and whole go any further.

use refrain_command::{CommandError, CommandGenerator};

use crate::stage::{CONTAINMENTS, Stage, bytes_of, form, ran, shell_toml};

/// What the shell makes of the file, and why it is refused.
const REFUSED: &[(&str, &str)] = &[
    ("true", "is missing"),
    (": > out", "is empty"),
    ("mkdir out", "is no file"),
    ("mkfifo out", "is no file"),
    ("ln -s /etc/passwd out", "is a link"),
    ("ln -s /nowhere out", "is a link"),
    ("echo x > other; ln -s other out", "is a link"),
    ("echo x > other; ln other out", "is a link"),
];

#[tokio::test]
async fn links_pipes_folders_and_what_is_missing_or_empty_are_refused() {
    for has_namespaces in CONTAINMENTS {
        for (lines, why) in REFUSED {
            let stage = Stage::new();
            let generator = stage.shell_in(has_namespaces, lines, "").await;
            let error = ran(&generator).await.expect_err(lines);
            assert!(matches!(error, CommandError::Artifact { .. }), "{error}");
            assert!(
                error
                    .to_string()
                    .contains(&format!("`program` left no result: `out` {why}")),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_whole_is_refused_by_its_type() {
    let stl = "printf '%80s\\002\\000\\000\\000%50s%50s' h a b";
    let cases = [
        ("model/stl", format!("{stl} | head -c 130 > out"), "STL"),
        ("image/png", "printf '\\211PNG\\r\\n\\032\\n\\000\\000\\000\\015IHDR%13s\\000\\000\\000\\000' x > out".to_owned(), "PNG"),
        ("model/gltf-binary", "printf 'glTF\\002\\000\\000\\000\\144\\000\\000\\000' > out".to_owned(), "GLB"),
        ("audio/wav", "printf 'RIFF\\144\\000\\000\\000WAVEfmt ' > out".to_owned(), "WAV"),
        ("application/json", "echo '{\"a\": [1' > out".to_owned(), "JSON"),
        ("application/pdf", "echo '%PDF-1.7' > out".to_owned(), "PDF"),
        ("image/png", "echo '<html>' > out".to_owned(), "PNG"),
    ];
    for (media_type, lines, kind) in cases {
        let stage = Stage::new();
        let more = format!("artifacts.file = {{ name = 'out', type = '{media_type}' }}");
        let error = ran(&stage.shell(&lines, &more).await)
            .await
            .expect_err(&lines)
            .to_string();
        assert!(
            error.contains(&format!("`out` is refused: this is no whole {kind}")),
            "{error}"
        );

        // What is not asked to be looked at is taken as it is.
        let more = format!("{more}\nsuccess.validate = 'none'");
        assert!(
            ran(&stage.shell(&lines, &more).await).await.is_ok(),
            "{lines}"
        );
    }
    let stage = Stage::new();
    let more = "artifacts.file = { name = 'out', type = 'model/stl' }";
    let whole = ran(&stage.shell(&format!("{stl} > out"), more).await)
        .await
        .unwrap();
    assert_eq!(whole.len(), 84 + 2 * 50);
}

#[tokio::test]
async fn several_files_come_in_the_order_of_the_declaration_and_one_that_is_missing_refuses_all() {
    let stage = Stage::new();
    let more = "artifacts.files = [{ name = 'b', type = 'text/plain' }, { name = 'a', type = 'text/html' }]";
    let generator = stage.shell("echo one > a; echo two > b", more).await;
    let request = generator.declaration().read(form(&[])).unwrap();
    let mut output = generator
        .run(&request, std::future::pending(), |_| {})
        .await
        .unwrap();
    let named: Vec<String> = output
        .files()
        .iter()
        .map(|file| format!("{} {}", file.name(), file.media_type()))
        .collect();
    assert_eq!(named, ["b text/plain", "a text/html"]);
    assert_eq!(bytes_of(&mut output), b"two\none\n");

    let generator = stage.shell("echo one > a", more).await;
    let error = ran(&generator)
        .await
        .expect_err("`b` is missing")
        .to_string();
    assert!(error.contains("`b` is missing"), "{error}");
}

#[tokio::test]
async fn standard_output_is_a_result_where_it_is_asked_for() {
    let stage = Stage::new();
    let more = "artifacts.stdout = { name = 'spoken.txt', type = 'text/plain' }";
    let generator = stage.shell("echo spoken; echo aside >&2", more).await;
    assert_eq!(ran(&generator).await.unwrap(), b"spoken\n");
}

async fn told(generator: &CommandGenerator) -> Vec<String> {
    let request = generator.declaration().read(form(&[])).unwrap();
    let mut all = Vec::new();
    let each = |told: refrain_command::Told| all.push(format!("{} {}", told.fraction, told.step));
    generator
        .run(&request, std::future::pending(), each)
        .await
        .unwrap();
    all
}

#[tokio::test]
async fn progress_comes_by_the_protocol_by_a_pattern_and_by_a_path() {
    let cases = [
        (
            "echo 'refrain-progress 0.25 first' >&2; echo 'refrain-progress 0.5 second' >&2",
            "",
            ["0.25 first", "0.5 second"],
        ),
        (
            "printf '10%%\\r55.5%%\\r' >&2",
            "progress.percent = '([0-9.]+)%'",
            ["0.1 ", "0.555 "],
        ),
        (
            "echo 'Sample 1/4' >&2; echo 'Sample 4/4' >&2",
            "progress.count = '([0-9]+)/([0-9]+)'",
            ["0.25 ", "1 "],
        ),
    ];
    for (lines, more, expected) in cases {
        let stage = Stage::new();
        let generator = stage.shell(&format!("{lines}; echo x > out"), more).await;
        assert_eq!(told(&generator).await, expected, "{lines}");
    }
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        stage.script(
            "program",
            "echo 'refrain-progress 0.75 by path' >> $1; echo x > out",
        );
        let toml = shell_toml("").replace("['./program']", "['./program', '{progress}']");
        assert_eq!(
            told(&stage.start(&toml, has_namespaces).await.unwrap()).await,
            ["0.75 by path"]
        );
    }
}

#[tokio::test]
async fn an_output_of_200_megabytes_is_read_in_pieces() {
    let stage = Stage::new();
    let generator = stage.shell("head -c 209715200 /dev/zero > out", "").await;
    let request = generator.declaration().read(form(&[])).unwrap();
    let mut output = generator
        .run(&request, std::future::pending(), |_| {})
        .await
        .unwrap();
    let (mut bytes, mut largest) = (0, 0);
    for file in output.files() {
        while let Some(piece) = file.next_piece().unwrap() {
            bytes += piece.len();
            largest = largest.max(piece.len());
        }
    }
    assert_eq!(bytes, 209_715_200);
    assert!(largest <= 1 << 20, "{largest} bytes at once");
}
