//! Whether the project's database has the schema that this version needs. It is never changed from here: migrations are
//! applied by whoever deploys, and a server that finds them missing says how.

use rust_embed::RustEmbed;
use serde_json::json;

use super::call_error::CallError;
use super::client::{Client, Repeat, Timeouts};
use super::project::Project;

/// The migrations that this version was built with. Those for the embedded store and the tests lie in folders of theirs.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../migrations"]
struct Migrations;

/// What applies them.
const APPLY: &str =
    "apply the migrations with `viva migrate` (DATABASE_URL), or `supabase db push` in the checkout of this version";

/// Why this version cannot work on the database.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Some of what it needs was never applied.
    #[error("the project's schema is older than this version ({missing} missing, the first is {first}); {APPLY}")]
    Older {
        /// How many migrations.
        missing: usize,
        /// The version of the first.
        first: String,
    },
    /// The database has none of our functions, or no history of what was applied.
    #[error("the project's database does not have Viva's schema; {APPLY}")]
    Unknown,
    /// TLS cannot be set up here.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] reqwest::Error),
    /// It could not be asked.
    #[error(
        "SUPABASE_URL, SUPABASE_SECRET_KEY: {0}; check the project's address, its secret key, and that it is running"
    )]
    Call(CallError),
}

/// A schema that this version can work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The newest migration that was applied.
    pub version: String,
    /// Migrations that this version does not know. They only added something: a newer version is being rolled out.
    pub unknown: usize,
}

/// Looks at what was applied to a project's database.
///
/// # Errors
/// See [`SchemaError`]; each says what to do.
pub async fn of(project: &Project) -> Result<Schema, SchemaError> {
    check(&Client::new(project, Timeouts::default())?).await
}

/// Looks at what was applied.
///
/// # Errors
/// See [`SchemaError`]; each says what to do.
pub async fn check(client: &Client) -> Result<Schema, SchemaError> {
    match client.call::<Option<Vec<String>>>("applied_migrations", Repeat::Safe, &json!({})).await {
        Ok(applied) => compare(&needed(), applied.ok_or(SchemaError::Unknown)?),
        Err(CallError::Unmigrated) => Err(SchemaError::Unknown),
        Err(error) => Err(SchemaError::Call(error)),
    }
}

fn compare(needed: &[String], mut applied: Vec<String>) -> Result<Schema, SchemaError> {
    applied.sort();
    let missing: Vec<_> = needed.iter().filter(|version| applied.binary_search(version).is_err()).collect();
    if let Some(first) = missing.first() {
        return Err(SchemaError::Older { missing: missing.len(), first: (*first).clone() });
    }
    let unknown = applied.iter().filter(|version| !needed.contains(version)).count();
    Ok(Schema { version: applied.pop().unwrap_or_default(), unknown })
}

/// The versions of the migrations, in order: fourteen digits before the first underscore.
fn needed() -> Vec<String> {
    let version = |path: &str| {
        let (version, _) = path.strip_suffix(".sql")?.split_once('_')?;
        (version.len() == 14 && version.bytes().all(|byte| byte.is_ascii_digit())).then(|| version.to_owned())
    };
    let mut versions: Vec<_> = Migrations::iter().filter_map(|path| version(&path)).collect();
    versions.sort();
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_what_is_newer_is_borne() {
        let versions = |list: &[&str]| list.iter().map(|version| (*version).to_owned()).collect::<Vec<_>>();
        let needed = versions(&["20260101000000", "20260102000000"]);
        let same = compare(&needed, needed.clone()).expect("all there");
        assert_eq!((same.version.as_str(), same.unknown), ("20260102000000", 0));
        let newer = compare(&needed, versions(&["20260103000000", "20260101000000", "20260102000000"]));
        assert_eq!(newer.expect("it only adds"), Schema { version: "20260103000000".into(), unknown: 1 });
        let older = compare(&needed, versions(&["20260101000000"])).expect_err("one is missing").to_string();
        assert!(
            older.contains("1 missing, the first is 20260102000000") && older.contains("`viva migrate`"),
            "{older}"
        );
        assert!(compare(&needed, Vec::new()).is_err());
    }

    #[test]
    fn only_the_projects_migrations_count() {
        let needed = needed();
        assert!(needed.first().is_some_and(|first| first == "20261121090000"), "{needed:?}");
        assert!(needed.iter().all(|version| version.len() == 14));
    }
}
