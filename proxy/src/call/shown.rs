//! How many sidebands are in which state now. A state is shown until it changes or its call is gone.

use super::core::Sideband;

/// One sideband's place in the gauge.
#[derive(Default)]
pub(super) struct Shown(Option<Sideband>);

impl Shown {
    /// It is in this state from now on.
    pub(super) fn is(&mut self, state: Sideband) {
        self.is_gone();
        gauge(state).increment(1.0);
        self.0 = Some(state);
    }

    /// It is watched no more.
    pub(super) fn is_gone(&mut self) {
        if let Some(state) = self.0.take() {
            gauge(state).decrement(1.0);
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.is_gone();
    }
}

fn gauge(state: Sideband) -> metrics::Gauge {
    metrics::gauge!("viva_sideband", "state" => state.as_str())
}
