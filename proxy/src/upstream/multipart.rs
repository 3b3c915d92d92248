//! The body of a create request: two parts in one buffer, the form that the official SDKs send. The offer goes in byte for byte.

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderValue;

/// A body and the `Content-Type` that names its boundary.
pub(super) struct Form {
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

/// Puts offer and session together. `nonce` must be random: with a boundary that can be guessed an offer could end its
/// own part and smuggle in a session object.
pub(super) fn assemble(offer: &[u8], session: &[u8], nonce: u128) -> Form {
    let boundary = format!("viva-{nonce:032x}");
    let mut body = BytesMut::with_capacity(offer.len() + session.len() + 4 * boundary.len() + 192);
    body.put_slice(b"--");
    body.put_slice(boundary.as_bytes());
    body.put_slice(b"\r\nContent-Disposition: form-data; name=\"sdp\"\r\nContent-Type: application/sdp\r\n\r\n");
    body.put_slice(offer);
    body.put_slice(b"\r\n--");
    body.put_slice(boundary.as_bytes());
    body.put_slice(b"\r\nContent-Disposition: form-data; name=\"session\"\r\nContent-Type: application/json\r\n\r\n");
    body.put_slice(session);
    body.put_slice(b"\r\n--");
    body.put_slice(boundary.as_bytes());
    body.put_slice(b"--\r\n");
    let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
        .expect("a boundary of letters and hex digits is a legal header value");
    Form { content_type, body: body.freeze() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_ones_the_official_clients_send() {
        let form = assemble(b"v=0\r\n", br#"{"type":"realtime"}"#, 0xabc);
        let boundary = "viva-00000000000000000000000000000abc";
        assert_eq!(form.content_type, format!("multipart/form-data; boundary={boundary}"));
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"sdp\"\r\nContent-Type: application/sdp\r\n\r\n\
             v=0\r\n\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"session\"\r\nContent-Type: \
             application/json\r\n\r\n{{\"type\":\"realtime\"}}\r\n--{boundary}--\r\n"
        );
        assert_eq!(form.body, expected);
        assert!(form.body.len() <= 5 + 19 + 4 * boundary.len() + 192, "the buffer grew");
    }
}
