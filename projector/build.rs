//! Compiles again when a migration is added: the macro that embeds them sees only edits.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
