mod guessing;
mod hashing;
mod rules;
