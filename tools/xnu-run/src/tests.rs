use super::*;

#[test]
fn sizes_and_numbers_are_read_as_people_write_them() {
    assert_eq!(size("512M"), Ok(512 << 20));
    assert_eq!(size("2GiB"), Ok(2 << 30));
    assert_eq!(size("0x10k"), Ok(16 << 10));
    assert_eq!(size("4096"), Ok(4096));
    for bad in ["", "M", "0", "-1", "99999999999G", "12x"] {
        assert!(size(bad).is_err(), "{bad}");
    }
    assert_eq!(number("0xff"), Ok(255));
    assert!(screen("640").is_err() && screen("640x").is_err());
    assert_eq!(screen("320x200").map(|s| (s.width, s.height)), Ok((320, 200)));
    assert!(seconds("-1").is_err() && seconds("nan").is_err());
}

#[test]
fn the_command_line_is_consistent() {
    cli::command::<Args>(&DOC).debug_assert();
}
