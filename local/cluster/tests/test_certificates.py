"""Certificates and kubeconfigs identify each user and component, and nothing more."""

import base64
import datetime as dt
import ipaddress
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcluster import credentials, kubeconfig, kubernetes, pki
from localcluster.addresses import Addresses
from localcluster.errors import LocalClusterError

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create(NOW)


def load(pair: pki.Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_a_client_is_known_by_name_and_groups(authority: pki.Authority) -> None:
    certificate = load(authority.issue("system:node:n", NOW, organizations=("system:nodes",)))
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["system:node:n"]
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate.verify_directly_issued_by(load(authority.pair))


def test_a_server_is_known_by_names_and_addresses(authority: pki.Authority) -> None:
    certificate = load(authority.issue("server", NOW, hosts=("localhost", "127.0.0.1")))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_only_the_authority_may_sign(authority: pki.Authority) -> None:
    def may_sign(pair: pki.Pair) -> bool:
        return load(pair).extensions.get_extension_for_class(x509.BasicConstraints).value.ca

    assert may_sign(authority.pair)
    assert not may_sign(authority.issue("x", NOW))


def test_keys_are_for_their_owner_only(authority: pki.Authority, tmp_path: Path) -> None:
    _, key = authority.issue("x", NOW).write(tmp_path, "x")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_kubeconfig_holds_one_cluster_with_its_user(authority: pki.Authority, tmp_path: Path) -> None:
    admin = authority.issue("admin", NOW)
    content = kubeconfig.render("blender-sessions-demo", "https://127.0.0.1:6443", authority.pair.certificate, admin)
    path = kubeconfig.write(tmp_path / "kubeconfig", content)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = yaml.safe_load(path.read_text())
    assert document["current-context"] == "blender-sessions-demo"
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    user = document["users"][0]["user"]
    assert base64.b64decode(user["client-certificate-data"]) == admin.certificate
    assert base64.b64decode(user["client-key-data"]) == admin.key


def test_a_cluster_keeps_its_certificates(tmp_path: Path) -> None:
    first = credentials.create(tmp_path, Addresses(3), "blender-x", NOW)
    before = first.certificate("ca").read_bytes()
    second = credentials.create(tmp_path, Addresses(3), "blender-x", NOW)
    assert second.certificate("ca").read_bytes() == before


def test_half_made_certificates_are_made_anew(tmp_path: Path) -> None:
    credentials.create(tmp_path, Addresses(3), "blender-x", NOW)
    (tmp_path / "complete").unlink()
    (tmp_path / "apiserver.key").unlink()
    assert credentials.create(tmp_path, Addresses(3), "blender-x", NOW).key("apiserver").exists()


def test_the_api_server_is_known_by_its_addresses(tmp_path: Path) -> None:
    access = credentials.create(tmp_path, Addresses(3), "blender-x", NOW)
    certificate = x509.load_pem_x509_certificate(access.certificate("apiserver").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "10.211.192.2", "10.211.0.1"}


def test_a_cluster_of_an_earlier_version_is_not_half_started(tmp_path: Path) -> None:
    def create() -> kubernetes.Access:
        return credentials.create(tmp_path, Addresses(0), "blender-demo", NOW)

    access = create()
    key = access.key("admin").read_text()
    assert create().key("admin").read_text() == key

    access.kubeconfig("volumes").unlink()
    with pytest.raises(LocalClusterError, match=r"without access for volumes\. Take it down"):
        create()
