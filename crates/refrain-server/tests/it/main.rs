//! The server through its routes, with time that is moved and a generator that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod compression;
mod disk;
mod doors;
mod fetching;
mod flights;
mod generate;
mod jobs;
mod large;
mod management;
mod openapi;
mod origin;
mod parts;
mod pictures;
mod probe;
mod refusals;
mod relief_route;
mod security;
mod serving;
mod stage;
mod streaming;
mod world;
