//! Bodies too large for memory, while they are made: readers of any pace, and every end that there can be.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use refrain::{Clock, Key};
use refrain_server::{
    App, Exchange, Finished, GenerateError, Generator, Head, Keying, LiveWriter, Prepared, Problem,
    ProblemKind, ServerConfig, Work,
};
use serde_json::json;

use crate::probe::Probe;
use crate::stage::Stage;
use crate::world::{World, json_request};

const DIR: &str = "REFRAIN_SERVER_LARGE_DIR";
const PIECE: u64 = 100_000;

/// Makes bodies of as many bytes as it is asked for; may fail, or never go on, at some byte.
#[derive(Clone, Default)]
struct Pour {
    runs: Arc<AtomicU64>,
}

struct Pouring {
    pour: Pour,
    bytes: u64,
    fails_at: Option<u64>,
    stops_at: Option<u64>,
}

/// The byte of a body at a place.
fn byte(place: u64) -> u8 {
    (place ^ (place >> 8) ^ (place >> 16).wrapping_mul(31)).to_le_bytes()[0]
}

impl Generator for Pour {
    fn name(&self) -> &'static str {
        "pour"
    }

    fn fingerprint(&self) -> &'static str {
        "1"
    }

    fn prepare(&self, mut exchange: Exchange) -> Result<Prepared, Problem> {
        let mut fields = exchange.fields()?;
        let order = fields.text("order")?;
        fields.finish()?;
        let mut words = order.split(' ');
        let mut number = || words.next().and_then(|word| word.parse().ok());
        let bytes = number().expect("a number of bytes");
        let (fails_at, stops_at) = (number(), number());
        let key = Key::builder().generator("pour", "1").part("bytes", &bytes);
        let key = key.build();
        Ok(Prepared {
            keying: Keying::Key(
                key.map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?,
            ),
            work: Arc::new(Pouring {
                pour: self.clone(),
                bytes,
                fails_at: fails_at.filter(|at| *at > 0),
                stops_at,
            }),
        })
    }
}

impl Work for Pouring {
    fn run(
        self: Arc<Self>,
        mut out: LiveWriter,
    ) -> BoxFuture<'static, Result<Finished, GenerateError>> {
        Box::pin(async move {
            self.pour.runs.fetch_add(1, Ordering::SeqCst);
            out.head(Head::new(StatusCode::OK))?;
            let mut at = 0;
            while at < self.bytes {
                let end = self.bytes.min(at + PIECE);
                out.write((at..end).map(byte).collect::<Vec<u8>>()).await?;
                at = end;
                // A generator waits for something between its chunks.
                tokio::task::yield_now().await;
                if self.fails_at.is_some_and(|fails| at >= fails) {
                    return Err(GenerateError::Failed {
                        message: "no GPU".to_owned(),
                    });
                }
                if self.stops_at.is_some_and(|stops| at >= stops) {
                    std::future::pending::<()>().await;
                }
            }
            Ok(Finished::default())
        })
    }
}

fn world_of(change: impl FnOnce(&mut ServerConfig)) -> (World, Pour) {
    let mut config = ServerConfig::default();
    change(&mut config);
    let (clock, hands) = Clock::fake();
    let pour = Pour::default();
    let app = App::builder(config).generator(pour.clone()).clock(clock);
    let router = app.build().unwrap().router();
    let (probe, stage) = (Probe::default(), Stage::default());
    let world = World {
        router,
        probe,
        stage,
        hands,
    };
    (world, pour)
}

fn world_on(dir: &Path) -> (World, Pour) {
    world_of(|config| config.disk_dir = Some(dir.to_owned()))
}

async fn open(world: &World, order: &str) -> Response {
    let body = json!({"order": order});
    let request = json_request("/api/generate/pour", &[], &body);
    world.open(request).await
}

/// One reader, which looks at every byte.
struct Reader {
    body: Body,
    read: u64,
}

impl Reader {
    async fn open(world: &World, order: &str) -> Self {
        let response = open(world, order).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            body: response.into_body(),
            read: 0,
        }
    }

    /// Reads up to a byte, or to the end; whether the end was well.
    async fn up_to(&mut self, place: u64) -> bool {
        while self.read < place {
            let frame = tokio::time::timeout(Duration::from_secs(30), self.body.frame());
            let Some(frame) = frame.await.expect("a frame in time") else {
                return true;
            };
            let Ok(frame) = frame else { return false };
            for got in frame.into_data().unwrap_or_default() {
                assert_eq!(got, byte(self.read), "at {}", self.read);
                self.read += 1;
            }
        }
        true
    }
}

/// Megabytes that the disk holds, once the server has stored or removed what it was about to.
async fn megabytes_on_disk(world: &World, entries: u64) -> f64 {
    world
        .until_async(async |world| world.stats().await["disk"]["current_items"] == entries)
        .await;
    let stats = world.stats().await;
    stats["disk"]["current_mb"].as_f64().unwrap()
}

/// A number of KiB that the system tells of this process.
fn told(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process whose memory is measured"]
async fn pours_200_mb() {
    const BYTES: u64 = 200_000_000;
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (world, pour) = world_on(Path::new(&dir));
    // What is allocated once is allocated now.
    assert!(Reader::open(&world, "1000").await.up_to(u64::MAX).await);
    let before = told("VmRSS:");
    let order = BYTES.to_string();
    let mut brisk = Reader::open(&world, &order).await;
    let mut slow = Reader::open(&world, &order).await;
    assert!(slow.up_to(1).await);
    assert!(brisk.up_to(BYTES / 2).await);
    let mut late = Reader::open(&world, &order).await;
    for reader in [&mut brisk, &mut late, &mut slow] {
        assert!(reader.up_to(u64::MAX).await);
        assert_eq!(reader.read, BYTES);
    }
    assert!(megabytes_on_disk(&world, 2).await > 190.0);
    let mut again = Reader::open(&world, &order).await;
    assert!(again.up_to(u64::MAX).await);
    assert_eq!((again.read, pour.runs.load(Ordering::SeqCst)), (BYTES, 2));
    println!("more {} KiB", told("VmHWM:") - before);
}

fn child(test: &str, dir: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--ignored", "--exact", "--nocapture"])
        .arg(format!("large::{test}"))
        .env(DIR, dir);
    child
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_of_200_mb_is_made_and_read_by_all_with_less_than_16_mib_more_memory() {
    let dir = tempfile::tempdir().unwrap();
    let done = child("pours_200_mb", dir.path()).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}{errors}");
    let more = text.lines().find_map(|line| line.strip_prefix("more "));
    let kib = more.and_then(|more| more.strip_suffix(" KiB")).unwrap();
    assert!(kib.parse::<u64>().unwrap() < 16 * 1024, "{text}");
    println!("{text}");
}

#[tokio::test]
#[ignore = "the process that is killed"]
async fn pours_half() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (world, _) = world_on(Path::new(&dir));
    let mut reader = Reader::open(&world, "20000000 0 12000000").await;
    assert!(reader.up_to(12_000_000).await);
    println!("half");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_serves_nothing_of_it_afterwards() {
    use std::io::BufRead as _;

    let dir = tempfile::tempdir().unwrap();
    let mut killed = child("pours_half", dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(killed.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("half")));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (world, pour) = world_on(dir.path());
    assert!(
        megabytes_on_disk(&world, 0).await < 0.01,
        "it has been cleared away"
    );
    let only = [("cache-control", "only-if-cached")];
    let body = json!({"order": "20000000"});
    let request = json_request("/api/generate/pour", &only, &body);
    assert_eq!(world.send(request).await.problem(), "not-cached");
    let mut reader = Reader::open(&world, "20000000").await;
    assert!(reader.up_to(u64::MAX).await);
    assert_eq!(
        (reader.read, pour.runs.load(Ordering::SeqCst)),
        (20_000_000, 1)
    );
}

#[tokio::test]
async fn a_failure_near_the_end_breaks_every_answer_off_and_leaves_nothing_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (world, pour) = world_on(dir.path());
    let mut first = Reader::open(&world, "20000000 18000000").await;
    let mut second = Reader::open(&world, "20000000 18000000").await;
    for reader in [&mut first, &mut second] {
        assert!(!reader.up_to(u64::MAX).await, "it is no whole body");
        assert!(reader.read <= 18_000_000);
    }
    assert_eq!(pour.runs.load(Ordering::SeqCst), 1);
    drop((first, second));
    assert!(megabytes_on_disk(&world, 0).await < 0.01);
    let mut again = Reader::open(&world, "20000000").await;
    assert!(again.up_to(u64::MAX).await);
    assert_eq!(again.read, 20_000_000);
    assert!(megabytes_on_disk(&world, 1).await > 19.0);
}

#[tokio::test]
async fn a_disk_that_is_full_in_the_middle_costs_only_the_storing() {
    let dir = tempfile::tempdir().unwrap();
    let (world, pour) = world_of(|config| {
        config.disk_dir = Some(dir.path().to_owned());
        config.disk_max_mb = 12.0;
    });
    let mut reader = Reader::open(&world, "20000000").await;
    let body = json!({"order": "20000000"});
    let request = json_request("/api/generate/pour", &[("prefer", "wait=60")], &body);
    let (well, whole) = tokio::join!(reader.up_to(u64::MAX), world.send(request));
    assert!(well);
    assert_eq!(reader.read, 20_000_000);
    assert_eq!(whole.status, StatusCode::OK);
    let cache_status = whole.cache_status();
    assert!(!cache_status.contains("stored;"), "{cache_status}");
    let places = 0..20_000_000;
    assert!(whole.body.iter().copied().eq(places.map(byte)));
    assert!(megabytes_on_disk(&world, 0).await < 0.01);
    assert_eq!(pour.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_a_disk_what_is_larger_than_the_memory_is_its_readers_alone() {
    let (world, pour) = world_of(|config| config.max_memory_mb = 5.0);
    let mut first = Reader::open(&world, "20000000").await;
    assert!(first.up_to(9_000_000).await);
    // Its beginning is gone, so this caller has one of its own.
    let mut late = Reader::open(&world, "20000000").await;
    let (first_ended, late_ended) = tokio::join!(first.up_to(u64::MAX), late.up_to(u64::MAX));
    assert!(first_ended && late_ended);
    assert_eq!((first.read, late.read), (20_000_000, 20_000_000));
    assert_eq!(pour.runs.load(Ordering::SeqCst), 2);
    assert_eq!(world.stats().await["current_items"], 0);
}

#[tokio::test]
async fn a_caller_that_wants_the_whole_is_told_that_it_is_too_large() {
    let (world, _) = world_of(|config| {
        config.max_memory_mb = 5.0;
        config.body_timeout = Duration::from_millis(20);
    });
    let body = json!({"order": "20000000"});
    let request = json_request("/api/generate/pour", &[("prefer", "wait=60")], &body);
    let refused = world.send(request).await;
    assert_eq!(refused.status, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(refused.problem(), "result-too-large");
}
