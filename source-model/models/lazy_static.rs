// Curated model of `lazy_static`: what the lowering makes of `static ref NAME: T`.

pub struct LazyStatic<T>;
impl<T> Deref for LazyStatic<T> { type Target = T; }
