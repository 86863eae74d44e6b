use std::io::{self, BufRead, BufReader, Read};

/// Longest line of a stream that is read. A job document has a few hundred bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// The events of a stream, as the HTML standard's "server-sent events" describes it, as far as a
/// job's stream goes: `event` and `data`; comments, `id` and `retry` are passed over.
pub(crate) struct Events {
    lines: BufReader<Box<dyn Read>>,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Events {
    pub(crate) fn new(stream: impl Read + 'static) -> Self {
        Self {
            lines: BufReader::new(Box::new(stream)),
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let mut limited = (&mut self.lines).take(LONGEST_LINE);
        if limited.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn event(&mut self) -> io::Result<Option<Event>> {
        let mut name = String::new();
        let mut data: Vec<String> = Vec::new();
        while let Some(line) = self.line()? {
            if line.is_empty() {
                if data.is_empty() {
                    name.clear();
                    continue;
                }
                let data = data.join("\n");
                return Ok(Some(Event { name, data }));
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data.push(value.to_owned()),
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Iterator for Events {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &'static str) -> Vec<(String, String)> {
        Events::new(text.as_bytes())
            .map(|event| event.unwrap())
            .map(|event| (event.name, event.data))
            .collect()
    }

    fn pair(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn events_end_with_an_empty_line_and_comments_are_passed_over() {
        let stream =
            ": hello\n\nevent: progress\ndata: {\"a\":1}\n\n:\nid: 7\nevent: done\ndata:x\n\n";
        assert_eq!(
            events(stream),
            [pair("progress", "{\"a\":1}"), pair("done", "x")]
        );
    }

    #[test]
    fn data_of_several_lines_is_joined_and_line_ends_may_be_carriage_returns() {
        assert_eq!(events("data: a\r\ndata: b\r\n\r\n"), [pair("", "a\nb")]);
    }

    #[test]
    fn an_event_that_is_cut_off_is_no_event() {
        assert_eq!(events("event: done\ndata: half"), []);
    }

    #[test]
    fn a_name_without_data_is_forgotten() {
        assert_eq!(events("event: done\n\ndata: x\n\n"), [pair("", "x")]);
    }
}
