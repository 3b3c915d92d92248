//! The offer that is sent and the answer that comes back, in the manner and length of Chrome's and the provider's. Every
//! offer carries a number of its own in its origin line, by which the fake upstream knows it again even though a proxy
//! stands between.

/// Digits of an offer's number: fixed, so that every offer has the same length.
const DIGITS: usize = 16;

const ORIGIN: &str = "\r\no=- ";

/// The offer of number `id`.
pub(crate) fn offer(id: u64) -> String {
    OFFER.replace("{id}", &format!("{id:0width$}", width = DIGITS))
}

/// The number in an offer's origin line, wherever in the body (raw or multipart) the offer stands.
pub(crate) fn id_of(body: &[u8]) -> Option<u64> {
    let at = body.windows(ORIGIN.len()).position(|window| window == ORIGIN.as_bytes())? + ORIGIN.len();
    std::str::from_utf8(body.get(at..at + DIGITS)?).ok()?.parse().ok()
}

/// 1.9 kB in Chrome's manner: microphone and data channel, host candidates under their mDNS name.
const OFFER: &str = "v=0\r\n\
o=- {id} 2 IN IP4 127.0.0.1\r\n\
s=-\r\n\
t=0 0\r\n\
a=group:BUNDLE 0 1\r\n\
a=extmap-allow-mixed\r\n\
a=msid-semantic: WMS 5f0e3f4a-6f1f-4f5e-9a55-0e4d0c5d2b11\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n\
c=IN IP4 0.0.0.0\r\n\
a=rtcp:9 IN IP4 0.0.0.0\r\n\
a=candidate:2796094803 1 udp 2122260223 4a9d9c5e-2f3b-4d2c-9f0a-7a6b1c8e5d21.local 51738 typ host generation 0 network-id 1\r\n\
a=candidate:1538103091 1 tcp 1518280447 4a9d9c5e-2f3b-4d2c-9f0a-7a6b1c8e5d21.local 9 typ host tcptype active generation 0 network-id 1\r\n\
a=ice-ufrag:Qm3v\r\n\
a=ice-pwd:7nXHk2vQp1tYw8sZr5uC0dEf\r\n\
a=ice-options:trickle\r\n\
a=fingerprint:sha-256 1B:EE:75:3A:80:4C:12:9F:D0:66:21:AB:5E:77:C3:08:94:FA:3D:61:0B:E2:58:8D:4F:A9:17:C6:30:7B:92:DE\r\n\
a=setup:actpass\r\n\
a=mid:0\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
a=sendrecv\r\n\
a=msid:5f0e3f4a-6f1f-4f5e-9a55-0e4d0c5d2b11 c1a7f0f2-9b0f-4d9d-8a53-1f2f0a3a9f77\r\n\
a=rtcp-mux\r\n\
a=rtcp-rsize\r\n\
a=rtpmap:111 opus/48000/2\r\n\
a=rtcp-fb:111 transport-cc\r\n\
a=fmtp:111 minptime=10;useinbandfec=1\r\n\
a=rtpmap:63 red/48000/2\r\n\
a=fmtp:63 111/111\r\n\
a=rtpmap:9 G722/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:13 CN/8000\r\n\
a=rtpmap:110 telephone-event/48000\r\n\
a=rtpmap:126 telephone-event/8000\r\n\
a=ssrc:3735928559 cname:kG4cWn0T1yZqv2Xh\r\n\
a=ssrc:3735928559 msid:5f0e3f4a-6f1f-4f5e-9a55-0e4d0c5d2b11 c1a7f0f2-9b0f-4d9d-8a53-1f2f0a3a9f77\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
c=IN IP4 0.0.0.0\r\n\
a=ice-ufrag:Qm3v\r\n\
a=ice-pwd:7nXHk2vQp1tYw8sZr5uC0dEf\r\n\
a=ice-options:trickle\r\n\
a=fingerprint:sha-256 1B:EE:75:3A:80:4C:12:9F:D0:66:21:AB:5E:77:C3:08:94:FA:3D:61:0B:E2:58:8D:4F:A9:17:C6:30:7B:92:DE\r\n\
a=setup:actpass\r\n\
a=mid:1\r\n\
a=sctp-port:5000\r\n\
a=max-message-size:262144\r\n";

/// What the fake upstream answers with.
pub(crate) const ANSWER: &str = "v=0\r\n\
o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n\
s=-\r\n\
t=0 0\r\n\
a=group:BUNDLE 0 1\r\n\
a=extmap-allow-mixed\r\n\
a=msid-semantic: WMS realtimeapi\r\n\
a=ice-lite\r\n\
m=audio 3478 UDP/TLS/RTP/SAVPF 111\r\n\
c=IN IP4 127.0.0.1\r\n\
a=rtcp:9 IN IP4 0.0.0.0\r\n\
a=candidate:1738249477 1 udp 2130706431 127.0.0.1 3478 typ host generation 0\r\n\
a=end-of-candidates\r\n\
a=ice-ufrag:mUo7cTqHwRzL\r\n\
a=ice-pwd:oJ2f0eXyVb6wHd3nKs9tAq4u\r\n\
a=fingerprint:sha-256 A0:3C:5D:91:7E:42:BB:16:08:F4:6D:2A:C9:E3:50:7F:81:D6:34:9B:EA:05:C8:72:1F:68:AD:B7:43:9C:E0:5A\r\n\
a=setup:passive\r\n\
a=mid:0\r\n\
a=sendrecv\r\n\
a=msid:realtimeapi audio\r\n\
a=rtcp-mux\r\n\
a=rtpmap:111 opus/48000/2\r\n\
a=fmtp:111 minptime=10;useinbandfec=1\r\n\
a=ssrc:1923847561 cname:realtimeapi\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
c=IN IP4 0.0.0.0\r\n\
a=ice-ufrag:mUo7cTqHwRzL\r\n\
a=ice-pwd:oJ2f0eXyVb6wHd3nKs9tAq4u\r\n\
a=fingerprint:sha-256 A0:3C:5D:91:7E:42:BB:16:08:F4:6D:2A:C9:E3:50:7F:81:D6:34:9B:EA:05:C8:72:1F:68:AD:B7:43:9C:E0:5A\r\n\
a=setup:passive\r\n\
a=mid:1\r\n\
a=sctp-port:5000\r\n\
a=max-message-size:262144\r\n";
