//! Passes over Cranelift's own representation, between its optimiser and its
//! register allocation: where the one leaves values as the other does badly
//! with them.

mod constants;
mod schedule;
mod spill_long_lived;
mod split;

use cranelift_codegen::Context;

pub use spill_long_lived::run as spill_long_lived;

/// Name and pass.
pub type Pass = (&'static str, fn(&mut Context));

/// The passes in their order. They ask for the loops of the function, which are
/// to be known.
pub const PASSES: [Pass; 3] =
    [("constants", constants::sink), ("schedule", schedule::order), ("split", split::innermost_loops)];

/// Runs all of them on a function that Cranelift has optimised.
pub fn run(context: &mut Context) {
    context.compute_loop_analysis();
    for (_, pass) in PASSES {
        pass(context);
    }
}

/// Does what Cranelift's optimiser would for a function in which there is nothing
/// to optimise, and runs the passes; but for `constants`, since lowering makes a
/// constant wherever one is wanted, and nobody has put them together.
pub fn run_unoptimised(context: &mut Context) {
    context.compute_cfg();
    context.compute_domtree();
    context.func.dfg.resolve_all_aliases();
    context.compute_loop_analysis();
    schedule::order(context);
    split::innermost_loops(context);
}
