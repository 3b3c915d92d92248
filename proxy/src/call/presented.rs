//! A client that holds a reference to its call, while the row of that call has lost the provider's id: the process that
//! knew it was killed before it was durable. The call is adopted, or hung up when it is closed here already.

use std::time::Duration;

use super::actor::Actor;
use super::booking::Booking;
use super::keep;
use super::line::{Found, Reach, Started};
use super::registry::Calls;
use crate::identity::TicketHash;
use crate::store::StoreError;
use crate::transcript::HangUp;

impl Calls {
    /// Looks at the reference before the client joins. Whatever is wrong with it changes nothing.
    pub(crate) async fn present(&self, booking: &Booking, ticket: TicketHash, call_ref: &str) {
        if let Err(error) = self.try_present(booking, ticket, call_ref).await {
            tracing::warn!(%error, "a client's reference to its call could not be looked at");
        }
    }

    async fn try_present(&self, booking: &Booking, ticket: TicketHash, call_ref: &str) -> Result<(), StoreError> {
        let shell = self.shell();
        let Some((call_id, provider)) = shell.call_refs.open(booking.session, call_ref) else { return Ok(()) };
        // A live call of this process takes it with the socket.
        if self.is_live(booking.session) {
            return Ok(());
        }
        let rows = shell.store.calls(booking.ctx, booking.session).await?;
        let Some(row) = rows.into_iter().find(|row| row.call_id == call_id && row.provider.is_none()) else {
            return Ok(());
        };
        keep::answered(shell.clone(), booking.ctx, call_id.clone(), provider.clone()).await;
        let Some((upstream, key)) = self.where_made(booking.ctx.tenant, &row).await? else { return Ok(()) };
        if row.closed_at.is_some() {
            let result = match Reach::of(Some(&provider), &key, &upstream) {
                Some(reach) => reach.hang_up().await,
                None => HangUp::Unconfirmed,
            };
            keep::closed(shell.clone(), booking.ctx, call_id, result).await;
            return Ok(());
        }
        let journal = shell.store.journal(booking.ctx, booking.session, 0).await?;
        let started = Started { call_id, provider: Some(provider), key, upstream };
        // Refused when somebody was quicker; then the call is theirs.
        let adopted = if journal.is_empty() {
            self.adopt(booking.clone(), ticket, started).map_err(|error| error.to_string())
        } else {
            self.resume(booking.clone(), ticket, (started, Found::Open, Duration::ZERO), &journal)
                .map_err(|error| error.to_string())
        };
        match adopted {
            Ok(()) => tracing::info!("a call whose id was lost with its process was found again"),
            Err(reason) => tracing::info!(%reason, "a call whose id was lost could not be gone on with"),
        }
        Ok(())
    }
}

impl Actor {
    /// The client's reference names the call in force, whose provider id this process never had.
    pub(super) fn presented(&mut self) {
        let Some(call_ref) = self.client.as_ref().and_then(|client| client.has.call_ref.as_deref()) else { return };
        let Some((call_id, provider)) = self.shell.call_refs.open(self.booking.session, call_ref) else { return };
        let Some(mut line) = self.lines.now.take() else { return };
        if line.provider.is_none() && line.call_id == call_id {
            line.provider = Some(provider);
            let _watched = self.watch(&mut line);
        }
        self.lines.now = Some(line);
    }

    /// A call that an earlier process had answered and of which it left no record.
    pub(super) fn adopt(&mut self, started: Started) {
        // Whoever comes back says that media is up; without them nobody connected, and that has a limit.
        self.begin(started);
    }
}
