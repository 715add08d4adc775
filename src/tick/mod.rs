//! Reading tick data: CSV files as vendors write them.
//!
//! What is accepted is written down in `docs/stages.md`: encodings, delimiters, headers, column names, numbers and time stamps.

mod format;
mod number;
mod reader;
mod stamp;
mod table;
mod zone;

pub use format::{Columns, Delimiter, Filter, Format, Header, OnBad, Price, Separator};
pub use number::parse as parse_number;
pub use reader::{Count, Read, Tick, read};
pub use stamp::{Stamp, Stamps, parse as parse_stamp};
pub use table::{Table, write_record};
pub use zone::Zone;
