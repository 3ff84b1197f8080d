"""`bridge mapping test`: tries the cases beside mapping files. Works without database, network and credentials."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bridge.cases import junit as junit_xml
from bridge.cases import suite as tests
from bridge.cases.judging import Verdict, judge
from bridge.cases.telling import count, lines
from bridge.cases.updating import updated
from bridge.cli.opening import settings
from bridge.errors import ConfigurationError, Problem


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--case", "names", default="", metavar="NAME", help="Only the cases with this in their name.")
@click.option("--update", is_flag=True, help="Accept what was found: write it into the tests files.")
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a JUnit report, for CI."
)
def test(files: tuple[Path, ...], names: str, update: bool, junit: Path | None) -> None:
    """Try the cases beside mapping files: those of FILES (mappings or their tests), or all of BRIDGE_MAPPINGS.

    Status 1 when a case fails, 2 when a file cannot be read.
    """
    tried: dict[str, Sequence[Verdict]] = {}
    problems: list[Problem] = []
    for path in _paths(files, problems):
        try:
            verdicts = _accepted(path, names) if update else judge(tests.load(path), names)
        except ConfigurationError as error:
            problems += error.problems
            continue
        if verdicts:
            tried[str(path)] = verdicts
            _tell(path, verdicts)
    if junit:
        try:
            junit.write_bytes(junit_xml.report(tried, problems))
        except OSError as error:
            raise click.UsageError(f"--junit {junit}: {error.strerror or error}") from error
    every = [verdict for verdicts in tried.values() for verdict in verdicts]
    has_failed = any(verdict.differences for verdict in every)
    if has_failed and len(tried) > 1:
        click.echo(count(every))
    if problems:
        raise ConfigurationError(problems)
    if not every:
        raise click.UsageError(f"no case has `{names}` in its name")
    sys.exit(1 if has_failed else 0)


def _paths(files: Sequence[Path], problems: list[Problem]) -> list[Path]:
    """The tests files that are meant, each once."""
    if not files:
        folder = settings().mappings
        found = tests.tests_in(folder)
        if not found:
            message = "there are no tests: put them beside a mapping, shopify.tests.yaml beside shopify.yaml"
            problems.append(Problem(message=message, source="BRIDGE_MAPPINGS", found=str(folder)))
        return found
    paths = []
    for file in files:
        try:
            paths.append(tests.tests_of(file))
        except ConfigurationError as error:
            problems += error.problems
    return list(dict.fromkeys(paths))


def _accepted(path: Path, names: str) -> Sequence[Verdict]:
    """Try a file, write what was found into it, and try what it says then."""
    suite = tests.load(path)
    verdicts = judge(suite, names)
    if not any(verdict.differences for verdict in verdicts):
        return verdicts
    accepted = updated(suite, verdicts)
    has_mark = path.read_bytes().startswith(b"\xef\xbb\xbf")
    path.write_bytes(accepted.text.encode("utf-8-sig" if has_mark else "utf-8"))
    click.echo(f"{path}: {accepted.count} updated")
    for name in accepted.kept:
        words = "not updated, other cases share its `expect` or a part of it by an anchor: change it by hand"
        click.echo(f"{path}: {name}: {words}")
    return judge(tests.load(path), names)


def _tell(path: Path, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        if verdict.differences:
            click.echo(f"{path}:{verdict.case.line}: {verdict.case.name}")
            for line in lines(verdict):
                click.echo(line)
    click.echo(f"{path}: {count(verdicts)}")
