//! `viva import`: interviews that an older system kept in its table `interviews` (or wrote to JSON files), taken over with
//! their words and marked as what they are. A row is told of by its number, never by what is in it.

mod source;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::source::Rows;
use super::registry::project_store;
use super::{complain, grumble, say};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Env, StoreKind};
use crate::identity::TenantCtx;
use crate::ids::{ImportId, SessionId, TenantId, UserId};
use crate::interview::Plan;
use crate::older::{Columns, Older};
use crate::store::imports::{Imported, Imports, Taken};
use crate::store::people::{Newcomer, People, Profile, SetUp, TenantKind};
use crate::store::sqlite::SqliteStore;
use crate::store::{Details, NewSession, Store, StoreError};
use crate::transcript::Signer;
use crate::vault::seal_key;

const DAY_MS: i64 = 86_400_000;
/// As a new tenant is set up.
const USUAL_RETENTION_DAYS: u32 = 180;
/// What a model and a voice are called that nobody wrote down.
const UNKNOWN: &str = "unknown";

/// Import interviews of an older system.
///
/// SOURCE is a JSON list of rows, one JSON object a line, one object, or a CSV with a line of names, as the older table
/// `interviews` exports them; `-` reads standard input. Each row is the interview of the person that `user_id` (or
/// `subject`) and `issuer` name, in their own tenant. Its turns are marked as imported, never as heard here, and are sealed as
/// they came. What is there stays as it is, so an import can be run again; what was deleted here does not come back. With
/// the embedded store no server may be running. Exit status: 0 every row was taken or was there; 1 some were not, by number;
/// 78 the settings.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  psql -Atc 'select row_to_json(i) from interviews i' > rows.jsonl\n  viva import rows.jsonl --issuer https://PROJECT.supabase.co/auth/v1 --dry-run\n  viva import rows.jsonl --issuer https://PROJECT.supabase.co/auth/v1 --make-people --retention-days 0\n  IMPORT_DATABASE_URL=postgres://… viva import --table public.interviews --issuer …\n  viva import --list\n  viva import --undo 019f…"
)]
pub(super) struct ImportArgs {
    /// The rows: a file, or `-`.
    #[arg(required_unless_present_any = ["table", "undo", "list"], conflicts_with_all = ["table", "undo", "list"])]
    source: Option<std::path::PathBuf>,
    /// Read this table of the Postgres in IMPORT_DATABASE_URL instead of a file.
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["undo", "list"])]
    table: Option<String>,
    /// Issuer of people whose row names none.
    #[arg(long)]
    issuer: Option<String>,
    /// Make people known who have not been here yet, each with a tenant of their own.
    #[arg(long)]
    make_people: bool,
    /// How long the tenants that --make-people makes keep interviews; 0 is for ever. Without it the usual 180, and whatever
    /// is older is not taken.
    #[arg(long, value_name = "DAYS", requires = "make_people", value_parser = clap::value_parser!(u32).range(..=1095))]
    retention_days: Option<u32>,
    /// Say what would become of each row, and change nothing.
    #[arg(long, conflicts_with_all = ["undo", "list"])]
    dry_run: bool,
    /// One JSON object a line instead of text.
    #[arg(long)]
    json: bool,
    /// Delete what the run with this id brought.
    #[arg(long, value_name = "ID", conflicts_with = "list")]
    undo: Option<ImportId>,
    /// Say which runs there were, and how much of each is there.
    #[arg(long)]
    list: bool,
}

/// A store that interviews can be brought to.
trait Place: Store + People + Imports {}
impl<T: Store + People + Imports> Place for T {}

/// Reads, judges, writes, tells.
pub(super) async fn run(args: &ImportArgs) -> ExitCode {
    let env = Env::of_process();
    let config = match Config::from_env(&env) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let place = match open(&config).await {
        Ok(place) => place,
        Err(problem) => {
            grumble(&problem);
            return ExitCode::FAILURE;
        }
    };
    let done = match (args.undo, args.list) {
        (Some(batch), _) => undo(place.as_ref(), batch, args).await,
        (None, true) => list(place.as_ref(), args).await,
        (None, false) => import(place.as_ref(), &config, &env, args).await,
    };
    let closed = place.close().await;
    match done.and_then(|code| closed.map(|()| code).map_err(|error| error.to_string())) {
        Ok(code) => code,
        Err(problem) => {
            grumble(&problem);
            ExitCode::FAILURE
        }
    }
}

async fn open(config: &Config) -> Result<Box<dyn Place>, String> {
    Ok(match &config.store.kind {
        StoreKind::Embedded => {
            let store = SqliteStore::open(&config.store.data_dir, Arc::new(SystemClock::new()));
            Box::new(store.map_err(|error| error.to_string())?)
        }
        StoreKind::Supabase(project) => Box::new(project_store(project).await?),
    })
}

async fn list(place: &dyn Place, args: &ImportArgs) -> Result<ExitCode, String> {
    let runs = place.imports().await.map_err(|error| error.to_string())?;
    for run in &runs {
        if args.json {
            say(&json!({ "batch": run.batch, "sessions": run.sessions }).to_string());
        } else {
            say(&format!("{}: {} interviews", run.batch, run.sessions));
        }
    }
    if runs.is_empty() && !args.json {
        say("nothing that was imported is here");
    }
    Ok(ExitCode::SUCCESS)
}

async fn undo(place: &dyn Place, batch: ImportId, args: &ImportArgs) -> Result<ExitCode, String> {
    let undone = place.undo_import(batch).await.map_err(|error| error.to_string())?;
    if args.json {
        say(&json!({ "batch": batch, "gone": undone.gone, "held": undone.held }).to_string());
    } else {
        say(&format!("{} interviews of {batch} are gone, {} stay under a legal hold", undone.gone, undone.held));
        if undone.gone > 0 {
            say("People whom the import made known stay.");
        }
    }
    Ok(if undone.held == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What became of a row.
enum Outcome {
    Taken { session: SessionId, turns: usize },
    There { session: SessionId },
    Refused(String),
}

/// An import under way.
struct Run<'a> {
    place: &'a dyn Place,
    args: &'a ImportArgs,
    plan: &'a Plan,
    signer: Signer,
    batch: ImportId,
    now: i64,
    /// People by issuer and subject, as far as they were asked for.
    people: HashMap<(String, String), Option<Person>>,
}

#[derive(Clone, Copy)]
struct Person {
    /// `None`: they would be made known, which a rehearsal does not do.
    known: Option<(TenantId, UserId)>,
    retention_days: u32,
}

async fn import(place: &dyn Place, config: &Config, env: &Env, args: &ImportArgs) -> Result<ExitCode, String> {
    let plan = config.plans.get("default").ok_or("there is no plan named default, whose stages the interviews get")?;
    let signer = match &config.seal.signer {
        Some(signer) => signer.clone(),
        None => seal_key::read_or_make(&config.store.data_dir, rand::random()).map_err(|error| error.to_string())?,
    };
    let mut rows = Rows::open(args.source.as_deref(), args.table.as_deref(), env).await?;
    let (batch, now) = (ImportId::fresh(), SystemClock::new().now().unix_ms);
    let mut run = Run { place, args, plan, signer, batch, now, people: HashMap::new() };
    let (mut taken, mut there, mut refused, mut number) = (0_u64, 0_u64, 0_u64, 0_u64);
    loop {
        let portion =
            rows.next().await.map_err(|error| format!("{error}; {taken} were taken, run it again for the rest"))?;
        if portion.is_empty() {
            break;
        }
        for row in portion {
            number += 1;
            let outcome = match row {
                Some(row) => run.take(&row).await,
                None => Ok(Outcome::Refused(crate::older::Refusal::Form.to_string())),
            };
            let outcome = outcome
                .map_err(|error| format!("row {number}: {error}; {taken} were taken, run it again for the rest"))?;
            match &outcome {
                Outcome::Taken { .. } => taken += 1,
                Outcome::There { .. } => there += 1,
                Outcome::Refused(_) => refused += 1,
            }
            run.tell(number, &outcome);
        }
    }
    run.sum_up(taken, there, refused);
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run<'_> {
    async fn take(&mut self, row: &Columns) -> Result<Outcome, StoreError> {
        let refused = |why: &str| Ok(Outcome::Refused(why.to_owned()));
        let older = match Older::read(row) {
            Ok(older) => older,
            Err(refusal) => return refused(&refusal.to_string()),
        };
        let Some(issuer) = older.issuer.clone().or_else(|| self.args.issuer.clone()) else {
            return refused("it names no issuer, and no --issuer was given");
        };
        let Some(person) = self.person(&issuer, &older.subject).await? else {
            return refused("its person has not been here yet (--make-people)");
        };
        let kept = i64::from(person.retention_days) * DAY_MS;
        if kept > 0 && older.ended() < self.now - kept {
            return Ok(Outcome::Refused(format!(
                "its tenant keeps interviews for {} days, and it is older",
                person.retention_days
            )));
        }
        let (session, turns) = (older.session(&issuer), older.turns());
        let Some((tenant, user)) = person.known else { return Ok(Outcome::Taken { session, turns }) };
        let ctx = TenantCtx::service(tenant);
        if self.args.dry_run {
            let there = self.place.session(ctx, session).await?.is_some();
            return Ok(if there { Outcome::There { session } } else { Outcome::Taken { session, turns } });
        }
        let first_stage = self.plan.stages.first().map_or("", |stage| stage.name.as_str());
        let interview = Imported {
            new: self.session(&older, session, user),
            batch: self.batch,
            from: older.key.clone(),
            records: older.journal(session, first_stage, &self.signer, rand::random),
        };
        Ok(match self.place.import(ctx, interview).await {
            Ok(Taken::Stored) => Outcome::Taken { session, turns },
            Ok(Taken::There) => Outcome::There { session },
            Ok(Taken::Erased) => Outcome::Refused("it was deleted here, and does not come back".to_owned()),
            // About this row, and not about the store.
            Err(StoreError::Conflict | StoreError::Missing | StoreError::Fenced) => {
                Outcome::Refused("its place is taken by something else".to_owned())
            }
            Err(error) => return Err(error),
        })
    }

    fn session(&self, older: &Older, id: SessionId, user: UserId) -> NewSession {
        NewSession {
            id,
            user,
            plan: self.plan.name.clone(),
            stage_plan: self.plan.to_json().into(),
            candidate_name: older.candidate_name.clone(),
            job_role: older.job_role.clone(),
            language: older.language.clone(),
            details: Details { experience_level: older.level, ..Details::default() },
            model: UNKNOWN.to_owned(),
            voice: UNKNOWN.to_owned(),
            simulation: false,
            created_at: older.began,
        }
    }

    /// The person with their own tenant; made known if that was asked for.
    async fn person(&mut self, issuer: &str, subject: &str) -> Result<Option<Person>, StoreError> {
        let key = (issuer.to_owned(), subject.to_owned());
        if let Some(known) = self.people.get(&key) {
            return Ok(*known);
        }
        let mut standing = self.place.standing_of(key.0.clone(), key.1.clone()).await?;
        let mut rehearsed = None;
        if standing.is_none() && self.args.make_people {
            let retention_days = self.args.retention_days.unwrap_or(USUAL_RETENTION_DAYS);
            if self.args.dry_run {
                rehearsed = Some(Person { known: None, retention_days });
            } else {
                let newcomer = Newcomer {
                    // As a sign-in would have it where subjects are such ids.
                    user: subject.parse().unwrap_or_else(|_| UserId::fresh()),
                    tenant: TenantId::fresh(),
                    issuer: key.0.clone(),
                    subject: key.1.clone(),
                    profile: Profile::default(),
                };
                let made = self.place.admit(newcomer).await?;
                if let Some(own) = made.memberships.first() {
                    let set_up = SetUp { retention_days: self.args.retention_days, ..SetUp::default() };
                    self.place.set_up(TenantCtx::service(own.tenant), set_up).await?;
                }
                standing = Some(made);
            }
        }
        let person = match standing {
            None => rehearsed,
            Some(standing) => {
                let own = standing.memberships.iter().find(|place| place.kind == TenantKind::Personal);
                let tenant = match own {
                    Some(own) => self.place.tenant(own.tenant).await?,
                    None => None,
                };
                tenant.map(|tenant| Person {
                    known: Some((tenant.id, standing.user.id)),
                    retention_days: tenant.retention_days,
                })
            }
        };
        self.people.insert(key, person);
        Ok(person)
    }

    fn tell(&self, number: u64, outcome: &Outcome) {
        if self.args.json {
            let told = match outcome {
                Outcome::Taken { session, turns } => {
                    json!({ "row": number, "outcome": "taken", "session": session, "turns": turns })
                }
                Outcome::There { session } => json!({ "row": number, "outcome": "there", "session": session }),
                Outcome::Refused(why) => json!({ "row": number, "outcome": "refused", "reason": why }),
            };
            say(&told.to_string());
            return;
        }
        say(&match outcome {
            Outcome::Taken { session, turns } => format!("row {number}: taken as {session}, {turns} turns"),
            Outcome::There { session } => format!("row {number}: was here already as {session}"),
            Outcome::Refused(why) => format!("row {number}: not taken: {why}"),
        });
    }

    fn sum_up(&self, taken: u64, there: u64, refused: u64) {
        let is_real = !self.args.dry_run && taken > 0;
        if self.args.json {
            let batch = is_real.then_some(self.batch);
            let sum = json!({ "batch": batch, "taken": taken, "there": there, "refused": refused, "dry_run": self.args.dry_run });
            say(&sum.to_string());
            return;
        }
        let would = if self.args.dry_run { "would be taken" } else { "taken" };
        say(&format!("{taken} {would}, {there} were here already, {refused} not taken"));
        if is_real {
            say(&format!("take it back with: viva import --undo {}", self.batch));
        }
    }
}
