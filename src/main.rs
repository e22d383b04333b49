//! scratch
#![allow(clippy::print_stdout, missing_docs)]
use interlock_source::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let t = std::time::Instant::now();
    let ws = Workspace::load(&LoadOptions { manifest_path: Some(args[1].clone().into()), dir: ".".into(), ..Default::default() }).unwrap();
    eprintln!("load+analyse {:?}", t.elapsed());
    let graph = interlock_lockgraph::LockGraph::build(&ws);
    eprintln!("graph {:?} nodes {} edges {}", t.elapsed(), graph.nodes.len(), graph.edges.len());
    let report = interlock_lints::run(&ws, &graph, &Default::default());
    eprintln!("lints {:?}", t.elapsed());
    let show = |s: Span| format!("{}:{}:{}", ws.file(s.file).path, s.range.start.line, s.range.start.column);
    for f in &report.findings {
        println!("{} {} [{}] {} {}", f.level, f.lint.id, f.certainty.word(), show(f.primary.span), f.message);
        for s in &f.steps { println!("      {} {} ({})", show(s.place.span), s.message, s.place.item); }
    }
    if args.len() > 2 { println!("{:#?}", ws.coverage()); 
        for c in ws.lock_classes() { println!("{c}"); } }
}
