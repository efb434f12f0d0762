//! Generates the parser from `tg.lalrpop`. It stands in this folder so that the grammar is one room.

fn main() {
    println!("cargo:rerun-if-changed=grammar");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    lalrpop::Configuration::new()
        .set_in_dir("grammar")
        .set_out_dir(out)
        .process()
        .unwrap_or_else(|error| panic!("grammar/tg.lalrpop: {error}"));
}
