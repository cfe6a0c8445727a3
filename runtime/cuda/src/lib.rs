//! NVIDIA GPUs as a [`Device`](nbc_runtime::device::Device) of NBC.
//!
//! The driver (`libcuda`) and its compiler (`libnvrtc`) are looked for when a program asks for a device. So this crate
//! builds, links and runs where there is neither, and says then what is missing. Kernels are text of CUDA C that is
//! compiled when an operation first wants it; elementwise operations and sums have the bits of the processor.
//!
//! What runs there, how that was tested without a GPU, and what is not proven is in `docs/gpu.md`. No GPU
//! has run it yet: so nothing is promised about speed, and nothing goes there unless somebody asks for it.
//!
//! ```
//! use nbc_cuda::{Cuda, Options};
//! match Cuda::open(0, Options::new()) {
//!     Ok(device) => println!("{}", device.about().name),
//!     Err(absent) => println!("no GPU: {absent}; {}", absent.remedy()),
//! }
//! ```
//!
//! Invariant: whatever the driver does, the processor can go on. A call that fails is an error of the operation; after
//! one that the driver never recovers from the device is lost for good and takes nothing more.

mod cache;
mod compile;
mod device;
mod driver;
pub mod kernels;
mod launch;
mod libraries;

pub use device::{Calls, Cuda, Options};
pub use driver::{About, Absent, devices, is_simulated};
pub use libraries::{Library, Missing, libraries};
