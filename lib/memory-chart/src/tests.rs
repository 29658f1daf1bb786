use super::*;

fn chart() -> Chart {
    let mut chart = Chart::new("test <chart>");
    chart.add(Area::new(0x8000, 0x4000, "__DATA", Class::Data).note("rw-"));
    chart.add(Area::new(0x1000, 0x3000, "__TEXT", Class::Code).note("r-x"));
    chart.add(Area::new(0xb000, 0x2000, "__LINKEDIT", Class::Link));
    chart.add(Area::new(0, 0, "__EMPTY", Class::Other));
    chart.add_inside(Area::new(0x2000, 0x100, "com.example.a&b", Class::Inside));
    chart
}

#[test]
fn rows_are_in_order_with_gaps_and_overlaps() {
    let rows: Vec<_> =
        chart().rows().into_iter().map(|r| (r.area.start, r.area.name, r.inside, r.overlap)).collect();
    let expected = [
        (0x1000, "__TEXT", false, 0),
        (0x2000, "com.example.a&b", true, 0),
        (0x4000, "(free)", false, 0),
        (0x8000, "__DATA", false, 0),
        (0xb000, "__LINKEDIT", false, 0x1000),
    ];
    assert_eq!(rows, expected.map(|(a, n, i, o)| (a, n.to_string(), i, o)));
}

#[test]
fn free_space_at_the_ends_is_drawn_when_the_ends_are_known() {
    let mut chart = Chart::new("");
    chart.bounds(0x1000, 0x9000);
    chart.add(Area::new(0x2000, 0x1000, "a", Class::Data));
    let free: Vec<_> = chart
        .rows()
        .into_iter()
        .filter(|r| r.area.class == Class::Free)
        .map(|r| (r.area.start, r.area.size))
        .collect();
    assert_eq!(free, [(0x1000, 0x1000), (0x3000, 0x6000)]);
    let mut empty = Chart::new("");
    empty.bounds(0, 0x1000);
    assert_eq!(empty.rows().len(), 1);
}

#[test]
fn text_and_drawing_name_everything_and_are_escaped() {
    let text = chart().to_text();
    for word in ["0x0000000000001000", "  com.example.a&b", "(free)", "OVERLAPS", "16.0 KiB", "rw-"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let svg = chart().to_svg();
    for word in ["test &lt;chart&gt;", "com.example.a&amp;b", "__DATA", "OVERLAPS", "stroke-dasharray"] {
        assert!(svg.contains(word), "{word} in {svg}");
    }
    assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
    assert_eq!(svg, chart().to_svg());
}

#[test]
fn extreme_addresses_and_names_are_drawn() {
    let mut chart = Chart::new("\x1b[2J");
    chart.add(Area::new(u64::MAX, u64::MAX, "\u{1}x".repeat(500), Class::Other));
    chart.add(Area::new(0, 1, "zero", Class::Other));
    for i in 0..1000u64 {
        chart.add_inside(Area::new(i, 1, "k", Class::Inside));
    }
    assert!(!chart.to_text().contains(['\x1b', '\u{1}']) && !chart.to_svg().contains(['\x1b', '\u{1}']));
    assert_eq!(Chart::default().rows(), []);
    assert!(Chart::default().to_svg().ends_with("</svg>\n"));
}

#[test]
fn sizes_are_said_with_three_figures() {
    assert_eq!(size(1023), "1023 B");
    assert_eq!(size(1024), "1.0 KiB");
    assert_eq!(size(0x7c4000), "7.7 MiB");
    assert_eq!(size(0x8000_0000), "2.0 GiB");
    assert_eq!(size(500 << 20), "500 MiB");
    assert_eq!(size(u64::MAX), "15.9 EiB");
}
