//! Checks of types as they are written.

use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Lifetime, Type, TypeImplTrait, TypeReference};

/// A search through a type, however deep.
#[derive(Default)]
pub(crate) struct Contents {
    /// A reference or lifetime that is not `'static`.
    pub(crate) borrows: bool,
    pub(crate) impl_trait: bool,
    pub(crate) self_type: bool,
}

impl Contents {
    pub(crate) fn of(ty: &Type) -> Self {
        let mut contents = Self::default();
        // Only looked at: the copy is what the visitor may change.
        contents.visit_type_mut(&mut ty.clone());
        contents
    }
}

impl VisitMut for Contents {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.is_none() {
            self.borrows = true;
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            self.borrows = true;
        }
    }

    fn visit_type_impl_trait_mut(&mut self, impl_trait: &mut TypeImplTrait) {
        self.impl_trait = true;
        visit_mut::visit_type_impl_trait_mut(self, impl_trait);
    }

    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        if ident == "Self" {
            self.self_type = true;
        }
    }

    // A function is told what to borrow when it is called; it borrows nothing itself.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        _: &mut syn::ParenthesizedGenericArguments,
    ) {
    }
}
