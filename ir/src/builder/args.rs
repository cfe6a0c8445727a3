//! Arguments and results of calls: lists of values written as people would.

use super::instructions::NEW;
use crate::entity::Reg;
use crate::inst::Operand;
use std::ops::Deref;

/// Values for a call or `ret`: a register, a literal, or a tuple, array,
/// slice or vector of such. Nested lists are the bracketed lists of catalogue
/// operations: `(x, [0i64, 1], [2i64, 3])`.
pub trait Args {
    /// Appends the values.
    fn append(self, to: &mut Vec<Operand>);
}

macro_rules! single {
    ($($ty:ty),*) => {$(
        impl Args for $ty {
            fn append(self, to: &mut Vec<Operand>) {
                to.push(self.into());
            }
        }
    )*};
}

single! { Operand, Reg, i32, i64, f32, f64, bool }

impl<T: Args, const N: usize> Args for [T; N] {
    fn append(self, to: &mut Vec<Operand>) {
        self.into_iter().for_each(|a| a.append(to));
    }
}

impl<T: Args> Args for Vec<T> {
    fn append(self, to: &mut Vec<Operand>) {
        self.into_iter().for_each(|a| a.append(to));
    }
}

impl<T: Args + Copy> Args for &[T] {
    fn append(self, to: &mut Vec<Operand>) {
        self.iter().for_each(|a| a.append(to));
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Args),*> Args for ($($name,)*) {
            #[allow(non_snake_case, unused_variables)]
            fn append(self, to: &mut Vec<Operand>) {
                let ($($name,)*) = self;
                $($name.append(to);)*
            }
        }
    )*};
}

tuples! {
    () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

/// The registers that hold what a call gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Results(pub(super) Box<[Reg]>);

impl Results {
    /// The only result. Where there is not exactly one it is a register that does not
    /// exist, so that the verifier refuses what uses it.
    pub fn one(&self) -> Reg {
        match *self.0 {
            [reg] => reg,
            _ => NEW,
        }
    }
}

impl Deref for Results {
    type Target = [Reg];

    fn deref(&self) -> &[Reg] {
        &self.0
    }
}

impl Args for &Results {
    fn append(self, to: &mut Vec<Operand>) {
        self.0[..].append(to);
    }
}
