//! A server behind a door that reads requests strictly, notes each, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request that came whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: String,
}

impl Seen {
    /// The value of a header; the name is compared in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

type Reply = dyn Fn(&Seen) -> Vec<u8> + Send + Sync;

/// A listening origin. What it sends back is the business of `reply`; an empty answer closes the connection.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Connections that ended within a request.
    pub(crate) broken: Arc<Mutex<u32>>,
}

impl Origin {
    pub(crate) async fn start(reply: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            broken: Arc::default(),
        };
        let (serving, reply): (_, Arc<Reply>) = (origin.clone(), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream, Arc::clone(&reply)));
            }
        });
        origin
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn serve(self, mut stream: TcpStream, reply: Arc<Reply>) {
        let mut buffer = Vec::new();
        loop {
            let Some(seen) = read_request(&mut stream, &mut buffer).await else {
                if !buffer.is_empty() {
                    *self.broken.lock().unwrap() += 1;
                }
                return;
            };
            let answer = reply(&seen);
            self.seen.lock().unwrap().push(seen);
            if answer.is_empty() || stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// An answer with this body, as a well-behaved server gives it.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Origin: yes\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads one request as RFC 9112 says, and nothing that it does not say.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let head = take_until(stream, buffer, b"\r\n\r\n").await?;
    let mut seen = Seen {
        head: String::from_utf8(head).ok()?,
        body: Vec::new(),
        trailers: String::new(),
    };
    if seen.header("transfer-encoding") == Some("chunked") {
        assert_eq!(
            seen.header("content-length"),
            None,
            "both lengths: {}",
            seen.head
        );
        loop {
            let line = take_until(stream, buffer, b"\r\n").await?;
            let size = std::str::from_utf8(&line).ok()?;
            let size = usize::from_str_radix(size, 16).expect("a size and nothing else");
            if size == 0 {
                break;
            }
            seen.body.extend(take(stream, buffer, size).await?);
            assert_eq!(take(stream, buffer, 2).await?, b"\r\n");
        }
        loop {
            let line = take_until(stream, buffer, b"\r\n").await?;
            if line.is_empty() {
                break;
            }
            seen.trailers.push_str(&String::from_utf8(line).ok()?);
            seen.trailers.push('\n');
        }
    } else if let Some(length) = seen.header("content-length") {
        let length = length.parse().expect("one length");
        seen.body = take(stream, buffer, length).await?;
    }
    Some(seen)
}

async fn take_until(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            let taken = buffer.drain(..at + end.len()).take(at).collect();
            return Some(taken);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(buffer.drain(..length).collect())
}
