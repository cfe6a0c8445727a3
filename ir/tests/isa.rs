//! `docs/isa.md` is what the instruction table and the catalogue say.

#[test]
fn the_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/isa.md");
    let page = nbc_ir::isa::page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == page, "docs/isa.md is out of date: BLESS=1 cargo test -p nbc-ir --test isa");
}

#[test]
fn the_page_names_everything() {
    let page = nbc_ir::isa::page();
    for op in nbc_ir::Opcode::ALL {
        assert!(page.contains(&format!("`{:#06x}`", op.number())), "{op:?}");
    }
    for op in nbc_ir::catalogue::CATALOGUE {
        assert!(page.contains(&format!("`{}", op.name)), "{}", op.name);
    }
    assert!(!page.contains("{max_"));
}
