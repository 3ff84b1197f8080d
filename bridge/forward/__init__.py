"""Forwarding: claim an order, and do what its state wants. One pipeline for webhooks, replays and releases."""

from bridge.forward.forwarder import Forwarder
from bridge.forward.tools import Tools

__all__ = ["Forwarder", "Tools"]
