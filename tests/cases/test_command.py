"""`bridge mapping test` as people and CI services run it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

from tests.cases.conftest import Bench
from tests.cli.conftest import Bridge
from tests.workbench import write

GOOD = "- { name: is sent, order: paid, expect: { decision: send } }\n"
BAD = """\
- name: goes to Leeds
  order: paid
  expect: { decision: send, values: { "Addresses[1].Town": Leeds } }
"""


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    """The command with no variable set but the folder of mappings."""
    return Bridge(environ={"BRIDGE_DATA": str(tmp_path / "no-data"), "BRIDGE_MAPPINGS": str(tmp_path)})


@pytest.mark.parametrize("name", ["acme.yaml", "acme.tests.yaml", None])
def test_a_file_without_failures_is_one_line(bridge: Bridge, bench: Bench, name: str | None) -> None:
    bench.write(GOOD)
    result = bridge("mapping", "test", *[bench.folder / name] if name else [])
    assert (result.exit_code, result.stdout) == (0, f"{bench.path}: 1 passed\n")


def test_a_failed_case_is_told_with_its_line_and_both_sides(bridge: Bridge, bench: Bench) -> None:
    bench.write(GOOD + BAD)
    result = bridge("mapping", "test")
    told = f"""\
    {bench.path}:7: goes to Leeds
      Addresses[1].Town
        expected  Leeds
        found     Wexcombe
    {bench.path}: 1 passed, 1 failed
    """
    assert (result.exit_code, result.stdout) == (1, dedent(told))


def test_several_files_have_a_line_each_and_one_for_all(bridge: Bridge, bench: Bench) -> None:
    text = bench.write(GOOD + BAD).read_text()
    write(bench.folder, f"mapping: acme.yaml\n{text}", "other.tests.yaml")
    result = bridge("mapping", "test")
    assert [line for line in result.stdout.splitlines() if "passed" in line] == [
        f"{bench.path}: 1 passed, 1 failed",
        f"{bench.folder / 'other.tests.yaml'}: 1 passed, 1 failed",
        "2 passed, 2 failed",
    ]


def test_some_cases_are_tried_by_a_part_of_their_name(bridge: Bridge, bench: Bench) -> None:
    bench.write(GOOD + BAD)
    assert bridge("mapping", "test", "--case", "sent").exit_code == 0
    assert bridge("mapping", "test", "--case", "Leeds").exit_code == 1


def test_a_name_that_no_case_has_is_an_error(bridge: Bridge, bench: Bench) -> None:
    bench.write(GOOD)
    result = bridge("mapping", "test", "--case", "snet")
    assert (result.exit_code, "no case has `snet` in its name" in result.stderr) == (2, True)


def test_a_file_that_cannot_be_read_is_status_2_beside_the_others(bridge: Bridge, bench: Bench) -> None:
    bench.write(BAD)
    write(bench.folder, "cases: x\n", "other.tests.yaml")
    result = bridge("mapping", "test")
    assert result.exit_code == 2
    assert "1 failed" in result.stdout
    assert f"{bench.folder / 'other.tests.yaml'}:1: " in result.stderr


def test_a_folder_without_tests_is_an_error(bridge: Bridge, tmp_path: Path) -> None:
    result = bridge("mapping", "test")
    assert (result.exit_code, "there are no tests" in result.stderr) == (2, True)


def test_findings_are_accepted_and_pass_then(bridge: Bridge, bench: Bench) -> None:
    before = bench.write(GOOD + BAD).read_text()
    result = bridge("mapping", "test", "--update")
    assert (result.exit_code, result.stdout) == (0, f"{bench.path}: 1 updated\n{bench.path}: 2 passed\n")
    assert bench.path.read_text() == before.replace('"Addresses[1].Town": Leeds', '"Addresses[1].Town": Wexcombe')


def test_a_case_that_cannot_be_accepted_is_named_and_fails(bridge: Bridge, bench: Bench) -> None:
    shared = "- { name: a, order: paid, expect: &x { decision: skip } }\n- { name: b, order: paid, expect: *x }\n"
    before = bench.write(shared).read_text()
    result = bridge("mapping", "test", "--update")
    assert (result.exit_code, bench.path.read_text()) == (1, before)
    assert f"{bench.path}: b: not updated" in result.stdout


def test_only_the_chosen_cases_are_accepted(bridge: Bridge, bench: Bench) -> None:
    before = bench.write(BAD + BAD.replace("goes to", "also to")).read_text()
    assert bridge("mapping", "test", "--update", "--case", "also").exit_code == 0
    head, _, tail = before.rpartition("Leeds")
    assert bench.path.read_text() == f"{head}Wexcombe{tail}"


# --- JUnit -----------------------------------------------------------------------------------------------------------
def test_the_report_counts_and_names_failures(bridge: Bridge, bench: Bench) -> None:
    bench.write(GOOD + BAD)
    bridge("mapping", "test", "--junit", bench.folder / "report.xml")
    (file,) = ET.parse(bench.folder / "report.xml").getroot()
    assert (file.get("name"), file.get("tests"), file.get("failures")) == (str(bench.path), "2", "1")
    passed, failed = file
    assert (passed.get("name"), len(passed), failed.get("line")) == ("is sent", 0, "7")
    assert "found     Wexcombe" in (failed[0].text or "")


def test_the_report_has_an_error_for_a_file_that_cannot_be_read(bridge: Bridge, bench: Bench) -> None:
    bench.path.write_text("cases: x\n")
    bridge("mapping", "test", "--junit", bench.folder / "report.xml")
    (file,) = ET.parse(bench.folder / "report.xml").getroot()
    assert (file.get("name"), file.get("errors"), file[0][0].tag) == (str(bench.path), "1", "error")


def test_the_report_holds_what_xml_cannot(bridge: Bridge, bench: Bench) -> None:
    bench.write(GOOD.replace("is sent", '"sent \\x07 & <b>"'))
    bridge("mapping", "test", "--junit", bench.folder / "report.xml")
    (case,) = ET.parse(bench.folder / "report.xml").getroot()[0]
    assert case.get("name") == "sent \ufffd & <b>"


# --- recipes ---------------------------------------------------------------------------------------------------------
def test_a_recipe_alone_is_said_to_be_one(bridge: Bridge, tmp_path: Path) -> None:
    recipe = write(tmp_path, "version: 1\norder: { MetaData: { add: [ { KeyValue: A } ] } }\n", "recipe.yaml")
    result = bridge("mapping", "check", recipe)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "1 problem")
    assert "this is a recipe, a part of a mapping" in result.stderr
