use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;

use refrain::cached_result;

#[cached_result]
async fn all(
    text: &str,
    bytes: &[u8],
    words: &[String],
    path: &Path,
    os: &OsStr,
    number: &u64,
    map: &BTreeMap<String, Vec<u8>>,
    option: &Option<String>,
    forever: &'static str,
    static_words: &'static [&'static str],
    array: &[u8; 3],
    paren: &(u8, u8),
) -> usize {
    let borrowed: &str = text;
    borrowed.len()
        + bytes.len()
        + words.len()
        + path.as_os_str().len()
        + os.len()
        + *number as usize
        + map.len()
        + option.iter().count()
        + forever.len()
        + static_words.len()
        + array.len()
        + usize::from(paren.0)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let local = Rc::new("abc".to_owned());
    let sum = {
        let words = vec!["a".to_owned()];
        all(
            &local,
            &[1],
            &words,
            Path::new("p"),
            OsStr::new("o"),
            &1,
            &BTreeMap::new(),
            &None,
            "s",
            &["x"],
            &[1, 2, 3],
            &(1, 2),
        )
        .await
    };
    assert_eq!(sum, 3 + 1 + 1 + 1 + 1 + 1 + 0 + 0 + 1 + 1 + 3 + 1);
}
