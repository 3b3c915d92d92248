//! The contract of stored keys, against any store: model keys, closed, and access keys, by their hash.

use viva_proxy::identity::{AccessKey, AccessKeyHash, Actor, Role, Scope, TenantCtx};
use viva_proxy::ids::{AccessKeyId, KeyId, TenantId, UserId};
use viva_proxy::store::StoreError;
use viva_proxy::store::access_keys::MOST;
use viva_proxy::store::audit::Action;
use viva_proxy::vault::{KekId, KeyPolicy, KeyStatus, Owner, Provider, Sealed, StoredKey};

use super::contract_accounts::House;
use super::fixture::NOW;

fn key(owner: Owner) -> StoredKey {
    StoredKey {
        id: KeyId::fresh(),
        owner,
        provider: Provider::OpenAi,
        sealed: Sealed {
            kek_id: KekId::stored("kek".into()),
            wrapped_dek: rand::random::<[u8; 72]>().to_vec(),
            nonce: rand::random(),
            ciphertext: rand::random::<[u8; 80]>().to_vec(),
            aad_version: 1,
            commitment: rand::random(),
            fingerprint: rand::random(),
            last4: "wxyz".into(),
        },
        status: KeyStatus::Unchecked,
        checked_at: None,
        created_at: NOW,
    }
}

/// All of a key, since its `Debug` says little.
fn told(key: &StoredKey) -> String {
    let Sealed { kek_id, wrapped_dek, nonce, ciphertext, aad_version, commitment, fingerprint, last4 } = &key.sealed;
    let closed = (kek_id.as_str(), wrapped_dek, nonce, ciphertext, aad_version, commitment, fingerprint, last4);
    format!("{:?} {:?} {closed:?} {:?} {:?} {}", key.id, key.owner, key.status, key.checked_at, key.created_at)
}

pub(super) async fn a_key_comes_back_closed_as_it_went_and_to_its_owner_only(house: House) {
    let store = &house.store;
    let (user, ctx) = house.person().await;
    let own = key(Owner::User(user));
    store.put_key(ctx, own.clone()).await.unwrap();
    assert_eq!(store.keys(ctx, own.owner).await.unwrap().iter().map(told).collect::<Vec<_>>(), [told(&own)]);
    assert_eq!(store.key(ctx, own.id).await.unwrap().as_ref().map(told), Some(told(&own)));
    let usable = store.usable(ctx.tenant, user, Provider::OpenAi).await.unwrap();
    assert_eq!((usable.policy, usable.of_tenant.is_none()), (KeyPolicy::ByokThenServer, true));
    assert_eq!(usable.of_user.as_ref().map(told), Some(told(&own)));

    let (other, foreign) = house.person().await;
    let session = house.session(ctx.tenant, user).await;
    for stranger in [
        foreign,
        TenantCtx { tenant: ctx.tenant, actor: Actor::User(other) },
        TenantCtx { tenant: ctx.tenant, actor: Actor::Staff(other) },
        TenantCtx { tenant: ctx.tenant, actor: Actor::Ticket(session) },
        TenantCtx { tenant: foreign.tenant, actor: Actor::User(user) },
    ] {
        assert!(store.key(stranger, own.id).await.unwrap().is_none(), "{stranger:?}");
        assert!(store.keys(stranger, own.owner).await.unwrap().is_empty(), "{stranger:?}");
        assert_eq!(store.remove_key(stranger, own.owner, Provider::OpenAi).await, Ok(false), "{stranger:?}");
    }
    let stolen = TenantCtx { tenant: ctx.tenant, actor: Actor::User(other) };
    assert_eq!(store.put_key(stolen, key(own.owner)).await, Err(StoreError::Missing));
    assert_eq!(store.note_key(stolen, own.id, KeyStatus::Rejected, NOW).await, Ok(false));

    assert_eq!(store.note_key(ctx, own.id, KeyStatus::Valid, NOW + 5).await, Ok(true));
    let noted = store.key(TenantCtx::service(ctx.tenant), own.id).await.unwrap().unwrap();
    assert_eq!((noted.status, noted.checked_at), (KeyStatus::Valid, Some(NOW + 5)));
    let wrapped = store.wrapped_keys().await.unwrap();
    assert_eq!(wrapped.iter().map(|row| (row.kek_id.as_str(), row.keys)).collect::<Vec<_>>(), [("kek", 1)]);

    assert_eq!(store.remove_key(ctx, own.owner, Provider::OpenAi).await, Ok(true));
    assert_eq!(store.remove_key(ctx, own.owner, Provider::OpenAi).await, Ok(false));
    assert!(store.wrapped_keys().await.unwrap().is_empty());
    assert_eq!(house.deeds(ctx.tenant).await, [Action::KeySaved, Action::KeyDeleted]);
}

pub(super) async fn a_tenants_key_is_for_its_admins_and_for_its_calls(house: House) {
    let store = &house.store;
    let (tenant, admin) = house.organisation().await;
    let member = house.member(tenant, Role::Member).await;
    let by = |user| TenantCtx { tenant, actor: Actor::Staff(user) };
    let shared = key(Owner::Tenant);
    assert_eq!(store.put_key(by(member), shared.clone()).await, Err(StoreError::Missing));
    store.put_key(by(admin), shared.clone()).await.unwrap();
    assert!(store.keys(by(member), Owner::Tenant).await.unwrap().is_empty());
    assert_eq!(store.keys(by(admin), Owner::Tenant).await.unwrap().len(), 1);
    let usable = store.usable(tenant, member, Provider::OpenAi).await.unwrap();
    assert_eq!(usable.of_tenant.as_ref().map(told), Some(told(&shared)));
    assert!(usable.of_user.is_none());
    // A call of theirs tells of the tenant's key, although they may not read it.
    assert_eq!(store.note_key(by(member), shared.id, KeyStatus::Rejected, NOW).await, Ok(true));
    assert!(store.usable(TenantId::fresh(), member, Provider::OpenAi).await.unwrap().of_tenant.is_none());
}

pub(super) async fn a_key_that_takes_anothers_place_is_another(house: House) {
    let store = &house.store;
    let (user, ctx) = house.person().await;
    let (first, second) = (key(Owner::User(user)), key(Owner::User(user)));
    store.put_key(ctx, first.clone()).await.unwrap();
    store.put_key(ctx, second.clone()).await.unwrap();
    assert!(store.key(ctx, first.id).await.unwrap().is_none());
    assert_eq!(store.keys(ctx, first.owner).await.unwrap().iter().map(told).collect::<Vec<_>>(), [told(&second)]);
    // The tenant's own lies beside it.
    store.put_key(ctx, key(Owner::Tenant)).await.unwrap();
    let usable = store.usable(ctx.tenant, user, Provider::OpenAi).await.unwrap();
    assert!(usable.of_tenant.is_some() && usable.of_user.is_some());
}

fn access_key(tenant: TenantId, created_by: UserId, created_at: i64) -> (AccessKey, AccessKeyHash) {
    let key = AccessKey {
        id: AccessKeyId::fresh(),
        tenant,
        created_by,
        name: "deploy".into(),
        prefix: "vk_abcde".into(),
        scopes: vec![Scope::SessionsWrite, Scope::TicketsWrite],
        created_at,
        expires_at: Some(created_at + 1000),
        revoked_at: None,
        last_used_at: None,
    };
    (key, AccessKeyHash(rand::random()))
}

pub(super) async fn an_access_key_is_found_by_its_hash_until_it_is_revoked(house: House) {
    let store = &house.store;
    let (tenant, admin) = house.organisation().await;
    let ctx = TenantCtx { tenant, actor: Actor::Staff(admin) };
    let (first, hash) = access_key(tenant, admin, NOW);
    assert_eq!(store.add_access_key(ctx, first.clone(), hash).await, Ok(true));
    assert_eq!(store.access_key(hash).await.unwrap(), Some(first.clone()));
    assert_eq!(store.access_key(AccessKeyHash([0; 32])).await.unwrap(), None);
    let (second, other) = access_key(tenant, admin, NOW + 1);
    assert_eq!(store.add_access_key(ctx, second.clone(), other).await, Ok(true));
    assert_eq!(store.access_keys(ctx).await.unwrap(), [second, first.clone()]);

    store.access_key_used(tenant, first.id, NOW + 9).await.unwrap();
    let nowhere = TenantCtx::service(TenantId::fresh());
    store.access_key_used(nowhere.tenant, first.id, NOW + 99).await.unwrap();
    assert_eq!(store.revoke_access_key(nowhere, first.id, NOW + 10).await, Ok(false), "another tenant's");
    assert!(store.access_keys(nowhere).await.unwrap().is_empty());
    assert_eq!(store.revoke_access_key(ctx, first.id, NOW + 10).await, Ok(true));
    assert_eq!(store.revoke_access_key(ctx, first.id, NOW + 11).await, Ok(false));
    let revoked = store.access_key(hash).await.unwrap().unwrap();
    assert_eq!((revoked.last_used_at, revoked.revoked_at), (Some(NOW + 9), Some(NOW + 10)));
    let (nobodys, hash) = access_key(tenant, UserId::fresh(), NOW);
    assert_eq!(store.add_access_key(ctx, nobodys, hash).await, Err(StoreError::Missing));
    let deeds = [Action::MemberGranted, Action::AccessKeyMade, Action::AccessKeyMade, Action::AccessKeyRevoked];
    assert_eq!(house.deeds(tenant).await, deeds);
}

pub(super) async fn a_tenant_has_so_many_access_keys_and_no_more(house: House) {
    let store = &house.store;
    let (tenant, admin) = house.organisation().await;
    let ctx = TenantCtx { tenant, actor: Actor::Staff(admin) };
    let mut last = None;
    for n in 0..MOST {
        let (key, hash) = access_key(tenant, admin, NOW + i64::from(n));
        last = Some(key.id);
        assert_eq!(store.add_access_key(ctx, key, hash).await, Ok(true));
    }
    let (more, hash) = access_key(tenant, admin, NOW);
    assert_eq!(store.add_access_key(ctx, more.clone(), hash).await, Ok(false));
    assert!(store.access_key(hash).await.unwrap().is_none());
    assert_eq!(store.revoke_access_key(ctx, last.unwrap(), NOW).await, Ok(true));
    assert_eq!(store.add_access_key(ctx, more, hash).await, Ok(true), "a revoked one takes no place");
}
