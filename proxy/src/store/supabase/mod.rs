//! The store in a Supabase project's Postgres, spoken to through PostgREST. Every operation is one database function,
//! which is one transaction; the functions are in `migrations/` under the same names as the methods here. No SQL in this
//! folder.

mod client;
mod project;
mod wire;

pub use client::{CallError, Client, Repeat, Timeouts};
pub use project::{BadKey, Project, ProjectKey};
