use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Place, picture};

fn with_picture() -> Place {
    Place::new().file("picture.png", picture(64))
}

#[test]
fn without_a_server_it_generates_here() {
    let place = with_picture();
    let ran = place.succeed(&["generate", "relief", "picture.png", "--quality", "1"]);
    assert_eq!(ran.out, "");
    assert!(ran.err.starts_with("picture.stl: "), "{}", ran.err);
    assert!(ran.err.contains("generated here in "), "{}", ran.err);
    assert_eq!(place.names(), ["picture.png", "picture.stl"]);
}

#[test]
fn the_format_follows_the_option_then_the_name() {
    let place = with_picture();
    let starts = |name: &str| fs::read(place.path(name)).unwrap()[..4].to_vec();
    place.succeed(&[
        "generate",
        "relief",
        "picture.png",
        "--quality",
        "1",
        "-o",
        "a.GLB",
    ]);
    assert_eq!(starts("a.GLB"), b"glTF");
    place.succeed(&[
        "generate",
        "relief",
        "picture.png",
        "--quality",
        "1",
        "--format",
        "ply",
        "-o",
        "b.glb",
    ]);
    assert_eq!(starts("b.glb"), b"ply\n");
    place.succeed(&[
        "generate",
        "relief",
        "picture.png",
        "--quality",
        "1",
        "-o",
        "c.model",
    ]);
    assert_eq!(
        fs::read(place.path("c.model")).unwrap().len(),
        fs::read({
            place.succeed(&[
                "generate",
                "relief",
                "picture.png",
                "--quality",
                "1",
                "-o",
                "d.stl",
            ]);
            place.path("d.stl")
        })
        .unwrap()
        .len()
    );
}

#[test]
fn a_picture_can_come_in_and_a_relief_go_out_through_a_pipe() {
    let place = with_picture();
    let file = fs::File::open(place.path("picture.png")).unwrap();
    let output = place
        .command(&[
            "generate",
            "relief",
            "-",
            "--quality",
            "1",
            "--format",
            "glb",
            "-o",
            "-",
        ])
        .stdin(Stdio::from(file))
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"glTF"));
    place.succeed(&[
        "generate",
        "relief",
        "picture.png",
        "--quality",
        "1",
        "-o",
        "same.glb",
    ]);
    assert_eq!(fs::read(place.path("same.glb")).unwrap(), output.stdout);
}

#[test]
fn through_a_server_the_first_is_a_miss_and_the_second_a_hit_with_equal_bytes() {
    let place = with_picture();
    let server = place.serve(&[]);
    let generate = |name: &str| -> Value {
        let arguments = [
            "generate",
            "relief",
            "picture.png",
            "--json",
            "--server",
            server.url(),
            "-o",
            name,
        ];
        serde_json::from_str(&place.succeed(&arguments).out).unwrap()
    };
    let (first, second) = (generate("a.stl"), generate("b.stl"));
    assert_eq!(first["outcome"], "miss");
    assert_eq!(second["outcome"], "hit");
    assert_eq!(first["key"], second["key"]);
    assert_eq!(first["server"], server.url());
    let bytes = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("a.stl"), bytes("b.stl"));
    assert_eq!(first["bytes"], bytes("a.stl").len());
    place.succeed(&[
        "generate",
        "relief",
        "picture.png",
        "--local",
        "-o",
        "c.stl",
    ]);
    assert_eq!(bytes("a.stl"), bytes("c.stl"));
}

#[test]
fn a_running_server_is_found_by_the_configuration() {
    let place = with_picture();
    let server = place.serve(&[]);
    let port = server.url().rsplit(':').next().unwrap();
    let place = Place::new()
        .file("picture.png", picture(64))
        .file(".env", format!("REFRAIN_PORT={port}\n"));
    let mut command = place.command(&["generate", "relief", "picture.png", "--quality", "1"]);
    let output = command.env_remove("REFRAIN_SERVER").output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(
        talk.contains(&format!("miss from {}", server.url())),
        "{talk}"
    );
}

#[test]
fn a_server_that_was_asked_for_by_name_must_answer() {
    let refusal = with_picture().fail(&[
        "generate",
        "relief",
        "picture.png",
        "--server",
        "http://127.0.0.1:9",
    ]);
    insta::assert_snapshot!(refusal);
}

/// Some systems have a service of their own on port 5000.
#[test]
fn another_program_at_the_address_is_not_taken_for_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The request is read before the answer, or closing would reset the connection.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let place = with_picture().variable("REFRAIN_SERVER", &url);
    let ran = place.succeed(&["generate", "relief", "picture.png", "--quality", "1"]);
    let first = format!("what answers at {url} is not a Refrain server; generating here\n");
    assert!(ran.err.starts_with(&first), "{}", ran.err);
    let refusal = place.fail(&["generate", "relief", "picture.png", "--server", &url]);
    assert!(
        refusal.contains("is not a Refrain server\nhint: "),
        "{refusal}"
    );
}

#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mut broken = picture(64);
    broken.truncate(100);
    let place = with_picture()
        .file("broken.png", &broken)
        .file("words.txt", "these are words");
    let server = place.serve(&[]);
    let cases: [(&str, &[&str]); 13] = [
        ("missing_picture", &["generate", "relief", "missing.png"]),
        ("directory", &["generate", "relief", "."]),
        (
            "quality",
            &["generate", "relief", "picture.png", "--quality", "11"],
        ),
        (
            "width",
            &["generate", "relief", "picture.png", "--width", "0"],
        ),
        (
            "width_nan",
            &["generate", "relief", "picture.png", "--width", "NaN"],
        ),
        (
            "base",
            &["generate", "relief", "picture.png", "--base", "50"],
        ),
        (
            "format",
            &["generate", "relief", "picture.png", "--format", "3mf"],
        ),
        (
            "broken_here",
            &["generate", "relief", "broken.png", "--local"],
        ),
        (
            "broken_there",
            &["generate", "relief", "broken.png", "--server", server.url()],
        ),
        (
            "no_picture",
            &["generate", "relief", "words.txt", "--local"],
        ),
        (
            "no_directory",
            &["generate", "relief", "picture.png", "-o", "no/such/x.stl"],
        ),
        (
            "itself",
            &["generate", "relief", "picture.png", "-o", "picture.png"],
        ),
        (
            "two_documents",
            &["generate", "relief", "picture.png", "--json", "-o", "-"],
        ),
    ];
    let before = place.names();
    for (name, arguments) in cases {
        insta::assert_snapshot!(format!("mistake_{name}"), place.fail(arguments));
        assert_eq!(place.names(), before);
    }
    assert_eq!(fs::read(place.path("picture.png")).unwrap(), picture(64));
}

#[test]
fn an_interrupted_generation_leaves_no_file() {
    let place = Place::new().file("picture.png", picture(4096));
    let server = place.serve(&["--generation-threads", "1"]);
    let before = place.names();
    for (count, target) in [&["--local"][..], &["--server", server.url()]]
        .iter()
        .enumerate()
    {
        let mut arguments = vec!["generate", "relief", "picture.png", "--quality", "10"];
        arguments.extend(*target);
        let child = place
            .command(&arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let id = child.id().to_string();
        // It can be interrupted as soon as it has taken the signal, which its memory shows.
        wait_for_handler(&id);
        let killed = std::process::Command::new("kill")
            .args(["-s", "INT", &id])
            .status()
            .unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{count}: {talk}");
        assert_eq!(talk, "error: interrupted; nothing was written\n");
        assert_eq!(place.names(), before);
    }
}

/// Waits until the process handles SIGINT itself.
fn wait_for_handler(id: &str) {
    loop {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap())
            .unwrap();
        // Bit 1 is signal 2, SIGINT.
        if caught & 0b10 != 0 {
            return;
        }
        std::thread::yield_now();
    }
}
