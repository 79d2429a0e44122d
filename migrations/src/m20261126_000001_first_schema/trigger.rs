//! Makes triggers in the dialect of each database.

use sea_orm_migration::sea_orm::DatabaseBackend;

/// A trigger that runs the statements of `body`, each of which ends with a semicolon, for each row of `table` that meets `when`. `moment` is
/// such as `AFTER UPDATE`.
pub(super) struct Trigger<'a> {
    pub name: &'a str,
    pub table: &'a str,
    pub moment: &'a str,
    pub when: &'a str,
    pub body: &'a str,
}

impl Trigger<'_> {
    /// Returns the statements that make the trigger.
    pub(super) fn statements(&self, backend: DatabaseBackend) -> Vec<String> {
        let Self { name, table, moment, when, body } = self;
        match backend {
            DatabaseBackend::Postgres => {
                // A trigger that fires before a deletion prevents it unless it returns the row. After a change, the result is ignored.
                let result = if moment.starts_with("BEFORE") { "OLD" } else { "NULL" };
                vec![
                    format!("CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN {result}; END $$"),
                    format!("CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"),
                ]
            }
            _ => vec![format!("CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW WHEN {when} BEGIN {body} END")],
        }
    }
}
