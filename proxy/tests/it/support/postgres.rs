//! A migrated database of its own for a test, with PostgREST in front of it. One Postgres serves every test of a run: the
//! first that needs it starts it (`scripts/supabase-local`), and it ends itself a while after the last has gone. A test
//! costs a copy of the template and a start of PostgREST, together about half a second.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use viva_proxy::store::supabase::{Project, ProjectKey};

/// What tokens are signed with that PostgREST believes.
pub(crate) const SECRET: &str = "a-secret-of-these-tests-with-more-than-32-characters";
/// The project's own sign-in, unless a test says otherwise.
pub(crate) const ISSUER: &str = "https://abc.supabase.co/auth/v1";
/// Ends the cluster when nobody has used it for a while. Both locks are held meanwhile, so that the next test waits.
const KEEPER: &str = r#"idle=0
while sleep 2; do
  exec 8>"$1/lock" 9>"$1/users"
  if flock -n 8 && flock -n 9; then idle=$((idle + 1)); else idle=0; fi
  if ((idle > 5)); then rm -f "$1/ready"; "$0" down --dir "$1/stack"; exit; fi
  exec 8>&- 9>&-
done"#;

/// A database and the PostgREST in front of it. Dropping it ends PostgREST.
pub(crate) struct Database {
    /// How it is reached.
    pub(crate) project: Project,
    /// The service's key, for settings.
    pub(crate) key: String,
    name: String,
    postgrest: Child,
}

impl Database {
    /// An empty one on the present schema.
    pub(crate) fn fresh() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let cluster = cluster();
        cluster.superuser("template1", &format!("create database {name} template postgres owner postgres"));
        let (postgrest, port) = cluster.postgrest(&name);
        let key = signed(&json!({ "role": "service_role", "exp": 4_000_000_000_u32 }));
        let rest = format!("http://127.0.0.1:{port}");
        let project = Project { rest, key: ProjectKey::parse(&key).expect("a key"), issuer: ISSUER.into() };
        Self { project, key, name, postgrest }
    }

    /// A token that PostgREST believes.
    pub(crate) fn token(&self, claims: &Value) -> String {
        signed(claims)
    }

    /// How its superuser reaches it without PostgREST.
    pub(crate) fn superuser_url(&self) -> String {
        let cluster = cluster();
        let socket = cluster.socket.replace('/', "%2F");
        format!("postgres://supabase_admin@{socket}:{}/{}", cluster.port, self.name)
    }

    /// Runs SQL as the superuser.
    pub(crate) fn sql(&self, sql: &str) -> String {
        cluster().superuser(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.postgrest.kill();
        let _ = self.postgrest.wait();
    }
}

fn signed(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token")
}

struct Cluster {
    socket: String,
    port: u16,
    password: String,
    /// Held for as long as this process may use it.
    _user: File,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::join)
}

impl Cluster {
    /// Takes part in the one that is there, or starts it.
    fn join() -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres");
        fs::create_dir_all(&dir).expect("a directory for tests");
        let open = |name: &str| File::options().create(true).append(true).open(dir.join(name)).expect("a lock file");
        let (lock, user) = (open("lock"), open("users"));
        lock.lock().expect("it can be locked");
        user.lock_shared().expect("it can be locked");
        let wanted = fingerprint();
        let ready = dir.join("ready");
        if fs::read_to_string(&ready).ok().as_deref() != Some(&wanted) {
            // Not there, or of another schema. Whoever still used that one has it taken away: another run of tests.
            let _ = fs::remove_file(&ready);
            script(&dir, &["down"]);
            script(&dir, &["up"]);
            // Nobody may be connected to what is copied.
            script(&dir, &["stop", "gateway"]);
            script(&dir, &["stop", "postgrest"]);
            Self::find(&dir, user.try_clone().expect("a file")).superuser("postgres", include_str!("postgres.sql"));
            fs::write(&ready, wanted).expect("a file");
            keep(&dir);
        }
        lock.unlock().expect("it was locked");
        Self::find(&dir, user)
    }

    fn find(dir: &Path, user: File) -> Self {
        let stack = fs::read_to_string(dir.join("stack/stack.env")).expect("the script wrote it");
        let value = |name: &str| {
            let of = |line: &str| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned());
            stack.lines().find_map(of).expect("the script wrote it")
        };
        let base: u16 = value("BASE_PORT").parse().expect("a port");
        Self { socket: value("CLUSTER"), port: base + 3, password: value("AUTHENTICATOR_PASSWORD"), _user: user }
    }

    fn superuser(&self, database: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "supabase_admin", "-h", &self.socket])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .output()
            .expect("psql is part of postgresql-client");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// PostgREST on a free port, once it has read the schema.
    fn postgrest(&self, database: &str) -> (Child, u16) {
        let (password, port) = (&self.password, self.port);
        // Ends with the thread that started it, however that ends.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(postgrest_binary())
            .env_clear()
            .env("PGRST_DB_URI", format!("postgres://authenticator:{password}@127.0.0.1:{port}/{database}"))
            .env("PGRST_DB_SCHEMAS", "public")
            .env("PGRST_DB_ANON_ROLE", "anon")
            .env("PGRST_DB_MAX_ROWS", "1000")
            .env("PGRST_JWT_SECRET", SECRET)
            .env("PGRST_SERVER_HOST", "127.0.0.1")
            .env("PGRST_SERVER_PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setpriv is part of util-linux");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let (tell, told) = std::sync::mpsc::channel();
        // Reads on until the end, so that it never writes into a full pipe.
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _gone = tell.send(line);
            }
        });
        let (mut listens, mut knows, mut said) = (None, false, String::new());
        while listens.is_none() || !knows {
            let line = told.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("PostgREST: {said}"));
            if let Some((_, port)) = line.split_once("Listening on port ") {
                listens = Some(port_of(port));
            }
            knows |= line.contains("Schema cache loaded");
            said += &line;
        }
        (child, listens.expect("it listens"))
    }
}

/// The number at the beginning. Another of its threads may have written its line, which begins with the day of the month,
/// right behind it.
fn port_of(told: &str) -> u16 {
    let digits = told.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(told.trim().len());
    let (port, rest) = told.trim().split_at(digits);
    let port = if rest.starts_with('/') { &port[..port.len() - 2] } else { port };
    port.parse().expect("a port")
}

fn script(dir: &Path, arguments: &[&str]) {
    let output = Command::new(root().join("scripts/supabase-local"))
        .args(arguments)
        .arg("--dir")
        .arg(dir.join("stack"))
        .output()
        .expect("the script is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "scripts/supabase-local {}: {said}", arguments.join(" "));
}

/// Starts what ends the cluster.
fn keep(dir: &Path) {
    let keeper = Command::new("setsid")
        .args(["--fork", "bash", "-c", KEEPER])
        .arg(root().join("scripts/supabase-local"))
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(keeper.is_ok_and(|status| status.success()), "setsid is part of util-linux");
}

/// Of everything that the template is made from.
fn fingerprint() -> String {
    let migrations = fs::read_dir(root().join("migrations")).expect("migrations");
    let mut files: Vec<PathBuf> = migrations.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "sql"));
    files.sort();
    files.push(root().join("tests/supabase/platform.sql"));
    let mut sha = Sha256::new();
    for file in files {
        sha.update(fs::read(file).expect("a file"));
    }
    sha.update(include_str!("postgres.sql"));
    hex::encode(sha.finalize())
}

fn postgrest_binary() -> PathBuf {
    let modules = root().join("tests/supabase/node_modules");
    let installed = fs::read_dir(&modules).into_iter().flatten().filter_map(Result::ok);
    let mut found = installed.map(|package| package.path().join("postgrest")).filter(|file| file.is_file());
    found.next().expect("PostgREST is installed by: npm install --no-save --prefix tests/supabase")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}
