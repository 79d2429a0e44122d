//! One answer tells everything that is wrong with the parameters of a list, and one page everything that is wrong with its fields.

use super::pointers::furnished;

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_parameters_of_a_list_are_told() {
    let (app, token) = furnished().await;
    for (path, wrong) in [
        ("/audit?from=x&until=y", vec!["from", "until"]),
        ("/audit?user=nobody&from=x", vec!["from", "user"]),
        ("/audit?object=group:none&until=x&limit=0&colour=red&size=1", vec!["colour", "limit", "object", "size", "until"]),
        ("/audit?actor=user:nobody&event=none&from=x", vec!["actor", "event", "from"]),
        ("/audit/lines?event=none&from=x&limit=5", vec!["event", "from", "limit"]),
        ("/users?limit=x&enabled=maybe&after=%20", vec!["after", "enabled", "limit"]),
        ("/clients?enabled=x&registered=y&limit=0", vec!["enabled", "limit", "registered"]),
        ("/authorizations?user=x&limit=0", vec!["limit", "user"]),
        ("/activity?hours=x&colour=red", vec!["colour", "hours"]),
    ] {
        let answer = app.call("GET", path, &token, None, None).await;
        let errors = answer.json["errors"].as_array().unwrap_or_else(|| panic!("{path}: {}", answer.text));
        let mut found: Vec<&str> = errors.iter().map(|error| error["parameter"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!((answer.status, found), (400, wrong), "{path}: {}", answer.text);
    }
    // A user who does not exist is nothing that is there, if nothing else is wrong.
    assert_eq!(app.call("GET", "/audit?user=nobody", &token, None, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_fields_of_the_audit_trail_are_marked() {
    let (app, _) = furnished().await;
    let browser = app.signed_in("boss").await;
    for (query, faults) in [
        ("by=user&value=nobody&from=x&until=y", 3),
        ("by=group&value=none&from=x", 2),
        ("by=actor&value=user:nobody&until=x", 2),
        ("by=nope&value=alice&from=x", 2),
        ("by=user&value=&from=x&until=y", 3),
        ("value=alice&from=x", 2),
    ] {
        let page = browser.get(&format!("/admin/audit?{query}")).await;
        let marked = page.text.matches("aria-invalid=\"true\"").count();
        assert_eq!((page.status, marked), (400, faults), "{query}: {}", page.text);
    }
    let list = browser.get("/admin/users").await;
    let form = list.text.split("class=\"chooser\"").nth(1).unwrap();
    let csrf = form.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = [("csrf", csrf), ("action", "add-to-group"), ("users", "nobody\nnone"), ("group", "")];
    let refused = browser.post("/admin/users", &fields).await;
    assert_eq!((refused.status, refused.text.matches("aria-invalid=\"true\"").count()), (400, 2), "{}", refused.text);
    for expected in ["there is no user nobody", "there is no user none", "the name of a group that exists"] {
        assert!(refused.text.contains(expected), "{expected}: {}", refused.text);
    }
}
