//! `model!`: a model becomes a module with one test, so that `--list` of any test binary shows it.

/// Declares a model: a module that holds one test, `interlock_model`. The crate's documentation has an example.
///
/// The doc comment is the question. The fields are those of [`Model`](crate::Model); what is left out is its default.
/// The body is run once for each execution, and may be called whatever its author likes.
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
#[macro_export]
macro_rules! model {
    (
        $(#[doc = $question:literal])+
        mod $name:ident = Model { $($field:ident : $value:expr),* $(,)? };
        fn $body:ident() $code:block
    ) => {
        $(#[doc = $question])+
        mod $name {
            #[allow(unused_imports, reason = "a model may name everything by its path")]
            use super::*;
            #[allow(unused_imports, reason = "a field may be left to its default")]
            use $crate::{Limits, Search, Twin};

            fn $body() $code

            #[test]
            fn interlock_model() {
                #[allow(clippy::needless_update, reason = "a model may name every field")]
                static MODEL: $crate::Model = $crate::Model {
                    name: stringify!($name),
                    question: concat!($($question),+),
                    module: module_path!(),
                    file: file!(),
                    package: env!("CARGO_MANIFEST_DIR"),
                    $($field: $value,)*
                    ..$crate::Model::DEFAULT
                };
                $crate::run_test(&MODEL, $body);
            }
        }
    };
}

/// Says which feature is missing.
#[cfg(not(any(feature = "model-shuttle", feature = "model-loom")))]
#[macro_export]
macro_rules! model {
    ($($model:tt)*) => {
        compile_error!("a model needs the feature `model-shuttle` or `model-loom` of `interlock-models`");
    };
}
