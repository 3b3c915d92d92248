//! `viva migrate` on a real Postgres as the platform sets one up: from empty, two at once, on data of the version before,
//! and when something is in the way. One cluster for all of it, a database for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A cluster with the platform's part and nothing of ours. Dropping it takes it down.
struct Stack {
    dir: tempfile::TempDir,
    url: String,
}

impl Stack {
    fn up() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let told = script(&["up", "--no-migrations"], dir.path());
        let url =
            told.lines().find_map(|line| line.strip_prefix("DATABASE_URL=")).expect("the script tells it").to_owned();
        for part in ["gateway", "postgrest"] {
            // Nobody may be connected to what is copied.
            script(&["stop", part], dir.path());
        }
        Self { dir, url }
    }

    fn url_of(&self, database: &str) -> String {
        let (server, _postgres) = self.url.rsplit_once('/').expect("a database is named");
        format!("{server}/{database}")
    }

    /// A database of its own, as the platform makes one.
    fn database(&self, name: &str) -> String {
        sql(&self.url_of("template1"), &format!("create database {name} template postgres"));
        self.url_of(name)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        script(&["down"], self.dir.path());
    }
}

fn script(arguments: &[&str], dir: &Path) -> String {
    let output = Command::new(root().join("scripts/supabase-local"))
        .args(arguments)
        .arg("--dir")
        .arg(dir.join("stack"))
        .stderr(Stdio::inherit())
        .output()
        .expect("the script is there");
    assert!(output.status.success(), "scripts/supabase-local {}", arguments.join(" "));
    text(&output.stdout)
}

fn sql(url: &str, statement: &str) -> String {
    let output =
        Command::new("psql").args(["-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]).output();
    let output = output.expect("psql is part of postgresql-client");
    assert!(output.status.success(), "{statement}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

fn viva(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viva"));
    command.arg("migrate").args(arguments).env_clear().env("DATABASE_URL", url);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn migrate(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(viva(url, arguments).output().unwrap())
}

fn ended(output: Output) -> (Option<i32>, String, String) {
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The files, oldest first.
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("migrations")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "sql"));
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

/// How many rows each table has.
fn rows(url: &str) -> BTreeMap<String, String> {
    let counted = sql(
        url,
        "select relname || '=' || (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from public.%I', relname), false, true, '')))[1]
         from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
    );
    counted.lines().filter_map(|line| line.split_once('=')).map(|(name, rows)| (name.into(), rows.into())).collect()
}

const HISTORY: &str = "select count(*) from supabase_migrations.schema_migrations";

#[test]
fn a_schema_is_brought_up_to_date_by_whoever_owns_it() {
    let stack = Stack::up();
    let all = files();
    from_empty(&stack.database("empty"), &all);
    two_at_once(&stack.database("at_once"), all.len());
    with_data(&stack.database("with_data"), &all);
    in_the_way(&stack.database("in_the_way"));
    not_the_owner(&stack);
}

fn from_empty(url: &str, all: &[PathBuf]) {
    let (code, told, _) = migrate(url, &["--status"]);
    assert_eq!(code, Some(1), "{told}");
    for file in all {
        assert!(told.contains(&format!("missing {}", name(file))), "{told}");
    }
    let (code, told, error) = migrate(url, &["--dry-run"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(told.matches("would be applied: ").count(), all.len(), "{told}");
    assert_eq!(rows(url), BTreeMap::new(), "nothing was changed");
    assert_eq!(
        sql(url, "select to_regnamespace('supabase_migrations') is null and to_regnamespace('private') is null"),
        "t"
    );

    let (code, told, error) = migrate(url, &[]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(told.matches("applied: ").count(), all.len(), "{told}");
    assert_eq!(sql(url, HISTORY), all.len().to_string());
    let (version, about) = name(&all[0]).trim_end_matches(".sql").split_once('_').unwrap();
    let row =
        "select version, name, left(statements[1], 12) from supabase_migrations.schema_migrations order by 1 limit 1";
    assert_eq!(sql(url, row), format!("{version}|{about}|-- Who there"));
    for arguments in [&["--status"][..], &["--dry-run"], &[]] {
        let (code, told, _) = migrate(url, arguments);
        assert!(code == Some(0) && told.contains("up to date"), "{arguments:?}: {told}");
    }
    // Of somebody else, or of a newer version: said, and left alone.
    sql(url, "insert into supabase_migrations.schema_migrations (version) values ('29991231235959')");
    let (code, told, _) = migrate(url, &[]);
    assert!(code == Some(0) && told.contains("1 applied that this version does not know: 29991231235959"), "{told}");
    sql(url, &format!("delete from supabase_migrations.schema_migrations where version = '{version}'"));
    let (code, _, error) = migrate(url, &[]);
    assert!(code == Some(1) && error.contains("is missing although later ones were applied"), "{error}");
}

fn two_at_once(url: &str, all: usize) {
    let both = [(); 2].map(|()| viva(url, &[]).spawn().unwrap());
    let told = both.map(|one| ended(one.wait_with_output().unwrap()));
    assert!(told.iter().all(|(code, ..)| *code == Some(0)), "{told:?}");
    assert_eq!(told.iter().map(|(_, told, _)| told.matches("applied: ").count()).sum::<usize>(), all, "{told:?}");
    assert_eq!(sql(url, HISTORY), all.to_string());
}

/// The version before, with rows in every table, then the last migration.
fn with_data(url: &str, all: &[PathBuf]) {
    let (last, before) = all.split_last().unwrap();
    sql(
        url,
        "create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key)",
    );
    for file in before {
        let version = &name(file)[..14];
        let note = format!("insert into supabase_migrations.schema_migrations values ('{version}')");
        let applied = Command::new("psql")
            .args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", url, "-f"])
            .arg(file)
            .args(["-c", &note])
            .output()
            .unwrap();
        assert!(applied.status.success(), "{}: {}", name(file), text(&applied.stderr));
    }
    // What a later version's fixture says of tables that are not there yet is skipped.
    let fixture = root().join("migrations/tests/fixture.psql");
    let filled = Command::new("psql").args(["-X", "-q", "-d", url, "-f"]).arg(fixture).output().unwrap();
    let rows_before = rows(url);
    let filled_tables = rows_before.values().filter(|count| *count != "0").count();
    assert!(filled_tables > 10, "{rows_before:?}: {}", text(&filled.stderr));

    let (code, told, error) = migrate(url, &[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(told.contains(&format!("applied: {}", name(last))) && told.matches("applied: ").count() == 1, "{told}");
    let rows_after = rows(url);
    for (table, count) in &rows_before {
        assert_eq!(rows_after.get(table), Some(count), "{table}");
    }
}

fn in_the_way(url: &str) {
    sql(url, "create table public.audit (id int)");
    for arguments in [&["--dry-run"][..], &[]] {
        let (code, _, error) = migrate(url, arguments);
        assert_eq!(code, Some(1));
        assert!(error.contains("_access.sql was not applied") && error.contains("42P07"), "{error}");
        assert_eq!(sql(url, "select to_regclass('public.user_api_keys') is null"), "t", "nothing of it stays");
    }
    let before = files().iter().filter(|file| name(file) < "20261121110000").count();
    assert_eq!(sql(url, HISTORY), before.to_string());
    sql(url, "drop table public.audit");
    let (code, _, error) = migrate(url, &[]);
    assert_eq!(code, Some(0), "goes on where it ended: {error}");
}

fn not_the_owner(stack: &Stack) {
    sql(&stack.url, "create role visitor login password 'of-a-test'");
    let (_, place) = stack.url.rsplit_once('@').unwrap();
    let (code, _, error) = migrate(&format!("postgres://visitor:of-a-test@{place}"), &[]);
    assert!(code == Some(1) && error.contains("BYPASSRLS"), "{error}");
    let (code, _, error) = migrate(&format!("postgres://visitor:wrong-one@{place}"), &[]);
    assert!(code == Some(1) && error.contains("was not reached") && !error.contains("wrong-one"), "{error}");
    let (code, _, error) = migrate("mysql://nowhere", &[]);
    assert!(code == Some(78) && error.contains("DATABASE_URL is no postgres:// URL"), "{error}");
}
