//! Metrics in Prometheus' text form. Names begin with `viva_`; labels never carry a tenant, a person, a session or
//! anything a client wrote. What a metric means is said here, once.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::config::defaults::METRICS_UPKEEP;

/// From half a millisecond, which our own part of an exchange takes, to the longest a caller waits.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The recorder of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder; the same one again when it is there already, since a process can have but one.
    ///
    /// # Errors
    /// When another recorder was installed by somebody else.
    pub fn install() -> Result<Self, BuildError> {
        static INSTALLED: OnceLock<Metrics> = OnceLock::new();
        if let Some(metrics) = INSTALLED.get() {
            return Ok(metrics.clone());
        }
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
        let metrics = Self(builder.install_recorder()?);
        describe();
        Ok(INSTALLED.get_or_init(|| metrics).clone())
    }

    /// The text that is scraped.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Compacts histograms until cancelled; without it they grow with every observation.
    pub async fn keep_up(self, cancel: CancellationToken) {
        let mut timer = tokio::time::interval(METRICS_UPKEEP);
        while cancel.run_until_cancelled(timer.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

fn describe() {
    describe_counter!("viva_http_requests_total", Unit::Count, "Requests answered, by class of status.");
    describe_histogram!("viva_http_seconds", Unit::Seconds, "From a request's header to its answer's; sockets count until they are upgraded.");
    describe_gauge!("viva_connections_open", Unit::Count, "Connections accepted and not closed, upgraded sockets left out.");
    describe_counter!("viva_connections_refused_total", Unit::Count, "Connections closed at once because there were too many.");
    describe_counter!("viva_panics_total", Unit::Count, "Requests that ended in a defect of ours.");
    describe_gauge!("viva_sessions_active", Unit::Count, "Live calls: admitted and not released.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_and_installing_twice_is_harmless() {
        Metrics::install().expect("nobody else installs one in these tests");
        metrics::counter!("viva_test_total").increment(2);
        metrics::histogram!("viva_test_seconds").record(0.003);
        let again = Metrics::install().expect("the same one").render();
        assert!(again.contains("viva_test_total 2"), "{again}");
        assert!(again.contains("viva_test_seconds_bucket{le=\"0.005\"} 1"), "{again}");
    }
}
