use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Place, Ran, picture};

#[test]
fn each_order_to_stop_ends_it_well() {
    for order in ["INT", "TERM", "HUP"] {
        let server = Place::new().serve(&[]);
        server.signal(order).unwrap();
        let ran = Ran::from(server.ended().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains(&format!("SIG{order}")), "{}", ran.err);
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_the_flag_to_change_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refusal = Place::new().fail(&["serve", "--port", &port]);
    assert_eq!(
        refusal.replace(&port, "PORT"),
        "exit code 1\n\
         error: cannot listen on `127.0.0.1:PORT`\n  \
         caused by: Address already in use (os error 98)\n\
         hint: something else listens there, maybe another `refrain serve`: give another port \
         with `--port` or `REFRAIN_PORT`\n"
    );
}

#[test]
fn people_are_told_the_address_and_what_to_try() {
    let place = Place::new().variable("REFRAIN_LOG", "off");
    let server = place
        .command(&["serve", "--port", "0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = server.id().to_string();
    let lines = crate::program::lines(server, 4, &id);
    let url = lines[0].rsplit(' ').next().unwrap().to_owned();
    let talk = lines.join("\n").replace(&url, "URL");
    insta::assert_snapshot!(talk);
}

#[test]
fn a_log_in_json_has_a_document_in_every_line() {
    let place = Place::new()
        .file("picture.png", picture(16))
        .variable("REFRAIN_PROT", "6000");
    let server = place.serve(&["--log-format", "json", "--log", "debug"]);
    let url = server.url().to_owned();
    place.succeed(&[
        "generate",
        "relief",
        "picture.png",
        "--server",
        &url,
        "--quality",
        "1",
    ]);
    server.signal("TERM").unwrap();
    let ran = Ran::from(server.ended().unwrap());
    assert_eq!(ran.code, 0);
    let messages: Vec<String> = ran
        .err
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line))
        .map(|line| line["message"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(
        messages.iter().any(|message| message == "listening"),
        "{messages:?}"
    );
    assert!(
        messages
            .iter()
            .any(|message| message.contains("REFRAIN_PORT")),
        "{messages:?}"
    );
}

#[test]
fn a_second_order_stops_without_waiting_for_work() {
    let place = Place::new().file("picture.png", picture(4096));
    let mut server = place.serve(&[
        "--generation-threads",
        "1",
        "--shutdown-grace-seconds",
        "600",
    ]);
    let mut clients: Vec<_> = ["5", "6", "7", "8", "9", "10"]
        .iter()
        .map(|depth| {
            let arguments = [
                "generate",
                "relief",
                "picture.png",
                "--server",
                server.url(),
            ];
            let mut command = place.command(&arguments);
            let output = format!("{depth}.stl");
            command.args(["--quality", "10", "--depth", depth, "-o", &output]);
            command.stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    crate::program::eventually(|| {
        let stats = place
            .run(&["stats", "--json", "--server", server.url()])
            .out;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        stats["stats"]["misses"].as_u64() >= Some(3)
    });
    // Two orders that come at once may be seen as one.
    crate::program::eventually(|| {
        server.signal("TERM").unwrap();
        server.has_ended().unwrap()
    });
    let ran = Ran::from(server.ended().unwrap());
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("stopped at once"), "{}", ran.err);
    for client in &mut clients {
        client.wait().unwrap();
    }
}
