//! Uses that compile and do what they say. One program, because each takes more than a second to link.

#[path = "pass/a_function_is_a_value.rs"]
mod a_function_is_a_value;
#[path = "pass/async_function.rs"]
mod async_function;
#[path = "pass/async_methods_use_self_everywhere.rs"]
mod async_methods_use_self_everywhere;
#[path = "pass/attributes_and_comments_stay.rs"]
mod attributes_and_comments_stay;
#[path = "pass/bodies_of_every_kind.rs"]
mod bodies_of_every_kind;
#[path = "pass/caches_of_every_kind.rs"]
mod caches_of_every_kind;
#[path = "pass/constants_name_functions.rs"]
mod constants_name_functions;
#[path = "pass/derives_of_every_kind.rs"]
mod derives_of_every_kind;
#[path = "pass/every_argument_at_once.rs"]
mod every_argument_at_once;
#[path = "pass/functions_in_functions_and_blocks.rs"]
mod functions_in_functions_and_blocks;
#[path = "pass/functions_made_by_macros.rs"]
mod functions_made_by_macros;
#[path = "pass/futures_can_be_sent.rs"]
mod futures_can_be_sent;
#[path = "pass/generic_functions.rs"]
mod generic_functions;
#[path = "pass/handles_in_other_modules.rs"]
mod handles_in_other_modules;
#[path = "pass/ignored_arguments_need_no_traits.rs"]
mod ignored_arguments_need_no_traits;
#[path = "pass/keys_of_every_kind.rs"]
mod keys_of_every_kind;
#[path = "pass/methods_of_traits.rs"]
mod methods_of_traits;
#[path = "pass/methods_with_every_receiver.rs"]
mod methods_with_every_receiver;
#[path = "pass/names_of_the_expansion_are_free_for_the_user.rs"]
mod names_of_the_expansion_are_free_for_the_user;
#[path = "pass/no_arguments_and_empty_parentheses.rs"]
mod no_arguments_and_empty_parentheses;
#[path = "pass/no_implicit_prelude.rs"]
mod no_implicit_prelude;
#[path = "pass/patterns_and_raw_names.rs"]
mod patterns_and_raw_names;
#[path = "pass/results_of_every_kind.rs"]
mod results_of_every_kind;
#[path = "pass/settings_use_arguments.rs"]
mod settings_use_arguments;
#[path = "pass/sync_function.rs"]
mod sync_function;
#[path = "pass/the_crate_is_found_through_a_re_export.rs"]
mod the_crate_is_found_through_a_re_export;
#[path = "pass/visibilities.rs"]
mod visibilities;
#[path = "pass/what_can_be_borrowed_in_async_functions.rs"]
mod what_can_be_borrowed_in_async_functions;

fn main() {
    a_function_is_a_value::main();
    async_function::main();
    async_methods_use_self_everywhere::main();
    attributes_and_comments_stay::main();
    bodies_of_every_kind::main();
    caches_of_every_kind::main();
    constants_name_functions::main();
    derives_of_every_kind::main();
    every_argument_at_once::main();
    functions_in_functions_and_blocks::main();
    functions_made_by_macros::main();
    futures_can_be_sent::main();
    generic_functions::main();
    handles_in_other_modules::main();
    ignored_arguments_need_no_traits::main();
    keys_of_every_kind::main();
    methods_of_traits::main();
    methods_with_every_receiver::main();
    names_of_the_expansion_are_free_for_the_user::main();
    no_arguments_and_empty_parentheses::main();
    no_implicit_prelude::main();
    patterns_and_raw_names::main();
    results_of_every_kind::main();
    settings_use_arguments::main();
    sync_function::main();
    the_crate_is_found_through_a_re_export::main();
    visibilities::main();
    what_can_be_borrowed_in_async_functions::main();
}
