"""Which parcels need a customs declaration. Above each group of cases stands where the fact comes from."""

from __future__ import annotations

import pytest
from jinja2 import Undefined

from bridge.mapping.filters.customs import needs_customs


# https://www.royalmail.com/business/international/guide/electronic-customs-data
@pytest.mark.parametrize("country", ["FR", "IE", "DE", "CH", "NO", "US", "AU", "TR", "XK", "ie"])
def test_goods_that_leave_great_britain_need_customs(country: str) -> None:
    assert needs_customs("GB", country, "")


@pytest.mark.parametrize("postcode", ["SW1A 2AA", "b1 1aa", "G1 1AA", "GL1 1AA", "J1", "", None, Undefined()])
def test_parcels_within_great_britain_need_none(postcode: object) -> None:
    assert not needs_customs("GB", "GB", postcode)


# Consumers' parcels under the Windsor Framework:
# https://www.gov.uk/guidance/how-to-move-parcels-from-great-britain-to-northern-ireland-for-parcel-carriers
@pytest.mark.parametrize(("country", "postcode"), [("GB", "BT1 5GS"), ("gb", "bt15gs"), ("XI", ""), ("XI", "BT1 5GS")])
def test_parcels_to_northern_ireland_need_none(country: str, postcode: str) -> None:
    assert not needs_customs("GB", country, postcode)
    assert not needs_customs("DE", country, postcode)


# https://www.parcelforce.com/windsor-framework; goods to the EU: https://www.parcelforce.com/sending-parcel/customs/global-priority
@pytest.mark.parametrize(
    ("country", "postcode", "needed"),
    [
        ("GB", "SW1A 2AA", False),
        ("GB", "BT1 5GS", False),
        ("IM", "IM1 1AF", False),
        ("IE", "", False),
        ("US", "", True),
    ],
)
def test_parcels_from_northern_ireland(country: str, postcode: str, needed: bool) -> None:
    assert needs_customs("GB", country, postcode, "BT1 5GS") is needed


# https://www.gov.im/news/2021/mar/09/changes-to-customs-charges-and-postal-requirements/
# https://jerseypost.com/letters-and-parcels/sending/customs-when-sending
# https://www.guernseypost.com/uk-border-force-customs
@pytest.mark.parametrize(("country", "postcode"), [("GG", "GY1 1AA"), ("JE", ""), ("GB", "GY1 1AA"), ("GB", "je2 3qa")])
def test_the_channel_islands_need_customs_both_ways(country: str, postcode: str) -> None:
    assert needs_customs("GB", country, postcode)
    assert needs_customs(country, "GB", "SW1A 2AA", postcode)


def test_jersey_and_guernsey_are_two() -> None:
    assert needs_customs("JE", "GG")
    assert not needs_customs("JE", "GB", "JE2 3QA")


# https://www.gov.uk/hmrc-internal-manuals/vat-isle-of-man-manual/viom02100
@pytest.mark.parametrize(("country", "postcode"), [("IM", ""), ("GB", "IM1 1AF")])
def test_the_isle_of_man_is_one_with_the_uk(country: str, postcode: str) -> None:
    assert not needs_customs("GB", country, postcode)
    assert not needs_customs(country, "GB", "SW1A 2AA", postcode)
    assert needs_customs("FR", country, postcode)


# "all BFPO mail requires a customs declaration, and no destinations are exempt":
# https://forum.royalnavy.mod.uk/topics/news/b/announcements/posts/bfpo-update
@pytest.mark.parametrize("postcode", ["BF1 2AT", "bf12at", "BF1", "BFPO 12"])
def test_forces_mail_needs_customs(postcode: str) -> None:
    assert needs_customs("GB", "GB", postcode)


# https://post.gi/?p=11990
# https://www.gibraltar.gov.gi/press-releases/technical-notice-basic-features-of-the-customs-union-between-gibraltar-and-the-eu-722026-11670
@pytest.mark.parametrize(("country", "postcode"), [("GI", "GX11 1AA"), ("GB", "GX11 1AA")])
def test_gibraltar_needs_customs_both_ways(country: str, postcode: str) -> None:
    assert needs_customs("GB", country, postcode)
    assert needs_customs(country, "GB", "SW1A 2AA", postcode)
    assert needs_customs("ES", country, postcode)


# The rest: https://taxation-customs.ec.europa.eu/territorial-status-eu-countries-and-certain-territories_en
# A "no" there, for customs or for VAT, is a border with formalities: https://tulli.fi/en/private-persons/aland
@pytest.mark.parametrize(
    ("origin", "country", "postcode"),
    [("DE", "FR", "75001"), ("ES", "PT", "9000-001"), ("ES", "ES", "07001"), ("FR", "MC", "98000"), ("IE", "CY", "")],
)
def test_the_eu_is_one_with_monaco_madeira_and_the_balearic_islands(origin: str, country: str, postcode: str) -> None:
    assert not needs_customs(origin, country, postcode)


@pytest.mark.parametrize(
    ("country", "postcode"),
    [
        ("ES", "35001"),
        ("ES", "38001"),
        ("IC", "35001"),
        ("ES", "51001"),
        ("ES", "52001"),
        ("FI", "22100"),
        ("FI", "FI-22100"),
        ("AX", "22100"),
        ("FR", "97110"),
        ("FR", "97 200"),
        ("FR", "97150"),
        ("FR", "98800"),
        *((code, "") for code in ("GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "WF", "PF", "NC")),
        ("IT", "23041"),
        ("IT", "22061"),
        ("DE", "78266"),
        ("DE", "27498"),
        ("FO", "100"),
        ("GL", "3900"),
        ("GR", "63086"),
        ("GR", "630 87"),
        (
            "SM",
            "47890",
        ),  # a customs union with formalities: http://tulli.fi/en/businesses/transport-and-warehousing/transit/andorra-and-san-marino
        ("AD", "AD500"),
        ("VA", "00120"),
    ],
)
def test_territories_outside_the_eus_customs_or_vat_area_need_customs(country: str, postcode: str) -> None:
    for origin in ("GB", "DE", "ES", "FR", "IT"):
        assert needs_customs(origin, country, postcode)
    assert needs_customs(country, "ES", "28001", postcode)


def test_monaco_under_france_is_no_overseas_territory() -> None:
    assert not needs_customs("DE", "FR", "98000")
    assert needs_customs("DE", "FR", "98600")


def test_parcels_inside_a_territory_need_none() -> None:
    assert not needs_customs("ES", "ES", "38001", "35001")
    assert not needs_customs("CH", "LI", "9490")


@pytest.mark.parametrize("country", [None, "", " ", Undefined()])
def test_a_missing_country_is_a_problem_that_says_which(country: object) -> None:
    with pytest.raises(ValueError, match="the destination's country is missing"):
        needs_customs("GB", country, "SW1A 2AA")
    with pytest.raises(ValueError, match="the origin's country is missing"):
        needs_customs(country, "GB", "SW1A 2AA")


@pytest.mark.parametrize("country", ["UK", "Germany", "QQ", "EU"])
def test_what_is_no_country_is_a_problem_that_does_not_show_it(country: str) -> None:
    with pytest.raises(ValueError, match="the destination's country is no ISO 3166-1 alpha-2 code") as caught:
        needs_customs("GB", country)
    assert country not in str(caught.value).replace("such as 'GB'", "")
