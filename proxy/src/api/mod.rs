//! The HTTP interface: one file a resource, and the one error shape they share. No SQL here, and no decision that
//! another door would have to repeat.

mod code;
mod problem;

pub use code::Code;
pub use problem::{Problem, ProviderProblem};
