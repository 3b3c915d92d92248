//! The seam over WebRTC, offerer against answerer.

use std::time::Duration;

use bytes::Bytes;
use viva_simulator::peer::{self, Command, Event, Peer, Settings, State};

async fn pair(payload_type: u8) -> (Peer, Peer, String) {
    let settings = Settings { opus_payload_type: payload_type, ..Settings::default() };
    let (offer, pending) = peer::offer(&["oai-events", "other"], &settings).await.unwrap();
    let (answer, callee) = peer::accept(&offer, &Settings::default()).await.unwrap();
    let caller = pending.answer(&answer).await.unwrap();
    (caller, callee, answer)
}

async fn until(peer: &mut Peer, wanted: impl Fn(&Event) -> bool) -> Event {
    let search = async {
        loop {
            let event = peer.next_event().await.expect("the event comes before the end");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), search).await.expect("the event comes in time")
}

#[tokio::test]
async fn text_and_audio_go_both_ways_with_firefox_payload_types() {
    let (mut caller, mut callee, answer) = pair(109).await;
    assert!(answer.contains("a=rtpmap:109 opus/48000/2"), "{answer}");
    assert!(answer.contains("a=msid:realtimeapi"), "{answer}");
    assert!(answer.contains("a=sendrecv"), "{answer}");
    assert!(answer.contains("a=max-message-size:262144"), "{answer}");
    until(&mut callee, |e| matches!(e, Event::ChannelOpen { label } if label == "oai-events")).await;
    let text = "x".repeat(200_000);
    let label = "oai-events".to_owned();
    callee.send(Command::Text { label: label.clone(), text: text.clone() }).await;
    let got = until(&mut caller, |e| matches!(e, Event::Text { .. })).await;
    assert!(matches!(got, Event::Text { text: got, .. } if got == text));
    caller.send(Command::Text { label, text: "hello".into() }).await;
    until(&mut callee, |e| matches!(e, Event::Text { text, .. } if text == "hello")).await;

    for (from, to) in [(&caller, &mut callee)] {
        for n in 0..20_u8 {
            from.send(Command::Opus(Bytes::from(vec![0xfc, n, 0xfe]))).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        until(to, |e| matches!(e, Event::Rtp { payload } if payload[..] == [0xfc, 19, 0xfe])).await;
    }
    for n in 0..20_u8 {
        callee.send(Command::Opus(Bytes::from(vec![0xfc, n, 0xfd]))).await;
    }
    until(&mut caller, |e| matches!(e, Event::Rtp { payload } if payload[..] == [0xfc, 19, 0xfd])).await;
}

#[tokio::test]
async fn states_come_in_order() {
    let (mut caller, _callee, _) = pair(111).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&State::Connected) {
        if let Event::State(state) = until(&mut caller, |e| matches!(e, Event::State(_))).await {
            seen.push(state);
        }
    }
    assert_eq!(seen, [State::IceConnected, State::Connected]);
}

#[tokio::test]
async fn dropping_one_side_ends_the_channels_of_the_other() {
    let (mut caller, mut callee, _) = pair(111).await;
    until(&mut callee, |e| matches!(e, Event::ChannelOpen { .. })).await;
    until(&mut caller, |e| matches!(e, Event::ChannelOpen { .. })).await;
    drop(caller);
    until(&mut callee, |e| matches!(e, Event::ChannelClosed { .. })).await;
    callee.send(Command::Close).await;
    until(&mut callee, |e| matches!(e, Event::Closed)).await;
    assert!(callee.next_event().await.is_none());
}

#[tokio::test]
async fn closed_and_dropped_peers_leave_no_sockets() {
    let sockets = || {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        fds.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket")))
            .count()
    };
    let before = sockets();
    for _ in 0..3 {
        let (_caller, mut callee, _) = pair(111).await;
        until(&mut callee, |e| matches!(e, Event::ChannelOpen { .. })).await;
        let (_, pending) = peer::offer(&["oai-events"], &Settings::default()).await.unwrap();
        drop(pending);
    }
    assert!(peer::accept("v=0\r\n", &Settings::default()).await.is_err());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while sockets() > before {
        assert!(tokio::time::Instant::now() < deadline, "{} sockets, {before} before", sockets());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
