//! Running the service: logs, metrics, health, request ids, shutdown. Nothing here knows interviews.

pub(crate) mod descriptors;
pub mod health;
pub mod lifecycle;
pub mod log;
pub mod metrics;
pub mod request_id;
pub mod version;
