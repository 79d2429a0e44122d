//! Whatever the order of the steps, those of an attacker too, a code comes only to a person who has signed in for it and consented.

mod answer;
mod next;
mod repeated;
mod request;
mod sealed;
mod waiting;

use proptest::prelude::*;
use signet_issuer::config::Settings;

use crate::support::{Answer, Browser, PASSWORD, TestApp};

/// An issuer with the users alice and bob and the client `web`.
pub async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await
}

#[derive(Debug, Clone)]
enum Step {
    Begin { prompt: &'static str },
    SignIn { right: bool },
    Consent { allow: bool },
    Visit { path: &'static str },
    SignOut,
    Wait { hours: u64 },
    Withdraw,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![Just(""), Just("login"), Just("consent"), Just("none"), Just("select_account")].prop_map(|prompt| Step::Begin { prompt }),
        4 => prop::bool::weighted(0.8).prop_map(|right| Step::SignIn { right }),
        4 => prop::bool::weighted(0.8).prop_map(|allow| Step::Consent { allow }),
        3 => prop_oneof![Just("/authorize/resume"), Just("/consent"), Just("/sign-in"), Just("/select-account"), Just("/no-access"), Just("/account/password")]
            .prop_map(|path| Step::Visit { path }),
        1 => Just(Step::SignOut),
        1 => prop_oneof![Just(0_u64), Just(9)].prop_map(|hours| Step::Wait { hours }),
        1 => Just(Step::Withdraw),
    ]
}

/// The events that must have happened before the issuer may give a code.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each may hold or not")]
struct Model {
    signed_in: bool,
    consented: bool,
    /// `true` if the request asked for a sign-in that has not happened yet. The next two fields say the same of a choice and a consent.
    sign_in_due: bool,
    choice_due: bool,
    consent_due: bool,
}

async fn run(steps: &[Step]) {
    let unlimited = |settings: &mut Settings| (settings.account_attempts, settings.address_attempts) = (1000, 100_000);
    let app = TestApp::with(unlimited).await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.browser();
    let (mut model, mut id) = (Model::default(), String::from("none yet"));
    let mut form = None;
    for step in steps {
        let answer = take(&app, &browser, step, &mut model, (&id, form.as_ref())).await;
        assert!(answer.status < 500, "{step:?}: {}", answer.text);
        let location = answer.header("location");
        if location.contains("code=") {
            assert!(model.signed_in && !model.sign_in_due && !model.choice_due, "{step:?} {model:?}");
            assert!(model.consented && !model.consent_due, "{step:?} {model:?}");
            let code = answer.reply()["code"].clone();
            assert_eq!(app.redeem(&code, &[]).await.status, 200);
            (id, form) = (String::from("used up"), None);
        }
        // A page says which request it is about.
        if let Some((_, rest)) = answer.text.split_once("name=\"request\" value=\"") {
            let shown = rest.split('"').next().unwrap();
            if !shown.is_empty() {
                shown.clone_into(&mut id);
                // Until someone signs in, the request is only in this page.
                form = shown.contains('.').then_some(answer);
            }
        }
    }
}

/// Takes a step for the request `id`. `form` is the sign-in page in which the request is, if it is not stored.
async fn take(app: &TestApp, browser: &Browser, step: &Step, model: &mut Model, (id, form): (&str, Option<&Answer>)) -> Answer {
    match step {
        Step::Begin { prompt } => {
            model.sign_in_due = *prompt == "login";
            model.choice_due = *prompt == "select_account" && model.signed_in;
            model.consent_due = *prompt == "consent";
            browser.get(&app.authorize(&[("prompt", prompt)])).await
        }
        Step::SignIn { right } => {
            let stored = browser.get(&format!("/sign-in?request={id}")).await;
            let page = form.unwrap_or(&stored);
            if !page.text.contains("action=\"/sign-in\"") {
                return stored;
            }
            if *right {
                // Change the model before the sign-in, because the answer may already carry the code.
                (model.signed_in, model.sign_in_due, model.choice_due) = (true, false, false);
            }
            browser.sign_in(page, "alice", if *right { PASSWORD } else { "wrong" }).await
        }
        Step::Consent { allow } => {
            let page = browser.get(&format!("/consent?request={id}")).await;
            if !page.text.contains("action=\"/consent\"") {
                return page;
            }
            assert!(model.signed_in && !model.sign_in_due, "{model:?}");
            if *allow {
                (model.consented, model.consent_due) = (true, false);
            }
            browser.submit(&page, "/consent", &[("choice", if *allow { "allow" } else { "deny" })]).await
        }
        Step::Visit { path } => browser.get(&format!("{path}?request={id}")).await,
        Step::SignOut => {
            let page = browser.get("/account").await;
            if !page.text.contains("/account/sign-out") {
                return page;
            }
            model.signed_in = false;
            browser.submit(&page, "/account/sign-out", &[]).await
        }
        Step::Wait { hours } => {
            app.advance(hours * 3600 + 60);
            model.signed_in &= *hours == 0;
            app.get("/health/live").send().await
        }
        Step::Withdraw => {
            let page = browser.get("/account/consents").await;
            if !page.text.contains("Withdraw<") {
                return page;
            }
            model.consented = false;
            browser.submit(&page, "/account/consents", &[]).await
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_steps_gives_a_code_too_early(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(run(&steps));
    }
}
