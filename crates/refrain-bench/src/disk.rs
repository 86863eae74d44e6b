//! What the disk tier takes on this machine: to store, to load, and to start.

use std::path::PathBuf;

use refrain::Key;
use refrain_disk::{DiskTier, EntryMetadata, NewEntry};

use crate::{machine, statistics, stopwatch};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where a folder for the measurement is made, and removed again
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Entries that are there when the tier is started anew
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    entries: u32,
    /// Length of their bodies
    #[arg(long, default_value_t = 2_000, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    bytes: u32,
    /// How often storing, loading and starting are measured
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
}

/// Sizes of single results, from a text to a large mesh.
const SIZES: [usize; 4] = [10 << 10, 1 << 20, 50 << 20, 200_000_000];
/// What a body that comes piece by piece comes in, and is read in.
const PIECE_BYTES: usize = 64 << 10;

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir_in(&options.dir)?;
    println!("{}\n", machine::description());
    println!(
        "| one result of | store, ms | load, ms | write in pieces, ms | read in pieces, ms | first piece, ms |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    {
        let tier = DiskTier::at(folder.path().join("sizes")).open()?;
        for size in SIZES {
            let mut took: [Vec<f64>; 5] = Default::default();
            for round in 0..options.rounds {
                let body = body_of(round, size);
                let key = key_of(u64::from(round));
                let times = [whole(&tier, key, &body)?, in_pieces(&tier, key, &body)?].concat();
                for (took, time) in took.iter_mut().zip(times) {
                    took.push(time);
                }
            }
            let cells = took.iter().map(|took| {
                let (median, spread) = (statistics::median(took), statistics::spread(took));
                format!(" {median:.2} ±{:.0} % |", spread * 100.0)
            });
            println!("| {} KiB |{}", size >> 10, cells.collect::<String>());
        }
    }
    let many = folder.path().join("many");
    eprintln!("storing {} entries…", options.entries);
    {
        let tier = DiskTier::at(&many).capacity_bytes(u64::MAX).open()?;
        let body = body_of(0, usize::try_from(options.bytes)?);
        for n in 0..u64::from(options.entries) {
            tier.store(&tier.begin(), &key_of(n), &NewEntry::new(&body))?;
            if n % 5000 == 4999 {
                eprintln!("{} of {}", n + 1, options.entries);
            }
        }
    }
    let mut starts = Vec::new();
    for _ in 0..options.rounds {
        let began = stopwatch::now();
        let tier = DiskTier::at(&many).capacity_bytes(u64::MAX).open()?;
        starts.push(began.elapsed().as_secs_f64());
        assert_eq!(tier.len(), u64::from(options.entries));
    }
    let start = statistics::median(&starts);
    println!(
        "\nA start with {} entries of {} bytes, whose files the system has in memory: {start:.3} s ±{:.0} %, {:.0} entries a second.",
        options.entries,
        options.bytes,
        statistics::spread(&starts) * 100.0,
        f64::from(options.entries) / start
    );
    Ok(())
}

/// Milliseconds that storing and loading a body as a whole take.
fn whole(tier: &DiskTier, key: Key, body: &[u8]) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let began = stopwatch::now();
    tier.store(&tier.begin(), &key, &NewEntry::new(body))?;
    let stored = began.elapsed();
    let began = stopwatch::now();
    let found = tier.load(&key)?;
    let loaded = began.elapsed();
    assert!(
        found.is_some_and(|entry| entry.body == body),
        "it was stored"
    );
    tier.invalidate(&key)?;
    Ok(vec![stored.as_secs_f64() * 1e3, loaded.as_secs_f64() * 1e3])
}

/// Milliseconds that writing and reading it in pieces take, and until the first piece has been read.
fn in_pieces(
    tier: &DiskTier,
    key: Key,
    body: &[u8],
) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let began = stopwatch::now();
    let mut writer = tier.writer(tier.begin(), &key);
    for piece in body.chunks(PIECE_BYTES) {
        writer.write(piece)?;
    }
    writer.finish(&EntryMetadata::default())?;
    let written = began.elapsed();
    let began = stopwatch::now();
    let found = tier.load_streamed(&key)?.ok_or("it was stored")?;
    let mut first = None;
    for (number, piece) in body.chunks(PIECE_BYTES).enumerate() {
        let read = found
            .body
            .read_at((number * PIECE_BYTES) as u64, PIECE_BYTES)?;
        first.get_or_insert_with(|| began.elapsed());
        assert!(read == piece, "it was stored");
    }
    let read = began.elapsed();
    tier.invalidate(&key)?;
    let times = [written, read, first.unwrap_or(read)];
    Ok(times.map(|time| time.as_secs_f64() * 1e3).to_vec())
}

fn key_of(n: u64) -> Key {
    let parts = Key::builder().generator("bench", "1").part("n", &n).build();
    parts.expect("a number can be part of a key")
}

/// Not to be packed by the file system.
fn body_of(seed: u32, len: usize) -> Vec<u8> {
    use rand::{RngExt, SeedableRng};

    let mut body = vec![0; len];
    rand::rngs::SmallRng::seed_from_u64(u64::from(seed)).fill(&mut body[..]);
    body
}
