//! Passes over Cranelift's own representation, between its optimiser and its
//! register allocation: where the one leaves values as the other does badly
//! with them.

mod constants;
mod relay;
mod schedule;
mod split;

use cranelift_codegen::Context;

pub use relay::run as relay;

/// Name and pass.
pub type Pass = (&'static str, fn(&mut Context));

/// The passes in their order.
pub const PASSES: [Pass; 3] =
    [("constants", constants::sink), ("schedule", schedule::order), ("split", split::innermost_loops)];

/// Runs all of them on a function that Cranelift has optimised.
pub fn run(context: &mut Context) {
    for (_, pass) in PASSES {
        pass(context);
    }
}
