//! [`Part`]: which part of a list somebody asks for, and where the list goes on. All lists have the same limits, the same
//! parameters and the same refusals; what else a list can be asked is its [`Filter`].

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema, Type};
use utoipa::{IntoParams, PartialSchema};

use super::{Code, Problem};

const DEFAULT_LIMIT: u32 = 50;
/// Most rows of one answer.
pub(super) const MAX_LIMIT: u32 = 100;

/// What a list can be asked besides its part.
pub(super) trait Filter: Default + Send {
    /// What is said of a parameter that is not one of the list's, comes twice, or has a value that it cannot have.
    const REFUSAL: &'static str;

    /// Takes a parameter. `false`: it is refused.
    fn take(&mut self, name: &str, value: &str) -> bool;

    /// The parameters as the interface's document shows them.
    fn described() -> Vec<Parameter>;
}

/// Nothing.
impl Filter for () {
    const REFUSAL: &'static str = "The list takes `limit` and `before` only.";

    fn take(&mut self, _: &str, _: &str) -> bool {
        false
    }

    fn described() -> Vec<Parameter> {
        Vec::new()
    }
}

/// A part of a list whose rows are known by a `T`. Taken as `Result`, so that a handler judges who asks before it.
pub(super) struct Part<T, F = ()> {
    /// 1 to [`MAX_LIMIT`].
    pub(super) limit: u32,
    /// Only what follows this one in the list.
    pub(super) before: Option<T>,
    pub(super) filter: F,
}

impl<T, F> Part<T, F> {
    /// What to pass as `before` for the rows after these; `None` at the end of the list.
    pub(super) fn next_of<R>(&self, rows: &[R], id: impl FnOnce(&R) -> T) -> Option<T> {
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= self.limit);
        rows.last().filter(|_| is_full).map(id)
    }
}

impl<S, T, F> FromRequestParts<S> for Part<T, F>
where
    S: Send + Sync,
    T: FromStr + Send,
    F: Filter,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let refusal = || Problem::new(Code::BadMessage, F::REFUSAL);
        let Query(said) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|_| refusal())?;
        let (mut limit, mut before, mut filter) = (None, None, F::default());
        for (name, value) in said {
            let is_taken = match name.as_str() {
                "limit" => limit.replace(value).is_none(),
                "before" => before.replace(value).is_none(),
                name => filter.take(name, &value),
            };
            if !is_taken {
                return Err(refusal());
            }
        }
        let limit = limit.map_or(Ok(DEFAULT_LIMIT), |limit| limit.parse()).ok();
        let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
            Problem::new(Code::BadMessage, "`limit` must be a number from 1 to 100.").of_field("limit")
        })?;
        let before = before.map(|before| before.parse()).transpose().map_err(|_| {
            Problem::new(Code::BadMessage, "`before` must be the `next` of an earlier answer.").of_field("before")
        })?;
        Ok(Self { limit, before, filter })
    }
}

impl<T: PartialSchema, F: Filter> IntoParams for Part<T, F> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MAX_LIMIT)).build();
        let mut all = vec![
            in_query("limit", "1 to 100, default 50.", limit),
            in_query("before", "`next` of an earlier answer.", T::schema()),
        ];
        all.extend(F::described());
        all
    }
}

/// A parameter that may be left out.
pub(super) fn in_query(name: &str, what: &str, of: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(what))
        .schema(Some(of))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn part(query: &str) -> Result<Part<i64>, Problem> {
        let request = http::Request::get(format!("/list?{query}")).body(()).expect("a request");
        Part::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn a_part_has_limits_and_says_what_it_takes() {
        let plain = part("").await.expect("a part");
        assert_eq!((plain.limit, plain.before), (50, None));
        let asked = part("before=-7&limit=100").await.expect("a part");
        assert_eq!((asked.limit, asked.before), (100, Some(-7)));
        for wrong in ["limit=0", "limit=101", "limit=", "limit=1&limit=1", "before=x", "before=", "after=1", "=1"] {
            assert_eq!(part(wrong).await.map(|part| part.limit).expect_err(wrong).code(), Code::BadMessage, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_list_goes_on_where_a_full_part_ended() {
        let part = part("limit=2").await.expect("a part");
        assert_eq!(part.next_of(&[5, 4], |row| *row), Some(4));
        assert_eq!(part.next_of(&[5], |row| *row), None);
        assert_eq!(part.next_of(&[], |row: &i64| *row), None);
    }
}
