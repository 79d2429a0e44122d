//! Lists of words in a column, separated by spaces, such as the scopes of an authorization: SQL that finds a word, and SQL that takes words out.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, SimpleExpr};

/// A condition: the list in `column`, which names its table too, has `word`. `LIKE` lets PostgreSQL expect few rows, and the comparison
/// after it tells capitals apart, which `LIKE` of SQLite does not.
pub(super) fn has(column: &str, word: &str) -> SimpleExpr {
    let list = || Expr::cust(format!("(' ' || {column} || ' ')"));
    let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let is_like = list().like(LikeExpr::new(format!("% {escaped} %")).escape('\\'));
    let rest: SimpleExpr = Func::cust("replace").args([list(), Expr::value(format!(" {word} ")), Expr::value("")]).into();
    is_like.and(rest.ne(list()))
}

/// An expression: the list in `column` without `words`. A list has each word once.
pub(super) fn without(column: &str, words: &[String]) -> SimpleExpr {
    let list = Expr::cust(format!("' ' || {column} || ' '"));
    let rest =
        words.iter().fold(list, |list, word| Func::cust("replace").args([list, Expr::value(format!(" {word} ")), Expr::value(" ")]).into());
    Func::cust("trim").arg(rest).into()
}
