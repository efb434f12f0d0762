//! Checks that hold of any well-formed program; run after every lowering in debug and test builds.
