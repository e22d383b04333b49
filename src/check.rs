//! `cargo interlock check`.

use interlock_lints::{Level, Report};
use interlock_lockgraph::LockGraph;
use interlock_reports::{Heading, HumanStyle, human, json, markdown, stats};
use interlock_source::Workspace;

use crate::args::CheckArgs;
use crate::config::{parse_level, suggestion};
use crate::documents::{Target, targets};
use crate::exit_code::{Outcome, UsageError};
use crate::output::{complain, wants_color, width};

#[derive(Clone, Copy)]
enum Format {
    Human,
    Json,
    Markdown,
}

const FORMATS: [(&str, Format); 3] = [("human", Format::Human), ("json", Format::Json), ("markdown", Format::Markdown)];

/// Runs the lints and writes the documents that were asked for.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<Outcome> {
    let targets = targets(&args.message_format, &FORMATS)?;
    let fail_on = args.fail_on.as_deref().map(parse_level).transpose()?;
    let (workspace, settings) = crate::run::load(&args.workspace)?;
    let graph = LockGraph::build(&workspace);
    let mut report = interlock_lints::run(&workspace, &graph, &settings.lints);
    narrow(&mut report, &workspace, args)?;
    for target in &targets {
        write(target, &report, &workspace, args)?;
    }
    if args.stats {
        complain(stats(&report.coverage, &workspace).trim_end());
    }
    Ok(outcome(&report, fail_on.unwrap_or(settings.fail_on)))
}

fn write(target: &Target<Format>, report: &Report, workspace: &Workspace, args: &CheckArgs) -> anyhow::Result<()> {
    let heading = Heading { workspace: workspace.name(), version: env!("CARGO_PKG_VERSION") };
    let color = target.path.is_none() && wants_color(args.color);
    let text = match target.format {
        Format::Human => human(report, workspace, HumanStyle { color, width: width() }),
        Format::Json => json(report, heading, workspace),
        Format::Markdown => markdown(report, heading, workspace),
    };
    target.write(&text)
}

/// `-p` and `--exclude` narrow what is reported, never what is read.
fn narrow(report: &mut Report, workspace: &Workspace, args: &CheckArgs) -> Result<(), UsageError> {
    if args.packages.is_empty() && args.exclude.is_empty() {
        return Ok(());
    }
    let packages = workspace.packages();
    let names: Vec<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
    for name in args.packages.iter().chain(&args.exclude) {
        if !names.contains(&name.as_str()) {
            return Err(UsageError(format!("no package is called `{name}`{}", suggestion(name, &names))));
        }
    }
    report.findings.retain(|finding| {
        let path = &workspace.file(finding.primary.span.file).path;
        // The innermost package whose folder holds the file.
        let holding =
            packages.iter().filter(|(_, folder)| folder.is_empty() || path.starts_with(&format!("{folder}/")));
        let owner = holding.max_by_key(|(_, folder)| folder.len()).map(|(name, _)| name);
        owner.is_none_or(|owner| {
            (args.packages.is_empty() || args.packages.contains(owner)) && !args.exclude.contains(owner)
        })
    });
    Ok(())
}

fn outcome(report: &Report, fail_on: Level) -> Outcome {
    if report.coverage.n_bodies == 0 {
        return Outcome::NothingAnalysed;
    }
    let fails = report.findings.iter().any(|finding| finding.level >= fail_on && finding.level > Level::Allow);
    if fails { Outcome::Findings } else { Outcome::Clean }
}
