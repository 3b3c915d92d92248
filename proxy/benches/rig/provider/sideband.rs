//! One sideband's socket, for as long as its course says.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};

use super::call::Call;
use super::weather::Course;

/// Longer than the ten seconds after which a silent socket counts as lost.
const SILENCE: Duration = Duration::from_secs(14);

pub(super) async fn serve(call: Arc<Call>, mut socket: WebSocket) {
    let (mut events, course, place) = call.attach();
    let end = match course {
        Course::Whole => None,
        Course::Cut(after) | Course::Silent(after) => Some(tokio::time::Instant::now() + after),
    };
    let ending = async move {
        match end {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(ending);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => {
                    if socket.send(Message::Text(event)).await.is_err() {
                        break;
                    }
                }
                // The call is over, or another sideband took this one's place.
                None => {
                    let close = CloseFrame { code: 1000, reason: "".into() };
                    // The peer may be gone already.
                    let _gone = socket.send(Message::Close(Some(close))).await;
                    break;
                }
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => call.told(text.as_str()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            () = &mut ending => {
                if matches!(course, Course::Silent(_)) {
                    tokio::time::sleep(SILENCE).await;
                }
                break;
            }
        }
    }
    call.detach(place);
}
