"""The settings of notifications: secrets are never said, and what would never be told of anything is a fault."""

import base64
from pathlib import Path

import pytest

from dispatch import resources
from dispatch.notify.vapid import KeyUnusable, Receipt, Signer, open_vapid_key
from dispatch.settings import ConfigurationError, load

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


def faults(**env: str) -> str:
    with pytest.raises(ConfigurationError) as found:
        load(resources.demo_config(), {f"DISPATCH_NOTIFY_{name}": value for name, value in env.items()})
    return str(found.value)


def test_secrets_come_from_files_and_are_not_said(tmp_path: Path) -> None:
    """A list of tables may stand in a file; a fault in it names the key, and neither address nor secret."""
    file = tmp_path / "hooks"
    file.write_text(f'[\n  {{name = "desk", url = "https://example.org/x", secret = "{SECRET}"}},\n]')
    settings = load(resources.demo_config(), {"DISPATCH_NOTIFY_WEBHOOKS_FILE": str(file)})
    assert settings.notify.webhooks[0].name == "desk"
    assert SECRET not in repr(settings)
    told = faults(
        WEBHOOKS='[{name="desk",url="https://example.org/x",secret="PRIVATE"}]',
        MESSENGERS='[{name="Bad Name",url="twilio://PRIVATE:PRIVATE@1/2"}]', VAPID_KEY="PRIVATE",
    )  # fmt: skip
    assert "PRIVATE" not in told
    for key in (
        "DISPATCH_NOTIFY_WEBHOOKS[0].secret",
        "DISPATCH_NOTIFY_MESSENGERS[0].name",
        "DISPATCH_NOTIFY_VAPID_KEY",
    ):
        assert key in told


def test_a_station_that_there_is_not() -> None:
    """A messenger or webhook of an unknown station is a fault that names the stations there are."""
    told = faults(
        MESSENGERS='[{name="room",url="json://example.org",stations=["dongmen"]}]',
        WEBHOOKS=f'[{{name="desk",url="https://example.org/x",secret="{SECRET}",stations=["dongmen"]}}]',
    )
    assert told.count("one of the stations changan, dadongmen") == 2


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """Made at the first start, for its user's eyes only, and the same after that; what is no key is said."""
    key = open_vapid_key(tmp_path)
    file = tmp_path / "keys" / "vapid.key"
    assert open_vapid_key(tmp_path) == key == file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    receipt = Receipt("alarm", "V02", "device", "step", 1, 0)
    assert Signer(key, "mailto:a@b.c").receipt(Signer(key, "mailto:a@b.c").token(receipt)) == receipt
    file.write_text("no key")
    with pytest.raises(KeyUnusable, match=r"vapid\.key: cannot be used"):
        open_vapid_key(tmp_path)
