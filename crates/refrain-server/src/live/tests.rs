//! The ways in which a live body could lie, hang or starve a client.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::progress::Progress;

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
        body.complete(HeaderMap::new()).unwrap();
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
    let complete = body.complete(HeaderMap::new()).unwrap();
    let inside = complete.bytes.as_ptr_range();
    for reader in [&mut first, &mut second] {
        let chunk = reader.next().await.unwrap().unwrap();
        assert!(inside.contains(&chunk.as_ptr()));
    }
    assert_eq!(complete.digest, blake3::hash(&complete.bytes));
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
    body.complete(HeaderMap::new()).unwrap();
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
    assert!(body.complete(HeaderMap::new()).is_err(), "it is not stored");
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
        let complete = body.complete(HeaderMap::new()).unwrap();
        assert!(complete.bytes.is_empty());
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
    assert!(body.complete(HeaderMap::new()).is_err(), "no head at all");
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
    refused.complete(HeaderMap::new()).unwrap();
    assert!(
        refused.announced(false).await.is_none(),
        "the whole is there"
    );

    let quiet = LiveBody::whole();
    writer(&quiet).quiet_head(ok()).unwrap();
    assert!(quiet.announced(true).now_or_never().is_none());
    quiet.complete(HeaderMap::new()).unwrap();
    assert!(quiet.announced(true).await.is_none(), "the whole is there");
}
