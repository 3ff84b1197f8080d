"""Drives the fakes from another process: POST /_control/<command> with a JSON object, answered with JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bridge.sandbox import faults
from bridge.sandbox.server import Answer, App, Reply, Request, json_reply
from bridge.sandbox.shopify import Article, FakeShopify, shopify_order
from bridge.sandbox.sortedpro import FakeSortedPro
from bridge.sandbox.webhooks import Sender
from bridge.sandbox.woocommerce import FakeWooCommerce, Purchase, woo_order

Json = dict[str, Any]
Command = Callable[..., Any]  # takes the object's members as keywords, gives something JSON-able

_PREFIX = "/_control/"


def controlled(app: App, commands: Mapping[str, Command]) -> App:
    """The app, with its commands beside it."""

    def answer(request: Request) -> Answer:
        if request.path.startswith(_PREFIX):
            return _obey(commands, request)
        return app(request)

    return answer


def sortedpro_commands(fake: FakeSortedPro) -> dict[str, Command]:
    """behave, busy, clear, pack; orders and calls list what there is."""
    return {
        "behave": _behave(fake.behave),
        "busy": fake.busy,
        "clear": fake.clear,
        "pack": fake.pack,
        "orders": lambda: [
            {"reference": order.reference, "customer_reference": order.customer_reference, "metadata": order.metadata}
            for order in fake.orders()
        ],
        "calls": lambda: [
            {"customer_reference": call.customer_reference, "fault": call.fault} for call in fake.calls()
        ],
    }


def shopify_commands(fake: FakeShopify) -> dict[str, Command]:
    """add, and what happens to orders; orders lists them with their references."""

    def add(body: Json | None = None, order: Json | None = None, **options: Any) -> str:
        return fake.add_order(body or shopify_order(**_shopify_options(order or {})), **options)

    happenings = (
        fake.pay,
        fake.cancel,
        fake.edit,
        fake.refund,
        fake.fulfil,
        fake.change,
        fake.hold,
        fake.release,
        fake.delete,
        fake.send,
    )
    return {
        **_shop_commands(fake.webhooks),
        **{happening.__name__: happening for happening in happenings},
        "behave": _behave(fake.behave),
        "clear": fake.clear,
        "add": add,
        "orders": lambda: [
            {"id": order.id, "name": order.body["name"], "reference": fake.reference_of(order.id), "tags": order.tags()}
            for order in fake.book.orders()
        ],
    }


def woocommerce_commands(fake: FakeWooCommerce) -> dict[str, Command]:
    """add, and what happens to orders; orders lists them with their references."""

    def add(body: Json | None = None, order: Json | None = None, **options: Any) -> int:
        return fake.add_order(body or woo_order(home=fake.url, **_woo_options(fake, order or {})), **options)

    happenings = (fake.pay, fake.set_status, fake.change, fake.trash, fake.restore, fake.send)
    return {
        **_shop_commands(fake.webhooks),
        **{happening.__name__: happening for happening in happenings},
        "behave": _behave(fake.behave),
        "clear": fake.clear,
        "add": add,
        "refund": lambda number, quantities: fake.refund(
            number, {int(line): count for line, count in quantities.items()}
        ),
        "orders": lambda: [
            {"id": body["id"], "status": body["status"], "reference": fake.reference_of(body["id"])}
            for body in fake.store.orders()
        ],
    }


def _shop_commands(sender: Sender) -> dict[str, Command]:
    """Commands about webhooks: where they go, holding them back, and what was sent."""

    def target(url: str | None) -> None:
        sender.target = url

    return {
        "target": target,
        "hold_webhooks": sender.hold,
        "release_webhooks": sender.release,
        "sent": lambda: [{"topic": sent.topic, "status": sent.status} for sent in sender.sent()],
    }


def _behave(behave: Callable[..., None]) -> Command:
    def told(told: list[Json], match: str | None = None, count: int | None = 1) -> None:
        behave(*[faults.from_json(one) for one in told], match=match, count=count)

    return told


def _shopify_options(order: Json) -> Json:
    lines = {"lines": [Article(**_with_money(line, "price")) for line in order["lines"]]} if "lines" in order else {}
    return {**_with_money(order, "discount", "shipping", "tax_rate", "presentment_rate"), **lines}


def _woo_options(fake: FakeWooCommerce, order: Json) -> Json:
    """Lines are given as {"product": 10, "quantity": 2}."""
    lines = [Purchase(**{**line, "product": fake.products[line["product"]]}) for line in order.get("lines", ())]
    return {**_with_money(order, "discount", "shipping", "tax_rate"), **({"lines": lines} if lines else {})}


def _with_money(given: Json, *names: str) -> Json:
    return {
        name: Decimal(str(value)) if name in names and value is not None else value for name, value in given.items()
    }


def _obey(commands: Mapping[str, Command], request: Request) -> Reply:
    command = commands.get(request.path.removeprefix(_PREFIX))
    if command is None:
        return json_reply({"error": f"no such command; there are {', '.join(sorted(commands))}"}, status=404)
    told = request.json() if request.body else {}
    if not isinstance(told, dict):
        return json_reply({"error": "the body must be a JSON object"}, status=400)
    try:
        return json_reply({"result": command(**told)})
    except (KeyError, TypeError, ValueError) as error:
        return json_reply({"error": f"{type(error).__name__}: {error}"}, status=400)
