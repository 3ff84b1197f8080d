"""Week three: orders that wait, that a person must see first, or that miss something."""

from __future__ import annotations

from bridge.sandbox.people import ABROAD
from bridge.sandbox.shopify import Article, Variant
from bridge.sandbox.woocommerce import woo_order
from tests.retailer.play import Play

_BOTH = {"MUG-BLUE": 2, "BLANKET-L": 1}
_MUGS_AND_LAMP = {"MUG-BLUE": 2, "LAMP-XL": 1}
_COPY = "https://staging.garden.example"


def fraud_check_is_awaited_and_its_doubt_is_for_a_person(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("home")
    order_id = str(shop.add_order(retailer.body("home", 1201), risk_levels=["PENDING"]))
    retailer.settle()
    retailer.ended("home", "#1201", "waiting", sent=[], story=["fraud check under way"])
    shop.assess(order_id, "INVESTIGATE", ["HIGH"])
    retailer.later(minutes=2)
    retailer.ended("home", "#1201", "held", sent=[], story=["risk of fraud: a person must look at it first"])
    retailer.types("order", "release", "#1201", "--shop", "home", "--reason", "the customer was called")
    retailer.ended("home", "#1201", "done", sent=[_BOTH], story=["released: the customer was called  (person: "])


def customs_order_without_hs_code_names_the_article(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("trade")
    rug = Article(sku="RUG-1", title="Rug", grams=4000)
    retailer.buys("trade", 1202, buyer=ABROAD, lines=[rug])
    retailer.later(minutes=40)
    missing = ["the HS code of RUG-1", "the country of origin of RUG-1"]
    retailer.ended("trade", "#1202", "failed", sent=[], story=missing)
    shop.set_variant(rug.variant or 0, Variant(hs_code="570242", origin="IN"))
    retailer.types("order", "replay", "#1202", "--shop", "trade", "--reason", "filled in at the product")
    (made,) = retailer.ended("trade", "#1202", "done", sent=[{"RUG-1": 1}], story=["replayed: filled in"])
    (item,) = made.body["Packages"][0]["Items"]
    assert (item["HarmonisationCode"], item["CountryOfOrigin"]["IsoCode"]["TwoLetterCode"]) == ("570242", "IN")
    assert made.body["CustomsDocumentation"]["ShippersVatNumber"] == "GB123456789"
    assert made.metadata["ShippersEORI"] == "GB123456789000"


def unknown_shipping_method_is_told_by_name_and_given_a_row(play: Play) -> None:
    retailer = play.retailer
    retailer.buys("home", 1203, shipping_title="Saturday morning")
    retailer.settle()
    words = 'the shipping method "Saturday morning" has no row in `services`'
    retailer.ended("home", "#1203", "failed", sent=[], story=[words])
    checked = retailer.desk("mapping", "check").output
    assert '1 stored order has the shipping method "Saturday morning", which has no row in `services`' in checked
    services = {**retailer.mappings["home"]["services"], "Saturday morning": {"tags": ["SATURDAY"]}}
    retailer.configure("home", services=services)
    retailer.types("order", "replay", "#1203", "--shop", "home", "--reason", "the row is there")
    (made,) = retailer.ended("home", "#1203", "done", sent=[_BOTH], story=["replayed: the row is there"])
    assert made.body["Tags"] == ["SATURDAY"]


def order_cancelled_within_the_grace_period_is_never_sent(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("trade")
    order_id = retailer.buys("trade", 1204)
    retailer.later(minutes=10)
    retailer.ended("trade", "#1204", "waiting", sent=[], story=["(send_after)"])
    shop.cancel(order_id)
    retailer.later(hours=1)
    retailer.ended("trade", "#1204", "skipped", sent=[], story=["(send_after)", "received -> skipped: cancelled"])


def change_within_the_grace_period_is_what_is_sent(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.shopify("trade")
    order_id = retailer.buys("trade", 1205)
    retailer.later(minutes=10)
    blanket = shop.order(order_id).body["line_items"][1]["id"]
    shop.edit(order_id, blanket, 3)
    retailer.later(minutes=25)
    retailer.ended("trade", "#1205", "done", sent=[{"MUG-BLUE": 2, "BLANKET-L": 3}], story=["(send_after)"])


def staging_copy_with_the_live_secret_is_never_sent(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.woocommerce("garden")
    number = int(retailer.buys("garden", 1206))
    retailer.settle()
    before = retailer.order("garden", "1206")
    copy = shop.copy_at(_COPY)
    copy.webhooks.hold()
    copy.change(number, customer_note="a trial")  # the same id and key
    copy.add_order(woo_order(1207, home=_COPY, at=retailer.clock()))
    retailer.later(minutes=5)
    live, copied = retailer.orders("garden", "1206")
    assert (live.id, live.state, live.changed, live.revision) == (before.id, "done", False, before.revision)
    assert (copied.state, copied.code, retailer.order("garden", "1207").state) == ("held", "other_host", "held")
    shown = retailer.desk("order", "show", "1207", "--shop", "garden").stdout
    assert "the order says that it lives at staging.garden.example, and this shop is" in shown
    refused = retailer.desk("order", "release", "1207", "--shop", "garden", "--reason", "x")
    assert (refused.exit_code, "is not to be released" in refused.stderr) == (1, True)
    assert [len(retailer.made_of("garden", name)) for name in ("1206", "1207")] == [1, 0]
    shop.copies.clear()
    copy.close()


def subscription_renewal_with_copied_meta_is_sent_like_any_other(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.woocommerce("gifts")
    retailer.buys("gifts", 1208)
    retailer.settle()
    retailer.later(days=1)
    shop.renew(1208, 1209)
    retailer.settle()
    first = retailer.order("gifts", "1208").reference
    assert first is not None
    story = ["a record of order 1208 stands on it, copied from there: it counts as none"]
    (made,) = retailer.ended("gifts", "1209", "done", sent=[_MUGS_AND_LAMP], story=story)
    assert made.reference != first


def restored_shop_gives_an_old_id_to_a_new_order(play: Play) -> None:
    retailer, shop = play.retailer, play.retailer.woocommerce("gifts")
    retailer.buys("gifts", 1210)
    retailer.settle()
    first = f"#1210 of {retailer.clock():%Y-%m-%d} ({retailer.order('gifts', '1210').reference})"
    shop.roll_back(1209)
    retailer.later(hours=3)
    retailer.buys("gifts", 1210, order_key="wc_order_afterrestore")
    retailer.settle()
    assert [one.state for one in retailer.orders("gifts", "1210")] == ["done", "held"]
    shown = retailer.desk("order", "show", "1210", "--shop", "gifts").stdout
    assert f"the shop gave the id 1210 to two orders: {first}, and this one." in shown
    retailer.types("orders", "release", "--shop", "gifts", "--code", "same_id", "--reason", "it is real", "--yes")
    assert [one.state for one in retailer.orders("gifts", "1210")] == ["done", "done"]
    made = retailer.made_of("gifts", "1210")
    assert [one.customer_reference for one in made] == ["gifts-1210", "gifts-1210-R2"]
    assert retailer.reference_on("gifts", "1210") == made[1].reference
    assert "released: it is real" in retailer.desk("order", "show", "gifts-1210-R2").stdout


SCENES = (
    fraud_check_is_awaited_and_its_doubt_is_for_a_person,
    customs_order_without_hs_code_names_the_article,
    unknown_shipping_method_is_told_by_name_and_given_a_row,
    order_cancelled_within_the_grace_period_is_never_sent,
    change_within_the_grace_period_is_what_is_sent,
    staging_copy_with_the_live_secret_is_never_sent,
    subscription_renewal_with_copied_meta_is_sent_like_any_other,
    restored_shop_gives_an_old_id_to_a_new_order,
)
