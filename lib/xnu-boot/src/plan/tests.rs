use super::*;
use apple_kc::test_support::{Seg, mach_o};

/// A train's kernel in the small: version, chip, arm64 or arm64e, link base, static or fileset.
struct Shape {
    xnu: u32,
    soc: &'static str,
    subtype: u32,
    base: u64,
    filetype: u32,
    /// Whether kexts lie far below the header, as in split caches.
    split: bool,
}

const IPHONE: u64 = 0xffff_fff0_0700_4000;
const MAC: u64 = 0xffff_fe00_0700_4000;

const SHAPES: &[Shape] = &[
    Shape { xnu: 4570, soc: "S5L8960X", subtype: 0, base: IPHONE, filetype: 2, split: true },
    Shape { xnu: 4903, soc: "T8010", subtype: 0, base: IPHONE, filetype: 2, split: true },
    Shape { xnu: 4903, soc: "T8015", subtype: 0, base: IPHONE, filetype: 2, split: false },
    Shape { xnu: 6153, soc: "T8020", subtype: 0xc000_0002, base: IPHONE, filetype: 2, split: false },
    Shape { xnu: 7195, soc: "T8030", subtype: 0xc000_0002, base: IPHONE, filetype: 2, split: false },
    Shape { xnu: 8019, soc: "T8030", subtype: 0xc000_0002, base: IPHONE, filetype: 0xc, split: false },
    Shape { xnu: 8792, soc: "VMAPPLE", subtype: 0xc000_0002, base: MAC, filetype: 0xc, split: false },
    Shape { xnu: 8796, soc: "T8101", subtype: 0xc000_0002, base: IPHONE, filetype: 0xc, split: false },
    Shape { xnu: 10002, soc: "T8101", subtype: 0xc000_0002, base: IPHONE, filetype: 0xc, split: false },
    Shape { xnu: 11417, soc: "T8103", subtype: 0xc000_0002, base: MAC, filetype: 0xc, split: false },
];

fn kernel(shape: &Shape) -> Vec<u8> {
    let mut text = vec![0; 0x4000];
    let version =
        format!("Darwin Kernel Version 1.2.3: x; root:xnu-{}.1.2~1/RELEASE_ARM64_{}\0", shape.xnu, shape.soc);
    text[0x3000..0x3000 + version.len()].copy_from_slice(version.as_bytes());
    let b = shape.base;
    let mut segments = vec![
        Seg::new("__TEXT", b, 0x4000, text, 5).section("__const", 0x3000, 0x100),
        Seg::new("__TEXT_EXEC", b + 0x4000, 0x8000, vec![0x1f; 0x8000], 5),
        Seg::new("__LAST", b + 0xc000, 0x4000, vec![0; 0x10], 1),
        Seg::new("__DATA", b + 0x1_0000, 0x2_0000, vec![1; 0x100], 3),
        Seg::new("__LINKEDIT", b + 0x3_0000, 0x4000, vec![2; 0x4000], 1),
        Seg::new("__PLK_EMPTY", b + 0x4_0000, 0, vec![], 1),
    ];
    if shape.split {
        segments.push(Seg::new("__PRELINK_TEXT", b - 0x300_0000, 0x8000, vec![3; 0x8000], 5));
    }
    let entries = [("com.apple.kernel", b, 0u64)];
    let fileset = if shape.filetype == 0xc { &entries[..] } else { &[] };
    mach_o(shape.subtype, shape.filetype, b + 0x4100, &segments, fileset)
}

/// A tree as iBoot's file has it: blank, with placeholders.
fn tree(soc: &str) -> Tree {
    apple_dt::compile(&format!(
        r#"/apple-dt/ 1; device-tree {{
            AAPL,phandle = u32(1); compatible = "D22AP", "AppleARM"; model = "iPhone10,3";
            serial-number = template("syscfg/SrNm/0x20,zeroes/0x20");
            chosen {{ AAPL,phandle = u32(2); random-seed = zeros(64); debug-enabled = u32(0);
                      memory-map {{ MemoryMapReserved-0 = zeros(16); AAPL,phandle = u32(3); }} }}
            cpus {{ cpu0 {{ reg = u32(0); state = "running"; timebase-frequency = u64(0); }}
                    cpu1 {{ reg = u32(1); state = "waiting"; }} }}
            pram {{ reg = zeros(16); }}
            arm-io {{ device_type = "{}-io"; ranges = u64(0 0x200000000 0x100000000);
                      uart0 {{ AAPL,phandle = u32(9); compatible = "uart-1,samsung"; reg = u64(0x2e600000 0x4000); }} }}
            defaults {{ }}
        }}"#,
        soc.to_ascii_lowercase()
    ))
    .unwrap()
}

fn options() -> Options {
    Options { command_line: "serial=3 rd=md0".into(), memory: Some(1 << 30), ..Options::default() }
}

/// A ramdisk of an odd size.
const RAMDISK: u64 = 0x12_3456;

fn plan_with(shape: &Shape, options: &Options) -> Result<Plan> {
    let bytes = kernel(shape);
    let tree = tree(shape.soc);
    let mut module = 1u32.to_le_bytes().to_vec();
    module.resize(24, 0);
    let inputs = Inputs {
        device_tree: Some(&tree),
        ramdisk: Some(RAMDISK),
        trust_cache: Some(&module),
        ..Inputs::new(Kernel::recognise(&bytes).unwrap())
    };
    Plan::new(&inputs, options)
}

fn plan(shape: &Shape) -> Plan {
    plan_with(shape, &options()).unwrap_or_else(|e| panic!("{} {}: {e}", shape.xnu, shape.soc))
}

fn map_entry(plan: &Plan, name: &str) -> Range {
    let tree = plan.device_tree.as_ref().unwrap();
    let words: Vec<u64> = tree.property("/chosen/memory-map", name).unwrap().words64().collect();
    Range { base: words[0], size: words[1] }
}

#[test]
fn every_train_and_shape_obeys_the_rules_of_placement() {
    for shape in SHAPES {
        let p = plan(shape);
        let who = format!("{} {}\n{p}", shape.xnu, shape.soc);
        assert_eq!(p.virt_base % BLOCK, p.phys_base % BLOCK, "{who}");
        let segment = |name: &str| p.load(name).unwrap().clone();
        let text = segment("__TEXT");
        assert_eq!(text.va, shape.base, "{who}");
        assert_eq!(text.pa - p.phys_base, text.va - p.virt_base, "{who}");
        assert_eq!(p.entry, text.pa + 0x4100, "{who}");
        assert_eq!(p.reset_vector, text.pa + 0x4000, "{who}");
        let lowest = if shape.split { segment("__PRELINK_TEXT").pa } else { text.pa };
        let cache = segment("trust cache");
        assert_eq!(
            cache.range().end(),
            lowest,
            "the trust cache ends where the lowest segment begins: {who}"
        );
        let end = segment("__LINKEDIT").range().end();
        let locked = shape.filetype == 0xc && shape.soc != "VMAPPLE";
        for what in ["ramdisk", "device tree", "boot_args"] {
            let r = segment(what).range();
            if what == "device tree" && locked {
                assert_eq!(r.end(), cache.pa, "{who}");
            } else {
                assert!(r.base >= end && r.end() <= p.top_of_kernel_data, "{what}: {who}");
            }
        }
        assert_eq!(segment("ramdisk").pa % 0x1_0000, 0, "{who}");
        assert_eq!(p.top_of_kernel_data % 0x4000, 0, "{who}");
        assert!(p.phys_base + p.mem_size < p.dram.end(), "the panic log is above memSize: {who}");
        let lowest = p.reserved.iter().map(|r| r.range.base).min();
        assert_eq!(lowest, Some(p.phys_base + p.mem_size), "{who}");
        assert!(p.loads.iter().all(|l| l.source.size() <= l.size), "{who}");
        assert!(p.load("__PLK_EMPTY").is_none(), "{who}");
    }
}

#[test]
fn the_tree_and_boot_args_say_where_things_are() {
    for shape in SHAPES {
        let p = plan(shape);
        let args = p.boot_args.as_ref().unwrap();
        let tree = p.load("device tree").unwrap();
        let Source::Bytes(bytes) = &tree.source else { panic!() };
        assert_eq!(args.device_tree, tree.va);
        assert_eq!(args.device_tree_length as usize, bytes.len());
        assert_eq!(Tree::parse(bytes).unwrap(), *p.device_tree.as_ref().unwrap());
        assert_eq!(map_entry(&p, "DeviceTree"), Range { base: tree.pa, size: bytes.len() as u64 });
        assert_eq!(map_entry(&p, "BootArgs").base, p.x0);
        assert_eq!(map_entry(&p, "RAMDisk"), Range { base: p.load("ramdisk").unwrap().pa, size: 0x12_4000 });
        assert_eq!(map_entry(&p, "TrustCache"), Range { base: p.load("trust cache").unwrap().pa, size: 32 });
        assert_eq!(map_entry(&p, "Kernel-__TEXT").base, p.load("__TEXT").unwrap().pa);
        let Source::Bytes(loaded) = &p.load("boot_args").unwrap().source else { panic!() };
        assert_eq!(*loaded, args.to_bytes().unwrap());
        assert_eq!(args.line_length, Train(shape.xnu).line_length());
        assert!(p.changes.iter().all(|c| !c.why.is_empty()));
    }
}

#[test]
fn what_a_train_needs_is_in_its_tree() {
    for shape in SHAPES {
        let p = plan(shape);
        let tree = p.device_tree.as_ref().unwrap();
        let ktrr = p.soc.unwrap().has_ktrr();
        let locks = tree.node("/chosen/lock-regs/amcc/amcc-ctrr-a").is_some();
        assert_eq!(locks, ktrr && shape.xnu >= 7195, "{} {}", shape.xnu, shape.soc);
        assert_eq!(tree.property("/arm-io/mcc", "reg").is_some(), ktrr && shape.xnu < 7195);
        assert_eq!(tree.property("/defaults", "serial-device").is_some(), shape.xnu >= 11215);
        let legacy = p.command_line.contains("use-legacy-uart=1");
        assert_eq!(legacy, shape.xnu == 8796, "{} {}", shape.xnu, shape.soc);
        let pram: Vec<u64> = tree.property("/pram", "reg").unwrap().words64().collect();
        let place = |what: &str| {
            let range = p.reserved.iter().find(|r| r.what == what).unwrap().range;
            assert!(range.base >= p.phys_base + p.mem_size && range.end() <= p.dram.end(), "{what}");
            [range.base, range.size]
        };
        assert_eq!(pram, place("panic log"));
        let stram = tree.property("/stram", "reg").map(|p| p.words64().collect::<Vec<u64>>());
        assert_eq!(stram.is_some(), p.soc.unwrap().has_sleep_token(), "{}", shape.soc);
        assert!(stram.is_none_or(|s| s == place("sleep token")));
    }
}

#[test]
fn an_a7_kernel_is_given_one_gib_and_refuses_four() {
    let shape = &SHAPES[0];
    let p = plan_with(shape, &Options { memory: None, ..options() }).unwrap();
    assert_eq!(p.dram.size, 1 << 30);
    let e = plan_with(shape, &Options { memory: Some(4 << 30), ..options() }).unwrap_err();
    assert!(e.to_string().contains("A7 and A8"), "{e}");
    let e = plan_with(&SHAPES[1], &Options { memory: Some(16 << 30), ..options() }).unwrap_err();
    assert!(e.to_string().contains("14 GiB"), "{e}");
}

#[test]
fn a_screen_lies_above_the_kernels_memory() {
    let screen = Some(Screen { width: 640, height: 480, graphics: true });
    let p = plan_with(&SHAPES[2], &Options { screen, ..options() }).unwrap();
    let f = p.framebuffer.unwrap();
    assert!(f.base >= p.phys_base + p.mem_size && f.base + f.size() <= p.dram.end());
    let video = p.boot_args.unwrap().video;
    assert_eq!((video.base, video.display, video.row_bytes, video.depth), (f.base, 1, 2560, 32));
    for (width, height) in [(0, 480), (640, 0), (u32::MAX, 1), (60_000, 60_000)] {
        let screen = Some(Screen { width, height, graphics: false });
        assert!(plan_with(&SHAPES[2], &Options { screen, ..options() }).is_err(), "{width}x{height}");
    }
}

#[test]
fn only_filesets_slide_and_only_by_blocks() {
    let slide = |shape, slide| plan_with(shape, &Options { slide, ..options() });
    let p = slide(&SHAPES[5], 0x400_0000).unwrap();
    assert_eq!(p.load("__TEXT").unwrap().va, IPHONE + 0x400_0000);
    assert!(slide(&SHAPES[5], 0x4000).unwrap_err().to_string().contains("32 MiB"));
    assert!(slide(&SHAPES[2], 0x400_0000).unwrap_err().to_string().contains("static"));
}

#[test]
fn what_cannot_boot_is_refused_with_a_remedy() {
    let with = |change: fn(&mut Options)| {
        let mut o = options();
        change(&mut o);
        plan_with(&SHAPES[1], &o).unwrap_err().to_string()
    };
    assert!(with(|o| o.memory = Some(32 << 20)).contains("--memory"));
    assert!(with(|o| o.memory_base = Some(0x8000_4000)).contains("32 MiB"));
    assert!(with(|o| o.memory = Some(u64::MAX)).contains("48 bits"));
    assert!(with(|o| o.command_line = "x".repeat(256)).contains("hold 255"));

    let bytes = kernel(&SHAPES[1]);
    let clean = tree("t8010");
    let try_tree = |edits: &str, options: Options| {
        let mut tree = clean.clone();
        apple_dt::Script::parse(edits).unwrap().apply(&mut tree).unwrap();
        let inputs = Inputs { device_tree: Some(&tree), ..Inputs::new(Kernel::recognise(&bytes).unwrap()) };
        Plan::new(&inputs, &options)
    };
    let quiet = || Options { command_line: "serial=3".into(), ..options() };
    assert!(try_tree("", options()).unwrap_err().to_string().contains("rd=md0"), "no ramdisk");
    assert!(try_tree("delete /cpus", quiet()).unwrap_err().to_string().contains("/cpus"));
    assert!(try_tree("delete /cpus/cpu0:reg", quiet()).unwrap_err().to_string().contains("no reg"));
    assert!(try_tree("delete /arm-io", quiet()).unwrap_err().to_string().contains("/arm-io"));
    let raw = || Options { no_fill: true, ..quiet() };
    assert!(try_tree("", raw()).unwrap_err().to_string().contains("timebase"));
    let ready = "set /cpus/cpu0:timebase-frequency = 24000000";
    assert!(try_tree(ready, raw()).unwrap_err().to_string().contains("random-seed"));
    assert!(
        try_tree(ready, Options { force: true, ..raw() })
            .unwrap()
            .warnings
            .iter()
            .any(|w| w.contains("random-seed"))
    );
    let warned = |edits: &str, part: &str| {
        let p = try_tree(edits, quiet()).unwrap();
        assert!(p.warnings.iter().any(|w| w.contains(part)), "{part}: {:?}", p.warnings);
    };
    warned("insert /arm-io/dockchannel-uart", "dockchannel");
    warned("delete /arm-io/uart0", "no uart0");
    warned("set /arm-io/uart0:compatible = \"x\"", "uart-1,samsung");

    let none = Inputs::new(Kernel::recognise(&bytes).unwrap());
    assert_eq!(Plan::new(&none, &quiet()).unwrap_err().kind(), crate::ErrorKind::NotFound);
    let cut = &bytes[..bytes.len() - 0x8000];
    let inputs = Inputs { device_tree: Some(&clean), ..Inputs::new(Kernel::recognise(cut).unwrap()) };
    assert!(Plan::new(&inputs, &quiet()).unwrap_err().to_string().contains("shorter"));
}

#[test]
fn kernels_behind_a_monitor_of_apples_are_refused_by_name() {
    let shape = Shape { xnu: 11215, soc: "T8120", subtype: 2, base: IPHONE, filetype: 0xc, split: false };
    let e = plan_with(&shape, &options()).unwrap_err();
    assert_eq!(e.kind(), crate::ErrorKind::Unsupported);
    assert!(e.to_string().contains("SPTM"), "{e}");
}

#[test]
fn hostile_segments_are_errors_not_panics() {
    for (vmaddr, vmsize) in [
        (0, 0x4000),
        (0x1000, 0x4000),
        (u64::MAX - 0x4000, 0x3fff),
        (0xffff_fff0_0700_4000, u64::MAX >> 20),
        (3, 5),
    ] {
        let mut text = vec![0; 0x4000];
        text[0x3000..0x3004].copy_from_slice(b"Darw");
        let segments =
            [Seg::new("__TEXT", IPHONE, 0x4000, text, 5), Seg::new("__EVIL", vmaddr, vmsize, vec![], 3)];
        let bytes = mach_o(0, 2, IPHONE + 0x100, &segments, &[]);
        let tree = tree("t8015");
        let Ok(kernel) = Kernel::recognise(&bytes) else { continue };
        let inputs = Inputs { device_tree: Some(&tree), ..Inputs::new(kernel) };
        assert!(Plan::new(&inputs, &Options::default()).is_err(), "{vmaddr:#x} {vmsize:#x}");
    }
    let bytes = kernel(&SHAPES[1]);
    let tree = tree("t8010");
    for ramdisk in [u64::MAX, u64::MAX - 0xffff, 1 << 63, 1 << 40] {
        let inputs = Inputs {
            device_tree: Some(&tree),
            ramdisk: Some(ramdisk),
            ..Inputs::new(Kernel::recognise(&bytes).unwrap())
        };
        assert!(Plan::new(&inputs, &options()).is_err(), "{ramdisk:#x}");
    }
}

#[test]
fn a_plan_prints_each_part_and_the_gaps() {
    let p = plan(&SHAPES[1]);
    let text = p.to_string();
    for part in
        ["xnu-4903 (iOS 12)", "T8010 (A10)", "__PRELINK_TEXT", "(free)", "ramdisk 0x0+0x123456", "panic log"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&p).unwrap()).unwrap();
    assert_eq!(json["phys_base"], "0x800000000");
    assert_eq!(json["loads"][1]["what"], "__PRELINK_TEXT");
    assert!(json["changes"][0].as_str().unwrap().contains(": "));
}

#[test]
fn equal_inputs_give_equal_plans_and_another_seed_another_tree() {
    let json = |o: &Options| serde_json::to_string(&plan_with(&SHAPES[3], o).unwrap()).unwrap();
    assert_eq!(json(&options()), json(&options()));
    let other = plan_with(&SHAPES[3], &Options { seed: 1, ..options() }).unwrap();
    assert_ne!(other.device_tree, plan(&SHAPES[3]).device_tree);
}

#[test]
fn m1n1_is_known_by_its_mark_and_gets_what_it_needs() {
    let mut image = vec![0; 0x2_0000];
    image[0x1000..0x100c].copy_from_slice(b"##m1n1_ver##");
    let kernel = Kernel::recognise(&image).unwrap();
    assert!(matches!(kernel, Kernel::Raw { entry: 0x800, .. }));
    let mut tree = tree("t8103");
    for (version, revision) in [("iBoot-4513.230.10", 1), ("iBoot-7459.0.1", 2)] {
        tree.node_mut("/chosen").unwrap().set("firmware-version", format!("{version}\0")).unwrap();
        let inputs = Inputs { device_tree: Some(&tree), ..Inputs::new(kernel.clone()) };
        let p = Plan::new(&inputs, &Options::default()).unwrap();
        let args = p.boot_args.as_ref().unwrap();
        assert_eq!(args.revision, revision);
        let f = p.framebuffer.unwrap();
        assert!(f.base >= p.phys_base && f.base + f.size() <= p.top_of_kernel_data, "mapped as RAM");
        assert!(p.phys_base + p.mem_size - p.top_of_kernel_data >= 4 << 20);
        assert_eq!(p.entry, p.load("kernel").unwrap().pa + 0x800);
        let tree_load = p.load("device tree").unwrap();
        assert_eq!(args.device_tree - args.virt_base + args.phys_base, tree_load.pa);
        assert!(p.device_tree.as_ref().unwrap().placeholders().is_empty());
    }
    assert!(Kernel::recognise(&[0; 0x1000]).unwrap_err().to_string().contains("kc-decompress"));
    assert!(Kernel::raw(0x800, None).is_err() && Kernel::raw(0x1000, Some(2)).is_err());
}

#[test]
fn a_linux_image_is_placed_by_its_header() {
    let mut image = vec![0; 0x1000];
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image[16..24].copy_from_slice(&0x20_0000u64.to_le_bytes());
    image[24] = 0b1010;
    let inputs = Inputs {
        ramdisk: Some(0x1234),
        flat_tree: Some(b"tree"),
        ..Inputs::new(Kernel::recognise(&image).unwrap())
    };
    let p = Plan::new(&inputs, &Options { memory_base: Some(0x4000_0000), ..Options::default() }).unwrap();
    assert_eq!((p.entry, p.x0 % 8), (0x4020_0000, 0), "as QEMU has it");
    assert_eq!(p.load("kernel").unwrap().size, 0x20_0000);
    assert_eq!(p.load("ramdisk").unwrap().pa, 0x4040_0000);
    assert!(p.boot_args.is_none());
    for offset in [0x8_0000u64, 0x40_0000] {
        image[8..16].copy_from_slice(&offset.to_le_bytes());
        let inputs = Inputs::new(Kernel::recognise(&image).unwrap());
        let options = Options { memory_base: Some(0x4000_0000), ..Options::default() };
        assert_eq!(Plan::new(&inputs, &options).unwrap().entry, 0x4000_0000 + offset);
    }
    image[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    let inputs = Inputs::new(Kernel::recognise(&image).unwrap());
    assert!(Plan::new(&inputs, &Options::default()).is_err());
}

#[test]
fn any_sizes_and_places_give_a_plan_or_an_error() {
    let mut state = 0x1234_5678_9abc_def1u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Small, middling and enormous numbers, and those around the powers of two.
        match state % 4 {
            0 => state >> (state >> 8 & 63),
            1 => 1u64.checked_shl((state >> 8 & 63) as u32).unwrap_or(0).wrapping_sub(state >> 20 & 3),
            2 => 0u64.wrapping_sub(state >> (16 + (state >> 8 & 47))),
            _ => (state >> 30) & !0x3fff,
        }
    };
    let (mut planned, tree) = (0, tree("t8015"));
    let image: Vec<u8> = [&[0; 0x1000][..], b"##m1n1_ver##"].concat();
    for n in 0..4000 {
        let mut text = vec![0; 0x4000];
        text[0x3000..0x3004].copy_from_slice(b"Darw");
        let segments = [
            Seg::new("__TEXT", IPHONE, 0x4000, text, 5),
            Seg::new("__EVIL", if n % 2 == 0 { random() } else { IPHONE + 0x4000 }, random(), vec![], 3),
        ];
        let bytes = mach_o(0, if n % 3 == 0 { 0xc } else { 2 }, IPHONE + 0x100, &segments, &[]);
        let kernel = if n % 7 == 0 { Kernel::recognise(&image) } else { Kernel::recognise(&bytes) };
        let Ok(kernel) = kernel else { continue };
        let inputs = Inputs {
            device_tree: Some(&tree),
            ramdisk: (n % 5 > 0).then(&mut random),
            ..Inputs::new(kernel)
        };
        let options = Options {
            memory: (n % 4 > 0).then(&mut random),
            memory_base: (n % 3 == 0).then(|| random() & !(BLOCK - 1)),
            slide: if n % 6 == 0 { random() & !(BLOCK - 1) } else { 0 },
            screen: (n % 8 == 0).then(|| Screen {
                width: random() as u32,
                height: random() as u32,
                graphics: false,
            }),
            force: n % 2 == 0,
            ..Options::default()
        };
        if let Ok(plan) = Plan::new(&inputs, &options) {
            planned += 1;
            for load in &plan.loads {
                assert!(load.pa >= plan.dram.base && load.range().end() <= plan.dram.end(), "{plan}");
            }
            _ = plan.to_string();
        }
    }
    assert!(planned > 20, "only {planned} plans");
}
