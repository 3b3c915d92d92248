//! Issuers that most deployments have, by a variable or two: Supabase, Auth0, and tokens signed with a secret of ours.

use jsonwebtoken::Algorithm;

use crate::config::origin::Origin;
use crate::config::reader::Reader;
use crate::identity::issuers::{ClaimPath, IssuerSpec, KeySpec, KeysUrl, SharedSecret, UserIds};

/// What tokens of our own are called and meant for.
const OWN: &str = "viva";
/// Where both providers let a server, and never the user, write the tenant.
const TENANT: &str = "app_metadata.tenant_id";

pub(super) fn read(reader: &mut Reader<'_>) -> Vec<IssuerSpec> {
    let mut specs = supabase(reader);
    specs.extend(auth0(reader));
    specs.extend(own(reader));
    specs
}

/// A project that publishes keys, and with `SUPABASE_JWT_SECRET` one that still signs with its secret as well.
fn supabase(reader: &mut Reader<'_>) -> Vec<IssuerSpec> {
    let project = reader.parse("SUPABASE_URL", "set the project's address, e.g. https://abc.supabase.co", |text| {
        let origin = Origin::parse(text).map_err(|error| error.to_string())?;
        if origin.is_secure() || origin.is_loopback() { Ok(origin) } else { Err("is not https".into()) }
    });
    let secret = secret(reader, "SUPABASE_JWT_SECRET", "copy the whole secret from the project's settings");
    let Some(project) = project else {
        if secret.is_some() {
            reader.fault("SUPABASE_JWT_SECRET", "is set without SUPABASE_URL", "set the project's address too");
        }
        return Vec::new();
    };
    let issuer = format!("{}/auth/v1", project.as_str());
    let entry = |keys, setting| IssuerSpec {
        issuer: issuer.clone(),
        audiences: vec!["authenticated".to_owned()],
        keys,
        tenant_claim: ClaimPath::parse(TENANT).ok(),
        // The project's secret also signs the keys of its servers, which are nobody.
        required: vec![("role".to_owned(), "authenticated".to_owned())],
        user_ids: UserIds::Subject,
        setting,
    };
    let url = KeysUrl::parse(&format!("{issuer}/.well-known/jwks.json"));
    let published =
        reader.accept("SUPABASE_URL", "set the project's https address", url.map_err(|e| e.to_string().into()));
    let published = published.map(|url| {
        let algorithms = vec![Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];
        entry(KeySpec::Published { algorithms, url }, "SUPABASE_URL")
    });
    let shared = secret.map(|secret| {
        reader.warn(
            "SUPABASE_JWT_SECRET",
            "is believed beside the project's published keys; remove it when the project signs with those",
        );
        entry(KeySpec::Secrets { algorithm: Algorithm::HS256, secrets: vec![secret] }, "SUPABASE_JWT_SECRET")
    });
    published.into_iter().chain(shared).collect()
}

fn auth0(reader: &mut Reader<'_>) -> Option<IssuerSpec> {
    let domain = reader.parse("AUTH0_DOMAIN", "set the bare domain, e.g. example.eu.auth0.com", |text| {
        let origin = Origin::parse(&format!("https://{text}")).map_err(|_| "is not a bare domain")?;
        Ok(origin.as_str().to_owned())
    });
    let audience = reader.text("AUTH0_AUDIENCE").map(str::to_owned);
    let (domain, audience) = match (domain, audience) {
        (Some(domain), Some(audience)) => (domain, audience),
        (Some(_), None) => {
            reader.fault("AUTH0_AUDIENCE", "is missing although AUTH0_DOMAIN is set", "set the identifier of the API");
            return None;
        }
        (None, Some(_)) => {
            reader.fault("AUTH0_DOMAIN", "is missing although AUTH0_AUDIENCE is set", "set the tenant's domain");
            return None;
        }
        (None, None) => return None,
    };
    let url = KeysUrl::parse(&format!("{domain}/.well-known/jwks.json"));
    let url = reader.accept("AUTH0_DOMAIN", "set the bare domain", url.map_err(|error| error.to_string().into()))?;
    Some(IssuerSpec {
        issuer: format!("{domain}/"),
        audiences: vec![audience],
        keys: KeySpec::Published { algorithms: vec![Algorithm::RS256, Algorithm::ES256], url },
        tenant_claim: ClaimPath::parse(TENANT).ok(),
        required: Vec::new(),
        user_ids: UserIds::Ours,
        setting: "AUTH0_DOMAIN",
    })
}

/// Tokens that the operator's own programs sign.
fn own(reader: &mut Reader<'_>) -> Option<IssuerSpec> {
    let fix = "set 32 random bytes or more, e.g. the output of `openssl rand -base64 48`";
    let present = reader.text_or_alias("JWT_SECRET", "JWT_SECRET_KEY").map(SharedSecret::new);
    let present = present.and_then(|secret| reader.accept("JWT_SECRET", fix, secret.map_err(|e| e.to_string().into())));
    let previous: Vec<_> = reader.text("JWT_SECRET_PREVIOUS").into_iter().flat_map(|list| list.split(',')).collect();
    let previous: Vec<_> = previous
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .filter_map(|text| {
            let secret = SharedSecret::new(text).map_err(|error| error.to_string().into());
            reader.accept("JWT_SECRET_PREVIOUS", "list whole secrets, separated by commas", secret)
        })
        .collect();
    let Some(present) = present else {
        if !previous.is_empty() {
            reader.fault("JWT_SECRET", "is missing although JWT_SECRET_PREVIOUS is set", fix);
        }
        return None;
    };
    Some(IssuerSpec {
        issuer: OWN.to_owned(),
        audiences: vec![OWN.to_owned()],
        keys: KeySpec::Secrets {
            algorithm: Algorithm::HS256,
            secrets: std::iter::once(present).chain(previous).collect(),
        },
        tenant_claim: ClaimPath::parse("tenant_id").ok(),
        required: Vec::new(),
        user_ids: UserIds::Ours,
        setting: "JWT_SECRET",
    })
}

fn secret(reader: &mut Reader<'_>, name: &'static str, fix: &'static str) -> Option<SharedSecret> {
    reader.parse(name, fix, |text| SharedSecret::new(text).map_err(|error| error.to_string().into()))
}
