use refrain::{cached_result, cached_result_sync};

trait Render {
    fn name(&self) -> String;

    async fn render(&self) -> String;

    #[cached_result_sync(ignore(self))]
    fn twice(&self) -> String {
        self.name().repeat(2)
    }
}

#[derive(Clone)]
struct Cat;

impl Render for Cat {
    #[cached_result_sync(ignore(self))]
    fn name(&self) -> String {
        "cat".to_owned()
    }

    #[cached_result(ignore(self))]
    async fn render(&self) -> String {
        self.name()
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!((Cat.name().as_str(), Cat.twice().as_str()), ("cat", "catcat"));
    assert_eq!(Cat.render().await, "cat");
}
