use refrain::{cached_result, cached_result_sync};

#[cached_result_sync]
fn labels_and_loops(limit: u32) -> Option<u32> {
    'outer: for x in 0.. {
        for y in 0..x {
            if x * y > limit {
                break 'outer;
            }
            if x * y == limit {
                return Some(x);
            }
        }
    }
    None
}

#[cached_result_sync]
fn items_and_closures(number: u32) -> u32 {
    const TWO: u32 = 2;
    struct Twice(u32);
    impl Twice {
        fn get(&self) -> u32 {
            self.0 * TWO
        }
    }
    let add = |other: u32| number + other;
    Twice(add(1)).get()
}

#[cached_result_sync]
fn question_marks(text: &str) -> Option<u32> {
    let first = text.chars().next()?;
    first.to_digit(10)
}

#[cached_result_sync]
fn diverges(number: u32) -> u32 {
    if number > 100 {
        panic!("too large")
    }
    loop {
        break number;
    }
}

#[cached_result]
async fn inner_blocks(text: &str) -> Result<u32, std::num::ParseIntError> {
    let parsed = async { text.parse::<u32>() }.await?;
    if parsed == 0 {
        return Ok(0);
    }
    let more = async move { Ok::<_, std::num::ParseIntError>(parsed + 1) };
    more.await
}

#[cached_result]
async fn only_an_error(text: String) -> Result<u32, String> {
    Err(text)?
}

#[cached_result]
async fn macros(number: u32) -> String {
    let text = format!("{number} {}", vec![number; 2].len());
    assert!(!text.is_empty(), "{text}");
    text
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(labels_and_loops(12), Some(4));
    assert_eq!(items_and_closures(1), 4);
    assert_eq!((question_marks("7a"), question_marks("")), (Some(7), None));
    assert_eq!(diverges(7), 7);
    assert_eq!((inner_blocks("0").await, inner_blocks("7").await), (Ok(0), Ok(8)));
    assert!(inner_blocks("x").await.is_err());
    assert_eq!(only_an_error("a".to_owned()).await, Err("a".to_owned()));
    assert_eq!(macros(1).await, "1 2");
}
