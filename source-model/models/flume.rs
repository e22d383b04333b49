// Curated model of `flume`: a bounded channel's `send` waits for room; the `_async` twins wait as a task.

pub fn bounded<T>(n: usize) -> (Sender<T>, Receiver<T>) {}
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {}
pub struct Sender<T>; pub struct WeakSender<T>; pub struct Receiver<T>;
pub struct SendError<T>(pub T); pub enum RecvError { Disconnected }
pub enum TrySendError<T> { Full(T), Disconnected(T) } pub enum TryRecvError { Empty, Disconnected }
pub enum SendTimeoutError<T> { Timeout(T), Disconnected(T) } pub enum RecvTimeoutError { Timeout, Disconnected }
impl<T> Sender<T> {
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {}
    pub async fn send_async(&self, value: T) -> Result<(), SendError<T>> {}
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {}
    pub fn send_timeout(&self, value: T, d: std::time::Duration) -> Result<(), SendTimeoutError<T>> {}
    pub fn is_disconnected(&self) -> bool {} pub fn is_empty(&self) -> bool {} pub fn is_full(&self) -> bool {} pub fn len(&self) -> usize {}
    pub fn downgrade(&self) -> WeakSender<T> {}
    #[same] pub fn clone(&self) -> Sender<T> {}
}
impl<T> WeakSender<T> { pub fn upgrade(&self) -> Option<Sender<T>> {} }
impl<T> Receiver<T> {
    pub fn recv(&self) -> Result<T, RecvError> {}
    pub async fn recv_async(&self) -> Result<T, RecvError> {}
    pub fn try_recv(&self) -> Result<T, TryRecvError> {}
    pub fn recv_timeout(&self, d: std::time::Duration) -> Result<T, RecvTimeoutError> {}
    pub fn recv_deadline(&self, d: std::time::Instant) -> Result<T, RecvTimeoutError> {}
    pub fn iter(&self) -> impl Iterator<Item = T> {} pub fn try_iter(&self) -> impl Iterator<Item = T> {} pub fn drain(&self) -> impl Iterator<Item = T> {}
    pub fn is_disconnected(&self) -> bool {} pub fn is_empty(&self) -> bool {} pub fn is_full(&self) -> bool {} pub fn len(&self) -> usize {}
    #[same] pub fn clone(&self) -> Receiver<T> {}
}
impl<T> IntoIterator for Receiver<T> { type Item = T; }
