use refrain::cached_result;

#[derive(Clone, Debug)]
struct Service {
    name: String,
    numbers: Vec<u32>,
}

mod helper {
    pub fn double(number: u32) -> u32 {
        number * 2
    }
}

impl Service {
    fn plus(&self, number: u32) -> u32 {
        self.numbers.len() as u32 + number
    }

    #[cached_result(key = |self, number| (&self.name, number))]
    async fn run(&self, number: u32) -> String {
        let Self { name, .. } = self;
        let sum: u32 = self.numbers.iter().map(|n| n + self.plus(*n)).sum();
        let in_macros = vec![self.plus(1), self::helper::double(self.plus(2))];
        assert_eq!(self.name, *name, "{:?} and {{self}}", self);
        match &self.numbers[..] {
            [] => format!("{name} {sum} {in_macros:?}"),
            [first, ..] => {
                let later = async { self.plus(*first) };
                format!("{} {sum} {in_macros:?} {}", self.name, later.await)
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let service = Service { name: "s".to_owned(), numbers: vec![1, 2] };
    assert_eq!(service.run(1).await, "s 10 [3, 8] 3");
}
