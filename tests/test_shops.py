"""Files become shops: which are left out, what stops the start, and what the version depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bridge import shops
from bridge.errors import ConfigurationError, Problem
from bridge.mapping import document
from tests.workbench import DESTINATION, LET, ORDER, SHOP, VARIABLES, mapping, write

SECOND = SHOP.replace("acme", "second")


def load(folder: Path, environ: Mapping[str, str] = VARIABLES) -> shops.Shops:
    return shops.load(folder, environ)


def problems(folder: Path, environ: Mapping[str, str] = VARIABLES) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        shops.load(folder, environ)
    return list(caught.value.problems)


@pytest.fixture
def problem(tmp_path: Path) -> Callable[..., Problem]:
    """The one problem that a mapping has."""

    def only(text: str, environ: Mapping[str, str] = VARIABLES) -> Problem:
        write(tmp_path, text)
        (found,) = problems(tmp_path, environ)
        return found

    return only


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in VARIABLES.items() if name not in names}


# --- which files count -----------------------------------------------------------------------------------------------
def test_a_file_with_all_its_variables_is_a_shop(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    shop = load(tmp_path).by_name["acme"]
    assert (shop.facts.domain, shop.mode, shop.destination.host) == ("larkspur.myshopify.com", "live", "sorted.example")


def test_a_file_without_any_of_its_shops_variables_is_left_out_with_a_notice(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    write(tmp_path, mapping(shop=SECOND.replace("SHOP_", "OTHER_")), "second.yaml")
    found = load(tmp_path)
    assert list(found.by_name) == ["acme"]
    assert found.left_out == [
        "second.yaml is left out: none of its shop's variables is set (OTHER_DOMAIN, OTHER_SECRET, OTHER_TOKEN)"
    ]


def test_defaults_alone_do_not_configure_a_shop(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    defaults = SECOND.replace("${SHOP_DOMAIN}", "${OTHER:-larkspur.myshopify.com}").replace("SHOP_", "OTHER_")
    write(tmp_path, mapping(shop=defaults), "second.yaml")
    assert list(load(tmp_path).by_name) == ["acme"]


def test_a_shop_section_without_variables_is_always_meant(tmp_path: Path) -> None:
    plain = SHOP
    for name in ("SHOP_DOMAIN", "SHOP_SECRET", "SHOP_TOKEN"):
        plain = plain.replace(f"${{{name}}}", VARIABLES[name])
    write(tmp_path, mapping(shop=plain))
    assert list(load(tmp_path, {"SORTED_KEY": "key"}).by_name) == ["acme"]


def test_tests_beside_a_mapping_are_no_mapping(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    write(tmp_path, "- this is no mapping", "acme.tests.yaml")
    assert list(load(tmp_path).by_name) == ["acme"]


def test_no_configured_shop_at_all_stops_the_start_and_names_the_variables(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    (found,) = problems(tmp_path, {})
    assert "no shop is configured" in found.message
    assert "SHOP_DOMAIN, SHOP_SECRET, SHOP_TOKEN" in found.message


def test_an_empty_folder_stops_the_start(tmp_path: Path) -> None:
    (found,) = problems(tmp_path)
    assert "it holds no mapping file" in found.message


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "nowhere")
    assert (found.source, found.found) == ("BRIDGE_MAPPINGS", str(tmp_path / "nowhere"))


def test_a_file_may_extend_another(tmp_path: Path) -> None:
    write(tmp_path, mapping(), "_base.yaml")
    write(tmp_path, "version: 1\nextends: _base.yaml\nshop: { name: child }\nmode: observe\n", "child.yaml")
    shop = load(tmp_path).by_name["child"]
    assert (shop.mode, shop.facts.domain) == ("observe", "larkspur.myshopify.com")


# --- variables -------------------------------------------------------------------------------------------------------
def test_a_shop_that_lacks_some_variables_stops_the_start_and_names_them_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, mapping())
    found = problems(tmp_path, without("SHOP_SECRET", "SORTED_KEY"))
    assert [(one.file, one.line, one.source) for one in found] == [
        (str(path), 6, "shop.secrets[0]"),
        (str(path), 12, "destination.api_key"),
    ]
    assert "SHOP_SECRET" in found[0].message
    assert "SORTED_KEY" in found[1].message


def test_a_variable_set_to_nothing_is_unset(problem: Callable[..., Problem]) -> None:
    found = problem(mapping(), {**VARIABLES, "SHOP_SECRET": ""})
    assert "the variable SHOP_SECRET is unset or empty" in found.message


def test_a_default_is_never_missing(tmp_path: Path) -> None:
    write(tmp_path, mapping(send_from="${SEND_FROM:-2026-05-04T00:00:00Z}"))
    assert load(tmp_path).by_name["acme"].send_from.isoformat() == "2026-05-04T00:00:00+00:00"


def test_a_missing_secret_is_not_advised_to_stand_in_the_file(problem: Callable[..., Problem]) -> None:
    assert ":-" not in problem(mapping(), without("SHOP_SECRET")).message


def test_a_missing_setting_is_told_once(problem: Callable[..., Problem]) -> None:
    found = problem(mapping(send_from="${SEND_FROM}"))
    assert (found.source, found.code) == ("send_from", "missing_variable")


def test_empty_secrets_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, mapping(shop=SHOP.replace('"${SHOP_SECRET}"', '"${NEXT:-}", "${SHOP_SECRET}"')))
    assert list(load(tmp_path).by_name["acme"].settings.secrets) == ["hush"]


def test_a_shop_without_any_secret_stops_the_start(problem: Callable[..., Problem]) -> None:
    found = problem(mapping(shop=SHOP.replace("${SHOP_SECRET}", "${SHOP_SECRET:-}")), without("SHOP_SECRET"))
    assert (found.source, found.line) == ("shop.secrets", 6)


def test_shopify_takes_client_id_and_secret_in_place_of_a_token(tmp_path: Path) -> None:
    pair = SHOP.replace("access_token: ${SHOP_TOKEN}", "client_id: c1\n  client_secret: ${SHOP_SECRET}")
    write(tmp_path, mapping(shop=pair))
    assert list(load(tmp_path).by_name) == ["acme"]


def test_shopify_with_neither_stops_the_start(problem: Callable[..., Problem]) -> None:
    found = problem(mapping(shop=SHOP.replace("access_token: ${SHOP_TOKEN}", "client_id: c1")))
    assert "client_id and client_secret" in found.message
    assert "access_token" in found.message


# --- settings --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        (mapping(shop=SHOP + "  tokn: x\n"), "shop.tokn", "access_token"),
        (mapping(destination=DESTINATION + "  retries: 3\n"), "destination.retries", "on_unknown_outcome"),
        (mapping(rules="write_back: { colour: red }\n"), "write_back.colour", "tags"),
        (mapping(rules="mode: dry\n"), "mode", "observe"),
        (mapping(send_from=""), "send_from", "2026-12-01T00:00:00Z"),
        (mapping(send_from="yesterday"), "send_from", "2026-12-01T00:00:00Z"),
        (mapping(shop=SHOP.replace("name: acme", "name: Acme Shop")), "shop.name", "hyphens"),
        (mapping(shop=SHOP.replace("name: acme", "colour: red\n  name: acme")), "shop.colour", "domain"),
        (mapping(shop=SHOP.replace('[ "${SHOP_SECRET}" ]', "${SHOP_SECRET}")), "shop.secrets", "must be a list"),
        (mapping(destination=DESTINATION + "  on_unknown_outcome: retry\n"), "destination.on_unknown_outcome", "hold"),
        (mapping(destination=DESTINATION + "  concurrency: 00010000\n"), "destination.concurrency", "1 to 64"),
        (mapping(destination=DESTINATION + "  requests_per_second: 0\n"), "destination.requests_per_second", "over 0"),
        (
            mapping(destination=DESTINATION + "  requests_per_second: 1000.1\n"),
            "destination.requests_per_second",
            "1000",
        ),
        (mapping(destination=DESTINATION + "  requests_per_second: -1\n"), "destination.requests_per_second", "over 0"),
        (
            mapping(destination=DESTINATION + "  requests_per_second: 1e2\n"),
            "destination.requests_per_second",
            "over 0",
        ),
        (mapping(destination=DESTINATION.replace("${SORTED_KEY}", "a b")), "destination.api_key", "copy it again"),
        (mapping(destination=DESTINATION.replace("${SORTED_KEY}", '""')), "destination.api_key", "is missing"),
    ],
)
def test_a_wrong_setting_is_named_with_the_way_out(
    problem: Callable[..., Problem], text: str, source: str, words: str
) -> None:
    found = problem(text)
    assert found.source == source
    assert words in found.message


@pytest.mark.parametrize("url", ["http://sorted.example", "ftp://sorted.example", "sorted.example", "https://a:b"])
def test_a_destination_that_is_not_https_stops_the_start(problem: Callable[..., Problem], url: str) -> None:
    found = problem(mapping(destination=DESTINATION.replace("https://sorted.example", url)))
    assert (found.source, found.line) == ("destination.url", 11)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"])
def test_a_loopback_destination_may_be_http(tmp_path: Path, url: str) -> None:
    write(tmp_path, mapping(destination=DESTINATION.replace("https://sorted.example", f'"{url}"')))
    assert load(tmp_path).by_name["acme"].destination.url == url


def test_a_password_in_a_destinations_address_is_refused_and_not_shown(problem: Callable[..., Problem]) -> None:
    found = problem(mapping(destination=DESTINATION.replace("https://", "https://me:pa55@")))
    assert found.source == "destination.url"
    assert "pa55" not in str(found)


def test_an_unknown_platform_names_those_there_are_beside_all_else(tmp_path: Path) -> None:
    write(tmp_path, mapping(shop=SHOP.replace("shopify", "magento"), send_from="soon"))
    found = problems(tmp_path)
    assert [one.source for one in found] == ["shop.platform", "send_from"]
    assert found[0].message == "must be one of shopify, woocommerce"


def test_a_time_without_a_zone_stops_the_start(tmp_path: Path) -> None:
    write(tmp_path, mapping(send_from="2026-05-04"))
    with pytest.raises(ConfigurationError, match="send_from: needs a zone"):
        load(tmp_path)


# --- field names -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "addition"),
    [
        ("not (order.line_items | where('require_shipping'))", "order.line_items.require_shipping"),
        ("(order.line_items | first).gift_crad", "order.line_items.gift_crad"),
        ("(order.line_items | last).gift_crad", "order.line_items.gift_crad"),
        ("'x' in (order.line_items | pluck('vendr'))", "order.line_items.vendr"),
        ("(order.customer or {}).tagz", "order.customer.tagz"),
        ("(order | default({})).canceled_at", "order.canceled_at"),
        ("(order | shippable)[0].gift_crad", "order.line_items.gift_crad"),
    ],
)
def test_a_misspelt_field_behind_a_filter_or_a_literal_stops_the_start(
    problem: Callable[..., Problem], expression: str, addition: str
) -> None:
    found = problem(mapping(rules=f'skip:\n  odd: "{expression}"\n'))
    assert f"Or add it: `fields: [{addition}]`" in found.message


@pytest.mark.parametrize("name", ["shopify", "woocommerce"])
@pytest.mark.parametrize("field", ["order.line_items.foo", "lines.foo"])
def test_a_field_that_is_added_to_lines_is_one_of_shipped_lines(tmp_path: Path, name: str, field: str) -> None:
    base = Path(__file__).parents[1] / "mappings" / f"{name}.yaml"
    text = f"version: 1\nextends: {base}\nfields: [{field}]\nskip:\n  foo: lines[0].foo\n"
    more = "  bar: (order | shippable)[0].foo\n" if field.startswith("order.") else ""
    assert shops.load_offline(write(tmp_path, text + more), {}).mapping.warnings == ()


@pytest.mark.parametrize("rules", ["skip: { x: later }\n", "wait: { x: not later }\n"])
def test_a_time_that_nothing_waits_for_stops_the_start(problem: Callable[..., Problem], rules: str) -> None:
    found = problem(mapping(rules=rules, let=LET + "  later: order.created_at | until\n"))
    assert "`until`" in found.message


# --- between files ---------------------------------------------------------------------------------------------------
def test_two_shops_of_one_name_stop_the_start(tmp_path: Path) -> None:
    first = write(tmp_path, mapping())
    second = write(tmp_path, mapping(), "second.yaml")
    (found,) = problems(tmp_path)
    assert (found.file, found.line, found.source) == (str(second), 3, "shop.name")
    assert str(first) in found.message


def test_shops_may_share_a_destination(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    write(tmp_path, mapping(shop=SECOND), "second.yaml")
    assert list(load(tmp_path).destinations) == ["sorted"]


@pytest.mark.parametrize(("old", "new"), [("${SORTED_KEY}", "another-key"), ("https://sorted", "https://other")])
def test_one_destination_with_two_keys_or_addresses_stops_the_start(tmp_path: Path, old: str, new: str) -> None:
    write(tmp_path, mapping())
    second = write(tmp_path, mapping(shop=SECOND, destination=DESTINATION.replace(old, new)), "second.yaml")
    (found,) = problems(tmp_path)
    assert (found.file, found.line, found.source, found.found) == (str(second), 10, "destination.name", "sorted")


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    first = write(tmp_path, mapping(rules="mode: dry\n", order=ORDER.replace("Direction", "Directoin")))
    second = write(tmp_path, mapping(shop=SECOND, rules="skip:\n  gone: order.canceled_at\n"), "second.yaml")
    third = write(tmp_path, "version: 1\nshop: [", "third.yaml")
    found = problems(tmp_path)
    assert [one.file for one in found] == [str(first), str(first), str(second), str(third)]
    assert all(one.line for one in found)


# --- offline ---------------------------------------------------------------------------------------------------------
def test_offline_an_unset_variable_reads_as_its_name(tmp_path: Path) -> None:
    shop = shops.load_offline(write(tmp_path, mapping(send_from="${SEND_FROM}")), {})
    assert (shop.settings.secrets[0], shop.destination.api_key) == ("<SHOP_SECRET>", "<SORTED_KEY>")


def test_offline_a_variable_may_stand_for_any_setting(tmp_path: Path) -> None:
    text = mapping(
        rules="mode: ${MODE}\n",
        destination=DESTINATION + "  concurrency: ${C}\n  on_unknown_outcome: ${P}\n  requests_per_second: ${R}\n",
    )
    assert shops.load_offline(write(tmp_path, text), {}).mode == "<MODE>"


def test_offline_a_wrong_mapping_is_still_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, mapping(order=ORDER.replace("Direction", "Directoin")))
    with pytest.raises(ConfigurationError, match="Directoin"):
        shops.load_offline(path, {})


# --- limits of a destination -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("written", "rate"), [("0.5", 0.5), ("5", 5.0), ("1000", 1000.0), ('""', None)])
def test_a_rate_is_a_number_of_orders_a_second(tmp_path: Path, written: str, rate: float | None) -> None:
    write(tmp_path, mapping(destination=f"{DESTINATION}  requests_per_second: {written}\n"))
    assert load(tmp_path).destinations["sorted"].rate == rate


def test_without_a_rate_a_destination_has_no_limit_of_it(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    assert load(tmp_path).destinations["sorted"].rate is None


def test_shops_of_one_destination_agree_on_its_rate(tmp_path: Path) -> None:
    write(tmp_path, mapping())
    write(tmp_path, mapping(shop=SECOND, destination=f"{DESTINATION}  requests_per_second: 5\n"), "second.yaml")
    (found,) = problems(tmp_path)
    assert (found.source, "another address, key or setting" in found.message) == ("destination.name", True)


# --- versions --------------------------------------------------------------------------------------------------------
def version(folder: Path, text: str) -> str:
    return shops.load_offline(write(folder, text), VARIABLES).mapping.version


def test_shop_and_destination_are_not_in_the_version(tmp_path: Path) -> None:
    others = mapping(shop=SECOND, destination=DESTINATION.replace("sorted.example", "other.example"))
    assert version(tmp_path, others) == version(tmp_path, mapping())


@pytest.mark.parametrize(
    "other",
    [
        mapping(rules="skip:\n  test order: order.test\n"),
        mapping(order=ORDER.replace("WAREHOUSE-1", "WAREHOUSE-2")),
        mapping(let=LET + "  more: order.name\n"),
        mapping(rules="mode: observe\n"),
    ],
)
def test_a_rule_or_a_value_is_in_the_version(tmp_path: Path, other: str) -> None:
    assert version(tmp_path, other) != version(tmp_path, mapping())


def test_a_stored_version_is_the_same_mapping_again(tmp_path: Path) -> None:
    shop = shops.load_offline(write(tmp_path, mapping(rules="skip:\n  test order: order.test\n")), VARIABLES)
    again = shops.with_mapping(shop, shop.mapping.version, shop.mapping.text)
    assert document.parse_stored(again.mapping.text).version_hash() == shop.mapping.version
    assert [rule.name for rule in again.mapping.skip] == ["test order"]


def test_no_secret_is_in_the_stored_text(tmp_path: Path) -> None:
    shop = shops.load_offline(write(tmp_path, mapping()), VARIABLES)
    assert not [value for value in VARIABLES.values() if value in shop.mapping.text]


def test_other_credentials_are_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, mapping())
    before = shops.load_offline(path, VARIABLES).credentials
    assert shops.load_offline(path, {**VARIABLES, "SHOP_TOKEN": "shpat_0002"}).credentials != before


def test_a_shop_shows_no_secret(tmp_path: Path) -> None:
    shown = repr(shops.load_offline(write(tmp_path, mapping()), VARIABLES))
    assert not [name for name in ("SHOP_SECRET", "SHOP_TOKEN", "SORTED_KEY") if VARIABLES[name] in shown]


def test_a_misspelt_key_of_a_service_stops_the_start(tmp_path: Path) -> None:
    order = ORDER.replace(
        "  Direction: Outbound\n", '  Direction: Outbound\n  Tags: { each: service.tags, as: t, value: "{{ t }}" }\n'
    )
    text = mapping(rules="services: { Express: { tgas: [ NEXT-DAY ] } }\n", order=order)
    with pytest.raises(ConfigurationError) as caught:
        shops.load_offline(write(tmp_path, text), VARIABLES)
    (problem,) = caught.value.problems
    assert (problem.source, problem.message) == (
        "services.Express.tgas",
        "nothing in this mapping reads it; it reads tags",
    )
