//! Boot arguments as text: words separated by blanks, `name=value` or `-flag`.

/// The name of an argument: what stands before `=`.
fn name(argument: &str) -> &str {
    argument.split('=').next().unwrap_or(argument)
}

/// Two lists in one: those of `base`, with those of `over` in their place where the names are equal, and behind them
/// where they are not.
///
/// ```
/// assert_eq!(xnu_boot::merge_arguments("serial=3 -v", "debug=0x8 serial=1"), "serial=1 -v debug=0x8");
/// ```
pub fn merge_arguments(base: &str, over: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in base.split_whitespace().chain(over.split_whitespace()) {
        match words.iter_mut().find(|w| name(w) == name(word)) {
            Some(old) => *old = word,
            None => words.push(word),
        }
    }
    words.join(" ")
}

/// The list without the arguments of this name.
pub fn without_argument(list: &str, unwanted: &str) -> String {
    list.split_whitespace().filter(|w| name(w) != unwanted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_replaced_in_place_and_new_ones_appended() {
        assert_eq!(merge_arguments("a=1 -v b=2", "b=3 c"), "a=1 -v b=3 c");
        assert_eq!(merge_arguments("", " x  y "), "x y");
        assert_eq!(merge_arguments("x", ""), "x");
        assert_eq!(without_argument("rd=md0 -v rdx=1", "rd"), "-v rdx=1");
    }
}
