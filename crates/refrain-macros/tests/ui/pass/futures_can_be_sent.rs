use refrain::{cached_result, Keyable};

fn is_send<T: Send>(value: T) -> T {
    value
}

#[derive(Clone)]
struct Client;

impl Client {
    #[cached_result(ignore(self))]
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, std::io::Error> {
        Ok(url.as_bytes().to_vec())
    }
}

#[cached_result]
async fn generic<T: Keyable + Send + Sync + Clone + 'static>(value: &T) -> usize {
    size_of_val(value)
}

#[cached_result]
async fn countdown(number: u32) -> u32 {
    if number == 0 { 0 } else { Box::pin(countdown(number - 1)).await }
}

pub(crate) fn main() {
    drop(is_send(Client.fetch("x")));
    drop(is_send(generic(&7)));
    drop(is_send(countdown(7)));
}
