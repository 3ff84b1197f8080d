"""Drives the fakes from another process: POST /_control/<command> with a JSON object, answered with JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bridge.sandbox import faults
from bridge.sandbox.people import Person
from bridge.sandbox.server import Answer, App, Reply, Request, json_reply
from bridge.sandbox.shopify import FakeShopify, commands
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
    """add, and what happens to orders; orders lists them with their references. See `shopify.commands`."""
    return {
        **_shop_commands(fake.webhooks),
        **commands.commands(fake),
        "behave": _behave(fake.behave),
    }


def woocommerce_commands(fake: FakeWooCommerce) -> dict[str, Command]:
    """add, and what happens to orders; order shows one, orders lists all with their references.

    copy_at makes a staging copy at an address, and at_copy tells it a command: its webhooks go where the shop's go.
    """

    def add(body: Json | None = None, order: Json | None = None, **options: Any) -> int:
        return fake.add_order(body or woo_order(home=fake.url, **_woo_options(fake, order or {})), **options)

    def bring_in(first: int, count: int, since: str, minutes: float = 10, **options: Any) -> None:
        every = timedelta(minutes=float(minutes))
        fake.bring_in(first, count, since=datetime.fromisoformat(since), every=every, **options)

    def refund(number: int, quantities: Mapping[str, int], reason: str = "", amount: str = "0.00") -> None:
        fake.refund(number, {int(line): count for line, count in quantities.items()}, reason, Decimal(amount))

    def copy_at(url: str) -> None:
        fake.copy_at(url)

    def at_copy(url: str, act: str, told: Json) -> Any:
        return woocommerce_commands(fake.copies[url])[act](**told)

    happenings = (
        fake.pay,
        fake.set_status,
        fake.change,
        fake.edit,
        fake.renew,
        fake.duplicate,
        fake.roll_back,
        fake.trash,
        fake.restore,
        fake.send,
        fake.order,
    )
    return {
        **_shop_commands(fake.webhooks),
        **{happening.__name__: happening for happening in happenings},
        "behave": _behave(fake.behave),
        "clear": fake.clear,
        "add": add,
        "bring_in": bring_in,
        "refund": refund,
        "copy_at": copy_at,
        "at_copy": at_copy,
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


def _woo_options(fake: FakeWooCommerce, order: Json) -> Json:
    """Lines are given as {"product": 10, "quantity": 2}, `buyer` as the members of a Person, `at` as text."""
    lines = [Purchase(**{**line, "product": fake.products[line["product"]]}) for line in order.get("lines", ())]
    made = {
        **({"lines": lines} if lines else {}),
        **({"buyer": Person(**order["buyer"])} if "buyer" in order else {}),
        **({"at": datetime.fromisoformat(order["at"])} if "at" in order else {}),
    }
    return {**_with_money(order, "discount", "shipping", "tax_rate"), **made}


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
