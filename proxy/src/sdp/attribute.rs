//! The grammar of the few attribute values that are checked. Each function says whether one value is well formed; it
//! must not know where in a description the value stands.

/// RFC 8839 §5.4: `ice-ufrag = 4*256ice-char`, e.g. `a=ice-ufrag:9uB6`.
pub(super) fn is_ice_ufrag(value: &str) -> bool {
    (4..=256).contains(&value.len()) && value.bytes().all(is_ice_char)
}

/// RFC 8839 §5.4: `ice-pwd = 22*256ice-char`, e.g. `a=ice-pwd:YH75Fviy6338Vbrhrlp8Yh`.
pub(super) fn is_ice_pwd(value: &str) -> bool {
    (22..=256).contains(&value.len()) && value.bytes().all(is_ice_char)
}

/// RFC 8122 §5: `hash-func SP 2UHEX *(":" 2UHEX)`, e.g. `a=fingerprint:sha-256 12:DF:3E:…`. SHA-1 and MD5 are in the
/// grammar but can be forged, so they do not pass; neither does a hash of another length than its name says.
pub(super) fn is_strong_fingerprint(value: &str) -> bool {
    let Some((function, digits)) = value.split_once(' ') else {
        return false;
    };
    let bytes = match function {
        f if f.eq_ignore_ascii_case("sha-256") => 32,
        f if f.eq_ignore_ascii_case("sha-384") => 48,
        f if f.eq_ignore_ascii_case("sha-512") => 64,
        _ => return false,
    };
    let mut pairs = 0;
    for pair in digits.split(':') {
        if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return false;
        }
        pairs += 1;
    }
    pairs == bytes
}

/// RFC 8839 §5.1, e.g. `a=candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host`. Syntax only: the address is never
/// resolved, contacted or logged, and `.local` names are as good as numbers.
pub(super) fn is_candidate(value: &str) -> bool {
    let mut parts = value.split(' ');
    let mut next = || parts.next().unwrap_or_default();
    let foundation = next();
    (1..=32).contains(&foundation.len())
        && foundation.bytes().all(is_ice_char)
        && next().parse::<u16>().is_ok_and(|component| (1..=256).contains(&component))
        && is_token(next())
        && next().parse::<u32>().is_ok()
        && !next().is_empty()
        && next().parse::<u16>().is_ok()
        && next() == "typ"
        && is_token(next())
}

/// A payload type: RFC 3551 §6 gives the field seven bits. A library is known to panic on larger ones.
pub(super) fn payload_type(value: &str) -> Option<u8> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|number| digits && *number <= 127)
}

/// RFC 5888 §4: `identification-tag = token`, e.g. `a=mid:0`.
pub(super) fn is_mid(value: &str) -> bool {
    value.len() <= 64 && is_token(value)
}

/// RFC 8866 §9 `token`, without the rarest of its characters.
pub(super) fn is_token(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte))
}

/// RFC 8839 §5.1: `ice-char = ALPHA / DIGIT / "+" / "/"`.
fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}
