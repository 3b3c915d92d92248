//! People and tenants in SQLite: the methods of [`People`], each handed to the writer or a reader. The statements lie
//! beside it, one file a concern.

mod desk;
mod members;
mod sign_ins;
mod standings;
mod tenants;

pub use desk::Desk;
pub(super) use standings::by_id;

use super::SqliteStore;
use crate::identity::TenantCtx;
use crate::ids::{TenantId, UserId};
use crate::store::Answer;
use crate::store::people::{
    Change, Grant, Lookup, Member, MemberPage, Newcomer, People, SetUp, SignIn, SignOut, Standing, Tenant, User,
};

impl People for SqliteStore {
    fn admit(&self, newcomer: Newcomer) -> Answer<'_, Standing> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| standings::admit(db, &newcomer, now))
    }

    fn standing(&self, user: UserId) -> Answer<'_, Option<Standing>> {
        self.read(move |conn| standings::by_id(conn, user))
    }

    fn standing_of(&self, issuer: String, subject: String) -> Answer<'_, Option<Standing>> {
        self.read(move |conn| standings::by_subject(conn, &issuer, &subject))
    }

    fn find(&self, wanted: Lookup) -> Answer<'_, Vec<User>> {
        self.read(move |conn| standings::find(conn, &wanted))
    }

    fn choose_tenant(&self, user: UserId, tenant: TenantId) -> Answer<'_, bool> {
        self.write(move |db| standings::choose_tenant(db, user, tenant))
    }

    fn sign_in(&self, sign_in: SignIn) -> Answer<'_, ()> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| sign_ins::sign_in(db, &sign_in, now))
    }

    fn signed_in(&self, hash: [u8; 32], now_unix_ms: i64) -> Answer<'_, Option<SignIn>> {
        self.read(move |conn| sign_ins::signed_in(conn, hash, now_unix_ms))
    }

    fn replace_sign_in(&self, old: [u8; 32], new: SignIn, old_until: i64) -> Answer<'_, bool> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| sign_ins::replace(db, old, &new, old_until, now))
    }

    fn sign_out(&self, which: SignOut) -> Answer<'_, usize> {
        self.write(move |db| sign_ins::sign_out(db, which))
    }

    fn found(&self, tenant: TenantId, name: String) -> Answer<'_, Tenant> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| tenants::found(db, tenant, &name, now))
    }

    fn tenant(&self, tenant: TenantId) -> Answer<'_, Option<Tenant>> {
        self.read(move |conn| tenants::by_id(conn, tenant))
    }

    fn set_up(&self, ctx: TenantCtx, set_up: SetUp) -> Answer<'_, Option<Tenant>> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| db.atomically(|db| tenants::set_up(db, ctx, set_up, now)))
    }

    fn organisation(&self, name: String) -> Answer<'_, Option<Tenant>> {
        self.read(move |conn| tenants::by_name(conn, &name))
    }

    fn members(&self, ctx: TenantCtx, page: MemberPage) -> Answer<'_, Vec<Member>> {
        self.read(move |conn| members::list(conn, ctx, page))
    }

    fn grant(&self, ctx: TenantCtx, grant: Grant) -> Answer<'_, Change> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| members::grant(db, ctx, grant, now))
    }

    fn remove_member(&self, ctx: TenantCtx, user: UserId) -> Answer<'_, Change> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| members::remove(db, ctx, user, now))
    }
}
