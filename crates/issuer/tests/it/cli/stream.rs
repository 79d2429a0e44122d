//! `signet client stream` from a script.

use serde_json::{Value, json};

use super::Signet;
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_lists_pauses_resumes_and_removes_streams() {
    let app = TestApp::new().await.with_orders().await;
    app.add_client("hub", false, "client_credentials", &["ssf.manage"]).await;
    app.add_stream("hub", "a-stream").await;
    app.add_stream("hub", "-b").await;
    let (signet, keys) = (Signet::new(), app.keys_dir().display().to_string());
    let env = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", keys.as_str()), ("SIGNET_ISSUER", app.url.as_str())];
    let run = |args: &[&str]| signet.run_with(&env, &[&["client", "stream"], args].concat(), "");
    let rows = |args: &[&str]| -> Value { serde_json::from_str(&run(&[args, &["--json"]].concat()).stdout).unwrap() };
    let status = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["status"].clone()).collect::<Vec<_>>();
    assert_eq!(status(&rows(&["list", "hub"])), ["enabled", "enabled"]);
    let paused = rows(&["pause", "hub", "a-stream"]);
    assert_eq!((&paused[0]["stream_id"], &paused[0]["status"]), (&json!("a-stream"), &json!("paused")));
    assert_eq!(status(&rows(&["pause", "hub", "-b"])), ["paused"]);
    assert_eq!(status(&rows(&["resume", "hub", "a-stream"])), ["enabled"]);
    assert_eq!(status(&rows(&["remove", "hub", "--yes", "-b"])), ["paused"]);
    assert_eq!(rows(&["list", "hub"]).as_array().unwrap().len(), 1);
    for (args, said) in [(["resume", "hub", "-b"], "there is no stream -b"), (["pause", "nobody", "a-stream"], "there is no client nobody")]
    {
        let out = run(&args);
        assert!(!out.success && out.stderr.contains(said), "{args:?}: {}", out.stderr);
    }
    let seen = run(&["list", "hub"]);
    assert!(seen.success && seen.stdout.contains("a-stream") && seen.stdout.contains("enabled"), "{}", seen.stdout);
}
