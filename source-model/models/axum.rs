// Curated model of `axum`: the extractors that stand between a handler and the application's state.

pub use axum::extract::{Extension, Json};
pub mod extract {
    pub struct State<T>(pub T);
    impl<T> Deref for State<T> { type Target = T; }
    pub struct Extension<T>(pub T);
    impl<T> Deref for Extension<T> { type Target = T; }
    pub struct Path<T>(pub T);
    impl<T> Deref for Path<T> { type Target = T; }
    pub struct Query<T>(pub T);
    impl<T> Deref for Query<T> { type Target = T; }
    pub struct Json<T>(pub T);
    impl<T> Deref for Json<T> { type Target = T; }
    pub struct Form<T>(pub T);
    impl<T> Deref for Form<T> { type Target = T; }
}
