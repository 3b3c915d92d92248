//! The live call: the pure core that decides, and around it the thin shell that performs.

pub mod core;
