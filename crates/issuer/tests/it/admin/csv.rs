//! A list as CSV can be read back, and no cell of it is a formula.

use serde_json::json;
use signet_issuer::admin::csv;

#[test]
fn a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe() {
    for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
        let line = csv::line([cell, "plain"]);
        let read = line.trim_end_matches("\r\n").trim_start_matches('"');
        assert!(read.starts_with(&format!("'{}", cell.chars().next().unwrap())), "{line:?}");
    }
    assert_eq!(csv::line(["a", "", "b,c", "say \"hi\"", "a-b=c"]), "a,,\"b,c\",\"say \"\"hi\"\"\",a-b=c\r\n");
    assert_eq!(csv::row(&["a", "b", "c", "d"], &json!({ "a": 1, "b": null, "c": ["x"], "d": "=x" })), "1,,\"[\"\"x\"\"]\",'=x\r\n");
}
