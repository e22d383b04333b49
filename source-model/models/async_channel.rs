// Curated model of `async-channel`: `send` and `recv` wait as a task, their `_blocking` twins as a thread.

pub fn bounded<T>(n: usize) -> (Sender<T>, Receiver<T>) {}
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {}
pub struct Sender<T>; pub struct WeakSender<T>; pub struct Receiver<T>; pub struct WeakReceiver<T>;
pub struct SendError<T>(pub T); pub struct RecvError;
pub enum TrySendError<T> { Full(T), Closed(T) } pub enum TryRecvError { Empty, Closed }
impl<T> Sender<T> {
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {}
    pub fn send_blocking(&self, value: T) -> Result<(), SendError<T>> {}
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {}
    pub fn force_send(&self, value: T) -> Result<Option<T>, SendError<T>> {}
    pub fn close(&self) -> bool {} pub fn is_closed(&self) -> bool {} pub fn is_empty(&self) -> bool {} pub fn is_full(&self) -> bool {} pub fn len(&self) -> usize {}
    pub fn downgrade(&self) -> WeakSender<T> {}
    #[same] pub fn clone(&self) -> Sender<T> {}
}
impl<T> WeakSender<T> { pub fn upgrade(&self) -> Option<Sender<T>> {} }
impl<T> Receiver<T> {
    pub async fn recv(&self) -> Result<T, RecvError> {}
    pub fn recv_blocking(&self) -> Result<T, RecvError> {}
    pub fn try_recv(&self) -> Result<T, TryRecvError> {}
    pub fn close(&self) -> bool {} pub fn is_closed(&self) -> bool {} pub fn is_empty(&self) -> bool {} pub fn is_full(&self) -> bool {} pub fn len(&self) -> usize {}
    pub fn downgrade(&self) -> WeakReceiver<T> {}
    #[same] pub fn clone(&self) -> Receiver<T> {}
}
impl<T> WeakReceiver<T> { pub fn upgrade(&self) -> Option<Receiver<T>> {} }
