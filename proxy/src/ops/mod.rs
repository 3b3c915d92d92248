//! Running the service: logs, metrics, health, request ids, shutdown. Nothing here knows interviews.

pub mod request_id;
