//! Has the linker lay side by side what the released programs run.
//!
//! A program runs an eighth of its functions. The kernel maps 16 pages around each that is touched, so that where these
//! functions lie scattered nearly all of the program becomes resident, and where they lie together a third of it.
//! `link/PROGRAM.ld` lists them (`benches/link_order.rs` writes it): names that fit no function are no error, and functions
//! that it lacks lie where they would have lain. Invariant: what is built is the same with and without it, but for the
//! places of functions.

/// The programs that stay, and have such a list.
const PROGRAMS: [&str; 3] = ["autoswe-exporter", "autoswe-journey", "autoswe-watchdog"];

fn main() {
    println!("cargo::rerun-if-changed=link");
    println!("cargo::rerun-if-env-changed=AUTOSWE_LINK_ORDER");
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    let flags = of("CARGO_ENCODED_RUSTFLAGS") + &of("RUSTC_LINKER");
    // GNU's linker and LLVM's take such a list, others do not.
    let can_order =
        of("CARGO_CFG_TARGET_OS") == "linux" && !["mold", "wild"].iter().any(|linker| flags.contains(linker));
    if !can_order || of("PROFILE") != "release" || of("AUTOSWE_LINK_ORDER") == "none" {
        return;
    }
    for program in PROGRAMS {
        let list = format!("{}/link/{program}.ld", of("CARGO_MANIFEST_DIR"));
        println!("cargo::rustc-link-arg-bin={program}=-Wl,-T,{list}");
    }
}
