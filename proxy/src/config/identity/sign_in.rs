//! Where the pages sign people in, for the issuers that have shorthands: a Supabase project with Google behind it, and an
//! Auth0 application.

use crate::config::reader::Reader;
use crate::identity::issuers::{IssuerSpec, KeysUrl};
use crate::identity::{ProviderKind, ProviderSpec};

/// The provider behind a project. It is set up in the project, with its own id and secret.
const GOOGLE: &str = "google";

pub(super) fn read(reader: &mut Reader<'_>, issuers: &[IssuerSpec]) -> Vec<ProviderSpec> {
    let of = |setting| issuers.iter().find(|spec| spec.setting == setting);
    supabase(reader, of("SUPABASE_URL")).into_iter().chain(auth0(reader, of("AUTH0_DOMAIN"))).collect()
}

fn supabase(reader: &mut Reader<'_>, issuer: Option<&IssuerSpec>) -> Option<ProviderSpec> {
    let fix = "copy the project's publishable key (sb_publishable_…), or its older anon key";
    let api_key = reader.parse("SUPABASE_ANON_KEY", fix, |text| {
        if text.starts_with("sb_secret_") {
            return Err("is a secret key, which no sign-in needs".into());
        }
        if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(text.to_owned()) } else { Err("is not a key".into()) }
    })?;
    let Some(issuer) = issuer else {
        reader.fault("SUPABASE_ANON_KEY", "is set without SUPABASE_URL", "set the project's address too");
        return None;
    };
    let authorize = KeysUrl::parse(&format!("{}/authorize", issuer.issuer)).ok()?;
    let token = KeysUrl::parse(&format!("{}/token?grant_type=pkce", issuer.issuer)).ok()?;
    let kind = ProviderKind::Supabase { authorize, token, provider: GOOGLE.to_owned(), api_key };
    Some(ProviderSpec { id: GOOGLE.to_owned(), label: "Google".to_owned(), kind })
}

fn auth0(reader: &mut Reader<'_>, issuer: Option<&IssuerSpec>) -> Option<ProviderSpec> {
    let client_id = reader.text("AUTH0_CLIENT_ID").map(str::to_owned);
    let client_secret = reader.text("AUTH0_CLIENT_SECRET").map(Into::into);
    let Some(client_id) = client_id else {
        if client_secret.is_some() {
            reader.fault(
                "AUTH0_CLIENT_ID",
                "is missing although AUTH0_CLIENT_SECRET is set",
                "set the application's id",
            );
        }
        return None;
    };
    let Some(issuer) = issuer else {
        reader.fault(
            "AUTH0_CLIENT_ID",
            "is set without AUTH0_DOMAIN",
            "set the tenant's domain and AUTH0_AUDIENCE too",
        );
        return None;
    };
    let address = |path: &str| KeysUrl::parse(&format!("{}{path}", issuer.issuer)).ok();
    let kind = ProviderKind::Oidc {
        authorize: address("authorize")?,
        token: address("oauth/token")?,
        issuer: Box::new(IssuerSpec { audiences: vec![client_id.clone()], ..issuer.clone() }),
        client_id,
        client_secret,
    };
    Some(ProviderSpec { id: "auth0".to_owned(), label: "Auth0".to_owned(), kind })
}
