//! [`Within`]: a caller that may be another server's access key, if the key has the scope that the handler names. A handler
//! that asks for a [`Caller`] alone never sees one: what is not opened to keys is closed to them.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{Caller, Code, Problem};
use crate::identity::{Identity, Principal, Scope};

/// A scope as a type, so that a handler's signature says what it takes.
pub(super) trait NamedScope: Send + Sync + 'static {
    const SCOPE: Scope;

    /// Whether this principal may come in: anybody but a key without the scope.
    ///
    /// # Errors
    /// 403.
    fn allow(principal: &Principal) -> Result<(), Problem> {
        match principal {
            Principal::AccessKey(key) if !key.may(Self::SCOPE) => Err(Problem::new(
                Code::Forbidden,
                format!("The access key does not have the scope `{}`.", Self::SCOPE.as_str()),
            )),
            Principal::AccessKey(_) | Principal::Person(_) | Principal::Ticket(_) => Ok(()),
        }
    }
}

macro_rules! scopes {
    ($($name:ident),*) => {$(
        /// See [`Scope`].
        pub(super) struct $name;

        impl NamedScope for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}
scopes!(SessionsRead, SessionsWrite, TicketsWrite);

/// A caller of any kind; an access key only with the scope.
pub(super) struct Within<N>(pub(super) Caller, pub(super) PhantomData<N>);

impl<S, N> FromRequestParts<S> for Within<N>
where
    S: Send + Sync,
    N: NamedScope,
    Identity: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::of_any_kind(parts, &Identity::from_ref(state)).await?;
        N::allow(&caller.principal)?;
        Ok(Self(caller, PhantomData))
    }
}
