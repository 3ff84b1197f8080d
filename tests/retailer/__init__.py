"""A UK retailer, played from the first parallel day on."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"tests.retailer.{name}"
        for name in (
            "retailer",
            "predecessor",
            "parallel_days",
            "going_live",
            "parts",
            "odd_orders",
            "floods",
            "reckoning",
        )
    )
)
