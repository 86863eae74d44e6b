//! `async` functions: on any runtime, alone and together, and when their callers leave.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use refrain::{AnyValue, Cache, Key, Keyable, cached_result};
use tokio::sync::Semaphore;

use crate::any_cache;

/// Runs a future to its end on this thread, without any runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

#[test]
fn a_function_runs_once_without_any_runtime() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result]
    async fn join(words: &[String], path: &Path, prefix: &str, scale: &f64) -> String {
        RUNS.fetch_add(1, Ordering::Relaxed);
        std::future::ready(()).await;
        format!("{prefix}{} {} {scale}", words.join(","), path.display())
    }

    let words = vec!["a".to_owned(), "b".to_owned()];
    let first = block_on(join(&words, Path::new("p"), "x", &0.5));
    assert_eq!(first, "xa,b p 0.5");
    assert_eq!(block_on(join(&words, Path::new("p"), "x", &0.5)), first);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_question_mark_and_an_early_return_work() {
    #[cached_result]
    async fn parse(text: &str) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
        if text.is_empty() {
            return Ok(0);
        }
        let number: u32 = text.parse()?;
        Ok(std::future::ready(number).await)
    }

    assert_eq!(
        (parse("").await.unwrap(), parse("7").await.unwrap()),
        (0, 7)
    );
    assert!(parse("seven").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_tasks_compute_once() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result(ignore(gate))]
    async fn paint(prompt: String, gate: Arc<Semaphore>) -> Vec<u8> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        let _open = gate.acquire().await;
        prompt.into_bytes()
    }

    let gate = Arc::new(Semaphore::new(0));
    let tasks: Vec<_> = (0..100)
        .map(|_| tokio::spawn(paint("a cat".to_owned(), Arc::clone(&gate))))
        .collect();
    tokio::task::yield_now().await;
    gate.add_permits(1);
    for task in tasks {
        assert_eq!(task.await.unwrap(), b"a cat");
    }
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_work_goes_on_when_its_only_caller_leaves() {
    #[cached_result(cache = cache, ignore(cache, gate, done))]
    async fn paint(
        cache: Cache<Key, AnyValue>,
        gate: Arc<Semaphore>,
        done: mpsc::Sender<()>,
    ) -> u32 {
        let _open = gate.acquire().await;
        done.send(()).expect("the test listens");
        7
    }

    let (cache, _) = any_cache();
    let gate = Arc::new(Semaphore::new(0));
    let (done, finished) = mpsc::channel();
    {
        let mut call = pin!(paint(cache.clone(), Arc::clone(&gate), done.clone()));
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    gate.add_permits(1);
    finished.recv().expect("the computation went on");
    while cache.is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(paint(cache.clone(), gate, done).await, 7);
    assert_eq!(cache.stats().computations, 1);
}

#[tokio::test(start_paused = true)]
async fn on_tokio_a_spawner_keeps_timers_working_when_the_caller_leaves() {
    let cache: Cache<Key, u32> = Cache::builder()
        .spawner(|task| {
            tokio::spawn(task);
        })
        .build()
        .unwrap();

    #[cached_result(cache = cache, ignore(cache))]
    async fn paint(cache: &Cache<Key, u32>) -> u32 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        7
    }

    let left = tokio::time::timeout(Duration::from_secs(1), paint(&cache)).await;
    assert!(left.is_err());
    while cache.is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((paint(&cache).await, cache.stats().computations), (7, 1));
}

#[tokio::test]
async fn a_panic_reaches_the_caller_with_its_message_and_is_not_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result]
    async fn fragile(number: u32) -> u32 {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        std::future::ready(()).await;
        assert!(run > 0, "planted {number}");
        number
    }

    let panic = tokio::spawn(fragile(7)).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "planted 7");
    assert_eq!((fragile(7).await, fragile(7).await), (7, 7));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

/// Calls `function` for two, the second while the first computes; then lets them go on.
async fn together<R>(
    gate: &Semaphore,
    cache: &Cache<Key, AnyValue>,
    first: impl Future<Output = R>,
    second: impl Future<Output = R>,
) -> (R, R) {
    let open = async {
        while cache.stats().collapsed == 0 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
    };
    let (first, second, ()) = tokio::join!(first, second, open);
    (first, second)
}

#[tokio::test]
async fn an_error_that_can_be_cloned_is_shared_and_any_other_is_found_again() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[derive(Debug, PartialEq)]
    struct Unique(u32);

    #[cached_result(cache = cache, ignore(cache, gate))]
    async fn shared(cache: Cache<Key, AnyValue>, gate: Arc<Semaphore>) -> Result<u32, String> {
        let _open = gate.acquire().await;
        Err(RUNS.fetch_add(1, Ordering::Relaxed).to_string())
    }

    #[cached_result(cache = cache, ignore(cache, gate))]
    async fn unique(cache: Cache<Key, AnyValue>, gate: Arc<Semaphore>) -> Result<u32, Unique> {
        let _open = gate.acquire().await;
        Err(Unique(RUNS.fetch_add(1, Ordering::Relaxed)))
    }

    let (cache, _) = any_cache();
    let gate = Arc::new(Semaphore::new(0));
    let call = || shared(cache.clone(), Arc::clone(&gate));
    let both = together(&gate, &cache, call(), call()).await;
    assert_eq!(both, (Err("0".to_owned()), Err("0".to_owned())));

    let (cache, _) = any_cache();
    let gate = Arc::new(Semaphore::new(0));
    let call = || unique(cache.clone(), Arc::clone(&gate));
    let both = together(&gate, &cache, call(), call()).await;
    assert_eq!(both, (Err(Unique(1)), Err(Unique(2))));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_function_may_await_itself() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result]
    async fn fibonacci(number: u32) -> u64 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        match number {
            0 | 1 => number.into(),
            _ => fibonacci(number - 1).await + fibonacci(number - 2).await,
        }
    }

    assert_eq!(
        tokio::spawn(fibonacci(80)).await.unwrap(),
        23_416_728_348_467_685
    );
    assert_eq!(RUNS.load(Ordering::Relaxed), 81);
}

#[tokio::test]
async fn a_function_that_needs_its_own_result_is_simply_called() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result]
    async fn twice() -> u32 {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        if run == 0 { 10 + twice().await } else { 1 }
    }

    assert_eq!((twice().await, twice().await), (11, 11));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_refusal_of_the_cache_does_not_reach_the_caller() {
    #[cached_result(cache = cache, ignore(cache, gate))]
    async fn paint(cache: Cache<Key, AnyValue>, gate: Arc<Semaphore>, seed: u32) -> u32 {
        let _open = gate.acquire().await;
        seed
    }

    let cache: Cache<Key, AnyValue> = Cache::builder().waiter_limit(1).build().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let call = || paint(cache.clone(), Arc::clone(&gate), 7);
    let third = async {
        gate.add_permits(3);
        paint(cache.clone(), Arc::clone(&gate), 7).await
    };
    assert_eq!(tokio::join!(call(), call(), call(), third), (7, 7, 7, 7));
}

#[tokio::test]
async fn generic_functions_and_unnamed_types_work() {
    #[cached_result]
    async fn text<T>(value: T, other: impl Keyable + ToString + Send + 'static) -> String
    where
        T: Keyable + ToString + Send + 'static,
    {
        value.to_string() + &other.to_string()
    }

    assert_eq!(text(1_u8, "a").await, "1a");
    assert_eq!(text("1", 'a').await, "1a");
    assert_eq!(text(true, 2).await, "true2");
}

#[tokio::test]
async fn patterns_in_the_place_of_names_are_bound_for_the_body() {
    #[cached_result]
    async fn sum((x, y): (u32, u32), mut z: u32, &w: &u32) -> u32 {
        z += 1;
        x + y + z + w
    }

    assert_eq!(
        (sum((1, 2), 3, &4).await, sum((1, 2), 3, &4).await),
        (11, 11)
    );
}
