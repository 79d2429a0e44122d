//! Helpers that build the tables and their foreign keys.

use sea_orm_migration::prelude::*;

pub(super) fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(Alias::new(name)).take()
}

/// A foreign key from the column `own` to the primary key `(table, column)`.
pub(super) fn refers(
    own: &'static str,
    table: &'static str,
    column: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col(Alias::new(own)).to(Alias::new(table), Alias::new(column)).on_delete(on_delete).take()
}

/// A foreign key that removes its rows together with the row that they refer to.
pub(super) fn ends_with(own: &'static str, table: &'static str, column: &'static str) -> ForeignKeyCreateStatement {
    refers(own, table, column, ForeignKeyAction::Cascade)
}

/// A table of pairs. A pair is removed together with either of the rows that it refers to.
pub(super) fn pairs(
    name: &'static str,
    left: (ColumnDef, &'static str, &'static str),
    right: (ColumnDef, &'static str, &'static str),
) -> TableCreateStatement {
    let (left_name, right_name) = (left.0.get_column_name(), right.0.get_column_name());
    let cascade = |own: &str, table, column| {
        ForeignKey::create().from_col(Alias::new(own)).to(Alias::new(table), Alias::new(column)).on_delete(ForeignKeyAction::Cascade).take()
    };
    table(name)
        .col(left.0)
        .col(right.0)
        .primary_key(Index::create().col(Alias::new(&left_name)).col(Alias::new(&right_name)))
        .foreign_key(&mut cascade(&left_name, left.1, left.2))
        .foreign_key(&mut cascade(&right_name, right.1, right.2))
        .take()
}
