// Curated model of `actix-web`: the extractors that stand between a handler and the application's state.

pub mod web {
    pub struct Data<T>;
    impl<T> Data<T> { #[same] pub fn new(value: T) -> Data<T> {} #[same] pub fn get_ref(&self) -> &T {} #[same] pub fn into_inner(self) -> std::sync::Arc<T> {} #[same] pub fn clone(&self) -> Data<T> {} #[same] pub fn from(value: std::sync::Arc<T>) -> Data<T> {} }
    impl<T> Deref for Data<T> { type Target = std::sync::Arc<T>; }
    pub struct ThinData<T>(pub T);
    impl<T> Deref for ThinData<T> { type Target = T; }
    pub struct Json<T>(pub T);
    impl<T> Json<T> { #[same] pub fn into_inner(self) -> T {} }
    impl<T> Deref for Json<T> { type Target = T; }
    pub struct Path<T>;
    impl<T> Path<T> { #[same] pub fn into_inner(self) -> T {} }
    impl<T> Deref for Path<T> { type Target = T; }
    pub struct Query<T>(pub T);
    impl<T> Query<T> { #[same] pub fn into_inner(self) -> T {} }
    impl<T> Deref for Query<T> { type Target = T; }
}
