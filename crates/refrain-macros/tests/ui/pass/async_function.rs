use refrain::cached_result;

#[cached_result]
async fn square(number: u64) -> u64 {
    number * number
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!((square(12).await, square(12).await), (144, 144));
    let task: tokio::task::JoinHandle<u64> = tokio::spawn(square(12));
    assert_eq!(task.await.unwrap(), 144);
}
