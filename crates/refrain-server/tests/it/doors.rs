//! A door in front of an origin, tried with bytes on a socket: what goes through, and what must not.

use std::net::SocketAddr;
use std::time::Duration;

use refrain_server::{App, Server, ServerConfig, UpstreamConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::origin::{Origin, ok};

/// A running server with one door.
struct House {
    door: SocketAddr,
    own: SocketAddr,
    _running: AbortOnDropHandle<()>,
}

async fn door_to(url: &str) -> House {
    let mut upstream = UpstreamConfig::new("origin", url).unwrap();
    upstream.connect_timeout = Duration::from_secs(1);
    upstream.head_timeout = Duration::from_secs(2);
    upstream.idle_timeout = Duration::from_millis(500);
    door_with(upstream).await
}

async fn door_with(upstream: UpstreamConfig) -> House {
    let config = ServerConfig {
        port: 0,
        ..ServerConfig::default()
    };
    let app = App::builder(config).door("127.0.0.1:0".parse().unwrap(), upstream);
    let server = Server::bind(app.build().unwrap()).await.unwrap();
    House {
        door: server.door_addrs()[0],
        own: server.local_addr(),
        _running: AbortOnDropHandle::new(tokio::spawn(server.run(std::future::pending()))),
    }
}

/// Sends bytes and gives all that comes back until the server closes or says nothing more.
async fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses may close before it has read all.
    let _ = stream.write_all(sent).await;
    read_answer(&mut stream).await
}

async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let quiet = Duration::from_millis(250);
    loop {
        match tokio::time::timeout(
            if answer.is_empty() { quiet * 12 } else { quiet },
            stream.read_buf(&mut answer),
        )
        .await
        {
            Ok(Ok(read)) if read > 0 => {}
            _ => return String::from_utf8_lossy(&answer).into_owned(),
        }
    }
}

fn statuses(answer: &str) -> Vec<u16> {
    let lines = answer.match_indices("HTTP/1.1 ");
    lines
        .filter_map(|(at, _)| answer[at + 9..].get(..3)?.parse().ok())
        .collect()
}

#[tokio::test]
async fn an_answer_of_the_origin_reaches_the_client_as_it_came() {
    let origin = Origin::start(|_| {
        let answer = "HTTP/1.1 429 Slow Down Please\r\nRetry-After: 7\r\nX-Request-ID: abc\r\nSet-Cookie: a=1\r\n\
            Set-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Type: text/weird\r\n\
            Content-Length: 9\r\n\r\nslow down";
        answer.as_bytes().to_vec()
    })
    .await;
    let house = door_to(&origin.url()).await;
    let answer = exchange(
        house.door,
        b"PATCH /a//b/../c?x=%2F&y HTTP/1.1\r\nHost: localhost:1\r\nX-CaSe: 1\r\nAuthorization: Bearer t\r\n\
          Accept-Encoding: gzip\r\nConnection: X-Own\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nhi",
    )
    .await;
    let seen = &origin.seen()[0];
    assert_eq!(seen.line(), "PATCH /a//b/../c?x=%2F&y HTTP/1.1");
    assert!(
        seen.head.contains("X-CaSe: 1") && seen.head.contains("Authorization: Bearer t"),
        "{}",
        seen.head
    );
    assert_eq!(
        seen.header("host"),
        Some("localhost:1"),
        "the origin makes URLs of it"
    );
    assert_eq!(seen.header("accept-encoding"), Some("gzip"));
    assert_eq!(
        (seen.header("x-own"), seen.header("connection")),
        (None, None)
    );
    assert_eq!(seen.body, b"hi");
    assert!(
        answer.starts_with("HTTP/1.1 429 Slow Down Please\r\n"),
        "{answer}"
    );
    for line in [
        "Retry-After: 7",
        "X-Request-ID: abc",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "Content-Type: text/weird",
    ] {
        assert!(
            answer.contains(&format!("{line}\r\n")),
            "{line} in {answer}"
        );
    }
    assert!(answer.ends_with("\r\n\r\nslow down"), "{answer}");
    for gone in [
        "X-Hop",
        "Keep-Alive",
        "nosniff",
        "no-store",
        "Cache-Status",
        "cache-status",
    ] {
        assert!(!answer.contains(gone), "{gone} in {answer}");
    }
}

/// Bytes of a client, how many requests of it may reach the origin, and the status of the first answer; 0 is none.
const HOSTILE: &[(&str, &str, usize, u16)] = &[
    (
        "CL and TE",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
        1,
        200,
    ),
    (
        "TE and CL",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
        1,
        200,
    ),
    (
        "CL of 0 and TE",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        1,
        200,
    ),
    (
        "CL that is none, and TE",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "one CL twice",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        1,
        200,
    ),
    (
        "two CL",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhix",
        0,
        400,
    ),
    (
        "CL as a list",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2, 2\r\n\r\nhi",
        0,
        400,
    ),
    (
        "CL with a sign",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\nhi",
        0,
        400,
    ),
    (
        "CL below zero",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: -2\r\n\r\nhi",
        0,
        400,
    ),
    (
        "CL in hexadecimal",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0x2\r\n\r\nhi",
        0,
        400,
    ),
    (
        "CL beyond 64 bits",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nhi",
        0,
        400,
    ),
    (
        "TE that does not end in chunked",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE of something else",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE twice, the other last",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE twice, chunked last",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE with another coding",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE with a space before the colon",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE with a vertical tab",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "TE in HTTP/1.0",
        "POST /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        0,
        400,
    ),
    (
        "folded header",
        "GET /a HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        0,
        400,
    ),
    (
        "folded first header",
        "GET /a HTTP/1.1\r\n Host: h\r\n\r\n",
        0,
        400,
    ),
    (
        "Host twice",
        "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        0,
        400,
    ),
    (
        "the same Host twice",
        "GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        0,
        400,
    ),
    ("no Host", "GET /a HTTP/1.1\r\n\r\n", 0, 400),
    (
        "Host that is none",
        "GET /a HTTP/1.1\r\nHost: h, i\r\n\r\n",
        0,
        400,
    ),
    (
        "another host in the address",
        "GET http://evil.example/a HTTP/1.1\r\nHost: h\r\n\r\n",
        0,
        400,
    ),
    (
        "CONNECT",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
        0,
        405,
    ),
    (
        "lines that end in LF",
        "GET /a HTTP/1.1\nHost: h\nX: a\n\n",
        1,
        200,
    ),
    (
        "CR in a value",
        "GET /a HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        0,
        400,
    ),
    (
        "NUL in a value",
        "GET /a HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        0,
        400,
    ),
    (
        "space in a name",
        "GET /a HTTP/1.1\r\nHost: h\r\nX Y: a\r\n\r\n",
        0,
        400,
    ),
    (
        "no name",
        "GET /a HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n",
        0,
        400,
    ),
    (
        "space in the address",
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        0,
        400,
    ),
    ("version of the past", "GET /a\r\n\r\n", 0, 400),
    (
        "version of the future",
        "GET /a HTTP/3.0\r\nHost: h\r\n\r\n",
        0,
        400,
    ),
    (
        "chunks with extensions",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b;c=\"d\"\r\nhi\r\n0;e\r\n\r\n",
        1,
        200,
    ),
    (
        "LF in an extension",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;a\nhi\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
        0,
        0,
    ),
    (
        "chunk size that is none",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2x\r\nhi\r\n0\r\n\r\n",
        0,
        0,
    ),
    (
        "chunk size below zero",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n",
        0,
        0,
    ),
    (
        "chunk size beyond 64 bits",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff2\r\nhi\r\n0\r\n\r\n",
        0,
        0,
    ),
    (
        "chunk longer than its size",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhihi\r\n0\r\n\r\n",
        0,
        0,
    ),
    (
        "trailers",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 9\r\n\r\n",
        1,
        200,
    ),
    (
        "trailers of a length",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\n\r\n",
        1,
        200,
    ),
    (
        "upgrade to HTTP/2",
        "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        1,
        200,
    ),
    (
        "two requests at once",
        "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
        2,
        200,
    ),
    (
        "a request within a body",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 38\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: hhhhh\r\n\r\n",
        1,
        200,
    ),
    (
        "GET with a body",
        "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
        1,
        200,
    ),
    (
        "GET with a body in chunks",
        "GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        1,
        200,
    ),
    (
        "length named in Connection",
        "POST /a HTTP/1.1\r\nHost: h\r\nConnection: Content-Length, Host, Transfer-Encoding\r\nContent-Length: 2\r\n\r\nhi",
        1,
        200,
    ),
    (
        "address of two slashes",
        "GET //evil.example/a HTTP/1.1\r\nHost: h\r\n\r\n",
        1,
        200,
    ),
    (
        "address that is a star",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        0,
        400,
    ),
    (
        "body that is cut off",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
        0,
        0,
    ),
];

#[tokio::test]
async fn one_request_in_is_never_two_out() {
    for (class, bytes, out, status) in HOSTILE {
        let origin = Origin::start(|seen| ok(seen.line())).await;
        let house = door_to(&origin.url()).await;
        let answer = exchange(house.door, bytes.as_bytes()).await;
        let seen = origin.seen();
        assert_eq!(seen.len(), *out, "{class}: {seen:?} {answer}");
        assert!(
            seen.iter().all(|seen| !seen.line().contains("smuggled")),
            "{class}: {seen:?}"
        );
        let first = statuses(&answer).first().copied().unwrap_or(0);
        match status {
            // The head of the request has gone out, and its body never comes: what the client is told does not matter.
            0 => assert!(first == 0 || first >= 400, "{class}: {answer}"),
            _ => assert_eq!(first, *status, "{class}: {answer}"),
        }
        for seen in &seen {
            assert_eq!(seen.header("upgrade"), None, "{class}");
            assert_eq!(seen.header("http2-settings"), None, "{class}");
            assert!(
                !seen
                    .trailers
                    .to_ascii_lowercase()
                    .contains("content-length"),
                "{class}"
            );
        }
        let after = exchange(
            house.door,
            b"GET /after HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert!(
            after.ends_with("GET /after HTTP/1.1"),
            "{class}: the next request gets {after}"
        );
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_before_it_is_held() {
    let origin = Origin::start(|_| ok("")).await;
    let house = door_to(&origin.url()).await;
    let mut large = b"GET /a HTTP/1.1\r\nHost: h\r\nX: ".to_vec();
    large.resize(large.len() + 200_000, b'x');
    large.extend(b"\r\n\r\n");
    assert_eq!(statuses(&exchange(house.door, &large).await), [431]);
    let mut long = b"GET /".to_vec();
    long.resize(long.len() + 66_000, b'x');
    long.extend(b" HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(matches!(
        statuses(&exchange(house.door, &long).await)[..],
        [414 | 431]
    ));
    let mut many = b"GET /a HTTP/1.1\r\nHost: h\r\n".to_vec();
    many.extend("X: y\r\n".repeat(500).into_bytes());
    many.extend(b"\r\n");
    assert_eq!(statuses(&exchange(house.door, &many).await), [431]);
    assert_eq!(origin.seen(), []);
}

/// What an origin says, and the status that the client gets for it.
const LIES: &[(&str, &str, u16)] = &[
    (
        "two lengths",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhix",
        502,
    ),
    (
        "length that is none",
        "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi",
        502,
    ),
    (
        "CR in a value",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nhi",
        502,
    ),
    (
        "NUL in a value",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi",
        502,
    ),
    ("no HTTP", "SSH-2.0-OpenSSH_9.9\r\n", 502),
    (
        "status that is none",
        "HTTP/1.1 99 Odd\r\nContent-Length: 2\r\n\r\nhi",
        502,
    ),
    (
        "unasked switch",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        502,
    ),
    (
        "another coding",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        502,
    ),
    ("only 100", "HTTP/1.1 100 Continue\r\n\r\n", 504),
    ("half a word", "HTTP/1.1", 504),
];

#[tokio::test]
async fn an_origin_that_lies_is_a_bad_gateway_and_the_next_answer_is_right() {
    for (lie, bytes, status) in LIES {
        let origin = Origin::start(move |seen| {
            if seen.line().contains("/lie") {
                bytes.as_bytes().to_vec()
            } else {
                ok("true")
            }
        })
        .await;
        let house = door_to(&origin.url()).await;
        let answer = exchange(house.door, b"GET /lie HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(statuses(&answer), [*status], "{lie}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{lie}: {answer}"
        );
        let after = exchange(house.door, b"GET /after HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(after.ends_with("\r\n\r\ntrue"), "{lie}: {after}");
    }
}

#[tokio::test]
async fn what_follows_an_answer_reaches_no_other_client() {
    let origin = Origin::start(|seen| {
        let mut answer = ok(seen.line());
        if seen.line().contains("/poison") {
            answer.extend(ok("poison"));
        }
        answer
    })
    .await;
    let house = door_to(&origin.url()).await;
    for _ in 0..20 {
        let first = exchange(
            house.door,
            b"GET /poison HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert!(first.ends_with("GET /poison HTTP/1.1"), "{first}");
        let second = exchange(
            house.door,
            b"GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert!(second.ends_with("GET /next HTTP/1.1"), "{second}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_or_stands_still_is_never_taken_for_the_whole() {
    for (fault, answer) in [
        (
            "cut by length",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        ),
        (
            "cut chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            for ends in [true, false] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = [0; 1000];
                let _ = stream.read(&mut read).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                if !ends {
                    // It stands still for longer than the door waits.
                    let mut rest = Vec::new();
                    let _ = stream.read_to_end(&mut rest).await;
                }
            }
        });
        let house = door_to(&url).await;
        for _ in 0..2 {
            let mut stream = TcpStream::connect(house.door).await.unwrap();
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                .await
                .unwrap();
            let mut got = Vec::new();
            // Closed, and not by silence of the test.
            let ended =
                tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut got)).await;
            assert!(ended.is_ok(), "{fault}: the connection stays open");
            let got = String::from_utf8_lossy(&got);
            assert!(
                got.contains("abc") && !got.ends_with("0\r\n\r\n"),
                "{fault}: {got}"
            );
        }
        serving.await.unwrap();
    }
}

#[tokio::test]
async fn both_bodies_go_through_piece_by_piece() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = door_to(&format!("http://{}", listener.local_addr().unwrap())).await;
    let mut client = TcpStream::connect(house.door).await.unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n3\r\none\r\n")
        .await
        .unwrap();
    let (mut origin, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"3\r\none\r\n") {
        assert!(origin.read_buf(&mut seen).await.unwrap() > 0);
    }
    assert!(
        String::from_utf8_lossy(&seen)
            .to_ascii_lowercase()
            .contains("te: trailers")
    );
    client.write_all(b"3\r\ntwo\r\n").await.unwrap();
    while !seen.ends_with(b"3\r\ntwo\r\n") {
        assert!(origin.read_buf(&mut seen).await.unwrap() > 0);
    }
    // The answer begins before the request has ended.
    origin
        .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nfirst\r\n")
        .await
        .unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"first\r\n") {
        assert!(client.read_buf(&mut got).await.unwrap() > 0);
    }
    client.write_all(b"0\r\n\r\n").await.unwrap();
    origin.write_all(b"0\r\nX-Sum: 9\r\n\r\n").await.unwrap();
    while !got.ends_with(b"0\r\nx-sum: 9\r\n\r\n") {
        assert!(
            client.read_buf(&mut got).await.unwrap() > 0,
            "{}",
            String::from_utf8_lossy(&got)
        );
    }
}

#[tokio::test]
async fn a_client_that_expects_a_word_gets_it_once_the_origin_takes_the_body() {
    let origin = Origin::start(|seen| ok(&String::from_utf8_lossy(&seen.body))).await;
    let house = door_to(&origin.url()).await;
    let mut client = TcpStream::connect(house.door).await.unwrap();
    client
        .write_all(
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        )
        .await
        .unwrap();
    let word = read_answer(&mut client).await;
    assert_eq!(word, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hi").await.unwrap();
    assert!(read_answer(&mut client).await.ends_with("\r\n\r\nhi"));
    assert_eq!(origin.seen()[0].header("expect"), None);
}

#[tokio::test]
async fn heads_have_the_length_of_the_body_that_they_stand_for() {
    let origin = Origin::start(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"x\"\r\n\r\n".to_vec()
    })
    .await;
    let house = door_to(&origin.url()).await;
    let answer = exchange(
        house.door,
        b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(
        answer.contains("Content-Length: 12345\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_hang_up_reaches_the_origin_before_and_within_the_answer() {
    for begun in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let house = door_to(&format!("http://{}", listener.local_addr().unwrap())).await;
        let mut client = TcpStream::connect(house.door).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            .await
            .unwrap();
        let (mut origin, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            assert!(origin.read_buf(&mut seen).await.unwrap() > 0);
        }
        if begun {
            origin
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                .await
                .unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"first\r\n") {
                assert!(client.read_buf(&mut got).await.unwrap() > 0);
            }
        }
        drop(client);
        let ended =
            tokio::time::timeout(Duration::from_millis(450), origin.read_buf(&mut seen)).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "begun: {begun}");
    }
}

#[tokio::test]
async fn a_web_socket_is_a_tunnel_and_ends_with_either_side() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = door_to(&format!("http://{}", listener.local_addr().unwrap())).await;
    let mut client = TcpStream::connect(house.door).await.unwrap();
    client
        .write_all(b"GET /ws?clientId=1 HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
        .await
        .unwrap();
    let (mut origin, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert!(origin.read_buf(&mut seen).await.unwrap() > 0);
    }
    let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
    assert!(
        head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"),
        "{head}"
    );
    origin
        .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n\x81\x02hi")
        .await
        .unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"\x81\x02hi") {
        assert!(client.read_buf(&mut got).await.unwrap() > 0);
    }
    assert!(String::from_utf8_lossy(&got).starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    client.write_all(&[0x81, 0x80, 1, 2, 3, 4]).await.unwrap();
    let mut frame = [0; 6];
    origin.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x81, 0x80, 1, 2, 3, 4]);
    drop(origin);
    let ended = tokio::time::timeout(Duration::from_secs(5), client.read_buf(&mut got)).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))));
}

#[tokio::test]
async fn an_origin_that_is_not_there_is_told_apart_and_left_alone_after_a_while() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let house = door_to(&format!("http://{gone}")).await;
    let ask = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    for _ in 0..5 {
        let answer = exchange(house.door, ask).await;
        assert_eq!(statuses(&answer), [502]);
        assert!(
            answer.contains("urn:refrain:problem:upstream-unreachable"),
            "{answer}"
        );
    }
    let answer = exchange(house.door, ask).await;
    assert_eq!(statuses(&answer), [503]);
    assert!(
        answer.to_ascii_lowercase().contains("retry-after: "),
        "{answer}"
    );
    let health = exchange(
        house.own,
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(
        health.contains(r#""name":"origin","status":"left-alone""#),
        "{health}"
    );
}

#[tokio::test]
async fn a_redirect_is_the_clients_business() {
    let origin = Origin::start(|_| {
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    let house = door_to(&origin.url()).await;
    let answer = exchange(
        house.door,
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(statuses(&answer), [302]);
    assert!(
        answer.contains("Location: http://169.254.169.254/\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_upstream_that_is_this_server_is_refused_at_the_start() {
    let upstream = UpstreamConfig::new("self", "http://localhost:8080").unwrap();
    let built = App::builder(ServerConfig::default())
        .door("127.0.0.1:8080".parse().unwrap(), upstream)
        .build();
    let refused = built.unwrap_err().to_string();
    assert_eq!(
        refused,
        "upstream `http://localhost:8080` is this server itself, which listens on `127.0.0.1:8080`"
    );
}
