//! The boot contract from the guest's side: a kernel for each train and shape of XNU boots from an IPSW, through the whole
//! pipe, to its last line, in both engines; and says what is wrong when something is.

use guests::contract::CONTRACTS;
use suite::{DemoFolder, Ran};

const ENGINES: [&str; 2] = ["interpreter", "jit"];
const END: &str = "--until 'contract: (ok|FAILED)' --timeout 120";

/// A folder with the kernels' IPSWs.
fn folder() -> DemoFolder {
    let folder = DemoFolder::new();
    guests::contract::write_all(folder.path()).expect("the kernels pack");
    folder
}

#[track_caller]
fn keeps(ran: Ran) {
    let text = ran.ok().text();
    assert!(text.contains("contract: ok"), "{text}");
}

fn boot(folder: &DemoFolder, name: &str, preset: &str, options: &str) -> Ran {
    folder.sh(&format!(
        "ipsw-extract contract-{name}.ipsw | dt-patch --preset {preset} | xnu-run {options} {END}"
    ))
}

/// Boots some of them (all for no names) with these options in both engines.
#[track_caller]
fn all_keep(names: &[&str], preset: &str, options: &str) {
    let folder = folder();
    for contract in CONTRACTS.iter().filter(|c| names.is_empty() || names.contains(&c.name)) {
        for engine in ENGINES {
            keeps(boot(&folder, contract.name, preset, &format!("--engine {engine} {options}")));
        }
    }
}

#[test]
fn every_train_and_shape_finds_the_contract_kept() {
    all_keep(&[], "serial-only", "");
}

#[test]
fn other_cpus_start_and_hear_interrupts() {
    all_keep(&[], "light", "--cpus 2 --append 'serial=3 rd=md0 contract-cpus=2'");
}

#[test]
fn a_screen_is_memory_of_its_own() {
    all_keep(
        &["a7", "a10", "a13", "vmapple"],
        "serial-only",
        "--screen 320x240 --append 'serial=3 rd=md0 contract-screen=1'",
    );
}

#[test]
fn locks_are_enforced_where_asked_for() {
    let options = "--enforce-ktrr --append 'serial=3 rd=md0 contract-locks=1'";
    all_keep(&["a10", "a11", "a12", "a13", "m1"], "serial-only", options);
}

#[test]
fn apples_permissions_can_be_ignored() {
    all_keep(
        &["a11", "a12", "a13", "m1"],
        "serial-only",
        "--no-sprr --append 'serial=3 rd=md0 contract-permissions=0'",
    );
}

#[test]
fn pointer_authentication_is_chosen() {
    all_keep(&["a12", "vmapple"], "serial-only", "--pac off --append 'serial=3 rd=md0 contract-pac=1'");
    all_keep(&["a12", "vmapple"], "serial-only", "--pac qarma5");
}

#[test]
fn filesets_find_themselves_where_they_were_slid_to() {
    all_keep(&["a13", "m1", "vmapple"], "serial-only", "--slide 0x4000000");
}

#[test]
fn a_virtual_machine_needs_no_tree_and_can_be_asked_for() {
    let folder = folder();
    folder.sh("ipsw-extract contract-vmapple.ipsw > vm.fit && bootimg-pack --unpack vm vm.fit").ok();
    folder.sh("mv vm/kernel* kernel; mv vm/ramdisk* ramdisk; mv vm/trustcache* trust").ok();
    for machine in ["", "-M vmapple"] {
        keeps(folder.sh(&format!(
            "xnu-run {machine} --kernel kernel --ramdisk ramdisk --trustcache trust --cpus 2 \
             --append 'serial=3 rd=md0 contract-cpus=2' {END}"
        )));
    }
}

#[test]
fn a_kernel_that_is_owed_something_says_what() {
    let folder = folder();
    let ran = boot(&folder, "a10", "serial-only", "--append 'serial=3 rd=md0 contract-locks=1'").ok();
    let text = ran.text();
    assert!(text.contains("contract: FAILED"), "{text}");
    let ran = boot(&folder, "a9", "serial-only", "--cpu a11").ok();
    assert!(ran.text().contains("contract: FAILED"), "{}", ran.text());
}
