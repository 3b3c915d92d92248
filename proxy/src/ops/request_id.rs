//! A short id for every request: in the answer's header, in its error body and in its log lines. It must not be
//! anything that a client could use to reach somebody else's data.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue};

/// The header it travels in, both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Where the provider's contract has that header for ids of the provider's own, ours is here.
pub const OWN_HEADER: HeaderName = HeaderName::from_static("viva-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 1–64 characters of `[A-Za-z0-9_-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A fresh id, unique in this process and unlikely to be met elsewhere. A counter and no random bytes: this runs
    /// on every request, and nothing depends on it being hard to guess.
    #[must_use]
    pub fn fresh() -> Self {
        static BOOT: OnceLock<u32> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let boot = BOOT.get_or_init(rand::random::<u32>);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let text = format!("req_{boot:08x}{number:08x}");
        Self(HeaderValue::try_from(text).expect("hex digits are legal in a header"))
    }

    /// The id that came with a request, if it has the form of one. A caller's own id makes its logs and ours meet.
    #[must_use]
    pub fn accept(value: &HeaderValue) -> Option<Self> {
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let bytes = value.as_bytes();
        ((1..=64).contains(&bytes.len()) && bytes.iter().all(legal)).then(|| Self(value.clone()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("only visible ASCII is taken")
    }

    /// As a header's value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// Runs `work` as part of the request `id`.
pub async fn scope<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

/// The id of the request that is being served by this task.
#[must_use]
pub fn current() -> Option<String> {
    CURRENT.try_with(|id| id.as_str().to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_taken_over() {
        let accept = |text: &'static str| RequestId::accept(&HeaderValue::from_static(text)).is_some();
        assert!(accept("01HZX-abc_9"));
        assert!(!accept(""));
        assert!(!accept("a b"));
        assert!(!accept("<script>"));
        assert_ne!(RequestId::fresh(), RequestId::fresh());
    }
}
