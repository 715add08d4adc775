//! The `vds` program. Everything it does is in the library; this is only the door.

fn main() {}
