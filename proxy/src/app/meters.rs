//! What is counted and logged of a request when it has been answered. The handles are looked up once, because this runs
//! on every request.

use std::time::Instant;

use axum::response::Response;
use http::Method;
use metrics::{Counter, Histogram};

use super::door::Door;
use crate::ops::request_id::RequestId;

/// Classes of status, by their first digit from 1.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counters of each door.
pub(super) struct Meters([OfDoor; Door::ALL.len()]);

struct OfDoor {
    door: Door,
    answers: [Counter; CLASSES.len()],
    seconds: Histogram,
}

impl Meters {
    /// To be called after the recorder was installed.
    pub(super) fn new() -> Self {
        Self(Door::ALL.map(|door| OfDoor {
            door,
            answers:
                CLASSES.map(
                    |class| metrics::counter!("viva_http_requests_total", "door" => door.as_str(), "status" => class),
                ),
            seconds: metrics::histogram!("viva_http_seconds", "door" => door.as_str()),
        }))
    }

    /// Takes note of an answer.
    pub(super) fn note(&self, method: &Method, door: Door, response: &Response, begun: Instant, id: &RequestId) {
        let status = response.status();
        let took = begun.elapsed();
        if let Some(meters) = self.0.iter().find(|meters| meters.door == door) {
            let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
            meters.answers[class].increment(1);
            meters.seconds.record(took);
        }
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (request_id, door, status) = (id.as_str(), door.as_str(), status.as_u16());
        if status >= 500 {
            tracing::warn!(request_id, %method, door, status, took_ms, "request failed");
        } else {
            tracing::debug!(request_id, %method, door, status, took_ms, "request");
        }
    }
}
