//! Viva.
fn main() {}
