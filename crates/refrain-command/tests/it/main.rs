//! Programs behind the public interface, most of them small scripts that behave badly.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clean_room;
mod declarations;
mod failures;
mod keys;
mod outputs;
mod requests;
mod stage;

/// On the machines of this project there are namespaces, so that what is tested with them is tested.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn this_kernel_gives_namespaces() {
    let lacks = stage::launcher(true)
        .await
        .lacks_namespace()
        .map(str::to_owned);
    assert!(
        lacks.is_none() || std::env::var_os("CI").is_none(),
        "{lacks:?}"
    );
    println!("namespaces: {lacks:?}");
}
