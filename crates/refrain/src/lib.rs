//! A result cache for expensive generation.
