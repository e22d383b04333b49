//! What an overlaid crate has for `tokio`: shuttle's, whose tests are searched by our checker.

pub use shuttle_tokio_impl::*;

#[doc(hidden)]
pub fn __check(body: impl Fn() + Send + Sync + 'static, _: shuttle::Config, _: usize) {
    interlock_models::overlaid(body);
}
