//! The contract of people and tenants, against any store: first sight, memberships, sign-ins.

use std::sync::Arc;

use viva_proxy::identity::{Actor, Role, TenantCtx};
use viva_proxy::ids::{TenantId, UserId};
use viva_proxy::store::StoreError;
use viva_proxy::store::audit::{Action, AuditPage};
use viva_proxy::store::people::{
    Change, DefaultTenant, Grant, Lookup, MemberPage, Newcomer, Profile, SetUp, SignIn, SignOut, Standing, TenantKind,
};
use viva_proxy::store::rights::Erasure;
use viva_proxy::vault::KeyPolicy;

use super::contract_accounts::{Accounts, House};
use super::fixture::{NOW, consent, new_session, ticket};

const ALL: MemberPage = MemberPage { limit: 100, before: None };

fn newcomer(subject: &str) -> Newcomer {
    let profile = Profile {
        name: Some("Robin".into()),
        email: Some(format!("{subject}@Example.org")),
        avatar_url: Some("https://pictures.example/robin".into()),
    };
    Newcomer {
        user: UserId::fresh(),
        tenant: TenantId::fresh(),
        issuer: "https://id.example/".into(),
        subject: subject.into(),
        profile,
    }
}

async fn member(store: &Arc<dyn Accounts>, subject: &str, tenant: TenantId, role: Role) -> Standing {
    let user = store.admit(newcomer(subject)).await.unwrap().user.id;
    assert_eq!(store.grant(TenantCtx::service(tenant), granted(user, role)).await, Ok(Change::Done));
    store.standing(user).await.unwrap().unwrap()
}

fn granted(user: UserId, role: Role) -> Grant {
    Grant { user, role, default: DefaultTenant::LeavesHome }
}

pub(super) async fn whoever_comes_first_gets_a_tenant_of_their_own_once(House { store, .. }: House) {
    let first = newcomer("one");
    let standing = store.admit(first.clone()).await.unwrap();
    assert_eq!((standing.user.id, standing.default_tenant), (first.user, Some(first.tenant)));
    let own = standing.acting(None).unwrap();
    assert_eq!(
        (own.tenant, own.role, own.kind, own.name.as_str()),
        (first.tenant, Role::Admin, TenantKind::Personal, "Robin")
    );

    let later = Newcomer {
        user: UserId::fresh(),
        tenant: TenantId::fresh(),
        profile: Profile { name: Some("Robin B.".into()), ..Profile::default() },
        ..first.clone()
    };
    let again = store.admit(later).await.unwrap();
    assert_eq!((again.user.id, again.user.name.as_str(), again.memberships.len()), (first.user, "Robin B.", 1));
    assert_eq!(again.user.email, first.profile.email, "what is not told stays");
    assert_eq!(store.standing_of(first.issuer.clone(), "one".into()).await.unwrap(), Some(again));
    assert_eq!(store.standing_of("https://other.example/".into(), "one".into()).await.unwrap(), None);
}

pub(super) async fn the_same_id_from_two_issuers_is_two_people(House { store, .. }: House) {
    let one = newcomer("one");
    let two = Newcomer { issuer: "https://other.example/".into(), tenant: TenantId::fresh(), ..one.clone() };
    store.admit(one.clone()).await.unwrap();
    let two = store.admit(two).await.unwrap();
    assert_ne!(two.user.id, one.user);
    assert_eq!(
        store.find(Lookup::Email("ONE@example.ORG".into())).await.unwrap().len(),
        2,
        "whoever asks has to choose"
    );
    let by_subject = Lookup::Subject { issuer: one.issuer.clone(), subject: "one".into() };
    assert_eq!(store.find(by_subject).await.unwrap()[0].id, one.user);
    assert_eq!(store.find(Lookup::Id(two.user.id)).await.unwrap(), [two.user]);
}

pub(super) async fn an_organisation_has_a_name_of_its_own_and_the_usual_settings(House { store, .. }: House) {
    let made = store.found(TenantId::fresh(), "Acme".into()).await.unwrap();
    assert_eq!(
        (made.kind, made.key_policy, made.retention_days),
        (TenantKind::Organisation, KeyPolicy::ByokThenServer, 180)
    );
    assert_eq!((made.plan.as_str(), made.max_sessions, made.legal_hold), ("free", None, false));
    assert_eq!(store.found(TenantId::fresh(), "Acme".into()).await.unwrap_err(), StoreError::Conflict);
    assert_eq!(store.organisation("Acme".into()).await.unwrap(), Some(made.clone()));
    assert_eq!(store.tenant(made.id).await.unwrap(), Some(made));
    store.admit(newcomer("one")).await.unwrap();
    assert!(store.organisation("Robin".into()).await.unwrap().is_none(), "a personal tenant is no organisation");
}

pub(super) async fn a_grant_moves_somebody_from_their_own_tenant_only_once(House { store, .. }: House) {
    let acme = store.found(TenantId::fresh(), "Acme".into()).await.unwrap().id;
    let other = store.found(TenantId::fresh(), "Other".into()).await.unwrap().id;
    let standing = member(&store, "one", acme, Role::Interviewer).await;
    assert_eq!(standing.acting(None).unwrap().tenant, acme);
    let user = standing.user.id;
    store.grant(TenantCtx::service(other), granted(user, Role::Admin)).await.unwrap();
    let standing = store.standing(user).await.unwrap().unwrap();
    let acting =
        |named: Option<&str>| standing.acting(named).map(|membership| (membership.tenant, membership.role)).unwrap();
    assert_eq!(acting(None), (acme, Role::Interviewer), "the first one stays");
    assert_eq!(acting(Some("Other")), (other, Role::Admin));
    assert_eq!(acting(Some(&other.to_string())), (other, Role::Admin));
    assert_eq!(acting(Some(&TenantId::fresh().to_string())), (acme, Role::Interviewer), "no member there");
    assert_eq!(acting(Some("Robin")).0, acme, "a personal tenant is not known by its name");

    assert_eq!(store.choose_tenant(user, other).await, Ok(true));
    assert_eq!(store.standing(user).await.unwrap().unwrap().acting(None).unwrap().tenant, other);
    assert_eq!(store.choose_tenant(user, TenantId::fresh()).await, Ok(false));
    let stranger = store.admit(newcomer("two")).await.unwrap();
    assert_eq!(store.choose_tenant(stranger.user.id, acme).await, Ok(false));
}

pub(super) async fn a_membership_ends_although_interviews_point_at_it(House { store, .. }: House) {
    let acme = store.found(TenantId::fresh(), "Acme".into()).await.unwrap().id;
    let boss = member(&store, "boss", acme, Role::Admin).await.user.id;
    let standing = member(&store, "one", acme, Role::Candidate).await;
    let user = standing.user.id;
    let service = TenantCtx::service(acme);
    let new = new_session(user);
    let paid = ticket(acme, new.id);
    store.create_session(TenantCtx { tenant: acme, actor: Actor::User(user) }, new, paid, consent()).await.unwrap();

    assert_eq!(store.remove_member(service, user).await, Ok(Change::Done));
    assert_eq!(store.remove_member(service, user).await, Ok(Change::Missing));
    let after = store.standing(user).await.unwrap().unwrap();
    assert_eq!(after.memberships.len(), 1);
    assert_eq!(after.acting(None).unwrap().kind, TenantKind::Personal, "the default is no membership any more");
    assert_eq!(after.acting(Some("Acme")).unwrap().kind, TenantKind::Personal);
    assert_eq!(
        store.members(service, ALL).await.unwrap().iter().map(|member| member.user.id).collect::<Vec<_>>(),
        [boss]
    );
    store.grant(service, granted(user, Role::Member)).await.unwrap();
    assert_eq!(store.standing(user).await.unwrap().unwrap().acting(None).unwrap().role, Role::Member);
}

pub(super) async fn a_tenant_is_never_left_without_an_admin(House { store, .. }: House) {
    let acme = store.found(TenantId::fresh(), "Acme".into()).await.unwrap().id;
    let service = TenantCtx::service(acme);
    let boss = member(&store, "boss", acme, Role::Admin).await.user.id;
    assert_eq!(store.remove_member(service, boss).await, Ok(Change::LastAdmin));
    assert_eq!(store.grant(service, granted(boss, Role::Member)).await, Ok(Change::LastAdmin));
    let second = member(&store, "second", acme, Role::Admin).await.user.id;
    assert_eq!(store.grant(service, granted(boss, Role::Member)).await, Ok(Change::Done));
    assert_eq!(store.remove_member(service, second).await, Ok(Change::LastAdmin));
    assert_eq!(store.grant(service, granted(UserId::fresh(), Role::Member)).await, Ok(Change::Missing));
    let nowhere = TenantCtx::service(TenantId::fresh());
    assert_eq!(store.grant(nowhere, granted(boss, Role::Member)).await, Ok(Change::Missing));
}

pub(super) async fn admins_who_demote_each_other_leave_one(House { store, .. }: House) {
    for round in 0..6 {
        let acme = store.found(TenantId::fresh(), format!("Acme {round}")).await.unwrap().id;
        let service = TenantCtx::service(acme);
        let one = member(&store, &format!("one of {round}"), acme, Role::Admin).await.user.id;
        let two = member(&store, &format!("two of {round}"), acme, Role::Admin).await.user.id;
        // Each thinks that the other stays.
        let demoted = granted(two, Role::Member);
        let outcomes = match round % 3 {
            0 => tokio::join!(store.grant(service, granted(one, Role::Member)), store.grant(service, demoted)),
            1 => tokio::join!(store.remove_member(service, one), store.remove_member(service, two)),
            _ => tokio::join!(store.remove_member(service, one), store.grant(service, demoted)),
        };
        let mut outcomes = [outcomes.0.unwrap(), outcomes.1.unwrap()];
        outcomes.sort_by_key(|outcome| *outcome == Change::LastAdmin);
        assert_eq!(outcomes, [Change::Done, Change::LastAdmin], "round {round}");
        let members = store.members(service, MemberPage { limit: 100, before: None }).await.unwrap();
        assert_eq!(members.iter().filter(|member| member.role == Role::Admin).count(), 1, "round {round}");
    }
    // And whoever has themselves erased at the same moment.
    let acme = store.found(TenantId::fresh(), "Acme".into()).await.unwrap().id;
    let one = member(&store, "one", acme, Role::Admin).await.user.id;
    let two = member(&store, "two", acme, Role::Admin).await.user.id;
    let (erased, demoted) =
        tokio::join!(store.erase(one), store.grant(TenantCtx::service(acme), granted(two, Role::Member)));
    let outcome = (erased.unwrap(), demoted.unwrap());
    let one_went = [(Erasure::Done, Change::LastAdmin), (Erasure::LastAdmin, Change::Done)];
    assert!(one_went.contains(&outcome), "{outcome:?}");
}

pub(super) async fn nobody_else_ever_belongs_to_a_personal_tenant(House { store, .. }: House) {
    let one = store.admit(newcomer("one")).await.unwrap();
    let two = store.admit(newcomer("two")).await.unwrap();
    let own = TenantCtx::service(one.memberships[0].tenant);
    assert_eq!(store.grant(own, granted(two.user.id, Role::Candidate)).await, Ok(Change::Personal));
    assert_eq!(store.remove_member(own, one.user.id).await, Ok(Change::Personal));
}

pub(super) async fn members_are_listed_in_parts(House { store, .. }: House) {
    let acme = store.found(TenantId::fresh(), "Acme".into()).await.unwrap().id;
    let mut all = Vec::new();
    for subject in ["a", "b", "c"] {
        all.push(member(&store, subject, acme, Role::Admin).await.user.id);
    }
    all.sort();
    all.reverse();
    let list = async |page| {
        let members = store.members(TenantCtx::service(acme), page).await.unwrap();
        members.into_iter().map(|member| member.user.id).collect::<Vec<_>>()
    };
    assert_eq!(list(ALL).await, all);
    assert_eq!(list(MemberPage { limit: 2, before: None }).await, all[..2]);
    assert_eq!(list(MemberPage { limit: 2, before: Some(all[1]) }).await, all[2..]);
}

pub(super) async fn a_sign_in_is_found_until_it_expires_or_is_ended(House { store, .. }: House) {
    let user = store.admit(newcomer("one")).await.unwrap().user.id;
    let sign_in = |hash, user| SignIn { hash: [hash; 32], user, since: NOW, expires_at: NOW + 60_000 };
    store.sign_in(sign_in(7, user)).await.unwrap();
    assert_eq!(store.signed_in([7; 32], NOW).await.unwrap(), Some(sign_in(7, user)));
    assert!(store.signed_in([7; 32], NOW + 60_000).await.unwrap().is_none());
    assert!(store.signed_in([8; 32], NOW).await.unwrap().is_none());

    store.sign_in(SignIn { expires_at: NOW + 900_000, ..sign_in(7, user) }).await.unwrap();
    assert_eq!(store.signed_in([7; 32], NOW + 60_000).await.unwrap().unwrap().expires_at, NOW + 900_000);
    // Somebody else's cookie value is not taken over, and nobody signs in who is not there.
    let other = store.admit(newcomer("two")).await.unwrap().user.id;
    assert_eq!(store.sign_in(sign_in(7, other)).await, Err(StoreError::Conflict));
    assert_eq!(store.sign_in(sign_in(9, UserId::fresh())).await, Err(StoreError::Missing));

    for (hash, user) in [(1, user), (2, user), (3, other)] {
        store.sign_in(SignIn { expires_at: NOW + 900_000, ..sign_in(hash, user) }).await.unwrap();
    }
    assert_eq!(store.sign_out(SignOut::One([1; 32])).await, Ok(1));
    assert_eq!(store.sign_out(SignOut::One([1; 32])).await, Ok(0));
    assert!(store.signed_in([1; 32], NOW).await.unwrap().is_none());
    assert!(store.sign_out(SignOut::Everywhere(user)).await.unwrap() >= 1);
    assert!(store.signed_in([2; 32], NOW).await.unwrap().is_none());
    assert!(store.signed_in([3; 32], NOW).await.unwrap().is_some());
}

pub(super) async fn of_two_who_replace_a_sign_in_one_does(House { store, .. }: House) {
    let user = store.admit(newcomer("one")).await.unwrap().user.id;
    let sign_in = |hash| SignIn { hash: [hash; 32], user, since: NOW, expires_at: NOW + 600_000 };
    store.sign_in(sign_in(1)).await.unwrap();
    let (one, two) = tokio::join!(
        store.replace_sign_in([1; 32], sign_in(2), NOW + 60_000),
        store.replace_sign_in([1; 32], sign_in(3), NOW + 60_000),
    );
    assert!(one.unwrap() ^ two.unwrap(), "one of them");
    assert_eq!(store.signed_in([1; 32], NOW).await.unwrap().unwrap().expires_at, NOW + 60_000);
    let mut after = 0;
    for hash in [2, 3] {
        after += usize::from(store.signed_in([hash; 32], NOW).await.unwrap().is_some());
    }
    assert_eq!(after, 1);
    assert_eq!(store.replace_sign_in([9; 32], sign_in(4), NOW).await, Ok(false), "there is none");
    assert!(store.signed_in([4; 32], NOW).await.unwrap().is_none());
}

pub(super) async fn whoever_comes_twice_at_once_is_one_person(House { store, .. }: House) {
    let coming = (0..8).map(|_| {
        let newcomer = Newcomer { user: UserId::fresh(), tenant: TenantId::fresh(), ..newcomer("auth0|one") };
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.admit(newcomer).await.unwrap() })
    });
    let mut seen = Vec::new();
    for came in coming.collect::<Vec<_>>() {
        let Standing { user, memberships, .. } = came.await.unwrap();
        seen.push((user.id, memberships.len(), memberships[0].tenant));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

pub(super) async fn what_is_set_up_stays_and_the_rest_as_it_was(House { store, .. }: House) {
    let acme = store.found(TenantId::fresh(), "Acme".into()).await.unwrap();
    let service = TenantCtx::service(acme.id);
    let set_up = SetUp { key_policy: Some(KeyPolicy::Byok), max_sessions: Some(Some(3)), ..SetUp::default() };
    let changed = store.set_up(service, set_up).await.unwrap().unwrap();
    assert_eq!((changed.key_policy, changed.max_sessions, changed.retention_days), (KeyPolicy::Byok, Some(3), 180));
    let held = SetUp { legal_hold: Some(true), retention_days: Some(30), ..SetUp::default() };
    let held = store.set_up(service, held).await.unwrap().unwrap();
    assert_eq!((held.legal_hold, held.retention_days, held.max_sessions), (true, 30, Some(3)));
    let freed = store.set_up(service, SetUp { max_sessions: Some(None), ..SetUp::default() }).await.unwrap().unwrap();
    assert_eq!((freed.max_sessions, freed.key_policy, freed.legal_hold), (None, KeyPolicy::Byok, true));
    assert_eq!(store.tenant(acme.id).await.unwrap(), Some(freed));
    let rows = store.audit(service, AuditPage { limit: 9, before: None }).await.unwrap();
    let told: Vec<_> = rows.iter().rev().map(|row| (row.action, row.detail.as_deref().unwrap())).collect();
    let wanted = [
        (Action::TenantChanged, "key_policy"),
        (Action::TenantChanged, "max_sessions"),
        (Action::RetentionChanged, "legal_hold"),
        (Action::TenantChanged, "max_sessions"),
    ];
    assert_eq!(told, wanted);
    let nowhere = TenantCtx::service(TenantId::fresh());
    assert!(store.set_up(nowhere, SetUp::default()).await.unwrap().is_none());
}

#[test]
fn nothing_personal_is_printed() {
    let newcomer = newcomer("subject-x");
    let lookup = Lookup::Email("subject-x@example.org".into());
    let shown = format!("{newcomer:?} {:?} {lookup:?}", newcomer.profile);
    assert!(!shown.contains("subject-x") && !shown.contains("Robin"), "{shown}");
}
