//! What kernels say when something is missing, what it means, and what to do: by the text on the console, and by what a
//! plan says.
//!
//! The obstacles and their remedies are those of the public projects that booted XNU before (zhuowei's write-up and
//! XNUQEMUScripts, alephsecurity/xnu-qemu-arm64, TrungNguyen1909/qemu-t8030); the words are XNU's own.

use apple_dt::Property;
use xnu_boot::Plan;

/// What something means, and what to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What happened.
    pub means: String,
    /// What to do about it.
    pub remedy: String,
}

fn advice(means: impl Into<String>, remedy: impl Into<String>) -> Advice {
    Advice { means: means.into(), remedy: remedy.into() }
}

/// Words of a kernel, all of which must be in one line; their meaning; the remedy.
const RULES: &[(&[&str], &str, &str)] = &[
    // xnu:iokit/bsddev/IOKitBSDInit.cpp
    (
        &["specified root memory device"],
        "rd=md0 names a ramdisk, and the device tree has none (/chosen/memory-map:RAMDisk)",
        "give one with --ramdisk FILE, or take rd=md0 out of the boot arguments",
    ),
    (
        &["Still waiting for root device"],
        "no root device has appeared: no ramdisk, no driver for a disk, or a root check that nobody answers",
        "--ramdisk FILE with rd=md0 in the boot arguments; delete /:secure-root-prefix (dt-patch --preset serial-only)",
    ),
    // xnu:osfmk/arm64/machine_routines.c
    (
        &["unable to retrieve state"],
        "a node of /cpus has no state",
        "boot without --no-fill, or set the state of one CPU to \"running\" and of the others to \"waiting\"",
    ),
    (
        &["unable to determine boot cpu"],
        "no node of /cpus is \"running\"",
        "boot without --no-fill, or set the state of the boot CPU to \"running\"",
    ),
    (&["unable to retrieve physical ID"], "a node of /cpus has no reg", "add reg, the CPU's affinity"),
    // xnu:osfmk/arm64/amcc_rorgn.c
    (
        &["lock-regs", "not found"],
        "kernels from iOS 14 on look for the memory controller's lock registers in the device tree",
        "boot without --no-fill: /chosen/lock-regs is then added",
    ),
    (
        &["Inconsistent memory config"],
        "the memory controller's range registers do not read back what the loader set: the KTRR range is unreadable",
        "the region of /chosen/lock-regs or /arm-io/mcc must be readable storage: do not take that node away",
    ),
    (
        &["rorgn"],
        "the read-only range (KTRR) is not what the kernel expects of its registers",
        "registers S3_4_C15_C2_0 to C2_7 and the memory controller must read back what was written",
    ),
    (
        &["KTRR"],
        "the registers of the read-only range (KTRR) do not read back",
        "registers S3_4_C15_C2_0 to C2_7 and the memory controller must read back what was written",
    ),
    (
        &["KERN_PROTECTION_FAILURE"],
        "a page counts as protected by APRR: registers S3_4_C15_C2_0 and C2_1 read other than their reset values",
        "the machine must answer them as storage, with the chip's reset values: choose --cpu of the kernel's chip",
    ),
    // xnu:osfmk/arm64/arm_vm_init.c
    (
        &["EXTRADATA is in an unexpected place"],
        "the trust cache lies above the kernel's lowest segment",
        "this is the loader's doing: report it, with the output of --dry-run",
    ),
    (&["Unsupported memory configuration"], "more memory than the kernel can map", "give less with --memory"),
    // xnu:pexpert/arm/pe_serial.c
    (
        &["Malformed dockchannel-uart"],
        "the device tree has a dockchannel-uart without both ranges",
        "delete it: dt-patch --preset serial-only",
    ),
    // AppleImage4's two complaints about the tree (zhuowei's write-up).
    (
        &["Image4", "0x60"],
        "AppleImage4 misses a property of /chosen: chip-epoch or security-domain",
        "boot without --no-fill, or add both, 4 bytes each (set /chosen:chip-epoch = u32(1))",
    ),
    (
        &["Image4", "0x54"],
        "AppleImage4 found chip-epoch or security-domain of /chosen with another size than 4 bytes",
        "make both u32",
    ),
    // xnu:iokit/Kernel/IOService.cpp
    (
        &["busy timeout"],
        "drivers named in this line do not finish starting: they wait for a device that is not there",
        "take their node away or rename its compatible (dt-patch), or use --preset serial-only",
    ),
    (
        &["SecureRoot"],
        "IOKit asks whether the root device is a secure one, and no driver answers",
        "delete /:secure-root-prefix (dt-patch --preset serial-only)",
    ),
    // xnu:osfmk/vm/vm_fault.c
    (
        &["CODE SIGNING", "rejecting invalid page"],
        "a page of a program does not have the hash that its signature says: the file was changed after it was signed",
        "sign it again (rd-extract sign), and list it in the trust cache (--trust)",
    ),
    (
        &["CODE SIGNING"],
        "a program was refused for its signature",
        "list it in the trust cache: --trust FILE or --trust FOLDER",
    ),
    (
        &["Code Signature Invalid"],
        "a program was killed for its signature",
        "list it in the trust cache: --trust FILE or --trust FOLDER",
    ),
    (
        &["AMFI", "trust cache"],
        "AMFI did not find a program in a trust cache",
        "list it in the trust cache: --trust FILE or --trust FOLDER",
    ),
    (
        &["dyld", "not loaded"],
        "a library is missing in the root file system",
        "copy it or the dyld shared cache into the ramdisk",
    ),
    (
        &["Library not loaded"],
        "a library is missing in the root file system",
        "copy it or the dyld shared cache into the ramdisk",
    ),
];

/// What the lines of a console mean.
pub fn of_text(text: &str) -> Vec<Advice> {
    let mut found: Vec<Advice> = Vec::new();
    for line in text.lines() {
        let fits = |words: &&[&str]| words.iter().all(|w| line.contains(w));
        let rule = RULES.iter().find(|(words, _, _)| fits(words));
        let new = rule.map(|(_, means, remedy)| advice(*means, *remedy)).into_iter();
        for a in new.chain(exec(line)).chain(exit_of_init(line)) {
            if !found.contains(&a) {
                found.push(a);
            }
        }
    }
    found
}

/// Path and error number of a failed start of the first program (xnu:bsd/kern/kern_exec.c).
pub fn failed_exec(line: &str) -> Option<(&str, u32)> {
    let rest = line.split_once("Process 1 exec of ")?.1;
    let (path, rest) = rest.split_once(" failed, errno ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((path, digits.parse().ok()?))
}

fn exec(line: &str) -> Option<Advice> {
    let (path, errno) = failed_exec(line)?;
    let (means, remedy) = match errno {
        1 => (
            "not permitted: its code signature was refused (EPERM)",
            "list it in the trust cache: --trust FILE or --trust FOLDER",
        ),
        2 => (
            "it is not in the root file system, or the dynamic linker /usr/lib/dyld is not (ENOENT)",
            "put it into the ramdisk (rd-extract pack), or use the ramdisk of the IPSW",
        ),
        5 => ("it could not be read (EIO)", "the ramdisk is damaged or cut: check it with rd-extract"),
        8 => ("it is no Mach-O (ENOEXEC)", "put a Mach-O program there"),
        13 => {
            ("it may not be executed (EACCES)", "give it mode 0755 in the ramdisk, and list it with --trust")
        }
        80 => (
            "its signature was refused (EAUTH)",
            "list it in the trust cache: --trust FILE or --trust FOLDER",
        ),
        85 => ("the executable is damaged or of an unknown kind (EBADEXEC)", "check it with rd-extract"),
        86 => (
            "it is for another architecture: arm64 and arm64e differ by kernel, and arm64e has ABI versions (EBADARCH)",
            "use the programs of the same release as the kernel, or plain arm64 ones",
        ),
        88 => ("its Mach-O is malformed (EBADMACHO)", "check its load commands"),
        _ => ("the number is an errno of XNU (bsd/sys/errno.h)", "look at what was printed before"),
    };
    Some(advice(format!("{path} could not be started, error {errno}: {means}"), remedy))
}

/// "initproc exited -- exit reason namespace N subcode 0xN" (xnu:bsd/kern/kern_exit.c, bsd/sys/reason.h).
fn exit_of_init(line: &str) -> Option<Advice> {
    let rest = line.split_once("exit reason namespace ")?.1;
    let number: u32 = rest.split_whitespace().next()?.parse().ok()?;
    let (means, remedy) = match number {
        2 => (
            "a signal ended it",
            "the subcode is the signal: 9 is a kill, often for its signature; 11 a bad address",
        ),
        3 => ("its code signature was refused", "list it in the trust cache: --trust FILE or --trust FOLDER"),
        6 => (
            "dyld could not load it",
            "a library or the dyld shared cache is missing in the root file system",
        ),
        9 => ("it could not be executed", "see the lines before"),
        _ => ("see bsd/sys/reason.h of XNU for the namespace", "look at what was printed before"),
    };
    Some(advice(format!("the first program ended (namespace {number}): {means}"), remedy))
}

/// What a plan says that can keep a kernel from going on.
pub fn of_plan(plan: &Plan) -> Vec<Advice> {
    let mut found = Vec::new();
    let Some(tree) = &plan.device_tree else { return found };
    if plan.kind != "XNU" {
        return found;
    }
    let line = plan.command_line.as_str();
    let argument =
        |name: &str| line.split_whitespace().any(|a| a == name || a.starts_with(&format!("{name}=")));
    let property = |path: &str, name: &str| tree.property(path, name);
    let memory_root = line.split_whitespace().any(|a| a.starts_with("rd=md"));
    if memory_root && plan.load("ramdisk").is_none() {
        found.push(advice(
            "rd=md0 is among the boot arguments, and there is no ramdisk",
            "give one with --ramdisk FILE, or take rd=md0 out of the boot arguments",
        ));
    }
    if property("/", "secure-root-prefix").is_some() {
        found.push(advice(
            "/:secure-root-prefix is in the device tree: IOKit waits for a root check that no driver here makes",
            "delete it (dt-patch --preset serial-only, or dt-patch -e 'delete /:secure-root-prefix')",
        ));
    }
    for name in ["chip-epoch", "security-domain"] {
        match property("/chosen", name).map(|p| p.value.len()) {
            Some(4) => {}
            Some(n) => found.push(advice(
                format!("/chosen:{name} has {n} bytes: AppleImage4 fails with error 0x54"),
                format!("set /chosen:{name} = u32(1)"),
            )),
            None => found.push(advice(
                format!(
                    "/chosen:{name} is missing: AppleImage4 fails with error 0x60, and what needs it waits"
                ),
                format!("set /chosen:{name} = u32(1), or boot without --no-fill"),
            )),
        }
    }
    let debug = property("/chosen", "debug-enabled").and_then(Property::number).unwrap_or(0);
    if debug == 0 {
        found.push(advice(
            "/chosen:debug-enabled is 0: kernel and kexts believe that nothing may be debugged",
            "set it to 1",
        ));
    }
    if !argument("serial") && plan.framebuffer.is_none() {
        found.push(advice("there is no serial= among the boot arguments", "add serial=3 (--append)"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_kernel_are_explained_once() {
        let text = "x\npanic(cpu 0 caller 0x0): \"IOFindBSDRoot: specified root memory device, md0, has not been configured\"\n\
                    Still waiting for root device\nStill waiting for root device\n";
        let means: Vec<_> = of_text(text).into_iter().map(|a| a.means).collect();
        assert_eq!(means.len(), 2);
        assert!(means[0].contains("RAMDisk"), "{means:?}");
        assert!(of_text("BSD root: md0, major 2, minor 0\n").is_empty());
    }

    #[test]
    fn a_failed_start_of_the_first_program_is_explained_by_its_number() {
        let one =
            |errno: u32| of_text(&format!("Process 1 exec of /sbin/launchd failed, errno {errno}")).remove(0);
        assert!(one(86).means.contains("/sbin/launchd") && one(86).means.contains("another architecture"));
        assert!(one(2).means.contains("not in the root file system"));
        assert!(one(1).remedy.contains("--trust"));
        assert!(one(999).means.contains("error 999"));
        assert_eq!(failed_exec("Process 1 exec of"), None);
    }

    #[test]
    fn the_end_of_the_first_program_is_explained_by_its_reason() {
        let text = "initproc exited -- exit reason namespace 3 subcode 0x1 description: none";
        assert!(of_text(text)[0].means.contains("code signature"));
    }

    #[test]
    fn every_rule_has_words_meaning_and_remedy() {
        for (words, means, remedy) in RULES {
            assert!(!words.is_empty() && !means.is_empty() && !remedy.is_empty());
            assert!(!means.ends_with('.') && !remedy.ends_with('.'), "{means}");
        }
    }
}
