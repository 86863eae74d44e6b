//! The listening server: connections, hang-ups, and an end that loses nothing.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use refrain_server::{AdminToken, App, ServeError, Server, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::probe::Probe;

struct Running {
    address: SocketAddr,
    probe: Probe,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn running(change: impl FnOnce(&mut ServerConfig)) -> Running {
    let mut config = ServerConfig {
        port: 0,
        max_body_mb: 1.0,
        ..ServerConfig::default()
    };
    change(&mut config);
    let probe = Probe::default();
    let app = App::builder(config)
        .generator(probe.clone())
        .build()
        .unwrap();
    let server = Server::bind(app).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    Running {
        address,
        probe,
        stop,
        ended,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own and gives the connection.
    async fn begin(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut connection = self.connect().await;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection
    }

    async fn ask(&self, name: &str, deed: &str) -> TcpStream {
        let body = json!({"name": name, "do": deed}).to_string();
        self.begin("POST", "/api/generate/probe", &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (_, body) = read(self.begin("GET", path, "").await).await;
        serde_json::from_str(&body).unwrap()
    }

    async fn until_waiting(&self, count: u64) {
        for _ in 0..5000 {
            if self.probe.waiting() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("waited in vain for {count} runs at the gate");
    }
}

/// The status and the body of the one answer on a connection.
async fn read(mut connection: TcpStream) -> (StatusCode, String) {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_the_work_to_the_others() {
    let server = running(|_| {}).await;
    let leader = server.ask("a", "wait").await;
    server.until_waiting(1).await;
    let follower = server.ask("a", "wait").await;
    drop(leader);
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.probe.open_gate();
    let (status, body) = read(follower).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body.into_bytes(), Probe::bytes_of("a"));
    assert_eq!(server.probe.runs(), 1);
}

#[tokio::test]
async fn the_end_waits_for_running_generations() {
    let server = running(|config| config.shutdown_grace = Duration::from_secs(30)).await;
    let waiting = server.ask("a", "wait").await;
    server.until_waiting(1).await;
    server.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody new is let in"
    );
    assert!(!server.ended.is_finished());
    server.probe.open_gate();
    let (status, _) = read(waiting).await;
    assert_eq!(status, StatusCode::OK);
    server.ended.await.unwrap();
}

#[tokio::test]
async fn the_end_waits_for_generations_that_nobody_shares() {
    let server = running(|config| config.cache_enabled = false).await;
    let waiting = server.ask("a", "wait").await;
    server.until_waiting(1).await;
    server.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.probe.open_gate();
    assert_eq!(read(waiting).await.0, StatusCode::OK);
    server.ended.await.unwrap();
}

#[tokio::test]
async fn a_client_that_stops_reading_loses_its_connection() {
    let server = running(|config| config.body_timeout = Duration::from_millis(50)).await;
    let mut lazy = server.connect().await;
    let body = json!({"name": "a", "do": "large"}).to_string();
    let request = format!(
        "POST /api/generate/probe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // More answers than the buffers of both ends hold, and none of them is read.
    let many = request.repeat(200);
    let sent = tokio::time::timeout(Duration::from_secs(10), async {
        lazy.write_all(many.as_bytes()).await?;
        let mut answers = Vec::new();
        tokio::time::sleep(Duration::from_millis(500)).await;
        lazy.read_to_end(&mut answers).await
    })
    .await;
    let all = 200 * 300 * 1024;
    assert!(
        !matches!(sent, Ok(Ok(read)) if read >= all),
        "the server gave up"
    );
    assert!(sent.is_ok(), "and closed the connection");
}

#[tokio::test]
async fn what_is_left_after_the_grace_is_cancelled_and_told_so() {
    let server = running(|config| config.shutdown_grace = Duration::from_millis(50)).await;
    let waiting = server.ask("a", "wait").await;
    server.until_waiting(1).await;
    server.stop.send(()).unwrap();
    let (status, body) = read(waiting).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("urn:refrain:problem:cancelled"), "{body}");
    server.ended.await.unwrap();
    assert_eq!(server.probe.waiting(), 0);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let server = running(|_| {}).await;
    let _idle = server.connect().await;
    server.get("/health").await;
    server.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), server.ended).await;
    ended.unwrap().unwrap();
}

#[tokio::test]
async fn headers_that_do_not_arrive_end_the_connection() {
    let default = ServerConfig::default().header_timeout;
    assert_eq!(default, Duration::from_secs(30));
    let server = running(|config| config.header_timeout = Duration::from_millis(50)).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the server closed the connection");
}

#[tokio::test]
async fn a_large_body_is_refused_and_the_client_gets_to_read_why() {
    let server = running(|_| {}).await;
    let mut connection = server.connect().await;
    let length = 8 << 20;
    let head = format!(
        "POST /api/generate/probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b' '; 1 << 16];
    for _ in 0..length / piece.len() {
        connection.write_all(&piece).await.unwrap();
    }
    let (status, body) = read(connection).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body.contains("body-too-large"));
    assert_eq!(server.get("/health").await["status"], "ok");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let server = running(|config| config.max_connections = 1).await;
    let first = server.ask("a", "wait").await;
    server.until_waiting(1).await;
    let second = server.ask("b", "echo").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(server.probe.runs(), 1);
    server.probe.open_gate();
    assert_eq!(read(first).await.0, StatusCode::OK);
    assert_eq!(read(second).await.0, StatusCode::OK);
}

#[tokio::test]
async fn health_and_management_are_answered_when_all_connections_are_taken() {
    let server = running(|config| config.max_connections = 1).await;
    let mut waiting = vec![server.ask("a", "wait").await];
    server.until_waiting(1).await;
    // More than may wait: those are told to come again.
    for _ in 0..40 {
        waiting.push(server.ask("b", "echo").await);
    }
    let mut refused = server.ask("b", "echo").await;
    let mut answer = String::new();
    refused.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 5\r\n"), "{answer}");

    assert_eq!(server.get("/health").await["status"], "ok");
    assert_eq!(server.get("/api/cache/stats").await["status"], "ok");
    let change = server.begin("POST", "/api/cache/config", "{\"max_size\": 7}");
    assert_eq!(read(change.await).await.0, StatusCode::OK);
    server.probe.open_gate();
    assert_eq!(read(waiting.remove(0)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_longest_idle_connections_make_room() {
    let server = running(|config| config.max_connections = 2).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(server.connect().await);
    }
    // One that sends a head is as idle as one that sends none.
    idle[0]
        .write_all(b"GET /health HTTP/1.1\r\nX")
        .await
        .unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(5), async {
        read(server.ask("a", "echo").await).await.0
    });
    assert_eq!(answered.await.unwrap(), StatusCode::OK);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), idle[0].read_to_end(&mut rest));
    assert!(ended.await.is_ok(), "the first has made room");
}

#[tokio::test]
async fn a_body_that_dribbles_is_given_up_and_the_client_gets_to_read_why() {
    let server = running(|config| config.body_timeout = Duration::from_millis(200)).await;
    let mut slow = server.connect().await;
    let head = "POST /api/generate/probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = slow.into_split();
    let dribble = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(5), reading.read(&mut answer));
    let length = read.await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("urn:refrain:problem:request-timeout"),
        "{answer}"
    );
    dribble.abort();
}

#[tokio::test]
async fn beyond_the_budget_of_answers_a_client_is_told_to_come_again() {
    // The large answers of 300 KiB are none of the small ones, and one of them is all there is room for.
    let server = running(|config| config.answer_memory_mb = 0.5).await;
    let body = json!({"name": "a", "do": "large"}).to_string();
    let mut lazy = server.connect().await;
    let request = format!(
        "POST /api/generate/probe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    lazy.write_all(request.repeat(200).as_bytes())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;

    let same = read(server.ask("a", "large").await).await.0;
    assert_eq!(same, StatusCode::OK, "the same result costs nothing more");
    let mut one = server.ask("b", "large").await;
    let mut two = server.ask("c", "large").await;
    let (mut first, mut second) = (String::new(), String::new());
    let (one, two) = tokio::join!(
        one.read_to_string(&mut first),
        two.read_to_string(&mut second)
    );
    one.and(two).unwrap();
    // One waits until the client that does not read is given up, and the other one is not made to wait as well.
    let refused = [&first, &second]
        .into_iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 503"));
    assert_eq!(refused.clone().count(), 1, "{first:.60} {second:.60}");
    assert!(
        refused
            .clone()
            .all(|answer| answer.contains("retry-after: 5\r\n"))
    );
    assert_eq!(read(server.ask("b", "large").await).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_open_address_without_a_token_is_refused() {
    let config = ServerConfig {
        host: "0.0.0.0".parse().unwrap(),
        port: 0,
        ..ServerConfig::default()
    };
    let app = App::builder(config).build().unwrap();
    // The routes of an app ask for the token of the app, so no other configuration may vouch for it.
    let refused = Server::bind(app).await;
    assert!(matches!(refused, Err(ServeError::Config(_))));
}

#[tokio::test]
async fn the_token_that_lets_an_app_listen_is_the_one_its_routes_ask_for() {
    let server = running(|config| {
        config.host = "0.0.0.0".parse().unwrap();
        config.admin_token = AdminToken::new("secret");
    })
    .await;
    let (status, _) = read(server.begin("GET", "/api/cache/stats", "").await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = read(server.begin("GET", "/health", "").await).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let server = running(|_| {}).await;
    let config = ServerConfig {
        port: server.address.port(),
        ..ServerConfig::default()
    };
    let app = App::builder(config).build().unwrap();
    let refused = Server::bind(app).await.unwrap_err();
    assert!(refused.to_string().contains(&server.address.to_string()));
}

#[tokio::test]
async fn what_the_policy_has_learned_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let disk_dir = Some(dir.path().to_owned());
    let learned = dir.path().join("policy");
    let server = running(|config| config.disk_dir.clone_from(&disk_dir)).await;
    assert_eq!(read(server.ask("a", "echo").await).await.0, StatusCode::OK);
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    assert!(std::fs::metadata(&learned).unwrap().len() > 0);

    // Damaged or of another version, it is begun anew.
    std::fs::write(&learned, "not a state").unwrap();
    let server = running(|config| config.disk_dir.clone_from(&disk_dir)).await;
    assert_eq!(read(server.ask("a", "echo").await).await.0, StatusCode::OK);
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    assert_ne!(std::fs::read(&learned).unwrap(), b"not a state");
}

#[tokio::test]
async fn lru_is_one_setting_away_and_has_nothing_to_learn() {
    let dir = tempfile::tempdir().unwrap();
    let server = running(|config| {
        config.policy = refrain::Policy::Lru;
        config.disk_dir = Some(dir.path().to_owned());
    })
    .await;
    let stats = server.get("/api/cache/stats").await;
    assert!(stats["stats"].get("versus_lru").is_none(), "{stats}");
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    assert!(!dir.path().join("policy").exists());
}
