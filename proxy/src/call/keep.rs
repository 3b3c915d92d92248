//! What must not be forgotten about a call because the store was busy: the provider's id of it, and its end. Written
//! beside the call and tried again while the store says that trying again may help.

use std::time::Duration;

use super::shell::Shell;
use crate::identity::TenantCtx;
use crate::ids::{CallId, ProviderCallId, TenantId, UserId};
use crate::store::{Answer, StoreError};
use crate::transcript::HangUp;

/// Waits before each further attempt; about half a minute. What is not written by then is found at the next start.
const BEFORE_ATTEMPT: [Duration; 9] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(10),
];

/// The provider's id becomes durable.
pub(super) async fn answered(shell: Shell, ctx: TenantCtx, call: CallId, provider: ProviderCallId) {
    let at = shell.clock.now().unix_ms;
    let stored = patiently(|| shell.store.call_answered(ctx, call.clone(), provider.clone(), at)).await;
    if let Err(error) = stored {
        tracing::error!(%error, "a call's provider id could not be stored");
    }
}

/// The call's end becomes durable.
pub(super) async fn closed(shell: Shell, ctx: TenantCtx, call: CallId, result: HangUp) {
    let at = shell.clock.now().unix_ms;
    if let Err(error) = patiently(|| shell.store.close_call(ctx, call.clone(), result, at)).await {
        tracing::error!(%error, "a call's end could not be stored");
    }
}

/// What is known of a running call's budgets is brought up to date; if it cannot be, the next figure asks again.
pub(super) async fn books(shell: Shell, (tenant, user): (TenantId, UserId)) {
    if let Err(error) = shell.purse.read(tenant, user).await {
        tracing::warn!(%error, "what was spent could not be read");
    }
}

async fn patiently<'a>(mut write: impl FnMut() -> Answer<'a, ()>) -> Result<(), StoreError> {
    for wait in BEFORE_ATTEMPT {
        match write().await {
            Err(error) if error.is_retryable() => tokio::time::sleep(wait).await,
            result => return result,
        }
    }
    write().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(result: Result<(), StoreError>) -> Answer<'static, ()> {
        Box::pin(std::future::ready(result))
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_store_is_asked_again_and_a_definite_answer_is_taken() {
        let mut answers = [Err(StoreError::Overloaded), Err(StoreError::Overloaded), Ok(())].into_iter();
        assert_eq!(patiently(|| answer(answers.next().expect("no more than three"))).await, Ok(()));
        let mut answers = [Err(StoreError::Missing)].into_iter();
        let refused = patiently(|| answer(answers.next().expect("only one"))).await;
        assert_eq!(refused, Err(StoreError::Missing));
        let mut asked = 0;
        let never = patiently(|| {
            asked += 1;
            answer(Err(StoreError::Overloaded))
        });
        assert_eq!(never.await, Err(StoreError::Overloaded));
        assert_eq!(asked, BEFORE_ATTEMPT.len() + 1);
    }
}
