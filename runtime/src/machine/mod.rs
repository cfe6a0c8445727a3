//! The machine: internal code, and the state that it runs on.
//!
//! Internal code is fixed-width, pre-decoded operations, made of verified
//! bytecode once. The interpreter runs it, the loader makes it, compiled code
//! replaces it function by function; all three know this module, and it knows
//! none of them (`machine < interp < load < abi`).
//!
//! - [`instr`], [`micro`], [`site`]: one operation, its meaning, long operands
//! - [`loaded`]: a module as internal code; [`published`]: what is compiled of it
//! - [`context`]: stack, budget and heap of an instance while it runs
//! - [`hotness`], [`tier`]: where time is spent, and whom to tell
//! - [`dispatch`], [`native_stack`]: ways of running, and room for them

pub mod context;
pub mod dispatch;
pub mod hotness;
pub mod instr;
pub mod loaded;
pub mod micro;
pub mod native_stack;
pub mod published;
pub mod site;
pub mod tier;
