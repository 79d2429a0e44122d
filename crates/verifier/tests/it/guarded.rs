//! Tests of the guarded router, with HTTP requests and signed tokens.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::get;
use signet_testkit::{AUDIENCE, TestIssuer, TokenBuilder};
use signet_verifier::axum::{Any, AnyToken, Auth, Guarded, Require, public};
use signet_verifier::scopes;
use tower::ServiceExt;

scopes! { pub OrdersRead = "orders:read"; pub OrdersWrite = "orders:write"; pub Admin = "admin"; }

async fn subject(token: Auth) -> String {
    token.subject().to_owned()
}

async fn maybe(token: Option<Auth>) -> String {
    token.map_or("nobody".to_owned(), |token| token.subject().to_owned())
}

async fn stricter(token: Auth<OrdersWrite>) -> String {
    token.subject().to_owned()
}

fn guarded() -> Guarded {
    let admin = Guarded::new()
        .route("/", get(subject))
        .route("/users", get(subject))
        .route("/orders", OrdersWrite::delete(subject))
        .route("/any", <Any<(Admin, OrdersRead)>>::get(subject))
        .require::<Admin>();
    Guarded::new()
        .route("/orders", OrdersRead::get(subject).merge(OrdersWrite::post(subject)))
        .route("/report", <Any<(OrdersRead, Admin)>>::get(subject))
        .route("/both", <(OrdersRead, OrdersWrite)>::get(subject))
        .route("/undeclared", get(subject))
        .route("/fallback", get(subject).fallback(async || "open to all"))
        .route("/stricter", OrdersRead::get(stricter))
        .route("/hello", public(get(maybe)))
        .nest("/admin", admin)
}

struct Service {
    issuer: TestIssuer,
    router: Router,
}

struct Answer {
    status: StatusCode,
    challenge: String,
    retry_after: String,
    body: String,
}

impl Service {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        let router = guarded().into_router(issuer.verifier());
        Self { issuer, router }
    }

    async fn send(&self, method: Method, path: &str, authorization: &[String]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for value in authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        Answer {
            status: response.status(),
            challenge: header(header::WWW_AUTHENTICATE),
            retry_after: header(header::RETRY_AFTER),
            body: String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, token: TokenBuilder<'_>) -> Answer {
        self.send(Method::GET, path, &[format!("Bearer {}", token.mint())]).await
    }
}

#[tokio::test]
async fn scopes_are_checked_per_method() {
    let service = Service::new();
    let read = service.issuer.token().subject("alice").scope::<OrdersRead>().mint();
    let bearer = [format!("bearer {read}")];
    assert_eq!(service.send(Method::GET, "/orders", &bearer).await.body, "alice");
    assert_eq!(service.send(Method::HEAD, "/orders", &bearer).await.status, StatusCode::OK);
    let refused = service.send(Method::POST, "/orders", &bearer).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused.challenge,
        format!(
            "Bearer realm=\"{AUDIENCE}\", error=\"insufficient_scope\", error_description=\"the access token lacks a scope\", scope=\"orders:write\""
        )
    );
    assert_eq!(service.send(Method::PUT, "/orders", &bearer).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(service.send(Method::GET, "/nowhere", &bearer).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_fallback_is_no_way_past_the_guard() {
    let service = Service::new();
    let answer = service.send(Method::POST, "/fallback", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::METHOD_NOT_ALLOWED, ""));
    assert_eq!(service.send(Method::GET, "/fallback", &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn alternatives_and_conjunctions() {
    let service = Service::new();
    let token = || service.issuer.token();
    assert_eq!(service.get("/report", token().scope::<Admin>()).await.status, StatusCode::OK);
    assert_eq!(service.get("/report", token().scope::<OrdersRead>()).await.status, StatusCode::OK);
    assert_eq!(service.get("/report", token().scope::<OrdersWrite>()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.get("/both", token().scope::<OrdersWrite>()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.get("/both", token().scope::<OrdersWrite>().scope::<OrdersRead>()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn requirements_add_up_along_the_tree() {
    let service = Service::new();
    let token = service.issuer.token().scope::<OrdersWrite>().mint();
    let refused = service.send(Method::DELETE, "/admin/orders", &[format!("Bearer {token}")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.challenge.ends_with("scope=\"admin orders:write\""), "{}", refused.challenge);
    assert_eq!(service.get("/admin/users", service.issuer.token()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.get("/admin/users", service.issuer.token().scope::<Admin>()).await.status, StatusCode::OK);
    assert_eq!(service.get("/admin", service.issuer.token().scope::<Admin>()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_route_without_scopes_still_needs_a_token() {
    let service = Service::new();
    let bare = service.send(Method::GET, "/undeclared", &[]).await;
    assert_eq!((bare.status, bare.challenge), (StatusCode::UNAUTHORIZED, format!("Bearer realm=\"{AUDIENCE}\"")));
    assert_eq!(service.get("/undeclared", service.issuer.token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_handler_may_ask_for_more() {
    let service = Service::new();
    let refused = service.get("/stricter", service.issuer.token().scope::<OrdersRead>()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.challenge.ends_with("scope=\"orders:read orders:write\""), "scopes of route and handler: {}", refused.challenge);
    let both = service.issuer.token().scope::<OrdersRead>().scope::<OrdersWrite>();
    assert_eq!(service.get("/stricter", both).await.status, StatusCode::OK);
}

#[tokio::test]
async fn public_routes_check_what_is_sent() {
    let service = Service::new();
    assert_eq!(service.send(Method::GET, "/hello", &[]).await.body, "nobody");
    assert_eq!(service.get("/hello", service.issuer.token().subject("alice")).await.body, "alice");
    assert_eq!(service.get("/hello", service.issuer.token().expired()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn challenges_follow_rfc_6750() {
    let service = Service::new();
    let bare = service.send(Method::GET, "/orders", &[]).await;
    assert_eq!((bare.status, bare.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(bare.challenge, format!("Bearer realm=\"{AUDIENCE}\", scope=\"orders:read\""));
    let other_scheme = service.send(Method::GET, "/orders", &["Basic YTpi".to_owned()]).await;
    assert_eq!(other_scheme.challenge, bare.challenge);
    let bad = service.get("/orders", service.issuer.token().tampered()).await;
    assert_eq!(bad.status, StatusCode::UNAUTHORIZED);
    assert!(bad.challenge.contains("error=\"invalid_token\""));
    assert!(bad.body.contains("\"error\":\"invalid_token\""));
    let good = format!("Bearer {}", service.issuer.token().scope::<OrdersRead>().mint());
    let twice = service.send(Method::GET, "/orders", &[good.clone(), good.clone()]).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    let in_query = service.send(Method::GET, &format!("/orders?access_token={}", &good[7..]), &[]).await;
    assert_eq!(in_query.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_503() {
    let service = Service::new();
    service.issuer.outage(true);
    let answer = service.get("/orders", service.issuer.token().scope::<OrdersRead>()).await;
    assert_eq!((answer.status, answer.retry_after.as_str(), answer.challenge.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "1", ""));
}

#[test]
#[should_panic(expected = "fallback")]
fn two_fallbacks_on_one_path_stop_the_start() {
    let fallback = || get(subject).fallback(async || "open to all");
    let twice = Guarded::new().route("/x", OrdersRead::post(subject).merge(fallback()));
    let _router: Router = twice.into_router(TestIssuer::new().verifier());
}

#[tokio::test]
async fn a_handler_reads_the_claims_of_the_service() {
    #[derive(serde::Deserialize)]
    struct Tenant {
        tenant: String,
    }
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier_builder().audience(AUDIENCE).build_with_claims::<Tenant>().unwrap();
    let tenant = async |token: Auth<AnyToken, Tenant>| token.extra.tenant.clone();
    let router: Router = Guarded::new().route("/", get(tenant)).into_router(verifier);
    let send = |token: TokenBuilder<'_>| {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {}", token.mint())).body(Body::empty());
        router.clone().oneshot(request.unwrap())
    };
    let answer = send(issuer.token().claim("tenant", "moss")).await.unwrap();
    assert_eq!(to_bytes(answer.into_body(), 4096).await.unwrap(), "moss");
    assert_eq!(send(issuer.token()).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn auth_outside_a_guard_is_our_own_fault() {
    let router: Router = Router::new().route("/", get(subject));
    let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn the_table_tells_routes_and_scopes() {
    let table: Vec<_> = guarded()
        .table()
        .into_iter()
        .map(|row| (row.method, row.path, row.required.map_or("public".to_owned(), |required| required.sufficient())))
        .collect();
    let expected = [
        ("GET", "/orders", "orders:read"),
        ("POST", "/orders", "orders:write"),
        ("GET", "/report", "orders:read"),
        ("GET", "/both", "orders:read orders:write"),
        ("*", "/undeclared", ""),
        ("*", "/fallback", ""),
        ("GET", "/stricter", "orders:read"),
        ("*", "/hello", "public"),
        ("*", "/admin", "admin"),
        ("*", "/admin/users", "admin"),
        ("DELETE", "/admin/orders", "admin orders:write"),
        ("GET", "/admin/any", "admin"),
    ];
    assert_eq!(table, expected.map(|(method, path, scopes)| (method.to_owned(), path.to_owned(), scopes.to_owned())));
}
