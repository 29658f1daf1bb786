//! Caches of the three layouts, each with the same two kexts, a few pointers and symbols.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "test data of known sizes"
)]

use super::{Image, PAGE, Seg, version};

/// Identifiers and versions of the kexts that every cache has.
pub const KEXTS: [(&str, &str); 2] = [("com.apple.driver.One", "1.2.3"), ("com.example.kec.Two", "4.5")];

const BASE: u64 = 0xffff_fff0_0700_4000;
const RET: u32 = 0xd65f_03c0;
/// `n_type`: defined in a section, external.
const EXTERNAL: u8 = 0x0f;
const LOCAL: u8 = 0x0e;

fn put(data: &mut [u8], at: u64, value: &[u8]) {
    let at = at as usize;
    data[at..at + value.len()].copy_from_slice(value);
}

/// A `kmod_info` of 64 bits.
fn kmod_info(name: &str, version: &str, start: u64, stop: u64) -> Vec<u8> {
    let mut info = vec![0; 196];
    put(&mut info, 8, &1u32.to_le_bytes());
    put(&mut info, 16, name.as_bytes());
    put(&mut info, 80, version.as_bytes());
    put(&mut info, 180, &start.to_le_bytes());
    put(&mut info, 188, &stop.to_le_bytes());
    info
}

/// Prelink information: `place` gives the keys that say where a kext is. The second version and a library are written
/// as references, as the serialiser does with equal values.
fn prelink(place: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = String::from("<dict><key>_PrelinkInfoDictionary</key><array>");
    text.push_str("<dict ID=\"0\"><key>CFBundleIdentifier</key><string ID=\"1\">com.apple.kpi.bsd</string>");
    text.push_str(
        "<key>CFBundleVersion</key><string ID=\"2\">18.2.0</string><key>OSKernelResource</key><true/></dict>",
    );
    for (i, (id, version)) in KEXTS.iter().enumerate() {
        let name = id.rsplit('.').next().unwrap_or(id);
        text.push_str(&format!(
            "<dict><key>CFBundleIdentifier</key><string>{id}</string><key>CFBundleVersion</key><string>{version}\
             </string><key>_PrelinkBundlePath</key><string>/System/Library/Extensions/{name}.kext</string>\
             <key>_PrelinkExecutableRelativePath</key><string>{name}</string><key>OSBundleLibraries</key><dict>\
             <key>com.apple.kpi.bsd</key><string IDREF=\"2\"/></dict>{}</dict>",
            place(i)
        ));
    }
    text.push_str("</array></dict>");
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len().next_multiple_of(PAGE as usize), 0);
    bytes
}

/// A kext at an address: code that returns, data that points at it, and its `kmod_info` at the data's start.
fn kext(index: usize, text: u64, data: u64, base: u64, symbols: bool) -> Image {
    let (id, version) = KEXTS[index];
    let mut code = vec![0; 0x1000];
    for at in (0x800..0x900).step_by(4) {
        put(&mut code, at, &RET.to_le_bytes());
    }
    let mut bytes = kmod_info(id, version, text + 0x800, text + 0x804);
    bytes.resize(0x200, 0);
    put(&mut bytes, 0x100, &(text + 0x808).to_le_bytes());
    let one: [super::Sym; 3] = [
        ("_one_start", EXTERNAL, 1, text + 0x800),
        ("__ZN3One5startEv", LOCAL, 1, text + 0x804),
        ("_one_data", EXTERNAL, 2, data + 0x100),
    ];
    let two: [super::Sym; 1] = [("_two_start", EXTERNAL, 1, text + 0x800)];
    let all: &[super::Sym] = if index == 0 { &one } else { &two };
    Image {
        filetype: 0xb,
        segments: vec![
            Seg::new("__TEXT_EXEC", text, 0x1000, code, 5).section("__text", 0x800, 0x100),
            Seg::new("__DATA", data, 0x200, bytes, 3).section("__data", 0, 0x200),
        ],
        symbols: if symbols { all.to_vec() } else { Vec::new() },
        base,
        uuid: b'A' + index as u8,
        ..Image::default()
    }
}

fn kernel_text() -> Vec<u8> {
    let mut text = vec![0; 0x4000];
    version(&mut text, 0x2000);
    text
}

/// A static kernel with symbols of every kind.
pub fn kernel_with_symbols() -> Vec<u8> {
    let exec = BASE + 0x4000;
    Image {
        filetype: 2,
        entry: Some(exec),
        segments: vec![
            Seg::new("__TEXT", BASE, 0x4000, kernel_text(), 5).section("__const", 0x2000, 0x100),
            Seg::new("__TEXT_EXEC", exec, 0x4000, RET.to_le_bytes().repeat(64), 5)
                .section("__text", 0, 0x100),
            Seg::new("__DATA", exec + 0x4000, 0x8000, vec![1; 0x100], 3).section("__data", 0, 0x100),
        ],
        symbols: vec![
            ("__start", EXTERNAL, 2, exec),
            ("_panic", EXTERNAL, 2, exec + 0x10),
            ("__ZN9OSKextLib4loadEPKcb", LOCAL, 2, exec + 0x20),
            ("_version", EXTERNAL, 1, BASE + 0x2000),
            ("_boot_args", EXTERNAL, 3, exec + 0x4010),
            ("_absolute", 0x03, 0, 0x1234),
            ("_missing", 0x01, 0, 0),
        ],
        ..Image::default()
    }
    .build()
}

/// A split cache: the kexts are whole Mach-Os in `__PRELINK_TEXT`, whose pointers are plain.
pub fn split_cache() -> Vec<u8> {
    let prelink_text = BASE - 0x100_0000;
    // Each kext has its data on the page behind its code, and its symbols behind that.
    let at = |i: usize| prelink_text + i as u64 * 0x10000;
    let mut text = Vec::new();
    for i in 0..KEXTS.len() {
        text.resize(i * 0x10000, 0);
        text.extend(kext(i, at(i), at(i) + 0x4000, 0, true).build());
    }
    let size = (text.len() as u64).next_multiple_of(PAGE);
    text.resize(size as usize, 0);
    let info = prelink(|i| {
        let place = at(i);
        format!(
            "<key>_PrelinkExecutableLoadAddr</key><integer size=\"64\">{place:#x}</integer>\
             <key>_PrelinkExecutableSourceAddr</key><integer size=\"64\">{place:#x}</integer>\
             <key>_PrelinkExecutableSize</key><integer size=\"64\">0x9000</integer>\
             <key>_PrelinkKmodInfo</key><integer size=\"64\">{:#x}</integer>",
            place + 0x4000
        )
    });
    let info_size = info.len() as u64;
    Image {
        filetype: 2,
        entry: Some(BASE + 0x4000),
        segments: vec![
            Seg::new("__TEXT", BASE, 0x4000, kernel_text(), 5).section("__const", 0x2000, 0x100),
            Seg::new("__TEXT_EXEC", BASE + 0x4000, 0x4000, RET.to_le_bytes().repeat(64), 5),
            Seg::new("__PRELINK_TEXT", prelink_text, size, text, 5).section("__text", 0, size),
            Seg::new("__PRELINK_INFO", BASE + 0x8000, info_size, info, 3).section("__info", 0, info_size),
        ],
        ..Image::default()
    }
    .build()
}

/// A pointer that is to be threaded: where it is, what it points at, whether it is signed.
type Pointer = (u64, u64, bool);

/// Threads the pointers of one segment, in order of address, and gives the chain's starts relative to the header.
fn thread(segment: &mut Seg, pointers: &[Pointer]) -> Vec<u32> {
    let mut starts = Vec::new();
    for (i, (at, target, signed)) in pointers.iter().enumerate() {
        if i == 0 || (at - pointers[i - 1].0) / 8 > 0x7ff {
            starts.push((at - BASE) as u32);
        }
        let next = pointers.get(i + 1).map_or(0, |(next, _, _)| (next - at) / 8);
        let next = if next > 0x7ff { 0 } else { next };
        let word = if *signed {
            // Key DA with address diversity.
            1 << 63 | next << 51 | 2 << 49 | 1 << 48 | 0xabcd << 32 | (target - BASE)
        } else {
            next << 51 | (target & 0xff00_0000_0000_0000) >> 13 | target & 0x7ff_ffff_ffff
        };
        put(&mut segment.data, at - segment.vmaddr, &word.to_le_bytes());
    }
    starts
}

/// A merged arm64e cache: kexts in the kernel's segments, lists of pointers to them, every pointer threaded, those in
/// the kexts' own load commands too. The `__thread_starts` are at the end of `__TEXT`.
pub fn merged_cache() -> Vec<u8> {
    let (exec, data, info) = (BASE + 0x4000, BASE + 0xc000, BASE + 0x10000);
    let text_of = |i: usize| exec + 0x1000 + i as u64 * 0x1000;
    let data_of = |i: usize| data + 0x1000 + i as u64 * 0x400;
    let mut code = vec![0; 0x8000];
    let mut variables = vec![0; 0x4000];
    let (mut in_code, mut in_data, mut in_info): (Vec<Pointer>, Vec<Pointer>, Vec<Pointer>) =
        Default::default();
    put(&mut code, 0, &RET.to_le_bytes());
    for i in 0..KEXTS.len() {
        let (text, variable) = (text_of(i), data_of(i));
        let image = kext(i, text, variable, 0, false);
        let built = image.build();
        put(&mut code, text - exec, &built[..0x1000]);
        put(&mut variables, variable - data, &image.segments[1].data);
        // The addresses of its segments and sections are pointers like all others.
        let commands: [(u64, u64); 4] = [
            (32 + 24, text),
            (32 + 72 + 32, text + 0x800),
            (32 + 152 + 24, variable),
            (32 + 152 + 72 + 32, variable),
        ];
        in_code.extend(commands.map(|(at, target)| (text + at, target, false)));
        in_data.extend([
            (variable + 0x100, text + 0x808, true),
            // start and stop, on a boundary of four only: in a chain of their own stride they could not be.
        ]);
    }
    let module = info + 0x100;
    for i in 0..=KEXTS.len() {
        let n = i as u64;
        if i < KEXTS.len() {
            in_info.push((info + n * 8, data_of(i), false));
        }
        in_info.push((module + n * 8, exec + 0x1000 + n * 0x1000, false));
    }
    in_info.sort_unstable();
    let list = prelink(|i| format!("<key>ModuleIndex</key><integer size=\"32\">{i:#x}</integer>"));
    let mut lists = vec![0; 0x200];
    lists.extend(&list);
    let size = lists.len() as u64;
    let n = KEXTS.len() as u64 * 8;
    let mut exec_segment = Seg::new("__TEXT_EXEC", exec, 0x8000, code, 5).section("__text", 0, 0x8000);
    let mut data_segment = Seg::new("__DATA", data, 0x4000, variables, 3).section("__data", 0, 0x4000);
    let mut info_segment = Seg::new("__PRELINK_INFO", info, size.next_multiple_of(PAGE), lists, 3)
        .section("__kmod_info", 0, n)
        .section("__kmod_start", 0x100, n + 8)
        .section("__info", 0x200, list.len() as u64);
    // Word 0: strides of eight.
    let mut starts = vec![1u32];
    starts.extend(thread(&mut exec_segment, &in_code));
    starts.extend(thread(&mut data_segment, &in_data));
    starts.extend(thread(&mut info_segment, &in_info));
    starts.push(u32::MAX);
    let starts: Vec<u8> = starts.iter().flat_map(|w| w.to_le_bytes()).collect();
    let mut text = kernel_text();
    put(&mut text, 0x3000, &starts);
    Image {
        cpusubtype: 0xc000_0002,
        filetype: 2,
        entry: Some(exec),
        segments: vec![
            Seg::new("__TEXT", BASE, 0x4000, text, 5).section("__const", 0x2000, 0x100).section(
                "__thread_starts",
                0x3000,
                starts.len() as u64,
            ),
            exec_segment,
            data_segment,
            info_segment,
            Seg::new("__PRELINK_TEXT", BASE - 0x300_0000, 0, Vec::new(), 5),
        ],
        ..Image::default()
    }
    .build()
}

/// Chained fixups of the format of kernel collections, for one segment: words are written into its data.
fn chain(segment: &mut Seg, header: u64, pointers: &[Pointer]) -> Vec<u8> {
    let pages = (segment.data.len() as u64).div_ceil(PAGE);
    let mut page_starts = vec![0xffffu16; pages as usize];
    for (i, (at, target, signed)) in pointers.iter().enumerate() {
        let page = (at - segment.vmaddr) / PAGE;
        if page_starts[page as usize] == 0xffff {
            page_starts[page as usize] = ((at - segment.vmaddr) % PAGE) as u16;
        }
        let same_page = |next: &&Pointer| (next.0 - segment.vmaddr) / PAGE == page;
        let next = pointers.get(i + 1).filter(same_page).map_or(0, |(next, _, _)| (next - at) / 4);
        let auth = if *signed { 1 << 63 | 2 << 49 | 1 << 48 | 0xabcd << 32 } else { 0 };
        let word = auth | next << 51 | (target - header);
        put(&mut segment.data, at - segment.vmaddr, &word.to_le_bytes());
    }
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    // Header, then one segment of the image's four, then its pages.
    let mut out = words(&[0, 28, 0, 0, 0, 1, 0]);
    out.extend(words(&[4, 0, 24, 0, 0]));
    out.resize(28 + 24, 0);
    out.extend(words(&[22 + 2 * pages as u32]));
    out.extend([PAGE as u16, 8].map(u16::to_le_bytes).concat());
    out.extend((segment.vmaddr - header).to_le_bytes());
    out.extend(words(&[0]));
    out.extend((pages as u16).to_le_bytes());
    out.extend(page_starts.iter().flat_map(|p| p.to_le_bytes()));
    out
}

/// A fileset: the kernel and two kexts with a load command each, chained fixups, prelink information of the whole.
pub fn fileset_cache() -> Vec<u8> {
    // Everything lies in memory as in the file, from this address on.
    let header = BASE;
    let (kernel_at, body) = (0x4000u64, 0x4000u64);
    let text = header + kernel_at;
    let kernel = Image {
        cpusubtype: 0xc000_0002,
        filetype: 2,
        entry: Some(text + 0x4000),
        segments: vec![
            Seg::new("__TEXT", text, 0x4000, kernel_text(), 5).section("__const", 0x2000, 0x100),
            Seg::new("__TEXT_EXEC", text + 0x4000, 0x4000, RET.to_le_bytes().repeat(64), 5)
                .section("__text", 0, 0x100),
        ],
        symbols: vec![("_panic", EXTERNAL, 2, text + 0x4010)],
        base: kernel_at,
        ..Image::default()
    };
    let mut bytes = kernel.build();
    let mut entries = vec![("com.apple.kernel".to_string(), text, kernel_at)];
    let mut pointers: Vec<Pointer> = Vec::new();
    for (i, (id, _)) in KEXTS.iter().enumerate() {
        bytes.resize(bytes.len().next_multiple_of(PAGE as usize), 0);
        let at = kernel_at + bytes.len() as u64;
        let place = header + at;
        bytes.extend(kext(i, place, place + 0x4000, at, true).build());
        entries.push(((*id).to_string(), place, at));
        pointers.push((place + 0x4000 + 180, place + 0x800, false));
        pointers.push((place + 0x4000 + 188, place + 0x804, false));
        pointers.push((place + 0x4000 + 0x100, place + 0x808, true));
    }
    pointers.sort_unstable();
    let size = (bytes.len() as u64).next_multiple_of(PAGE);
    let info = prelink(|_| String::new());
    let info_size = info.len() as u64;
    let mut region = Seg::new("__PRELINK_TEXT", header + body, size, bytes, 5);
    let fixups = chain(&mut region, header, &pointers);
    let info_at = header + body + size;
    Image {
        cpusubtype: 0xc000_0002,
        filetype: 0xc,
        segments: vec![
            Seg::new("__TEXT", header, 0x4000, vec![0; 0x4000], 5),
            region,
            Seg::new("__PRELINK_INFO", info_at, info_size, info, 3).section("__info", 0, info_size),
        ],
        entries,
        fixups: Some(fixups),
        ..Image::default()
    }
    .build()
}
