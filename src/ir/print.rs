//! The textual form of the intermediate representation, for `gradlint emit --to ir` and for tests.
