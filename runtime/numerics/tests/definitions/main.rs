//! Every definition: the same bits everywhere, near the exact values, and as C says at special arguments.

mod arguments;
mod c;
mod special;
mod values;
mod widths;
