//! Open files. Every call holds two sockets, and many systems start a process with room for 1,024: so the soft limit is
//! raised to the hard one, which is what the hard one is for. It must not fail a start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sockets of a call: the client's and the sideband.
const PER_CALL: u64 = 2;
/// Pages, the interface, the pool to the model, the store.
const BESIDES: u64 = 512;

/// Raises the limit and says so when it is too low for `calls` at once.
pub(crate) fn raise_for(calls: usize) {
    let needed = u64::try_from(calls).unwrap_or(u64::MAX).saturating_mul(PER_CALL).saturating_add(BESIDES);
    if let Some(limit) = raise().filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "too few open files are allowed for that many calls; raise the hard limit (ulimit -Hn) or lower MAX_CONCURRENT_SESSIONS"
        );
    }
}

/// The limit now; `None`: there is none.
fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        return current;
    }
    maximum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise(), hard);
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }
}
