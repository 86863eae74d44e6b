//! The configuration of a gateway: doors, upstreams and routes, read whole or refused whole.

use std::net::SocketAddr;

use crate::json_text::quoted;
use crate::language::{Mistake, Mistakes, Node, Place, Section, Source, Value, suggestion};
use crate::upstream::Upstream;

mod assembly;

/// Doors and the upstreams behind them.
///
/// ```
/// use http::Method;
/// use refrain_route::{Config, Otherwise};
///
/// let config = Config::read("refrain.toml", r#"
/// [[listen]]
/// address  = "127.0.0.1:8080"
/// upstream = "llama"
///
/// [upstream.llama]
/// url    = "http://127.0.0.1:8081"
/// preset = "openai"
///
/// [upstream.llama.route.chat.guard]
/// otherwise = "pin"
/// "#).unwrap();
///
/// let llama = config.upstream("llama").unwrap();
/// let (chat, _) = llama.routes.find(&Method::POST, "/v1/chat/completions").unwrap();
/// assert_eq!(chat.guard.otherwise, Otherwise::Pin);
///
/// let mistakes = Config::read("refrain.toml", "[upstream.llama]\nulr = 'x'").unwrap_err();
/// let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
/// assert!(told.iter().any(|told| told.starts_with("refrain.toml:2:1: upstream `llama` has no `ulr`; did you mean `url`?")));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The doors.
    pub listen: Vec<Listen>,
    /// The servers, by name.
    pub upstreams: Vec<Upstream>,
}

/// A door: an address at which the gateway stands in for an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// The name of the upstream.
    pub upstream: String,
}

impl Config {
    /// Reads the sections `[[listen]]`, `[upstream.NAME]` and `[[route]]`; any other section is a mistake.
    ///
    /// # Errors
    ///
    /// Every [`Mistake`] there is, with file, line and column.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        Self::read_sections(name, text, &[])
    }

    /// As [`read`](Self::read), for a file with other sections beside these, which are left to other readers.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// ```
    /// use refrain_route::Config;
    ///
    /// let text = "listen = [{ address = '127.0.0.1:2', upstream = 'a' }]\n[cache]\nmax_size = 7\n[upstream.a]\nurl = 'http://127.0.0.1:1'";
    /// assert!(Config::read("x", text).is_err());
    /// assert!(Config::read_sections("x", text, &["cache"]).is_ok());
    /// ```
    pub fn read_sections(name: &str, text: &str, others: &[&str]) -> Result<Self, Vec<Mistake>> {
        let mistakes = Mistakes::default();
        let file = Source::new(name, text).parse(&mistakes);
        let config = file.and_then(|file| read_file(&file, others, &mistakes));
        if mistakes.is_empty() {
            Ok(config.unwrap_or_default())
        } else {
            Err(mistakes.into_vec())
        }
    }

    /// The configuration that the command line says without a file: one door, one upstream, one preset.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); the file is called `command line`.
    ///
    /// ```
    /// use refrain_route::Config;
    ///
    /// let config = Config::standing_in("ollama", "http://127.0.0.1:11435", "127.0.0.1:11434").unwrap();
    /// assert_eq!(config.listen[0].address.port(), 11434);
    /// assert!(Config::standing_in("olama", "http://127.0.0.1:1", "127.0.0.1:2").is_err());
    /// ```
    pub fn standing_in(preset: &str, url: &str, listen: &str) -> Result<Self, Vec<Mistake>> {
        let text = format!(
            "listen = [{{ address = {}, upstream = \"{preset}\" }}]\nupstream = {{ \"{preset}\" = {{ url = {}, preset = {} }} }}\n",
            quoted(listen),
            quoted(url),
            quoted(preset),
            preset = preset.replace(['"', '\\', '\n', '\r'], "_"),
        );
        Self::read("command line", &text)
    }

    /// The upstream of this name.
    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }
}

fn read_file(file: &Node, others: &[&str], mistakes: &Mistakes) -> Option<Config> {
    let root = Section::of(file, "the file", mistakes)?;
    for name in others {
        root.get(name);
    }
    let doors = read_doors(&root);
    let upstreams = assembly::read_upstreams(&root);
    check_doors(&doors, &upstreams, &root);
    root.end();
    Some(Config {
        listen: doors.into_iter().map(|(door, _)| door).collect(),
        upstreams: upstreams
            .into_iter()
            .filter_map(|(_, _, upstream)| upstream)
            .collect(),
    })
}

fn read_doors<'n>(root: &Section<'n>) -> Vec<(Listen, &'n Place)> {
    let mistakes = root.mistakes();
    let Some(node) = root.get("listen") else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        root.expected("listen", node, "a list of doors, each under [[listen]]");
        return Vec::new();
    };
    let mut doors = Vec::new();
    for item in items {
        let Some(door) = Section::of(item, "a door", mistakes) else {
            continue;
        };
        let address = door.get("address");
        let upstream = door.text("upstream");
        if upstream.is_none() && door.get("upstream").is_none() {
            door.wrong("a door needs the name of its `upstream`");
        }
        let parsed = address
            .and_then(Node::as_text)
            .and_then(|text| text.parse::<SocketAddr>().ok());
        match (address, parsed) {
            (None, _) => door.wrong("a door needs its `address`, such as \"127.0.0.1:8080\""),
            (Some(node), None) => door.expected(
                "address",
                node,
                "an address with a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
            ),
            _ => {}
        }
        door.end();
        if let (Some(address), Some(upstream)) = (parsed, upstream) {
            let upstream = upstream.to_owned();
            doors.push((Listen { address, upstream }, &item.place));
        }
    }
    doors
}

fn check_doors(
    doors: &[(Listen, &Place)],
    upstreams: &[(String, &Place, Option<Upstream>)],
    root: &Section<'_>,
) {
    let mistakes = root.mistakes();
    for (index, (door, place)) in doors.iter().enumerate() {
        if let Some((other, first)) = doors[..index]
            .iter()
            .find(|(other, _)| collide(other.address, door.address))
        {
            let what = format!(
                "two doors on one port: {} and, at {first}, {}; give one of them another port",
                door.address, other.address
            );
            mistakes.add(place, what);
        }
        let names = || upstreams.iter().map(|(name, ..)| name.as_str());
        if !names().any(|name| name == door.upstream) {
            let what = format!(
                "there is no upstream `{}`{}",
                door.upstream,
                suggestion(&door.upstream, names())
            );
            mistakes.add(place, what);
        }
    }
    for (name, place, _) in upstreams {
        if !doors.iter().any(|(door, _)| door.upstream == *name) {
            let what = format!(
                "no door leads to upstream `{name}`: add [[listen]] with address = \"127.0.0.1:8080\" and upstream = \"{name}\""
            );
            mistakes.add(place, what);
        }
    }
}

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let is_same =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    // Port 0 is any free one.
    one.port() == other.port() && one.port() != 0 && is_same
}

#[cfg(test)]
mod tests;
