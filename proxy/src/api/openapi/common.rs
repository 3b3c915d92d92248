//! What all operations have in common: the ways to prove who one is, the one form of a refusal, and the refusals that
//! follow from what an operation takes.

use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, RefOr};

use super::refused::{Shape, add, reshape};
use crate::api::problem::{Body, Envelope};
use crate::api::{COOKIE, Code};
use crate::ops::version;

const ABOUT: &str = "Who may start an interview, what was said in it, and how a deployment is set up. Audio never passes \
through here. Every refusal is `application/problem+json` (RFC 9457) with a stable `code`; on `/v1/*` it has the model \
provider's own form. Fields that are not known are refused.";

/// Makes the collected descriptions whole.
pub(super) fn complete(document: &mut OpenApi) {
    document.info = InfoBuilder::new()
        .title("Viva")
        .description(Some(ABOUT))
        .version(version::VERSION)
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    security(components);
    let mut schemas = vec![(Body::name().into_owned(), <Body<'_> as utoipa::PartialSchema>::schema())];
    schemas.push((Envelope::name().into_owned(), <Envelope<'_> as utoipa::PartialSchema>::schema()));
    <Body<'_> as ToSchema>::schemas(&mut schemas);
    <Envelope<'_> as ToSchema>::schemas(&mut schemas);
    components.schemas.extend(schemas);
    document.security = Some(vec![requirement("cookie"), requirement("bearer")]);
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            refusals(path, operation);
        }
    }
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, [] as [&str; 0])
}

fn security(components: &mut Components) {
    let cookie = "Set by signing in. What is changed with it must come from a page of this server (`Origin`).";
    let bearer = |format: &str, what: &str| {
        let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format).description(Some(what));
        SecurityScheme::Http(http.build())
    };
    let key = "A server's own key, `vk_…`, also as bearer. It can do what its scopes say.";
    let schemes = [
        ("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(COOKIE, cookie)))),
        ("bearer", bearer("JWT", "A token of an issuer that this server trusts.")),
        ("ticket", bearer("ek_viva_…", "A ticket: opens one session and starts its one call.")),
        ("access_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("x-api-key", key)))),
    ];
    for (name, scheme) in schemes {
        components.add_security_scheme(name, scheme);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn refusals(path: &str, operation: &mut Operation) {
    // They are for machines of the operator, and answer in words of their own.
    if operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "health")) {
        return;
    }
    let shape = if path.starts_with("/v1/") { Shape::Envelope } else { Shape::Problem };
    let is_open = operation.security.as_ref().is_some_and(|all| all.contains(&SecurityRequirement::default()));
    let has_query = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Query),
        RefOr::Ref(_) => false,
    });
    let has_json_body = operation.request_body.as_ref().is_some_and(|body| match body {
        RefOr::T(body) => body.content.contains_key("application/json"),
        RefOr::Ref(_) => false,
    });
    let mut codes = vec![Code::RequestTimeout, Code::Internal];
    if !is_open {
        codes.extend([Code::AuthenticationFailed, Code::TokenExpired, Code::AuthUnavailable]);
        codes.extend([Code::Forbidden, Code::DatabaseUnavailable]);
    }
    if path.contains('{') {
        codes.extend([Code::BadMessage, Code::NotFound]);
    }
    if has_query {
        codes.push(Code::BadMessage);
    }
    if has_json_body {
        codes.extend([Code::BadMessage, Code::PayloadTooLarge, Code::UnsupportedMediaType, Code::ValidationFailed]);
    }
    let responses = &mut operation.responses.responses;
    reshape(responses, shape);
    for code in codes {
        add(responses, code, shape);
    }
}
