//! Any operation of the catalogue, with arguments that its signature takes.
//!
//! Lists and axes are small numbers, now and then such that the operation traps. Rows that
//! make tensors of no tensor, whose sizes nothing bounds, are left out.

use super::body::{Body, Known};
use nbc::ir::catalogue::{CATALOGUE, Kind, Operation, Param, Shape};
use nbc::ir::{Elem, Item, Operand, Type};

/// Whether the rows' calls can be written here.
fn is_called(operation: &Operation) -> bool {
    let params = operation.typed().params;
    let takes = |param: &Param| {
        matches!(param, Param::Tensor(_) | Param::Sparse(_) | Param::Exact(Type::Tensor(_) | Type::BigInt))
    };
    operation.kind != Kind::Creation
        && params.iter().any(takes)
        && !params.iter().any(|param| matches!(param, Param::Func(..)))
        // A constant by a name that there is.
        && operation.precision.is_none()
}

impl Body<'_, '_, '_> {
    /// Some operation, of `x` if its elements go.
    pub fn any_operation(&mut self, x: Known) {
        let Type::Tensor(of_x) = x.ty else { return };
        let operation = self.c.pick(&CATALOGUE.iter().filter(|op| is_called(op)).collect::<Vec<_>>());
        let signature = operation.typed();
        let mut elems = Vec::new();
        for (_, class) in &signature.vars {
            let all: Vec<Elem> = Elem::ALL.into_iter().filter(|e| class.has(*e)).collect();
            elems.push(if class.has(of_x) { of_x } else { self.c.pick(&all) });
        }
        let rank = x.rank.max(1);
        let mut args: Vec<Operand> = Vec::new();
        for param in &signature.params {
            match param {
                Param::Tensor(v) | Param::TensorOrScalar(v) => {
                    let ty = Type::Tensor(elems[*v]);
                    let given =
                        if ty == x.ty && self.c.percent(60) { x.reg.into() } else { self.operand(ty) };
                    args.push(given);
                }
                Param::Sparse(v) => {
                    let given = self.sparse(elems[*v]);
                    args.push(given);
                }
                Param::TensorOfParts(v) => {
                    let part = if elems[*v] == Elem::C64 { Elem::F32 } else { Elem::F64 };
                    let given = self.operand(Type::Tensor(part));
                    args.push(given);
                }
                Param::ListOfTensors(v) => {
                    let fill = self.operand(Type::Tensor(elems[*v]));
                    let len = 1 + self.c.below(3) as i64;
                    args.push(self.f.list_new(len, fill).into());
                }
                Param::Ints => {
                    for _ in 0..rank {
                        let number = self.small();
                        args.push(number);
                    }
                }
                Param::Exact(Type::I64) => {
                    let number = self.small();
                    args.push(number);
                }
                Param::Exact(Type::BigInt) => {
                    let given = self.bigint();
                    args.push(given);
                }
                Param::Exact(Type::List(Item::BigInt)) => {
                    let fill = self.bigint();
                    let len = 1 + self.c.below(3) as i64;
                    args.push(self.f.list_new(len, fill).into());
                }
                Param::Exact(ty) => {
                    let given = self.operand(*ty);
                    args.push(given);
                }
                Param::Scalar(v) => {
                    let Some(ty) = elems[*v].scalar() else { return };
                    let given = self.operand(ty);
                    args.push(given);
                }
                // Subscripts have to be a constant.
                Param::Tensors(_) => return,
                Param::Func(..) | Param::TensorOfReals(_) | Param::TensorOfComplex(_) => return,
            }
        }
        let Ok(results) = self.f.try_op(operation.name, Some(&elems), args) else { return };
        let types: Vec<Option<Type>> = signature.results.iter().map(|r| r.result_type(&elems)).collect();
        for (reg, ty) in results.iter().zip(types) {
            let rank = match operation.shape {
                Shape::Same | Shape::Broadcast => x.rank,
                Shape::DropAxis | Shape::DropAxes => x.rank.saturating_sub(1),
                _ => 1,
            };
            if let Some(ty) = ty {
                self.learn(*reg, ty, rank);
            }
        }
    }

    /// A sparse matrix, a new one if need be.
    fn sparse(&mut self, elem: Elem) -> Operand {
        let ty = Type::Sparse(elem);
        if let (Some(k), true) = (self.find(ty, None), self.c.percent(90)) {
            return k.reg.into();
        }
        let sides: Vec<Operand> =
            [self.c.below(4), self.c.below(4)].map(|n| Operand::Imm((n as i64).into())).into();
        let made =
            self.f.try_op("sparse.identity", Some(&[elem]), sides).expect("an identity of two sides").one();
        self.learn(made, ty, 2);
        made.into()
    }

    /// A big integer, a new one if need be: small, or of two limbs.
    fn bigint(&mut self) -> Operand {
        if let (Some(k), true) = (self.find(Type::BigInt, None), self.c.percent(80)) {
            return k.reg.into();
        }
        let number = Operand::Imm([0, 1, -1, 7, 65537, i64::MAX, i64::MIN][self.c.below(7)].into());
        let made = self.f.try_op("bigint.of_i64", Some(&[]), vec![number]).expect("any number goes").one();
        self.learn(made, Type::BigInt, 0);
        made.into()
    }

    /// A small number for a list or an axis.
    fn small(&mut self) -> Operand {
        let number = self.c.below(40) as i64;
        Operand::Imm(if number < 36 { number % 3 } else { number - 38 }.into())
    }
}
