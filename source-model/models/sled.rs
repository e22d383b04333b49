// Curated model of `sled`: trees lock within their calls only, so no guard comes out. `Tree` and `Db` are handles.

pub type Result<T> = std::result::Result<T, Error>;
pub struct Error; pub struct IVec; pub struct Config; pub struct Subscriber; pub struct Batch;
impl Deref for IVec { type Target = [u8]; }
pub fn open<P>(path: P) -> Result<Db> {}
impl Config { pub fn new() -> Config {} pub fn path<P>(self, path: P) -> Config {} pub fn temporary(self, t: bool) -> Config {} pub fn open(&self) -> Result<Db> {} }
pub struct Db;
impl Db { pub fn open_tree<N>(&self, name: N) -> Result<Tree> {} pub fn drop_tree<N>(&self, name: N) -> Result<bool> {} pub fn tree_names(&self) -> Vec<IVec> {} pub fn generate_id(&self) -> Result<u64> {} #[same] pub fn clone(&self) -> Db {} }
impl Deref for Db { type Target = Tree; }
pub struct Tree;
impl Tree {
    pub fn get<K>(&self, key: K) -> Result<Option<IVec>> {}
    pub fn insert<K, V>(&self, key: K, value: V) -> Result<Option<IVec>> {}
    pub fn remove<K>(&self, key: K) -> Result<Option<IVec>> {}
    pub fn contains_key<K>(&self, key: K) -> Result<bool> {}
    pub fn flush(&self) -> Result<usize> {}
    pub async fn flush_async(&self) -> Result<usize> {}
    pub fn iter(&self) -> impl Iterator<Item = Result<(IVec, IVec)>> {}
    pub fn range<K, R>(&self, range: R) -> impl Iterator<Item = Result<(IVec, IVec)>> {}
    pub fn scan_prefix<P>(&self, prefix: P) -> impl Iterator<Item = Result<(IVec, IVec)>> {}
    pub fn first(&self) -> Result<Option<(IVec, IVec)>> {}
    pub fn last(&self) -> Result<Option<(IVec, IVec)>> {}
    pub fn fetch_and_update<K, V, F: FnMut(Option<&[u8]>) -> Option<V>>(&self, key: K, f: F) -> Result<Option<IVec>> {}
    pub fn update_and_fetch<K, V, F: FnMut(Option<&[u8]>) -> Option<V>>(&self, key: K, f: F) -> Result<Option<IVec>> {}
    pub fn apply_batch(&self, batch: Batch) -> Result<()> {}
    pub fn clear(&self) -> Result<()> {}
    pub fn len(&self) -> usize {} pub fn is_empty(&self) -> bool {}
    #[same] pub fn clone(&self) -> Tree {}
}
