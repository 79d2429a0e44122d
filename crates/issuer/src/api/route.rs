//! The table of routes: each has a method, a path, the operation that it calls, a handler, and its part of the OpenAPI document.

use std::borrow::Cow;
use std::sync::Arc;

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::admin::Operation;
use crate::api::filter::Filter;
use crate::api::pointer;
use crate::app::App;
use crate::web::error::problem::Problem;

/// Schemas with their names.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// All routes, and what describes them. The schemas are functions, so that a server makes them only for whoever asks for the document: they
/// take several MiB.
#[derive(Default)]
pub struct Api {
    router: Router<Arc<App>>,
    /// The routes in the order of the table, from which the document is made.
    pub routes: Vec<Route>,
    /// Each adds the schemas of a body or an answer.
    pub schemas: Vec<fn(&mut Schemas)>,
}

/// The parts of a route in which routes differ.
pub struct Route {
    pub method: HttpMethod,
    /// The path under [`PREFIX`](crate::api::access::PREFIX).
    pub path: &'static str,
    pub operation: Operation,
    pub summary: &'static str,
    /// The status of an answer that refuses nothing.
    pub status: StatusCode,
    /// Returns the name of the schema of the body.
    pub input: Option<fn() -> Cow<'static, str>>,
    /// Returns the schema of the answer.
    pub output: Option<fn() -> RefOr<Schema>>,
    pub media_type: &'static str,
    /// The parameters of the query beside those of a list.
    pub filters: &'static [Filter],
    /// `true` if the answer is a page of a list.
    pub is_list: bool,
}

impl Route {
    fn new(method: HttpMethod, path: &'static str, operation: Operation, summary: &'static str) -> Self {
        let (input, output, filters, is_list) = (None, None, [].as_slice(), false);
        let (status, media_type) = (StatusCode::OK, "application/json");
        Self { method, path, operation, summary, status, input, output, media_type, filters, is_list }
    }
}

impl Api {
    /// Adds `GET` of a list, which comes in pages.
    pub fn list<V: ToSchema, T: 'static>(
        mut self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        filters: &'static [Filter],
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        self.schemas.push(collect::<V>);
        let output: Option<fn() -> RefOr<Schema>> = Some(page_of::<V>);
        self.add(Route { output, filters, is_list: true, ..Route::new(HttpMethod::Get, path, operation, summary) }, handler)
    }

    /// Adds `GET` of one thing.
    pub fn show<V: ToSchema, T: 'static>(
        mut self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        let output = Some(self.schema::<V>());
        self.add(Route { output, ..Route::new(HttpMethod::Get, path, operation, summary) }, handler)
    }

    /// Adds `GET` of what is selected by `filters`, at once.
    pub fn count<V: ToSchema, T: 'static>(
        mut self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        filters: &'static [Filter],
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        let output = Some(self.schema::<V>());
        self.add(Route { output, filters, ..Route::new(HttpMethod::Get, path, operation, summary) }, handler)
    }

    /// Adds `GET` of a whole list as a file.
    pub fn file<T: 'static>(
        self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        (media_type, filters): (&'static str, &'static [Filter]),
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        let output: Option<fn() -> RefOr<Schema>> = Some(text);
        self.add(Route { output, media_type, filters, ..Route::new(HttpMethod::Get, path, operation, summary) }, handler)
    }

    /// Adds `POST` of a new thing.
    pub fn create<I: ToSchema, V: ToSchema, T: 'static>(
        mut self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        let (input, output) = (Some(self.input::<I>()), Some(self.schema::<V>()));
        let route = Route { input, output, status: StatusCode::CREATED, ..Route::new(HttpMethod::Post, path, operation, summary) };
        self.add(route, handler)
    }

    /// Adds `POST` of a change that takes a body.
    pub fn act<I: ToSchema, V: ToSchema, T: 'static>(
        self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        self.exchange::<I, V, T>(Route::new(HttpMethod::Post, path, operation, summary), handler)
    }

    /// Adds `POST` of a change that takes no body.
    pub fn tell<V: ToSchema, T: 'static>(
        mut self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        let output = Some(self.schema::<V>());
        self.add(Route { output, ..Route::new(HttpMethod::Post, path, operation, summary) }, handler)
    }

    /// Adds `POST` of a change that takes a body and has no answer.
    pub fn act_empty<I: ToSchema, T: 'static>(
        mut self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        let input = Some(self.input::<I>());
        let route = Route { input, status: StatusCode::NO_CONTENT, ..Route::new(HttpMethod::Post, path, operation, summary) };
        self.add(route, handler)
    }

    /// Adds `POST` that ends something, with neither a body nor an answer.
    pub fn end<T: 'static>(
        self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        self.add(Route { status: StatusCode::NO_CONTENT, ..Route::new(HttpMethod::Post, path, operation, summary) }, handler)
    }

    /// Adds `PATCH` by a JSON merge patch (RFC 7396).
    pub fn patch<I: ToSchema, V: ToSchema, T: 'static>(
        self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        self.exchange::<I, V, T>(Route::new(HttpMethod::Patch, path, operation, summary), handler)
    }

    /// Adds `PUT` of one thing in place of what stood there.
    pub fn put<I: ToSchema, V: ToSchema, T: 'static>(
        self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        self.exchange::<I, V, T>(Route::new(HttpMethod::Put, path, operation, summary), handler)
    }

    /// Adds `DELETE` of one thing.
    pub fn delete<T: 'static>(
        self,
        path: &'static str,
        operation: Operation,
        summary: &'static str,
        handler: impl Handler<T, Arc<App>>,
    ) -> Self {
        self.add(Route { status: StatusCode::NO_CONTENT, ..Route::new(HttpMethod::Delete, path, operation, summary) }, handler)
    }

    /// Adds a route that takes a body of the type `I` and answers with one of the type `V`.
    fn exchange<I: ToSchema, V: ToSchema, T: 'static>(mut self, route: Route, handler: impl Handler<T, Arc<App>>) -> Self {
        let (input, output) = (Some(self.input::<I>()), Some(self.schema::<V>()));
        self.add(Route { input, output, ..route }, handler)
    }

    fn schema<V: ToSchema>(&mut self) -> fn() -> RefOr<Schema> {
        self.schemas.push(collect::<V>);
        reference::<V>
    }

    fn input<I: ToSchema>(&mut self) -> fn() -> Cow<'static, str> {
        self.schemas.push(collect::<I>);
        I::name
    }

    fn add<T: 'static>(mut self, route: Route, handler: impl Handler<T, Arc<App>>) -> Self {
        let filter = match route.method {
            HttpMethod::Get => MethodFilter::GET,
            HttpMethod::Patch => MethodFilter::PATCH,
            HttpMethod::Put => MethodFilter::PUT,
            HttpMethod::Delete => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        };
        // The extractor of the handler reads the operation, and refuses a request without one.
        let method = on(filter, handler).layer(Extension(route.operation));
        self.router = self.router.route(route.path, method.clone()).route(&format!("{}/", route.path), method);
        self.routes.push(route);
        self
    }

    /// Returns the router for everything under [`PREFIX`].
    pub fn router(self) -> Router<Arc<App>> {
        self.router.layer(from_fn(pointer::point)).fallback(not_found).method_not_allowed_fallback(method_not_allowed)
    }
}

/// Adds the schema of `V`, and those that it refers to.
fn collect<V: ToSchema>(schemas: &mut Schemas) {
    V::schemas(schemas);
    schemas.push((V::name().into_owned(), V::schema()));
}

/// Returns a reference to the schema of `V`.
fn reference<V: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(V::name()).into()
}

/// Returns the schema of a page of a list of `V`.
fn page_of<V: ToSchema>() -> RefOr<Schema> {
    let items = ArrayBuilder::new().items(reference::<V>());
    let next = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("The value of after for the next page; null at the end"));
    let output = ObjectBuilder::new().property("items", items).required("items").property("next", next).required("next");
    Schema::Object(output.build()).into()
}

/// Returns the schema of a text.
fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

async fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path; /docs describes the API").into_response()
}

async fn method_not_allowed(method: Method) -> Response {
    let detail = format!("{method} is not allowed here; the header Allow lists the methods that are");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response()
}
