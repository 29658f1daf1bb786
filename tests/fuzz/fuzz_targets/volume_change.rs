#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| readers::reader("volume_change")(data));
