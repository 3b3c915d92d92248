//! `viva import`, on both stores: from every form of export, once, told by row, and taken back.

use serde_json::{Value, json};

use super::Served;
use crate::support::postgres::Database;
use crate::support::{Ended, Launch, Viva};

const ADA: &str = "5b0c2d0a-3b1e-4b6e-9a56-0d7f3c1d9a01";
const BOB: &str = "5b0c2d0a-3b1e-4b6e-9a56-0d7f3c1d9a02";
const ISSUER: &str = "https://abc.supabase.co/auth/v1";

fn row(id: &str, subject: &str, date: &str) -> Value {
    json!({
        "id": id, "user_id": subject, "candidate_name": "Robin Planted", "interview_date": date, "room_name": "r",
        "job_role": "Engineer", "experience_level": "senior", "total_messages": { "agent": 1, "user": 1 },
        "conversation": {
            "agent": [{ "role": "agent", "text": "Planted, who are you?", "timestamp": 1, "stage": "welcome" }],
            "user": [{ "role": "user", "text": "Robin.", "timestamp": 3, "stage": "self_intro" }],
        },
        "skipped_stages": ["company_fit"], "final_stage": "closing", "ended_by": "user_disconnect",
        "has_resume": true, "has_jd": false,
    })
}

fn told(ended: &Ended) -> String {
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!told.contains("Planted") && !told.contains("Robin"), "nothing of a row is shown: {told}");
    told
}

fn batch_of(told: &str) -> &str {
    told.lines().find_map(|line| line.strip_prefix("take it back with: viva import --undo ")).expect("it says how")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_interviews_come_to_a_project_once_and_go_again() {
    let served = Served::open(&[]).await;
    let ada = served.token(ADA);
    assert_eq!(served.get("/api/me", &ada).await.0, 200);
    let file = served.data.path().join("rows.json");
    let rows = json!([
        row("one", ADA, "2026-11-01 10:00:00+00"),
        row("two", BOB, "2026-11-02T10:00:00Z"),
        { "id": "three", "user_id": ADA, "interview_date": "2026-11-01T10:00:00Z", "conversation": [] },
        row("four", ADA, "2020-01-01T00:00:00Z"),
        row("five", BOB, "2020-01-01T00:00:00Z"),
        "Planted and no row",
    ]);
    std::fs::write(&file, rows.to_string()).unwrap();
    let issuer = served.issuer();
    let import = ["import", file.to_str().unwrap(), "--issuer", &issuer];
    let with = |more: &[&'static str]| [&import[..], more].concat();

    let first = served.command(&import, &[]).await;
    let said = told(&first);
    assert_eq!(first.code, Some(1), "{said}");
    for line in [
        "row 2: not taken: its person has not been here yet (--make-people)",
        "row 3: not taken: nothing was said in it",
        "row 4: not taken: its tenant keeps interviews for 180 days, and it is older",
        "row 6: not taken: it is not an object with the columns of an interview",
        "1 taken, 0 were here already, 5 not taken",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let rehearsed = served.command(&with(&["--make-people", "--retention-days", "0", "--dry-run"]), &[]).await;
    let rehearsal = told(&rehearsed);
    assert!(rehearsal.contains("2 would be taken, 1 were here already, 3 not taken"), "{rehearsal}");
    assert_eq!(served.database.sql("select count(*) from public.users"), "1", "nothing was changed");
    let second = served.command(&with(&["--make-people", "--retention-days", "0"]), &[]).await;
    let more = told(&second);
    assert!(more.contains("2 taken, 1 were here already, 3 not taken"), "{more}");

    // Whom it made known are themselves when they come.
    let bob = served.token(BOB);
    let (_, list) = served.get("/api/sessions", &bob).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    let (_, list) = served.get("/api/sessions", &ada).await;
    let one = &list["items"][0];
    assert_eq!((&one["status"], &one["control"]), (&json!("completed"), &json!("imported")), "{one}");
    assert_eq!((&one["ended_by"], &one["candidate_name"]), (&json!("user_disconnect"), &json!("Robin Planted")));
    let id = one["id"].as_str().unwrap();
    let (_, transcript) = served.get(&format!("/api/sessions/{id}/transcript"), &ada).await;
    let turns = transcript["turns"].as_array().unwrap();
    let marks: Vec<_> = turns.iter().map(|turn| (turn["source"].as_str(), turn["stage"].as_str())).collect();
    assert_eq!(marks, [(Some("imported"), Some("welcome")), (Some("imported"), Some("self_intro"))]);
    assert_eq!(transcript["ordered_conversation"][0]["role"], "agent");
    let exported = served.command(&["export", id], &[]).await;
    let journal = served.data.path().join("journal.jsonl");
    std::fs::write(&journal, &exported.stdout).unwrap();
    assert_eq!(Launch::new(&["verify", journal.to_str().unwrap()]).output().code, Some(0));

    let undone = served.command(&["import", "--undo", batch_of(&more)], &[]).await;
    assert_eq!((undone.code, told(&undone).starts_with("2 interviews of")), (Some(0), true), "{}", told(&undone));
    assert_eq!(served.get("/api/sessions", &bob).await.1["items"], json!([]));
    let listed = told(&served.command(&["import", "--list"], &[]).await);
    assert_eq!(listed.trim(), format!("{}: 1 interviews", batch_of(&said)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_read_out_of_the_older_database_itself() {
    let served = Served::open(&[]).await;
    let older = Database::fresh();
    older.sql(
        "create table public.interviews (
            id uuid primary key default gen_random_uuid(), user_id text not null, candidate_name text not null,
            interview_date timestamptz not null, room_name text, job_role text, experience_level text,
            conversation jsonb, total_messages jsonb, skipped_stages text[], final_stage text, ended_by text,
            has_resume boolean, has_jd boolean, created_at timestamptz default now())",
    );
    older.sql(&format!(
        "insert into public.interviews (user_id, candidate_name, interview_date, conversation, skipped_stages, final_stage)
         select '{ADA}', 'Robin Planted', now() - n * interval '1 hour',
             '{{\"agent\": [{{\"text\": \"Planted?\", \"timestamp\": 1}}], \"user\": []}}', '{{company_fit}}', 'closing'
         from generate_series(1, 230) as n"
    ));
    let url = older.superuser_url();
    let issuer = served.issuer();
    let arguments = ["import", "--table", "public.interviews", "--issuer", &issuer, "--make-people", "--json"];
    let settings = [("IMPORT_DATABASE_URL", url.as_str())];
    let ended = served.command(&arguments, &settings).await;
    let said = told(&ended);
    assert_eq!(ended.code, Some(0), "{said}");
    let sum: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&sum["taken"], &sum["refused"]), (&json!(230), &json!(0)), "{sum}");
    let again = served.command(&arguments, &settings).await;
    let sum: Value = serde_json::from_str(again.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&sum["taken"], &sum["there"]), (&json!(0), &json!(230)), "{sum}");
    let missing = ["import", "--table", "public.\"; drop table interviews", "--issuer", &issuer];
    let refused = served.command(&missing, &settings).await;
    assert_eq!((refused.code, refused.stderr.contains("does not exist")), (Some(1), true), "{}", refused.stderr);
    assert_eq!(older.sql("select count(*) from public.interviews"), "230");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_takes_a_csv_while_no_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("rows.csv"));
    let one = row("one", ADA, "2026-11-01 10:00:00+00");
    let quoted = one["conversation"].to_string().replace('"', "\"\"");
    let csv = format!(
        "id,user_id,candidate_name,interview_date,conversation,skipped_stages,final_stage,ended_by\n\
         one,{ADA},\"Planted, Robin\",2026-11-01 10:00:00+00,\"{quoted}\",{{company_fit}},closing,natural_completion\n"
    );
    std::fs::write(&file, csv).unwrap();
    let run = async |arguments: Vec<String>| {
        let launch = Launch::on(&data, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(|| launch.output()).await.unwrap()
    };
    let import = || ["import", file.to_str().unwrap(), "--issuer", ISSUER, "--make-people"].map(str::to_owned).to_vec();
    let first = run(import()).await;
    let said = told(&first);
    assert_eq!(first.code, Some(0), "{said}");
    assert!(said.contains("1 taken, 0 were here already, 0 not taken"), "{said}");
    let again = run(import()).await;
    assert!(told(&again).contains("0 taken, 1 were here already"), "{}", told(&again));
    let server: Viva = {
        let launch = Launch::on(&data, &[]);
        tokio::task::spawn_blocking(|| launch.start()).await.unwrap()
    };
    let beside = run(import()).await;
    assert_eq!(beside.code, Some(1), "{}", told(&beside));
    drop(server);
    let undone = run(["import", "--undo", batch_of(&said)].map(str::to_owned).to_vec()).await;
    assert!(told(&undone).starts_with("1 interviews of"), "{}", told(&undone));
    assert!(told(&run(vec!["import".into(), "--list".into()]).await).contains("nothing that was imported is here"));
}
