//! The interview itself: the plan (stages as data), the machine that moves through it, what counts as a question, and
//! what the model is told. Pure: no IO, no clock, no tasks. It must not know how the model is reached.

pub mod conversation;
pub mod digest;
pub mod directions;
pub mod listening;
pub mod machine;
pub mod plan;
pub mod question;

pub use conversation::Conversation;
pub use digest::digest;
pub use directions::Brief;
pub use listening::{Listening, SessionKind};
pub use machine::{Decision, Machine};
pub use plan::{Plan, PlanError, Plans, Stage, StageKind};
