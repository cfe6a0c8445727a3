//! Dense linear algebra: a file for each decomposition or verb.

mod product;

pub(super) use product::linalg_matmul;
