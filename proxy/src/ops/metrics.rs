//! Metrics in Prometheus' text form. Names begin with `viva_`; labels never carry a tenant, a person, a session or
//! anything a client wrote. What a metric means is said here, once.

use std::sync::OnceLock;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::config::defaults::METRICS_UPKEEP;

/// From half a millisecond, which our own part of an exchange takes, to the longest a caller waits.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Round trips over the internet.
const MILLISECONDS: [f64; 9] = [10.0, 25.0, 50.0, 100.0, 150.0, 250.0, 500.0, 1_000.0, 2_500.0];
/// Loss: above a few per cent speech suffers.
const PERCENT: [f64; 8] = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0];

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
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_ms".to_owned()), &MILLISECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_pct".to_owned()), &PERCENT)?;
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

/// Every metric there is. A test holds the source against this list.
const DESCRIBED: [Described; 39] = [
    counter("viva_http_requests_total", "Requests answered, by door and class of status."),
    histogram(
        "viva_http_seconds",
        "From a request's header to its answer's, by door; a socket counts until it is upgraded.",
    ),
    counter("viva_panics_total", "Requests that ended in a defect of ours."),
    gauge("viva_connections_open", "Connections of plain requests: accepted and neither closed nor upgraded."),
    counter("viva_connections_refused_total", "Connections closed at once because there were too many."),
    gauge("viva_sessions_active", "Live calls: admitted and not released."),
    counter("viva_ws_rejected_total", "Sockets that were closed instead of joining a call, by reason."),
    counter("viva_slow_readers_total", "Sockets closed because their reader did not keep up."),
    counter("viva_continuations_total", "Calls that were made for an interview after its first."),
    counter("viva_sdp_exchange_total", "Offers that went to the model, by what came of them."),
    histogram("viva_sdp_exchange_seconds", "From sending an offer to its answer or failure."),
    counter(
        "viva_upstream_breaker_total",
        "Changes of a breaker, by server, by whose key (the server's own or a stored one) and by the new state.",
    ),
    gauge("viva_upstream_breakers_open", "Keys with which a server is not asked, by server and by whose they are."),
    counter("viva_failovers_total", "Offers that went to the second server, by what came of them."),
    counter("viva_sideband_total", "Changes of a sideband's state, by the new state."),
    counter("viva_usage_cost_nanodollars_total", "What calls on the server's bill cost, billionths of a US dollar."),
    counter("viva_budget_total", "What budgets did to calls: warned them, refused or ended them."),
    histogram(
        "viva_budget_end_seconds",
        "From the figure with which a hard budget was used up to the end of the model's call.",
    ),
    counter("viva_usage_unpriced_total", "Figures of models that have no price in the list."),
    counter("viva_leases_lost_total", "Calls that another machine took over while this one had them."),
    counter("viva_calls_taken_over_total", "Calls of another machine that this one went on with."),
    counter("viva_replayed_total", "Sockets that were sent on to the machine that has their call."),
    counter("viva_asked_elsewhere_total", "Ends and skips that another machine, which has the call, was asked for."),
    counter("viva_spooled_total", "Commits that went to the spool because the project's database did not answer."),
    gauge("viva_spool_entries", "Commits that wait in the spool."),
    counter("viva_spool_drained_total", "Records that the project's database took from the spool."),
    counter(
        "viva_dead_letters_total",
        "Records that the project's database will never take; they are kept beside the spool.",
    ),
    counter("viva_retention_deleted_total", "Rows that were deleted because their time was over, by what they were."),
    counter("viva_reaped_total", "What nobody looked after and was found, by what became of it."),
    gauge("viva_hang_ups_unconfirmed", "Hang-ups that the last slow round could not have confirmed."),
    counter("viva_auth_ok_total", "Tokens of trusted issuers that were believed."),
    counter("viva_auth_failures_total", "Tokens that were not, by reason."),
    counter("viva_jwks_fetches_total", "Key sets that were fetched from issuers, by result."),
    counter("viva_key_errors_total", "Stored model keys that did not open."),
    histogram("viva_reply_gate_ms", "From the end of a candidate's turn to the reply that the server asked for."),
    counter(
        "viva_drive_changes_total",
        "Calls that left the gate to the provider because of the distance, and took it back.",
    ),
    gauge("viva_sideband", "Sidebands in each state now; `unavailable`: calls that have none."),
    histogram("viva_client_rtt_ms", "Round trip between client and model, as clients report it."),
    histogram("viva_client_loss_pct", "Packets lost between client and model, as clients report it."),
];

struct Described {
    kind: Kind,
    name: &'static str,
    meaning: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const fn counter(name: &'static str, meaning: &'static str) -> Described {
    Described { kind: Kind::Counter, name, meaning }
}

const fn gauge(name: &'static str, meaning: &'static str) -> Described {
    Described { kind: Kind::Gauge, name, meaning }
}

const fn histogram(name: &'static str, meaning: &'static str) -> Described {
    Described { kind: Kind::Histogram, name, meaning }
}

fn describe() {
    for Described { kind, name, meaning } in DESCRIBED {
        match kind {
            Kind::Counter => describe_counter!(name, meaning),
            Kind::Gauge => describe_gauge!(name, meaning),
            Kind::Histogram => describe_histogram!(name, meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

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

    #[test]
    fn every_metric_in_the_source_is_described_and_no_other() {
        let mut used = BTreeSet::new();
        let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if !entry.ends_with("ops/metrics.rs") {
                    let source = std::fs::read_to_string(entry).expect("source is text");
                    let calls = ["counter!(\"", "gauge!(\"", "histogram!(\""];
                    let names = calls
                        .iter()
                        .flat_map(|call| source.split(call).skip(1))
                        .filter_map(|rest| rest.split('"').next());
                    used.extend(names.map(str::to_owned));
                }
            }
        }
        let described: BTreeSet<_> = DESCRIBED.iter().map(|described| described.name.to_owned()).collect();
        assert_eq!(used, described);
    }
}
