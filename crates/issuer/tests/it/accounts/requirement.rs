//! A user has proven who they are only if their evidence is as strong and as recent as required, and nothing is left to set up.

use proptest::prelude::*;
use proptest::sample::subsequence;
use signet_issuer::accounts::methods::{Enrolled, Evidence, Method, Passed};
use signet_issuer::accounts::requirement::{Requirement, Step, next};
use signet_issuer::clock::UnixSeconds;
use signet_issuer::oauth::acr::Acr;
use signet_issuer::store::users::User;
use uuid::Uuid;

const NOW: UnixSeconds = crate::support::START;

/// A user who has a password, or has none, or has one that was generated.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Password {
    Absent,
    Chosen,
    Generated,
}

fn user(password: Password) -> User {
    User {
        id: Uuid::from_u128(1),
        username: "alice".to_owned(),
        email: None,
        email_verified: false,
        name: None,
        password_hash: (password != Password::Absent).then(|| "a hash".to_owned()),
        updated_at: 0,
        claims: "{}".to_owned(),
        password_generated_at: (password == Password::Generated).then_some(NOW),
        credential_version: 0,
        access_version: 0,
        external_id: None,
        last_sign_in_at: None,
        enabled: true,
        scopes: Vec::new(),
    }
}

fn enrolled(password: Password) -> Enrolled {
    Enrolled::of(&user(password))
}

/// Evidence that the user passed these methods.
fn evidence(passed: &[Passed]) -> Evidence {
    Evidence::from_json(Uuid::from_u128(1), &serde_json::to_string(passed).unwrap()).unwrap()
}

fn password_at(at: UnixSeconds) -> Evidence {
    evidence(&[Passed { method: Method::Password, at }])
}

#[test]
fn without_evidence_the_user_must_authenticate() {
    let step = next(&evidence(&[]), &enrolled(Password::Chosen), &Requirement::for_session());
    assert!(matches!(step, Step::Authenticate(methods) if methods == [Method::Password]));
}

#[test]
fn evidence_counts_from_the_very_second_that_is_required() {
    let required = Requirement { not_before: NOW, ..Requirement::default() };
    let step = |at| next(&password_at(at), &enrolled(Password::Chosen), &required);
    assert!(matches!(step(NOW - 1), Step::Authenticate(_)));
    let Step::Done(proven) = step(NOW) else { panic!("evidence of the required second is recent enough") };
    assert_eq!((proven.evidence(), proven.acr()), (&password_at(NOW), "urn:signet:acr:password"));
}

#[test]
fn an_enrolment_that_is_due_comes_first_unless_it_may_wait() {
    let step = |required: &Requirement| next(&password_at(NOW), &enrolled(Password::Generated), required);
    assert!(matches!(step(&Requirement::default()), Step::Enrol(methods) if methods == [Method::Password]));
    assert!(matches!(step(&Requirement::for_session()), Step::Done(_)));
}

#[test]
fn a_requirement_that_accepts_no_class_cannot_be_met() {
    let required = Requirement { acr: Some(Vec::new()), ..Requirement::default() };
    assert!(matches!(next(&password_at(NOW), &enrolled(Password::Chosen), &required), Step::Impossible));
}

#[test]
fn a_user_without_any_method_cannot_meet_a_requirement() {
    for evidence in [evidence(&[]), password_at(NOW)] {
        assert!(matches!(next(&evidence, &enrolled(Password::Absent), &Requirement::for_session()), Step::Impossible));
    }
}

#[test]
fn evidence_of_nothing_has_no_class_and_no_method() {
    let nothing = evidence(&[]);
    assert_eq!((nothing.acr(), nothing.amr().as_str(), nothing.auth_time()), (None, "", 0));
    let password = Evidence::new(Uuid::from_u128(1), Passed { method: Method::Password, at: NOW });
    assert_eq!((password.acr(), password.amr().as_str(), password.auth_time()), (Some(Acr::Password), "pwd", NOW));
}

fn any_password() -> impl Strategy<Value = Password> {
    prop_oneof![Just(Password::Absent), Just(Password::Chosen), Just(Password::Generated)]
}

/// Some of the methods, each passed at some time near [`NOW`].
fn any_passed() -> impl Strategy<Value = Vec<Passed>> {
    subsequence(Method::ALL, 0..=Method::ALL.len()).prop_flat_map(|methods| {
        let times = prop::collection::vec(NOW - 5..=NOW + 5, methods.len());
        times.prop_map(move |times| methods.iter().zip(times).map(|(method, at)| Passed { method: *method, at }).collect())
    })
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    let not_before = prop_oneof![Just(0), NOW - 6..=NOW + 6];
    (prop::option::of(subsequence(&Acr::ALL, 0..=Acr::ALL.len())), not_before, any::<bool>())
        .prop_map(|(acr, not_before, enrolment_may_wait)| Requirement { acr, not_before, enrolment_may_wait })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn each_step_follows_from_what_the_user_has_and_did(
        passed in any_passed(), password in any_password(), required in any_requirement(),
    ) {
        let evidence = evidence(&passed);
        let is_recent = passed.iter().any(|passed| passed.at >= required.not_before);
        let must_enrol = password == Password::Generated && !required.enrolment_may_wait;
        match next(&evidence, &enrolled(password), &required) {
            // The password reaches every class that there is.
            Step::Impossible => prop_assert!(password == Password::Absent || required.acr == Some(Vec::new())),
            Step::Authenticate(methods) => {
                prop_assert!(!is_recent && password != Password::Absent);
                prop_assert_eq!(methods, [Method::Password]);
            }
            Step::Enrol(methods) => {
                prop_assert!(is_recent && must_enrol);
                prop_assert_eq!(methods, [Method::Password]);
            }
            Step::Done(proven) => {
                prop_assert!(is_recent && !must_enrol && password != Password::Absent);
                prop_assert_eq!(proven.evidence(), &evidence);
                let reached = evidence.acr().unwrap();
                prop_assert!(required.acr.is_none_or(|accepted| accepted.contains(&reached)));
                prop_assert_eq!(proven.acr(), reached.as_str());
            }
        }
    }

    #[test]
    fn newer_evidence_never_undoes_a_proof(passed in any_passed(), again in any_passed(), required in any_requirement()) {
        let later: Vec<_> = again.iter().map(|passed| Passed { at: passed.at + 20, ..*passed }).collect();
        let is_done = |evidence: &Evidence| matches!(next(evidence, &enrolled(Password::Chosen), &required), Step::Done(_));
        let before = evidence(&passed);
        prop_assert!(!is_done(&before) || is_done(&before.clone().with(&evidence(&later))));
    }

    #[test]
    fn later_evidence_replaces_the_times_of_its_methods(
        first in any_passed(), second in any_passed(), third in any_passed(),
    ) {
        let [first, second, third] = [first, second, third].map(|passed| evidence(&passed));
        let both = first.clone().with(&second);
        prop_assert_eq!(both.user(), first.user());
        prop_assert_eq!(&both.clone().with(&second), &both);
        prop_assert_eq!(first.clone().with(&second.clone().with(&third)), both.with(&third));
        prop_assert_eq!(&first.clone().with(&first), &first);
        prop_assert_eq!(&first.clone().with(&evidence(&[])), &first);
        prop_assert_eq!(&evidence(&[]).with(&first), &first);
    }

    #[test]
    fn a_session_stores_evidence_as_it_is(passed in any_passed()) {
        let evidence = evidence(&passed);
        prop_assert_eq!(Evidence::from_json(evidence.user(), &evidence.to_json()).unwrap(), evidence);
    }
}
