use std::time::Duration;

use refrain::Policy;

use super::{Kind, LogFormat, MAX_TTL, ServerConfig, Setting};

/// More entries, connections, jobs or threads than one machine has room for.
const MOST: u64 = 1_000_000_000;
/// 1 PiB in MB: more than one machine has.
const MOST_MB: f64 = 1_073_741_824.0;
/// About 1 KiB in MB.
const LEAST_MB: f64 = 0.001;
/// A day, for time limits of one request or shutdown.
const MOST_SECONDS: u64 = 86_400;

/// Every setting, in the order they are listed.
///
/// # Example
///
/// ```
/// use refrain_server::config::SETTINGS;
///
/// let setting = SETTINGS.iter().find(|s| s.variable == "CACHE_TTL_SECONDS").unwrap();
/// assert_eq!(setting.flag(), "--ttl-seconds");
/// assert_eq!(setting.key, "cache.ttl_seconds");
/// assert_eq!(setting.default, Some("86400"));
/// ```
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "host",
        variable: "REFRAIN_HOST",
        key: "server.host",
        default: Some("127.0.0.1"),
        kind: Kind::Address,
        help: "Address to listen on; one that other machines can reach needs an admin token",
        apply: |to, value| to.server.host = value.address(),
    },
    Setting {
        name: "port",
        variable: "REFRAIN_PORT",
        key: "server.port",
        default: Some("5000"),
        kind: Kind::Whole { min: 0, max: 65535 },
        help: "Port to listen on; with 0 the system chooses a free one",
        apply: |to, value| to.server.port = value.whole(),
    },
    Setting {
        name: "allowed_hosts",
        variable: "REFRAIN_ALLOWED_HOSTS",
        key: "server.allowed_hosts",
        default: None,
        kind: Kind::HostNames,
        help: "Host names that requests may carry besides loopback's, with commas between them; \
               keeps a web page from reaching this server under a name of its own. A page of such a name may \
               change something if it comes over https; another origin is written out, as http://models.example:8080",
        apply: |to, value| to.server.allowed_hosts = value.list(),
    },
    Setting {
        name: "admin_token",
        variable: "REFRAIN_ADMIN_TOKEN",
        key: "server.admin_token",
        default: None,
        kind: Kind::Token,
        help: "Secret that management requests must carry as `Authorization: Bearer`; flags can \
               be seen in the list of processes, so prefer the variable or a file",
        apply: |to, value| to.server.admin_token = Some(value.token()),
    },
    Setting {
        name: "max_connections",
        variable: "REFRAIN_MAX_CONNECTIONS",
        key: "server.max_connections",
        default: Some("1024"),
        kind: Kind::Whole { min: 1, max: MOST },
        help: "Connections served at once; beyond it health and management are answered, and other requests wait \
               for up to 10 seconds before they are answered 503",
        apply: |to, value| to.server.max_connections = value.whole(),
    },
    Setting {
        name: "header_timeout_seconds",
        variable: "REFRAIN_HEADER_TIMEOUT_SECONDS",
        key: "server.header_timeout_seconds",
        default: Some("30"),
        kind: Kind::Whole {
            min: 1,
            max: MOST_SECONDS,
        },
        help: "Seconds a client may take to send its headers, or leave a connection idle",
        apply: |to, value| to.server.header_timeout = value.seconds(),
    },
    Setting {
        name: "body_timeout_seconds",
        variable: "REFRAIN_BODY_TIMEOUT_SECONDS",
        key: "server.body_timeout_seconds",
        default: Some("30"),
        kind: Kind::Whole {
            min: 1,
            max: MOST_SECONDS,
        },
        help: "Seconds a client may pause while it sends a body or reads an answer",
        apply: |to, value| to.server.body_timeout = value.seconds(),
    },
    Setting {
        name: "min_kb_per_second",
        variable: "REFRAIN_MIN_KB_PER_SECOND",
        key: "server.min_kb_per_second",
        default: Some("8"),
        kind: Kind::Whole { min: 0, max: MOST },
        help: "Least pace of a client that sends a body or reads an answer, in KiB a second; pauses count, \
               up to `body_timeout_seconds` of them are made up for. With 0 any byte makes up for any pause",
        apply: |to, value| to.server.min_kb_per_second = value.whole(),
    },
    Setting {
        name: "transfer_timeout_seconds",
        variable: "REFRAIN_TRANSFER_TIMEOUT_SECONDS",
        key: "server.transfer_timeout_seconds",
        default: Some("1800"),
        kind: Kind::Whole {
            min: 1,
            max: MOST_SECONDS,
        },
        help: "Seconds a client may take in all to send one body or to read one answer",
        apply: |to, value| to.server.transfer_timeout = value.seconds(),
    },
    Setting {
        name: "max_body_mb",
        variable: "REFRAIN_MAX_BODY_MB",
        key: "server.max_body_mb",
        default: Some("70"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "Largest request body, in MB; 70 let a picture of 50 MiB in base64 pass",
        apply: |to, value| to.server.max_body_mb = value.number(),
    },
    Setting {
        name: "body_memory_mb",
        variable: "REFRAIN_BODY_MEMORY_MB",
        key: "server.body_memory_mb",
        default: Some("512"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "Memory that all request bodies may take together, in MB; at least `max_body_mb`",
        apply: |to, value| to.server.body_memory_mb = value.number(),
    },
    Setting {
        name: "answer_memory_mb",
        variable: "REFRAIN_ANSWER_MEMORY_MB",
        key: "server.answer_memory_mb",
        default: Some("512"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "Memory that results may take together while they are sent, in MB, each counted once; beyond it \
               requests are answered 503",
        apply: |to, value| to.server.answer_memory_mb = value.number(),
    },
    Setting {
        name: "compressed_memory_mb",
        variable: "REFRAIN_COMPRESSED_MEMORY_MB",
        key: "server.compressed_memory_mb",
        default: Some("64"),
        kind: Kind::Number {
            min: 0.0,
            max: MOST_MB,
        },
        help: "Memory for compressed forms of results, in MB; results of more than half of it are sent plain, \
               and with 0 all are",
        apply: |to, value| to.server.compressed_memory_mb = value.number(),
    },
    Setting {
        name: "shutdown_grace_seconds",
        variable: "REFRAIN_SHUTDOWN_GRACE_SECONDS",
        key: "server.shutdown_grace_seconds",
        default: Some("30"),
        kind: Kind::Whole {
            min: 0,
            max: MOST_SECONDS,
        },
        help: "Seconds that running generations may go on after the server was told to stop",
        apply: |to, value| to.server.shutdown_grace = value.seconds(),
    },
    Setting {
        name: "disable_cache",
        variable: "DISABLE_RESULT_CACHE",
        key: "cache.disabled",
        default: Some("0"),
        kind: Kind::Switch,
        help: "Generate every time: nothing is looked up, shared or stored",
        apply: |to, value| to.server.cache_enabled = !value.switch(),
    },
    Setting {
        name: "max_size",
        variable: "CACHE_MAX_SIZE",
        key: "cache.max_size",
        default: Some("1000"),
        kind: Kind::Whole { min: 1, max: MOST },
        help: "Entries the cache may hold",
        apply: |to, value| to.server.max_entries = value.whole(),
    },
    Setting {
        name: "max_memory_mb",
        variable: "CACHE_MAX_MEMORY_MB",
        key: "cache.max_memory_mb",
        default: Some("512"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "Memory the cache may hold, in MB of 1048576 bytes",
        apply: |to, value| to.server.max_memory_mb = value.number(),
    },
    Setting {
        name: "ttl_seconds",
        variable: "CACHE_TTL_SECONDS",
        key: "cache.ttl_seconds",
        default: Some("86400"),
        kind: Kind::WholeOr {
            word: "never",
            min: 1,
            max: MAX_TTL.as_secs(),
        },
        help: "Seconds after which a stored result expires",
        apply: |to, value| to.server.ttl = value.whole_or_word().map(Duration::from_secs),
    },
    Setting {
        name: "policy",
        variable: "REFRAIN_POLICY",
        key: "cache.policy",
        default: Some("hazard"),
        kind: Kind::Choice(&["hazard", "lru"]),
        help: "Which entries leave when the cache is full: `hazard` keeps what saves the most \
               generation time, `lru` what was used last",
        apply: |to, value| {
            to.server.policy = match value.text().as_str() {
                "lru" => Policy::Lru,
                _ => Policy::Hazard,
            };
        },
    },
    Setting {
        name: "disk_dir",
        variable: "REFRAIN_DISK_DIR",
        key: "disk.dir",
        default: None,
        kind: Kind::Text,
        help: "Folder in which results survive a restart, made if need be; without it they are kept \
               in memory only",
        apply: |to, value| to.server.disk_dir = Some(value.text().into()),
    },
    Setting {
        name: "disk_max_mb",
        variable: "REFRAIN_DISK_MAX_MB",
        key: "disk.max_mb",
        default: Some("10240"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "Space that results may take in `disk_dir`, in MB",
        apply: |to, value| to.server.disk_max_mb = value.number(),
    },
    Setting {
        name: "spill_beyond_mb",
        variable: "REFRAIN_SPILL_BEYOND_MB",
        key: "disk.spill_beyond_mb",
        default: Some("8"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "How much of a result stays in memory while it is generated, in MB; a larger one that comes \
               piece by piece grows in `disk_dir`",
        apply: |to, value| to.server.spill_beyond_mb = value.number(),
    },
    Setting {
        name: "generation_threads",
        variable: "REFRAIN_GENERATION_THREADS",
        key: "generation.threads",
        default: Some("auto"),
        kind: Kind::WholeOr {
            word: "auto",
            min: 1,
            max: 4096,
        },
        help: "Generations that run at once; `auto` is one for each core",
        apply: |to, value| {
            to.server.generation_threads = match value.whole_or_word() {
                Some(threads) => threads,
                None => ServerConfig::default().generation_threads,
            }
        },
    },
    Setting {
        name: "max_queued",
        variable: "REFRAIN_MAX_QUEUED",
        key: "generation.max_queued",
        default: Some("1000"),
        kind: Kind::Whole { min: 0, max: MOST },
        help: "Generations that may wait for their turn; beyond it requests are answered 503",
        apply: |to, value| to.server.max_queued = value.whole(),
    },
    Setting {
        name: "queue_timeout_seconds",
        variable: "REFRAIN_QUEUE_TIMEOUT_SECONDS",
        key: "generation.queue_timeout_seconds",
        default: Some("3600"),
        kind: Kind::Whole {
            min: 1,
            max: MOST_SECONDS,
        },
        help: "Seconds a generation may wait for its turn before its requests are answered 503; clients take turns",
        apply: |to, value| to.server.queue_timeout = value.seconds(),
    },
    Setting {
        name: "max_batch_items",
        variable: "REFRAIN_MAX_BATCH_ITEMS",
        key: "generation.max_batch_items",
        default: Some("1000"),
        kind: Kind::Whole { min: 1, max: MOST },
        help: "Requests in one batch",
        apply: |to, value| to.server.max_batch_items = value.whole(),
    },
    Setting {
        name: "max_jobs",
        variable: "REFRAIN_MAX_JOBS",
        key: "jobs.max_jobs",
        default: Some("1000"),
        kind: Kind::Whole { min: 1, max: MOST },
        help: "Jobs remembered at once",
        apply: |to, value| to.server.max_jobs = value.whole(),
    },
    Setting {
        name: "job_retention_seconds",
        variable: "REFRAIN_JOB_RETENTION_SECONDS",
        key: "jobs.retention_seconds",
        default: Some("600"),
        kind: Kind::Whole {
            min: 1,
            max: MAX_TTL.as_secs(),
        },
        help: "Seconds a finished job can be asked about",
        apply: |to, value| to.server.job_retention = value.seconds(),
    },
    Setting {
        name: "job_results_mb",
        variable: "REFRAIN_JOB_RESULTS_MB",
        key: "jobs.results_mb",
        default: Some("256"),
        kind: Kind::Number {
            min: LEAST_MB,
            max: MOST_MB,
        },
        help: "Memory for results that the cache did not keep and only their job can deliver, \
               in MB",
        apply: |to, value| to.server.job_results_mb = value.number(),
    },
    Setting {
        name: "log",
        variable: "REFRAIN_LOG",
        key: "log.filter",
        default: Some("info"),
        kind: Kind::Text,
        help: "What is logged: error, warn, info, debug, trace, off, or directives such as \
               `info,refrain_server=debug`",
        apply: |to, value| to.log.filter = value.text(),
    },
    Setting {
        name: "log_format",
        variable: "REFRAIN_LOG_FORMAT",
        key: "log.format",
        default: Some("human"),
        kind: Kind::Choice(&["human", "json"]),
        help: "How a log line looks: text for people, or one JSON object a line",
        apply: |to, value| {
            to.log.format = match value.text().as_str() {
                "json" => LogFormat::Json,
                _ => LogFormat::Human,
            };
        },
    },
];

/// The setting that environment variable `name` sets.
pub(super) fn setting_of_variable(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.variable == name)
}
