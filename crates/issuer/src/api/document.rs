//! The OpenAPI document of the API, made from the table of routes.

use axum::http::StatusCode;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{AuthorizationCode, Flow, OAuth2, Password, Scopes, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, KnownFormat, OpenApi, OpenApiBuilder, Paths, Ref, Required, ServerBuilder};

use crate::admin::{Needs, Operation};
use crate::api::access::{MAX_PAGE, PAGE, PREFIX};
use crate::api::route::{Api, Route, Schemas};
use crate::api::version;
use crate::oauth::scope::ADMIN_SCOPES;
use crate::web::error::problem::{PROBLEM_JSON, Problem};

/// The name of the security scheme.
const SCHEME: &str = "signet";

/// The routes whose answers are parts of a client, and have its version.
const OF_CLIENTS: [&str; 3] = ["/clients/{id}/secrets", "/clients/{id}/claims", "/clients/{id}/claims/{claim}"];

impl Api {
    /// Returns the OpenAPI document of the issuer at `issuer`. `with_password` says that the issuer offers the password grant to its
    /// first client.
    pub fn document(&self, issuer: &str, with_password: bool) -> OpenApi {
        let mut schemas = Schemas::new();
        self.schemas.iter().for_each(|collect| collect(&mut schemas));
        let mut paths = Paths::new();
        for route in &self.routes {
            let is_part = OF_CLIENTS.contains(&route.path) && route.operation != Operation::ClientRotateSecret;
            let is_versioned = route.output.is_some_and(|output| is_part || version::is_in(&output(), &schemas));
            let path = format!("{PREFIX}{}", route.path);
            paths.add_path_operation(path, vec![route.method.clone()], describe(route, is_versioned));
        }
        let mut components = Components::new();
        components.schemas.insert(Problem::name().into_owned(), Problem::schema());
        Problem::schemas(&mut schemas);
        components.schemas.extend(schemas);
        let scopes = || Scopes::from_iter(ADMIN_SCOPES);
        let code = AuthorizationCode::new(format!("{issuer}/authorize"), format!("{issuer}/token"), scopes());
        let password = with_password.then(|| Flow::Password(Password::new(format!("{issuer}/token"), scopes())));
        let flows = [Flow::AuthorizationCode(code)].into_iter().chain(password);
        components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::OAuth2(OAuth2::new(flows)).into());
        OpenApiBuilder::new()
            .info(
                InfoBuilder::new()
                    .title("Signet")
                    .version("1")
                    .description(Some("Administration of Signet. Every request carries an access token whose audience is the issuer.")),
            )
            .servers(Some([ServerBuilder::new().url(issuer).build()]))
            .paths(paths)
            .components(Some(components))
            .build()
    }
}

/// Describes `route` for the OpenAPI document.
fn describe(route: &Route, is_versioned: bool) -> utoipa::openapi::path::Operation {
    let needs = route.operation.needs();
    let danger = if route.operation.is_dangerous() { " A user must have signed in within the last 10 minutes." } else { "" };
    let description = format!("Needs {}.{danger}", scopes_of(needs));
    let tag = route.path.split('/').nth(1).unwrap_or_default();
    let id = format!("{:?}{}", route.operation, suffix(route));
    let mut built = OperationBuilder::new()
        .operation_id(Some(id))
        .tag(tag)
        .summary(Some(route.summary))
        .description(Some(description))
        .securities(Some(needs.scopes().iter().map(|scope| SecurityRequirement::new(SCHEME, [*scope]))));
    for name in route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        let is_uuid = name == "id" && !route.path.starts_with("/clients");
        let schema = if is_uuid { schema.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))) } else { schema };
        built = built.parameter(parameter(name, ParameterIn::Path, Required::True, schema, None));
    }
    if route.is_list {
        let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MAX_PAGE));
        let limit = limit.default(Some(PAGE.into()));
        built = built.parameter(parameter("limit", ParameterIn::Query, Required::False, limit, Some("The largest number of items")));
        let after = ObjectBuilder::new().schema_type(Type::String);
        built = built.parameter(parameter("after", ParameterIn::Query, Required::False, after, Some("The next of the page before")));
    }
    for (name, (kind, format), text) in route.filters {
        let schema = ObjectBuilder::new().schema_type(kind.clone());
        let schema = schema.format(format.map(|format| SchemaFormat::Custom(format.to_owned())));
        built = built.parameter(parameter(name, ParameterIn::Query, Required::False, schema, Some(text)));
    }
    let changes_version = matches!(route.method, HttpMethod::Patch | HttpMethod::Put | HttpMethod::Delete);
    if changes_version {
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r#"^(\*|"[0-9]+"(, *"[0-9]+")*)$"#));
        let text = "The ETag that was read, several of which one must be current, or * for any";
        built = built.parameter(parameter("If-Match", ParameterIn::Header, Required::True, schema, Some(text)));
    }
    if let Some(input) = &route.input {
        let media_type = if matches!(route.method, HttpMethod::Patch) { "application/merge-patch+json" } else { "application/json" };
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(input()))).build();
        built = built.request_body(Some(RequestBodyBuilder::new().required(Some(Required::True)).content(media_type, content).build()));
    }
    built = built.response(route.status.as_str(), success(route, is_versioned));
    let mut refused = vec![400, 401, 403, 404, 409, 429, 500, 503];
    refused.extend(route.input.is_some().then_some([413, 415, 422]).into_iter().flatten());
    refused.extend(changes_version.then_some([412, 428]).into_iter().flatten());
    for status in refused {
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        built = built.response(status.to_string(), ResponseBuilder::new().description(title).content(PROBLEM_JSON, content));
    }
    built.build()
}

/// Tells the routes of one operation apart by their last word.
fn suffix(route: &Route) -> String {
    let last = route.path.rsplit('/').next().unwrap_or_default();
    if last == "preview" {
        return "_preview".to_owned();
    }
    let is_second = match route.operation {
        Operation::ClientSetEnabled | Operation::StreamSetPaused => true,
        Operation::ClientList | Operation::ClientAdd if route.path.starts_with("/presets") => return "_presets".to_owned(),
        Operation::GroupShow => last == "members",
        Operation::ClientShow => last == "secrets",
        Operation::ClientRotateSecret => last == "old",
        Operation::ClientClaimPut => last == "claims",
        Operation::AuditList => last == "lines",
        _ => false,
    };
    if is_second { format!("_{last}") } else { String::new() }
}

fn success(route: &Route, is_versioned: bool) -> utoipa::openapi::Response {
    let mut built = ResponseBuilder::new().description(if route.output.is_some() { "Done" } else { "Done, without a body" });
    if let Some(output) = &route.output {
        built = built.content(route.media_type, ContentBuilder::new().schema(Some(output())).build());
    }
    let text = |description: &str| {
        HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).description(Some(description)).build()
    };
    if is_versioned {
        built = built.header("ETag", text("The version, for If-Match"));
    }
    if route.status == StatusCode::CREATED {
        built = built.header("Location", text("The URL of what was made"));
    }
    if route.is_list {
        built = built.header("Link", text("The next page, unless this is the last one"));
    }
    built.build()
}

fn parameter(
    name: &str,
    place: ParameterIn,
    required: Required,
    schema: ObjectBuilder,
    description: Option<&str>,
) -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(schema)).description(description).build()
}

fn scopes_of(needs: Needs) -> String {
    let names = needs.scopes().iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(" or ");
    format!("the scope {names}")
}
