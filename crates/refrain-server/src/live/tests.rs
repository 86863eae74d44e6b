//! The ways in which a live body could lie, hang or starve a client.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::progress::Progress;

impl LiveBody {
    /// A body that is kept whole, in memory.
    pub(crate) fn whole() -> Self {
        Self::new(Keeping {
            most: u64::MAX,
            spilling: None,
            window: Window {
                bytes: 8,
                stall: LONG,
            },
        })
    }

    fn windowed(window: Window) -> Self {
        Self::new(Keeping::windowed(window))
    }
}

fn writer(body: &LiveBody) -> LiveWriter {
    LiveWriter::new(body.clone(), Progress::unwatched(), ())
}

fn ok() -> Head {
    Head::new(StatusCode::OK)
}

/// A body whose head is announced, and its writer.
fn begun() -> (LiveBody, LiveWriter) {
    let body = LiveBody::whole();
    let mut out = writer(&body);
    out.head(ok()).unwrap();
    (body, out)
}

/// A body of which eight bytes are kept.
fn narrow(stall: Duration) -> (LiveBody, LiveWriter) {
    let body = LiveBody::windowed(Window { bytes: 8, stall });
    let mut out = writer(&body);
    out.head(ok()).unwrap();
    (body, out)
}

const LONG: Duration = Duration::from_secs(3600);

async fn rest(reader: &mut LiveReader) -> Result<String, GenerateError> {
    let mut text = String::new();
    while let Some(chunk) = reader.next().await {
        text.push_str(std::str::from_utf8(&chunk?).unwrap());
    }
    Ok(text)
}

#[tokio::test]
async fn a_late_reader_gets_everything_so_far_and_then_the_rest() {
    let (body, mut out) = begun();
    out.write("one ").await.unwrap();
    out.write("two ").await.unwrap();
    let mut late = body.reader().unwrap();
    assert_eq!(late.next().await.unwrap().unwrap(), "one ");
    assert_eq!(late.next().await.unwrap().unwrap(), "two ");
    assert!(late.next().now_or_never().is_none(), "nothing yet");
    let (text, ()) = tokio::join!(rest(&mut late), async {
        out.write("three").await.unwrap();
        body.complete(HeaderMap::new()).await.unwrap();
    });
    assert_eq!(text.unwrap(), "three");
    assert_eq!(
        rest(&mut body.reader().unwrap()).await.unwrap(),
        "one two three"
    );
}

#[tokio::test]
async fn two_readers_and_the_stored_body_have_each_byte_in_memory_once() {
    let (body, mut out) = begun();
    let (mut first, mut second) = (body.reader().unwrap(), body.reader().unwrap());
    out.write(vec![1; 1000]).await.unwrap();
    out.write(vec![2; 1000]).await.unwrap();
    let one = first.next().await.unwrap().unwrap();
    let two = second.next().await.unwrap().unwrap();
    assert_eq!(one.as_ptr(), two.as_ptr());
    let complete = body.complete(HeaderMap::new()).await.unwrap();
    let inside = complete.body.whole().unwrap().as_ptr_range();
    for reader in [&mut first, &mut second] {
        let chunk = reader.next().await.unwrap().unwrap();
        assert!(inside.contains(&chunk.as_ptr()));
    }
    assert_eq!(
        complete.digest,
        blake3::hash(complete.body.whole().unwrap())
    );
}

#[tokio::test]
async fn a_body_that_is_kept_whole_waits_for_no_reader() {
    let (body, mut out) = begun();
    let mut slow = body.reader().unwrap();
    for _ in 0..100 {
        out.write(vec![b'x'; 10_000])
            .now_or_never()
            .unwrap()
            .unwrap();
    }
    body.complete(HeaderMap::new()).await.unwrap();
    assert_eq!(rest(&mut slow).await.unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn a_window_waits_for_the_slowest_reader_and_goes_on_with_it() {
    let (body, mut out) = narrow(LONG);
    let mut slow = body.reader().unwrap();
    out.write("12345678").now_or_never().unwrap().unwrap();
    {
        let mut stuck = std::pin::pin!(out.write("9"));
        assert!((&mut stuck).now_or_never().is_none());
        assert_eq!(slow.next().await.unwrap().unwrap(), "12345678");
        stuck.await.unwrap();
    }
    assert_eq!(slow.next().await.unwrap().unwrap(), "9");
    assert!(body.reader().is_none(), "the beginning is gone");
}

#[tokio::test]
async fn a_reader_that_stands_still_is_dropped_when_the_window_has_to_move() {
    let (body, mut out) = narrow(Duration::from_millis(5));
    let (mut stuck, mut brisk) = (body.reader().unwrap(), body.reader().unwrap());
    out.write("12345678").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        brisk.next().await.unwrap().unwrap(),
        "12345678",
        "nothing had to move"
    );
    out.write("9").await.unwrap();
    assert_eq!(brisk.next().await.unwrap().unwrap(), "9");
    assert!(
        stuck.next().await.unwrap().is_err(),
        "no gap is taken for the body"
    );
}

#[tokio::test]
async fn a_reader_that_leaves_holds_nothing_up() {
    let (body, mut out) = narrow(LONG);
    let reader = body.reader().unwrap();
    out.write("12345678").await.unwrap();
    let (written, ()) = tokio::join!(out.write("9"), async { drop(reader) });
    written.unwrap();
    out.write("and much more than the window").await.unwrap();
}

#[tokio::test]
async fn an_error_in_mid_stream_comes_after_what_was_written() {
    let (body, mut out) = begun();
    let mut reader = body.reader().unwrap();
    out.write("half").await.unwrap();
    body.fail(&broken("no GPU"));
    assert_eq!(reader.next().await.unwrap().unwrap(), "half");
    assert!(matches!(
        reader.next().await,
        Some(Err(GenerateError::Failed { .. }))
    ));
    assert!(
        body.complete(HeaderMap::new()).await.is_err(),
        "it is not stored"
    );
    assert!(out.write("more").await.is_err());
}

#[tokio::test]
async fn a_cancelled_writer_learns_of_it_also_while_it_waits() {
    let body = LiveBody::windowed(Window {
        bytes: 1,
        stall: LONG,
    });
    let progress = Progress::new(CancellationToken::new());
    let mut out = LiveWriter::new(body.clone(), progress.clone(), ());
    out.head(ok()).unwrap();
    let _stuck = body.reader().unwrap();
    let (written, ()) = tokio::join!(out.write("12"), async { progress.cancel() });
    assert!(matches!(written, Err(GenerateError::Cancelled)));
    assert!(matches!(
        out.write("3").await,
        Err(GenerateError::Cancelled)
    ));
}

#[tokio::test]
async fn a_writer_that_stalls_keeps_no_reader_that_wants_to_leave() {
    let (body, _out) = begun();
    let mut reader = body.reader().unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(5), reader.next()).await;
    assert!(waited.is_err(), "it waits, and can be dropped");
    body.fail(&GenerateError::Cancelled);
    assert!(matches!(
        reader.next().await,
        Some(Err(GenerateError::Cancelled))
    ));
}

#[tokio::test]
async fn an_empty_body_is_a_body() {
    for status in [StatusCode::OK, StatusCode::NO_CONTENT] {
        let body = LiveBody::whole();
        let mut out = writer(&body);
        out.head(Head::new(status)).unwrap();
        out.write("").await.unwrap();
        let complete = body.complete(HeaderMap::new()).await.unwrap();
        assert!(complete.body.is_empty());
        assert_eq!(rest(&mut body.reader().unwrap()).await.unwrap(), "");
    }
}

#[tokio::test]
async fn what_is_out_of_order_is_an_error() {
    let body = LiveBody::whole();
    let mut out = writer(&body);
    assert!(out.write("a body before its head").await.is_err());
    out.head(ok()).unwrap();
    assert!(out.head(ok()).is_err(), "a second head");
    out.write("x").await.unwrap();
    assert!(out.head(ok()).is_err(), "a head after the body");

    let body = LiveBody::whole();
    let mut out = writer(&body);
    out.head(Head::new(StatusCode::NO_CONTENT)).unwrap();
    assert!(out.write("a body after 204").await.is_err());

    let body = LiveBody::whole();
    assert!(
        body.complete(HeaderMap::new()).await.is_err(),
        "no head at all"
    );
}

#[test]
fn a_huge_head_is_refused() {
    let body = LiveBody::whole();
    let huge = HeaderValue::try_from("x".repeat(40_000)).unwrap();
    let refused = writer(&body).head(ok().header(CONTENT_TYPE, huge));
    assert!(matches!(refused, Err(GenerateError::Failed { .. })));
}

#[tokio::test]
async fn a_head_is_announced_to_those_who_may_have_it() {
    let (body, _out) = begun();
    assert!(body.announced(false).await.is_some());

    let private = LiveBody::whole();
    writer(&private).head(ok().private()).unwrap();
    assert!(private.announced(true).await.is_some());
    assert!(private.announced(false).await.is_none());

    let judged = LiveBody::whole();
    let mut out = writer(&judged);
    out.head(ok().judged()).unwrap();
    assert!(judged.announced(true).await.is_some());
    assert!(
        judged.announced(false).now_or_never().is_none(),
        "it may be"
    );
    out.open();
    assert!(judged.announced(false).await.is_some());

    let refused = LiveBody::whole();
    writer(&refused).head(ok().judged()).unwrap();
    refused.complete(HeaderMap::new()).await.unwrap();
    assert!(
        refused.announced(false).await.is_none(),
        "the whole is there"
    );

    let quiet = LiveBody::whole();
    writer(&quiet).quiet_head(ok()).unwrap();
    assert!(quiet.announced(true).now_or_never().is_none());
    quiet.complete(HeaderMap::new()).await.unwrap();
    assert!(quiet.announced(true).await.is_none(), "the whole is there");
}

/// A tier on a real disk with room for this much, and its folder.
fn tier(megabytes: u64) -> (Arc<refrain_disk::DiskTier>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let tier = refrain_disk::DiskTier::at(dir.path()).capacity_bytes(megabytes << 20);
    (Arc::new(tier.open().unwrap()), dir)
}

const KEY: crate::Key = crate::Key::from_bytes([7; 32]);

/// A body of which 1 MB stays in memory where there is a disk, and `most` without one.
fn spilling(tier: &Arc<refrain_disk::DiskTier>, most: u64) -> (LiveBody, LiveWriter) {
    let body = LiveBody::new(Keeping {
        most,
        spilling: Some(Spilling {
            tier: Arc::downgrade(tier),
            key: KEY,
            beyond: 1_000_000,
        }),
        window: Window {
            bytes: 100_000,
            stall: LONG,
        },
    });
    let mut out = writer(&body);
    out.head(ok()).unwrap();
    (body, out)
}

/// Chunk after chunk of a body of 5 MB.
fn pieces() -> impl Iterator<Item = Vec<u8>> {
    (0..100_u8).map(|n| vec![n; 50_000])
}

fn all() -> Vec<u8> {
    pieces().flatten().collect()
}

async fn bytes_of(reader: &mut LiveReader) -> Result<Vec<u8>, GenerateError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_large_body_grows_on_disk_and_readers_of_any_pace_get_all_of_it() {
    let (tier, _dir) = tier(100);
    let (body, mut out) = spilling(&tier, u64::MAX);
    let (mut slow, mut brisk) = (body.reader().unwrap(), body.reader().unwrap());
    let mut late = None;
    let mut followed = Vec::new();
    for (n, piece) in pieces().enumerate() {
        out.write(piece).await.unwrap();
        followed.extend_from_slice(&brisk.next().await.unwrap().unwrap());
        assert!(body.0.lock().chunks.bytes() <= 1_100_000, "after piece {n}");
        if n == 50 {
            late = body.reader();
        }
    }
    assert!(body.0.lock().in_file_bytes > 4_000_000);
    let complete = body.complete(HeaderMap::new()).await.unwrap();
    assert!(complete.is_in_one_place && complete.body.whole().is_none());
    assert_eq!(followed, all());
    for reader in [&mut slow, &mut brisk, &mut late.unwrap()] {
        let rest = bytes_of(reader).await.unwrap();
        assert_eq!(rest, all()[all().len() - rest.len()..]);
    }
    assert_eq!(complete.body.read_all().await.unwrap(), all());
    assert_eq!(complete.digest, blake3::hash(&all()));
    assert_eq!(bytes_of(&mut body.reader().unwrap()).await.unwrap(), all());
}

#[tokio::test]
async fn a_disk_that_takes_no_more_costs_the_storing_and_no_byte() {
    let (tier, _dir) = tier(2);
    let (body, mut out) = spilling(&tier, u64::MAX);
    let mut early = body.reader().unwrap();
    for piece in pieces() {
        out.write(piece).await.unwrap();
    }
    let mut late = body.reader().unwrap();
    let complete = body.complete(HeaderMap::new()).await.unwrap();
    assert!(!complete.is_in_one_place);
    assert_eq!(complete.body.read_all().await.unwrap(), all());
    for place in [0, 999_999, 2_000_001, 4_999_999] {
        let read = complete.body.read_at(place, 300_000).await.unwrap();
        let place = usize::try_from(place).unwrap();
        assert!(
            !read.is_empty() && all()[place..].starts_with(&read),
            "{place}"
        );
    }
    for reader in [&mut early, &mut late] {
        assert_eq!(bytes_of(reader).await.unwrap(), all());
    }
    drop((body, complete, early, late));
    assert_eq!(tier.stats().bytes, 0);
}

#[tokio::test]
async fn a_disk_that_takes_no_more_and_no_memory_either_leave_the_body_to_its_readers() {
    let (tier, _dir) = tier(2);
    let (body, mut out) = spilling(&tier, 1_000_000);
    let mut reader = body.reader().unwrap();
    let (read, ()) = tokio::join!(bytes_of(&mut reader), async {
        for piece in pieces() {
            out.write(piece).await.unwrap();
            assert!(body.0.lock().chunks.bytes() < 2_100_000);
        }
        let ended = body.complete(HeaderMap::new()).await;
        assert!(matches!(ended, Err(GenerateError::TooLarge { .. })));
    });
    assert_eq!(read.unwrap(), all());
    assert!(body.reader().is_none());
}

#[tokio::test]
async fn a_writer_that_is_interrupted_while_it_spills_loses_no_byte() {
    let (tier, _dir) = tier(100);
    let (body, mut out) = spilling(&tier, u64::MAX);
    let mut reader = body.reader().unwrap();
    for piece in pieces() {
        // A generator may give up a write, as by a time limit: the chunk is taken all the same.
        let _ = out.write(piece).now_or_never();
    }
    let complete = body.complete(HeaderMap::new()).await.unwrap();
    assert_eq!(complete.body.read_all().await.unwrap(), all());
    assert_eq!(bytes_of(&mut reader).await.unwrap(), all());
}

#[tokio::test]
async fn private_results_and_those_that_are_not_stored_stay_off_the_disk() {
    for head in [ok().private(), Head::new(StatusCode::NOT_FOUND)] {
        let (tier, _dir) = tier(100);
        let (body, _) = spilling(&tier, u64::MAX);
        body.0.lock().head = Some(Arc::new(head));
        let mut out = writer(&body);
        for piece in pieces() {
            out.write(piece).await.unwrap();
        }
        assert_eq!(tier.stats().bytes, 0);
        assert!(
            body.complete(HeaderMap::new())
                .await
                .unwrap()
                .body
                .whole()
                .is_some()
        );
    }
}

/// A body of which 20 bytes may be kept, and then 8; how often it was told that it is larger.
fn outgrowing(stall: Duration) -> (LiveBody, LiveWriter, Arc<std::sync::atomic::AtomicU32>) {
    let body = LiveBody::new(Keeping {
        most: 20,
        spilling: None,
        window: Window { bytes: 8, stall },
    });
    let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let (counted, told) = (body.clone(), Arc::clone(&calls));
    let mut out = writer(&body).when_outgrown(move || {
        assert_eq!(counted.0.lock().chunks.start(), 0, "nothing is let go yet");
        told.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    out.head(ok()).unwrap();
    (body, out, calls)
}

#[tokio::test]
async fn a_body_larger_than_all_that_may_be_kept_is_its_readers_and_not_stored() {
    let (body, mut out, calls) = outgrowing(LONG);
    let (mut slow, mut brisk) = (body.reader().unwrap(), body.reader().unwrap());
    for _ in 0..2 {
        out.write("12345678").now_or_never().unwrap().unwrap();
    }
    assert!(body.reader().is_some(), "up to here all is kept");
    let slowly = async {
        let mut text = String::new();
        while let Some(chunk) = slow.next().await {
            tokio::task::yield_now().await;
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        text
    };
    let (slowly, briskly, ()) = tokio::join!(slowly, rest(&mut brisk), async {
        for _ in 0..8 {
            out.write("12345678").await.unwrap();
            assert!(body.0.lock().chunks.bytes() <= 24);
        }
        let ended = body.complete(HeaderMap::new()).await;
        assert!(matches!(ended, Err(GenerateError::TooLarge { limit: 20 })));
    });
    assert_eq!(slowly, "12345678".repeat(10));
    assert_eq!(briskly.unwrap(), slowly);
    assert!(body.reader().is_none());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_outgrows_all_and_has_no_reader_is_given_up() {
    // No reader in time.
    let (_body, mut out, _) = outgrowing(Duration::from_millis(5));
    let written = out.write("more than twenty bytes").await;
    assert!(matches!(written, Err(GenerateError::TooLarge { .. })));
    // One that comes just in time, and goes.
    let (body, mut out, _) = outgrowing(LONG);
    let (written, reader) = tokio::join!(out.write("more than twenty bytes"), async {
        let mut reader = body.reader().unwrap();
        reader.next().await.unwrap().unwrap();
        reader
    });
    written.unwrap();
    drop(reader);
    let written = out.write("more than eight").await;
    assert!(matches!(written, Err(GenerateError::TooLarge { .. })));
}
