//! People whom another server knows and we do not: it names them by a subject of its own, and its access key's tenant
//! vouches for them. They cannot sign in here; their tickets are minted for them.

use super::ctx::TenantCtx;
use super::role::Role;
use super::service::Identity;
use crate::ids::{TenantId, UserId};
use crate::store::StoreError;
use crate::store::people::{Change, DefaultTenant, Grant, Newcomer, Profile, TenantKind};

/// What stands before the tenant's id as the issuer of its people. No issuer that is configured can have this form.
const ISSUER: &str = "tenant:";

impl Identity {
    /// The person that a server of the tenant means by `subject`, made known as a candidate there when nobody knows them.
    /// `None`: the tenant is one person's own, which nobody else belongs to.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn served(
        &self,
        tenant: TenantId,
        subject: String,
        profile: Profile,
    ) -> Result<Option<UserId>, StoreError> {
        let people = self.people();
        if people.tenant(tenant).await?.ok_or(StoreError::Missing)?.kind == TenantKind::Personal {
            return Ok(None);
        }
        let newcomer = Newcomer {
            user: UserId::fresh(),
            tenant: TenantId::fresh(),
            issuer: format!("{ISSUER}{tenant}"),
            subject,
            profile,
        };
        let standing = people.admit(newcomer).await?;
        let user = standing.user.id;
        // What an admin made of them since stays.
        if standing.memberships.iter().any(|membership| membership.tenant == tenant) {
            return Ok(Some(user));
        }
        let grant = Grant { user, role: Role::Candidate, default: DefaultTenant::LeavesHome };
        match people.grant(TenantCtx::service(tenant), grant).await? {
            Change::Done => Ok(Some(user)),
            Change::Personal => Ok(None),
            Change::Missing | Change::LastAdmin => Err(StoreError::Missing),
        }
    }
}
