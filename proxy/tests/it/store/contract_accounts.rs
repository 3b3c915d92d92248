//! The contract of everything around interviews, against any store: people, keys, invitations, rights. Each function of the
//! `contract_*` modules named here is one promise.

use std::sync::Arc;

use viva_proxy::identity::{Actor, Role, TenantCtx};
use viva_proxy::ids::{SessionId, TenantId, UserId};
use viva_proxy::store::Store;
use viva_proxy::store::access_keys::AccessKeys;
use viva_proxy::store::audit::{Action, Audit, AuditPage};
use viva_proxy::store::imports::Imports;
use viva_proxy::store::invitations::Invitations;
use viva_proxy::store::keys::Keys;
use viva_proxy::store::people::{Change, DefaultTenant, Grant, People};
use viva_proxy::store::rights::Rights;

use super::fixture::{HandClock, consent, guest, new_session, ticket};

/// A store that has it all.
pub(crate) trait Accounts: Store + People + Keys + AccessKeys + Invitations + Imports + Rights + Audit {}
impl<T: Store + People + Keys + AccessKeys + Invitations + Imports + Rights + Audit> Accounts for T {}

/// A fresh store and the clock that it goes by.
pub(crate) struct House {
    pub(crate) store: Arc<dyn Accounts>,
    pub(crate) clock: Arc<HandClock>,
}

/// Makes a test of every promise for one kind of store. `$open` gives a fresh house and what keeps it alive.
macro_rules! accounts_contract {
    ($open:expr) => {
        accounts_contract! { $open;
            contract_standing::{
                whoever_comes_first_gets_a_tenant_of_their_own_once,
                the_same_id_from_two_issuers_is_two_people,
                an_organisation_has_a_name_of_its_own_and_the_usual_settings,
                a_grant_moves_somebody_from_their_own_tenant_only_once,
                a_membership_ends_although_interviews_point_at_it,
                a_tenant_is_never_left_without_an_admin,
                admins_who_demote_each_other_leave_one,
                nobody_else_ever_belongs_to_a_personal_tenant,
                members_are_listed_in_parts,
                a_sign_in_is_found_until_it_expires_or_is_ended,
                of_two_who_replace_a_sign_in_one_does,
                whoever_comes_twice_at_once_is_one_person,
                what_is_set_up_stays_and_the_rest_as_it_was,
            }
            contract_keys::{
                a_key_comes_back_closed_as_it_went_and_to_its_owner_only,
                a_tenants_key_is_for_its_admins_and_for_its_calls,
                a_key_that_takes_anothers_place_is_another,
                an_access_key_is_found_by_its_hash_until_it_is_revoked,
                a_tenant_has_so_many_access_keys_and_no_more,
            }
            contract_invitations::{
                an_invitation_becomes_a_session_once,
                what_an_invitation_says_of_a_person_goes_when_it_is_settled,
                an_invitation_is_its_organisations,
                an_acceptance_that_fails_leaves_the_invitation_open,
                a_candidates_interview_is_claimed_once,
            }
            contract_imports::{
                an_interview_of_an_older_system_is_taken_once_and_says_so,
                an_import_is_taken_back_as_a_whole_and_nothing_else_with_it,
            }
            contract_rights::{
                a_consent_is_taken_back_by_whose_it_is,
                a_deleted_interview_is_gone_with_all_that_hung_on_it,
                a_legal_hold_keeps_everything,
                what_is_stored_of_a_person_is_told_and_erased,
                what_is_older_than_it_is_kept_goes,
                the_audit_is_added_to_and_read_in_parts,
            }
        }
    };
    ($open:expr; $($module:ident :: { $($promise:ident),* $(,)? })*) => {
        $($(
            #[tokio::test]
            async fn $promise() {
                let (house, _keep) = $open;
                super::$module::$promise(house).await;
            }
        )*)*
    };
}
pub(super) use accounts_contract;

impl House {
    /// Somebody with a tenant of their own, in which they act.
    pub(super) async fn person(&self) -> (UserId, TenantCtx) {
        let (user, tenant) = (UserId::fresh(), TenantId::fresh());
        self.store.admit(guest(user, tenant)).await.unwrap();
        (user, TenantCtx { tenant, actor: Actor::User(user) })
    }

    /// An organisation with an admin.
    pub(super) async fn organisation(&self) -> (TenantId, UserId) {
        let tenant = TenantId::fresh();
        self.store.found(tenant, format!("Organisation {tenant}")).await.unwrap();
        (tenant, self.member(tenant, Role::Admin).await)
    }

    /// Somebody with a role there.
    pub(super) async fn member(&self, tenant: TenantId, role: Role) -> UserId {
        let (user, _own) = self.person().await;
        let grant = Grant { user, role, default: DefaultTenant::Stays };
        assert_eq!(self.store.grant(TenantCtx::service(tenant), grant).await, Ok(Change::Done));
        user
    }

    /// A session of somebody's with its first ticket.
    pub(super) async fn session(&self, tenant: TenantId, user: UserId) -> SessionId {
        let new = new_session(user);
        let (id, ticket) = (new.id, ticket(tenant, new.id));
        let ctx = TenantCtx { tenant, actor: Actor::User(user) };
        self.store.create_session(ctx, new, ticket, consent()).await.unwrap();
        id
    }

    /// What was done in a tenant, oldest first.
    pub(super) async fn deeds(&self, tenant: TenantId) -> Vec<Action> {
        let page = AuditPage { limit: 100, before: None };
        let rows = self.store.audit(TenantCtx::service(tenant), page).await.unwrap();
        rows.into_iter().rev().map(|row| row.action).collect()
    }
}
