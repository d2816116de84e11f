"""A town whose officers have phones, and the push service behind these."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dispatch.notify.vapid import new_vapid_key
from tests.flow.town import Town
from tests.notify.service import Service, settles

ENV = {
    "DISPATCH_NOTIFY_PRIVATE_HOSTS": "true", "DISPATCH_NOTIFY_VAPID_KEY": new_vapid_key(),
    "DISPATCH_NOTIFY_CONTACT": "mailto:ops@example.org", "DISPATCH_NOTIFY_TIMEOUT_S": "2",
}  # fmt: skip


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().serves() as service:
        yield service


@pytest.fixture
async def town(tmp_path: Path, service: Service) -> AsyncIterator[Town]:
    """As everywhere, with web push to the service on loopback, which is there to the end: leaving makes hubs call."""
    async with Town(tmp_path, env=ENV) as town:
        yield town
        await asyncio.gather(*(person.closes() for person in town.people))
        await settles(town)
