//! Generates the parser from `tg.lalrpop`, and the index of the library in `src/prelude`. It stands in this folder so that
//! the grammar is one room.

use std::path::Path;

mod library;

fn main() {
    println!("cargo:rerun-if-changed=grammar");
    println!("cargo:rerun-if-changed=src/prelude");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    lalrpop::Configuration::new()
        .set_in_dir("grammar")
        .set_out_dir(&out)
        .process()
        .unwrap_or_else(|error| panic!("grammar/tg.lalrpop: {error}"));
    link_at_fixed_address();
    let index = library::index(Path::new("src/prelude"));
    std::fs::write(Path::new(&out).join("prelude.rs"), index)
        .unwrap_or_else(|error| panic!("{out}/prelude.rs: {error}"));
}

/// On Linux the program is linked at a fixed address. As a position-independent one it would begin by adjusting
/// 29,000 pointers, nearly all of the operator table: 1 ms of each start, a third of the time that a short file takes.
fn link_at_fixed_address() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
