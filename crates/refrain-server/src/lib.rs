//! The HTTP face of Refrain.
