//! `AUTH_ISSUERS`: any further issuers, as a JSON list. Faults name the entry by its place, never by what is in it,
//! because secrets are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::config::reader::Reader;
use crate::identity::issuers::{ClaimPath, IssuerSpec, KeySpec, KeysUrl, SharedSecret, UserIds, parse_algorithm};
use crate::identity::{PersonKind, ProviderKind, ProviderSpec};

const VARIABLE: &str = "AUTH_ISSUERS";
/// More would be a mistake: each token is looked for in all of them.
const MOST: usize = 16;

/// A secret as it is written: not shown again.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Written(SecretString);

impl From<String> for Written {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    issuer: String,
    audiences: Vec<String>,
    #[serde(default)]
    algorithms: Vec<String>,
    jwks_url: Option<String>,
    secrets: Option<Vec<Written>>,
    tenant_claim: Option<String>,
    #[serde(default)]
    required_claims: BTreeMap<String, String>,
    sign_in: Option<SignIn>,
}

/// The code flow, where the pages sign people in with this issuer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    label: String,
    authorize_url: String,
    token_url: String,
    client_id: String,
    client_secret: Option<Written>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> (Vec<IssuerSpec>, Vec<ProviderSpec>) {
    let fix = "set a JSON list of objects with issuer, audiences, and jwks_url or secrets";
    let listed = reader.parse(VARIABLE, fix, |text| {
        serde_json::from_str::<Vec<Listed>>(text).map_err(|error| Cow::from(unreadable(&error)))
    });
    let listed = listed.unwrap_or_default();
    if listed.len() > MOST {
        reader.fault(VARIABLE, "has more than 16 entries", "remove those that are not needed");
    }
    let (mut specs, mut providers) = (Vec::new(), Vec::new());
    for (at, entry) in listed.into_iter().take(MOST).enumerate() {
        match spec(entry, at + 1) {
            Ok((spec, provider)) => {
                specs.push(spec);
                providers.extend(provider);
            }
            Err((problem, fix)) => reader.fault(VARIABLE, format!("entry {}: {problem}", at + 1), fix),
        }
    }
    (specs, providers)
}

/// serde quotes values in some of its sentences; the place and the names of fields are enough.
fn unreadable(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    match ["unknown field `", "missing field `", "duplicate field `"].iter().any(|start| text.starts_with(start)) {
        true => format!("at {place}: {}", text.split(" at line ").next().unwrap_or_default()),
        false => format!("is not the list it should be (at {place})"),
    }
}

type Wrong = (Cow<'static, str>, &'static str);

fn spec(entry: Listed, place: usize) -> Result<(IssuerSpec, Option<ProviderSpec>), Wrong> {
    let wrong = |problem: &'static str, fix| Err((Cow::from(problem), fix));
    if entry.issuer.is_empty() || entry.issuer.len() > 500 || entry.issuer.chars().any(char::is_control) {
        return wrong("its issuer is no name", "write `iss` exactly as it stands in its tokens");
    }
    // Names that people have in the store whom no issuer vouches for.
    if PersonKind::of_issuer(&entry.issuer) != PersonKind::Member || entry.issuer.starts_with("tenant:") {
        return wrong("its issuer's name is taken by this server", "write `iss` exactly as it stands in its tokens");
    }
    if entry.audiences.is_empty() || entry.audiences.iter().any(String::is_empty) {
        return wrong("it has no audience", "list what `aud` of its tokens contains");
    }
    let keys = match (entry.jwks_url, entry.secrets) {
        (Some(url), None) => {
            let url =
                KeysUrl::parse(&url).map_err(|fault| (fault.to_string().into(), "set an https address in jwks_url"))?;
            let algorithms = algorithms(&entry.algorithms, Kind::Published, &[Algorithm::ES256, Algorithm::RS256])?;
            KeySpec::Published { algorithms, url }
        }
        (None, Some(secrets)) => {
            let algorithms = algorithms(&entry.algorithms, Kind::Secret, &[Algorithm::HS256])?;
            let [algorithm] = algorithms[..] else {
                return wrong("it has several algorithms for one secret", "leave one of HS256, HS384, HS512");
            };
            let secrets: Result<Vec<_>, _> =
                secrets.iter().map(|text| SharedSecret::new(text.0.expose_secret())).collect();
            let secrets = secrets.map_err(|fault| (fault.to_string().into(), "use secrets of 32 bytes or more"))?;
            if secrets.is_empty() {
                return wrong("it has no secret", "list at least one");
            }
            KeySpec::Secrets { algorithm, secrets }
        }
        _ => {
            return wrong(
                "it has not exactly one of jwks_url and secrets",
                "make two entries if it signs in both ways",
            );
        }
    };
    let tenant_claim = entry.tenant_claim.as_deref().map(ClaimPath::parse).transpose();
    let tenant_claim =
        tenant_claim.map_err(|fault| (fault.to_string().into(), "name a claim that only the issuer writes"))?;
    let spec = IssuerSpec {
        issuer: entry.issuer,
        audiences: entry.audiences,
        keys,
        tenant_claim,
        required: entry.required_claims.into_iter().collect(),
        user_ids: UserIds::Ours,
        setting: VARIABLE,
    };
    let provider = entry.sign_in.map(|sign_in| provider(sign_in, &spec, place)).transpose()?;
    Ok((spec, provider))
}

/// The code flow of that issuer. Its ID tokens are for the client, whatever its access tokens are for.
fn provider(sign_in: SignIn, spec: &IssuerSpec, place: usize) -> Result<ProviderSpec, Wrong> {
    let address =
        |text: &str| KeysUrl::parse(text).map_err(|fault| (fault.to_string().into(), "set https addresses in sign_in"));
    let issuer = IssuerSpec { audiences: vec![sign_in.client_id.clone()], required: Vec::new(), ..spec.clone() };
    Ok(ProviderSpec {
        id: format!("oidc-{place}"),
        label: sign_in.label,
        kind: ProviderKind::Oidc {
            authorize: address(&sign_in.authorize_url)?,
            token: address(&sign_in.token_url)?,
            client_id: sign_in.client_id,
            client_secret: sign_in.client_secret.map(|secret| secret.0),
            issuer: Box::new(issuer),
        },
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Published,
}

/// Algorithms of one kind only: with both in an entry, a published key could be taken for a secret.
fn algorithms(names: &[String], kind: Kind, default: &[Algorithm]) -> Result<Vec<Algorithm>, Wrong> {
    if names.is_empty() {
        return Ok(default.to_vec());
    }
    let is_shared = |algorithm: &Algorithm| matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    let known: Option<Vec<_>> = names.iter().map(|name| parse_algorithm(name)).collect();
    match known {
        Some(known) if known.iter().all(|algorithm| is_shared(algorithm) == (kind == Kind::Secret)) => Ok(known),
        Some(_) => Err((
            "its algorithms do not fit its keys".into(),
            "HS256, HS384, HS512 go with secrets; ES256, ES384, RS256 … EdDSA with jwks_url",
        )),
        None => Err(("it names an unknown algorithm".into(), "use names like ES256, RS256, EdDSA, HS256")),
    }
}
