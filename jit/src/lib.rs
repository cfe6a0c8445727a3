//! NBC's compiling tier: so far only its place.
//!
//! It will hold a mid-end that makes loops good (ranges, hoisting, bounds
//! checks once before a loop), a lowering to machine code with Cranelift, and
//! what decides when to compile and how running code is entered. None of it
//! exists yet: every program runs in the interpreter.
//!
//! What does exist is the seam it will plug into, `interp::compiled::Tier` of
//! the runtime: an engine configured with one tells it of functions and loops
//! that are hot. Leaving this crate out changes speed, never an answer.
