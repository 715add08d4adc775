//! Names as people read them, and as no terminal takes them for a command.

/// Whether a terminal takes the character for a command: controls, and those that turn the direction of writing.
pub fn commands(c: char) -> bool {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns(c)
}

/// A name as it is shown: such characters are escaped, and backslashes too, so that no two names look alike.
pub fn shown(name: &str) -> String {
    let escape =
        |c: char| if commands(c) || c == '\\' { c.escape_debug().to_string() } else { c.to_string() };
    name.chars().map(escape).collect()
}
