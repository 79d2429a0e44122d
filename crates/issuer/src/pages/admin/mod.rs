//! The administration pages. Each calls the same operations as the command line and REST, which decide what the administrator may do.

pub mod attributes;
pub mod audit;
pub mod audit_event;
pub mod client_claims;
pub mod client_edit;
mod client_facts;
pub mod client_form;
pub mod client_secrets;
mod client_streams;
mod client_told;
pub mod client_trial;
pub mod clients;
mod commands;
mod effects;
mod field;
mod figure;
pub mod gone;
mod grant_words;
pub mod groups;
pub mod keys;
mod offers;
pub mod overview;
pub mod resources;
pub mod roles;
pub mod search;
pub mod sessions;
mod shell;
mod table;
pub mod user;
pub mod user_edit;
pub mod users;
mod version;
mod view;

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::accounts::session::SignedIn;
use crate::accounts::sign_in;
use crate::admin::{Change, Operation, Reading, Refused, Window, Work, change};
use crate::app::App;
use crate::audit::Actor;
use crate::browser::Browser;
use crate::browser::csrf::{self, OwnForm};
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::oauth::scope::{ScopeSet, is_administration};
use crate::pages::account::Account;
use crate::pages::next_page;
use crate::web::error::page::{Link, PageError};
use crate::web::error::with_error;
use crate::web::form::PageQuery;
use crate::web::html::{Hidden, see_other};
use crate::web::origin::Sender;
use offers::Offers;
use view::{Field, FormPage, Frame, Kind};

/// The number of items of a page of a list.
const PAGE: u64 = 50;

/// The administrator who is signed in. People without a scope of administration get a page that says so.
pub struct Administrator {
    app: Arc<App>,
    browser: Browser,
    signed_in: SignedIn,
    actor: Actor,
}

/// A form that an administrator sent from one of our pages.
pub struct AdminForm {
    admin: Administrator,
    form: Form,
    /// The version of the object that the page which asks first shows; `None` if the form carries the version itself, or needs none.
    shown: Option<i32>,
    /// `true` if the form comes from such a page, which showed another version.
    overtaken: bool,
}

/// Any other path below `/admin`: says that there is no such page, whatever the browser accepts.
pub async fn nothing(_: Administrator) -> PageError {
    PageError { links: vec![Link::Own("/admin".to_owned(), "Go to the administration".to_owned())], ..PageError::not_found() }
}

/// Returns the part of a list that a page asks for.
fn window(query: &PageQuery) -> Window {
    Window { after: Some(query.text("after").to_owned()).filter(|after| !after.is_empty()), limit: PAGE }
}

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Account(signed_in) = Account::from_request_parts(parts, app).await?;
        let browser = Browser::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let admin = Self::new(app, browser, signed_in).map_err(IntoResponse::into_response)?;
        let asked = admin.offers().require_page(parts.uri.path(), parts.uri.query().unwrap_or_default());
        asked.map_err(|refused| failed(refused).into_response())?;
        Ok(admin)
    }
}

impl FromRequest<Arc<App>> for AdminForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let extensions = parts.extensions.clone();
        let browser = Browser::from_request_parts(&mut parts, app).await.map_err(IntoResponse::into_response)?;
        if browser.sender() == Sender::Own && browser.signed_in().await.map_err(IntoResponse::into_response)?.is_none() {
            let (_, form) = csrf::read(Request::from_parts(parts, body), app).await.map_err(IntoResponse::into_response)?;
            gone::leave(&extensions, &form);
            return Err(PageError::session_ended_before(next_page::leading_to("/sign-in", &path)).into_response());
        }
        let Account(signed_in) = Account::from_request_parts(&mut parts, app).await?;
        let own = OwnForm::from_request(Request::from_parts(parts, body), app).await;
        let own = own.map_err(|error| error.in_administration().into_response())?;
        let admin = Administrator::new(app, own.browser, signed_in).map_err(IntoResponse::into_response)?;
        let asked = admin.offers().require_form(&path, own.form.get("action").unwrap_or_default());
        asked.map_err(|refused| failed(refused).into_response())?;
        gone::leave(&extensions, &own.form);
        Ok(Self { admin, form: own.form, shown: None, overtaken: false })
    }
}

impl Administrator {
    fn new(app: &Arc<App>, browser: Browser, signed_in: SignedIn) -> Result<Self, PageError> {
        let scopes: ScopeSet = signed_in.user.scopes.iter().filter(|scope| is_administration(scope)).cloned().collect();
        if scopes.is_empty() {
            return Err(PageError::no_administrator(&signed_in.user.username));
        }
        let actor = browser.actor(signed_in.user.id).with_scopes(scopes, Some(signed_in.evidence.auth_time()));
        Ok(Self { app: Arc::clone(app), browser, signed_in, actor })
    }

    fn reading(&self) -> Reading<'_> {
        Reading::new(&self.app, &self.actor)
    }

    /// Returns what the administrator may do by their scopes.
    fn offers(&self) -> Offers {
        Offers::to(&self.actor.scopes)
    }

    /// Returns whether the administrator holds a scope that permits `operation`.
    fn may(&self, operation: Operation) -> bool {
        self.offers().may(operation)
    }

    async fn frame(&self, section: &'static str, command: impl Into<String>) -> Result<Frame, PageError> {
        let page = self.browser.page_of(self.signed_in.user.id).await?;
        let notice = match self.browser.noted().as_str() {
            "saved" => "Saved.",
            "added" => "Added.",
            "removed" => "Removed.",
            "disabled" => "Disabled. Nothing new is given; services that follow the revocations refuse what was given within a second.",
            "enabled" => "Enabled.",
            "ended" => "Ended.",
            "paused" => "Paused. The events wait.",
            "resumed" => "It goes on.",
            "rotated" => "A new key was published. It signs as soon as every service has it.",
            "revoked" => "Revoked. Services refuse its tokens as soon as they have read the keys again.",
            _ => "",
        };
        let username = self.signed_in.user.username.clone();
        let (notice, offers) = (notice.to_owned(), self.offers());
        Ok(Frame { page, username, section, notice, command: command.into(), searched: String::new(), offers })
    }

    /// Runs one operation in a transaction of its own.
    async fn change<'a, T>(&'a self, work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>) -> Result<T, Refused> {
        change(&self.app, &self.actor, work).await
    }

    fn done(&self, notice: &'static str, path: &str) -> Result<Response, PageError> {
        self.browser.note(notice);
        see_other(&self.app, path)
    }
}

/// What a dangerous operation does, for the page that asks for confirmation.
#[derive(Clone)]
struct Confirmation {
    section: &'static str,
    heading: String,
    /// What will be lost, in full sentences.
    lead: String,
    /// The path that the form is posted to.
    path: String,
    back: String,
    submit: &'static str,
    /// The command that does the same from a shell.
    command: String,
}

impl AdminForm {
    fn text(&self, name: &str) -> String {
        self.form.get(name).unwrap_or_default().trim().to_owned()
    }

    /// Returns the value of a field that may be empty.
    fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    fn is_checked(&self, name: &str) -> bool {
        self.form.get(name) == Some("true")
    }

    /// Returns the lines of a field, each once and without empty ones.
    fn lines(&self, name: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for line in self.form.get(name).unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
            if !lines.iter().any(|earlier| earlier == line) {
                lines.push(line.to_owned());
            }
        }
        lines
    }

    /// Returns whether the form comes from the page that asks for the password.
    fn is_confirmation(&self) -> bool {
        self.form.get("confirm_password").is_some()
    }

    /// Runs one operation in a transaction of its own. Unless the password was just given, a dangerous one fails with
    /// [`Refused::StaleAuthentication`], after everything else about it was found to be right.
    async fn attempt<'a, T>(
        &'a self,
        actor: &'a Actor,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<T, Refused> {
        change(&self.admin.app, actor, work).await
    }

    /// Returns the administrator, as one who did not sign in recently unless the password was just given.
    fn careful_actor(&self) -> Actor {
        let mut actor = self.admin.actor.clone();
        if !self.is_confirmation() {
            actor.authenticated_at = None;
        }
        actor
    }

    /// Checks the password if the form comes from the page that asks for it. Returns that page again if the password is wrong.
    async fn check_confirmation(&mut self, asked: Confirmation) -> Result<Option<Response>, PageError> {
        if self.is_confirmation() { self.confirmed(asked).await } else { Ok(None) }
    }

    /// Asks for the password on a page that names what will be lost, unless the form comes from that page with the right password. The page
    /// carries the values of the form, but no secrets.
    async fn confirmed(&mut self, asked: Confirmation) -> Result<Option<Response>, PageError> {
        let (mut text, mut error) = (self.overtaken(), None);
        if let Some(password) = self.form.secret("confirm_password").filter(|_| !self.overtaken) {
            let admin = &self.admin;
            let username = admin.signed_in.user.username.clone();
            let before = admin.browser.before_sign_in().await?;
            let checked = sign_in::check(&admin.app, &username, password, admin.browser.guesser(), &admin.actor, admin.app.now());
            let refused = match checked.await {
                Ok(checked) => admin.browser.sign_in(checked, before).await?.err(),
                Err(refused) => Some(refused),
            };
            match refused {
                None => {
                    self.admin.actor.authenticated_at = Some(self.admin.app.now());
                    return Ok(None);
                }
                Some(sign_in::SignInError::Store(failed)) => return Err(failed.into()),
                Some(refused) => {
                    text = match refused {
                        sign_in::SignInError::Wrong => "The password is wrong.".to_owned(),
                        _ => format!("This form changed nothing: {refused}."),
                    };
                    error = Some(OAuthError::from(refused));
                }
            }
        }
        let fields =
            vec![Field::new("confirm_password", "Your password", Kind::Password).hint("So that nobody does this at your unlocked screen.")];
        let page = FormPage { fields, danger: true, error: text, ..self.asking(asked).await? }.respond()?;
        Ok(Some(match error {
            Some(error) => with_error(page, &error),
            None => page,
        }))
    }

    /// Shows a page that says what follows, unless the form comes from that page. The page carries the values of the form, but no secrets.
    async fn agreed(&self, asked: Confirmation) -> Result<Option<Response>, PageError> {
        if self.form.get("agreed").is_some() && !self.overtaken {
            return Ok(None);
        }
        let mut page = FormPage { error: self.overtaken(), ..self.asking(asked).await? };
        page.hidden.push(Hidden::new("agreed", "true"));
        page.respond().map(Some)
    }

    /// Returns a page that carries the values of the form, but no secrets, and asks what is `asked`.
    async fn asking(&self, asked: Confirmation) -> Result<FormPage, PageError> {
        let is_carried = |name: &str| match name {
            "csrf" | "confirm_password" | "password" => false,
            "agreed" => !self.overtaken,
            "version" => self.shown.is_none(),
            _ => true,
        };
        let carried = self.form.iter().filter(|(name, _)| is_carried(name));
        Ok(FormPage {
            frame: self.admin.frame(asked.section, asked.command).await?,
            heading: asked.heading,
            lead: asked.lead,
            action: asked.path,
            hidden: carried.map(|(name, value)| Hidden::new(name, value)).collect(),
            version: self.shown,
            submit: asked.submit,
            back: asked.back,
            ..FormPage::default()
        })
    }
}

/// Returns the error page for an operation that was refused where no form can show the reason.
fn failed(refused: Refused) -> PageError {
    match refused {
        Refused::Store(error) => error.into(),
        Refused::Key(error) => error.into(),
        Refused::Busy(_) => PageError::busy(),
        Refused::TooManyFetches(seconds) => PageError::too_many_attempts(seconds),
        Refused::NotFound { .. } => PageError::admin(StatusCode::NOT_FOUND, "It is not there", refused.to_string()),
        Refused::Insufficient(_) | Refused::Forbidden | Refused::Protected(_) => {
            PageError::admin(StatusCode::FORBIDDEN, "You may not do this", refused.to_string())
        }
        other => PageError::admin(StatusCode::BAD_REQUEST, "Nothing was changed", other.to_string()),
    }
}
