use std::io::Read as _;
use std::path::Path;

use refrain_route::{Config, Preset, TenantSecret, Upstream};
use refrain_server::config::ConfigFile;
use refrain_server::{AskedRequest, ExplainedRequest};
use serde_json::{Value, json};

use super::{doors, presets};
use crate::args::{Routes, RoutesArguments};
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) fn run(asked: &Routes, as_json: bool) -> Result<(), Failure> {
    match asked {
        Routes::Check(arguments) => check(&config(arguments)?, as_json),
        Routes::Explain {
            request,
            upstream,
            arguments,
        } => {
            let config = config(arguments)?;
            let upstream = chosen(&config, upstream.as_deref())?;
            explain(request, upstream, as_json)
        }
    }
}

fn config(arguments: &RoutesArguments) -> Result<Config, Failure> {
    if let Some(preset) = &arguments.preset {
        Preset::named(preset).ok_or_else(|| presets::unknown(preset))?;
        // Neither address is used.
        let config = Config::standing_in(preset, "http://127.0.0.1:1", "127.0.0.1:0");
        return config.map_err(|told| doors::mistaken(&told));
    }
    let path = arguments
        .config
        .as_deref()
        .unwrap_or(Path::new("refrain.toml"));
    let file = ConfigFile::read(path)?;
    if !doors::are_in(&file) {
        let failure = Failure::usage(format!("`{}` has no doors", path.display()));
        return Err(failure.hint("add [[listen]] and [upstream.NAME], or give `--preset`"));
    }
    doors::read(&file)
}

fn check(config: &Config, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let doors: Vec<Value> = config
            .listen
            .iter()
            .map(|door| document(config, door))
            .collect();
        return output::print_json(&json!({ "doors": doors }));
    }
    let mut table = Table::new(&["door", "upstream", "route", "for"], &[]);
    for door in &config.listen {
        let routes = config
            .upstream(&door.upstream)
            .map(|upstream| &upstream.routes);
        for route in routes.into_iter().flat_map(refrain_route::Routes::iter) {
            table.row([
                door.address.to_string(),
                door.upstream.clone(),
                route.name.clone(),
                told(route),
            ]);
        }
        table.row([
            door.address.to_string(),
            door.upstream.clone(),
            "-".to_owned(),
            "everything else passes through".to_owned(),
        ]);
    }
    table.print()
}

fn document(config: &Config, door: &refrain_route::Listen) -> Value {
    let routes = config
        .upstream(&door.upstream)
        .map(|upstream| &upstream.routes);
    let routes = routes.into_iter().flat_map(refrain_route::Routes::iter);
    let routes: Vec<Value> = routes
        .map(|route| json!({ "name": route.name, "for": told(route) }))
        .collect();
    json!({ "address": door.address.to_string(), "upstream": door.upstream, "routes": routes })
}

fn told(route: &refrain_route::Route) -> String {
    let methods: Vec<String> = route
        .matching
        .methods()
        .iter()
        .map(ToString::to_string)
        .collect();
    let paths: Vec<&str> = route
        .matching
        .paths()
        .iter()
        .map(refrain_route::PathTemplate::as_str)
        .collect();
    format!("{} {}", methods.join(", "), paths.join(", "))
}

fn chosen<'c>(config: &'c Config, name: Option<&str>) -> Result<&'c Upstream, Failure> {
    let names = || {
        let names: Vec<&str> = config
            .upstreams
            .iter()
            .map(|upstream| upstream.name.as_str())
            .collect();
        names.join(", ")
    };
    match (name, &config.upstreams[..]) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::usage("there are several upstreams")
            .hint(format!("give one with `--upstream`: {}", names()))),
        (Some(name), _) => config.upstream(name).ok_or_else(|| {
            Failure::usage(format!("there is no upstream `{name}`"))
                .hint(format!("there is: {}", names()))
        }),
    }
}

fn explain(request: &Path, upstream: &Upstream, as_json: bool) -> Result<(), Failure> {
    let text = read(request).map_err(|error| {
        Failure::usage(format!("cannot read `{}`", request.display())).because(error)
    })?;
    let asked = AskedRequest::parse(&text).map_err(|error| {
        let failure = Failure::usage(format!("`{}`: {error}", request.display()));
        failure.hint("it begins as `POST /v1/embeddings`, then headers, an empty line, the body")
    })?;
    // The secret of the running server is its own; tenants are told apart here as well, by other keys.
    let secret = TenantSecret::new([0; 32]);
    let told = asked.explain(
        &upstream.name,
        &upstream.routes,
        &upstream.fingerprint.text,
        &secret,
    );
    if as_json {
        return output::print_json(&told);
    }
    let depends = told.has_tenant || upstream.fingerprint.probe.is_some();
    output::print(&in_words(&told, depends))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(path)
}

fn in_words(told: &ExplainedRequest, depends: bool) -> String {
    let mut lines = vec![
        format!("outcome   {}", told.outcome),
        format!("upstream  {}", told.upstream),
    ];
    let mut line = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{name:<9} {value}"));
        }
    };
    line("why", &told.why);
    line("route", &told.route);
    line("guard", &told.guard);
    line("key", &told.key);
    line("form", &told.canonical_form);
    if told.outcome == "keyed" {
        let answer = if told.streams { "a stream" } else { "whole" };
        lines.push(format!("answer    {answer}"));
        let tenant = if told.has_tenant {
            "its credentials keep it apart"
        } else {
            "none"
        };
        lines.push(format!("tenant    {tenant}"));
        if depends {
            lines.push("note      the running server's key differs: its tenants and its fingerprint are its own".to_owned());
        }
    }
    lines.extend(
        told.parts
            .iter()
            .map(|part| format!("counts    {} {}", part.at, part.digest)),
    );
    lines.extend(
        told.ignored
            .iter()
            .map(|part| format!("ignored   {}: {}", part.at, part.why)),
    );
    lines.join("\n") + "\n"
}
