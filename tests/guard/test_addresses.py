"""Addresses: public, private or link-local, however they are written."""

from __future__ import annotations

import ipaddress

import pytest

from scraper.guard.addresses import reach_of
from tests.guard.fakes import PUBLIC, PUBLIC_6


@pytest.mark.parametrize(
    ("reach", "addresses"),
    [
        ("public", f"{PUBLIC} 1.1.1.1 100.63.255.255 100.128.0.0 172.32.0.0 223.255.255.1"),
        ("public", f"{PUBLIC_6} 2a00:: ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1"),
        ("private", "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.0.1 172.16.0.1 172.31.255.255"),
        ("private", "192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1"),
        ("private", "203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255"),
        ("private", ":: ::1 ::ffff:10.0.0.1 ::127.0.0.1 ::ffff:0:10.0.0.1 64:ff9b::a00:1"),
        ("private", "64:ff9b:1::1 2002:a00:1::1 2002:7f00:1:: 100::1 2001:db8::1 3fff::1"),
        ("private", "fc00::1 fd12::1 fec0::1 ff02::1 5f00::1 4000::1 2001:2::1 2001:10::1"),
        # Teredo: a private server, a private client, neither
        ("private", "2001:0:a00:1::f7f7:f7f7 2001:0:808:808::f5ff:fffe"),
        ("public", "2001:0:808:808::f7f7:f7f7"),
        ("link", "169.254.0.1 169.254.169.254 fe80::1 febf::1 fe80::1%eth0 2606::1%1"),
        ("link", "::ffff:169.254.169.254 ::169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::"),
        ("link", "100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254"),
    ],
)  # fmt: skip
def test_who_can_be_met_at_an_address(reach: str, addresses: str) -> None:
    found = {
        text: reach_of(ipaddress.ip_address(text)) for text in addresses.split()
    }
    assert found == dict.fromkeys(found, reach)
