//! NBC: a typed numeric bytecode and its virtual machine.
pub mod npy;
pub use nbc_ir as ir;
pub use nbc_runtime as runtime;
pub use nbc_runtime::object::OwnedTensor;
