mod audience;
mod issue;
mod narrow;
mod refresh;
