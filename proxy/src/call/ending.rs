//! How a live call's task leaves: the provider's call is hung up, the client told why, and what was still under way is
//! seen through. When a call ends is the core's to decide.

use std::time::Duration;

use super::actor::Actor;
use super::core::{CloseReason, Input, UpstreamInput};
use super::exchange::Answer;
use super::keep;
use super::recording::End;
use super::succession::Exchange;
use crate::signaling::protocol::close;
use crate::transcript::HangUp;

impl Actor {
    pub(super) fn start_hang_up(&mut self) {
        let Some(line) = &mut self.lines.now else {
            // There is none at the moment: nothing to end.
            self.hang_up = Some(Box::pin(std::future::ready(HangUp::Confirmed)));
            return;
        };
        // From here on the socket can only close, which would be no news.
        line.sideband.stop();
        let reach = line.reach();
        self.hang_up = Some(Box::pin(async move {
            match reach {
                Some(reach) => reach.hang_up().await,
                // Nobody knows its id, or its key is gone: the provider ends it when the media is gone.
                None => HangUp::Unconfirmed,
            }
        }));
    }

    pub(super) fn hung_up(&mut self, result: HangUp) {
        if let Some(over) = self.budget_over {
            let ms = self.shell.clock.now().mono_ms.saturating_sub(over);
            metrics::histogram!("viva_budget_end_seconds").record(Duration::from_millis(ms).as_secs_f64());
        }
        if let Some(line) = &self.lines.now {
            let call = line.call_id.clone();
            self.shell.tasks.spawn(keep::closed(self.shell.clone(), self.booking.ctx, call, result));
        }
        self.feed(Input::Upstream(UpstreamInput::HungUp(result)));
    }

    pub(super) async fn leave(mut self: Box<Self>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.end(End::Over);
        }
        // An exchange whose client is gone may still make a call; nobody wants it.
        if let Some(exchange) = self.exchange.take()
            && let Exchange::Done { result: Ok(Answer { started, .. }), .. } = exchange.await
        {
            let line = self.line(started, String::new());
            self.end_unheard();
            let _nobody = self.lines.bring(line);
        }
        self.finish_catching_up().await;
        self.end_unheard();
        self.audience.leave(self.closing);
        if let Some(client) = &mut self.client {
            let (code, reason) = match self.closing {
                Some(CloseReason::HandedOver) => (close::RESTART, "the server restarts"),
                Some(CloseReason::Fenced) => (close::REPLACED, "the session continues elsewhere"),
                Some(CloseReason::Done | CloseReason::Unsaved) | None => (close::NORMAL, "done"),
            };
            client.close(code, reason).await;
        }
    }
}
