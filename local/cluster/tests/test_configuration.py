"""The arguments and files that configure the cluster's programs."""

import json
import platform
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import apache, chart, dns, kubernetes, policies, release, runtime, session, volumes
from localcluster.addresses import Addresses
from localcluster.components import Supervisor
from localcluster.errors import LocalClusterError
from localcluster.images import ImageRef
from localcluster.progress import Steps

ADDRESSES = Addresses(2)
STATE = Path("/var/lib/blender-sessions/demo")


def test_containerd_keeps_its_images_in_the_clusters_folder() -> None:
    document = tomllib.loads(runtime.configuration(STATE, "docker.io/blender-sessions/pause:1"))
    cri = document["plugins"]["io.containerd.grpc.v1.cri"]
    assert document["root"] == "/var/lib/blender-sessions/demo/containerd"
    assert cri["sandbox_image"] == "docker.io/blender-sessions/pause:1"
    assert cri["restrict_oom_score_adj"] is True
    assert cri["cni"]["conf_dir"] == "/var/lib/blender-sessions/demo/etc/cni"


def test_pods_get_addresses_of_their_own_cluster() -> None:
    wire, _ = json.loads(runtime.network(ADDRESSES))["plugins"]
    assert wire["ipam"]["ranges"] == [[{"subnet": "10.210.128.0/18"}]]


def test_the_kubelet_never_removes_an_image() -> None:
    text = kubernetes.kubelet_configuration(STATE, kubernetes.Access(STATE / "pki"), ADDRESSES, "blender-sessions-demo")
    document = yaml.safe_load(text)
    assert document["imageGCHighThresholdPercent"] == 100
    assert document["cgroupRoot"] == "/blender-sessions-demo"
    assert document["clusterDNS"] == ["10.210.0.10"]
    assert document["authentication"]["anonymous"] == {"enabled": False}


def test_the_dns_service_has_the_address_that_pods_use() -> None:
    objects = {o["kind"]: o for o in yaml.safe_load_all(dns.manifest("docker.io/x/coredns:1", ADDRESSES))}
    assert objects["Service"]["spec"]["clusterIP"] == "10.210.0.10"
    pod = objects["Deployment"]["spec"]["template"]
    assert pod["spec"]["containers"][0]["image"] == "docker.io/x/coredns:1"
    assert objects["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_a_change_of_the_dns_configuration_rolls_out_a_new_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    def annotations() -> dict[str, str]:
        objects = {o["kind"]: o for o in yaml.safe_load_all(dns.manifest("x", ADDRESSES))}
        found: dict[str, str] = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations()
    monkeypatch.setattr(dns, "_COREFILE", ".:53 {}")
    assert annotations() != before


def test_a_claim_without_a_class_gets_a_volume_when_a_pod_needs_it() -> None:
    (storage,) = [o for o in yaml.safe_load_all(volumes.manifest()) if o["kind"] == "StorageClass"]
    assert storage["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    assert storage["allowVolumeExpansion"] is True


def test_volumes_are_made_below_the_clusters_folder_for_the_right_class(tmp_path: Path) -> None:
    access = kubernetes.Access(tmp_path)
    access.kubeconfig(volumes.USER).write_text("a kubeconfig")
    command = volumes.component(Path("/bin/volumes"), tmp_path, access, "blender-demo").command
    (storage,) = [o for o in yaml.safe_load_all(volumes.manifest()) if o["kind"] == "StorageClass"]
    assert f"--provisioner={storage['provisioner']}" in command
    assert f"--folder={tmp_path}/volumes" in command
    assert (tmp_path / "volumes").stat().st_mode & 0o777 == 0o700


def test_apaches_images_are_asked_for_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GUACAMOLE", "standin")
    release.check()
    monkeypatch.setenv("GUACAMOLE", "apache")
    with pytest.raises(LocalClusterError, match=r"docker save .* guacamole/guacamole:1\.6\.0 .*\n.*/apache\.tar"):
        release.check()
    with pytest.raises(LocalClusterError, match="docker save"):
        release.build_images(Steps())


def test_apaches_images_come_from_the_file_that_a_person_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    apache.archive().parent.mkdir(parents=True)
    apache.archive().touch()
    brought = release.archives(images(*chart.APACHE_IMAGES))[len(chart.APACHE_IMAGES) :]
    assert brought == [
        ("docker.io/guacamole/guacamole:1.6.0", apache.archive()),
        ("docker.io/guacamole/guacd:1.6.0", apache.archive()),
        ("docker.io/library/postgres:17-alpine", apache.archive()),
    ]
    assert len(release.archives(images(*chart.STANDIN_IMAGES))) == len(chart.STANDIN_IMAGES)


def images(*names: str) -> dict[str, ImageRef]:
    return {name: ImageRef(f"blender-sessions/{name}", "abc", Path(f"/{name}.tar")) for name in names}


@pytest.mark.parametrize(
    ("names", "mode", "keys"),
    [
        (chart.STANDIN_IMAGES, "standin", {"blender", "operator", "portal", "proxy", "guacd", "guacamole"}),
        (chart.APACHE_IMAGES, "apache", {"blender", "operator", "portal", "proxy"}),
    ],
)
def test_the_chart_gets_our_images_by_tag(names: tuple[str, ...], mode: str, keys: set[str]) -> None:
    text = chart.values(images(*names), public_url="http://127.0.0.1:8080/")
    document: dict[str, Any] = yaml.safe_load(text)
    assert document["guacamole"] == {"mode": mode}
    assert document["publicURL"] == "http://127.0.0.1:8080/"
    assert document["proxy"] == {"service": {"type": "NodePort", "nodePort": 30080}}
    assert document["images"].keys() == keys
    assert document["images"]["blender"] == {"repository": "blender-sessions/blender", "tag": "abc"}


def test_a_release_is_upgraded_when_the_chart_or_its_values_change(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: x")
    before = chart.fingerprint("a: 1", tmp_path)
    assert chart.fingerprint("a: 1", tmp_path) == before
    assert chart.fingerprint("a: 2", tmp_path) != before
    (tmp_path / "Chart.yaml").write_text("name: y")
    assert chart.fingerprint("a: 1", tmp_path) != before


def test_the_secret_of_an_owner_is_named_by_a_hash() -> None:
    assert session.user_secret("artist") == "blender-user-70b1e8e06785cae4"


def test_the_enforcement_of_network_policies_reads_only_what_it_needs(tmp_path: Path) -> None:
    role, binding = yaml.safe_load_all(policies.manifest())
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    read = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert read == {"pods", "namespaces", "networkpolicies", "nodes"}
    assert binding["subjects"][0]["name"] == policies.USER
    access = kubernetes.Access(tmp_path)
    access.kubeconfig(policies.USER).write_text("a kubeconfig")
    command = policies.component(Path("/bin/policies"), access, ADDRESSES, "blender-demo").command
    assert command[1:] == (
        f"--kubeconfig={tmp_path}/policies.kubeconfig",
        "--node=blender-demo",
        "--services=10.210.0.0/17",
    )


def node_that_runs(folder: Path, script: str) -> Supervisor:
    return Supervisor(folder, folder, ("/bin/sh", "-c", script))


def test_a_machine_that_cannot_enforce_policies_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = node_that_runs(tmp_path, "echo 'Kernel error received: Invalid argument' >&2; exit 1")
    assert "Kernel error received" in policies.missing(refuses)
    assert not policies.are_enforced(refuses)
    monkeypatch.setattr(platform, "release", lambda: "6.1.0-28-amd64")
    assert policies.missing(node_that_runs(tmp_path, "echo 'nftables v1.0.6 (Lester Gooch #5)'")) == ""
    old = policies.missing(node_that_runs(tmp_path, "echo 'nftables v0.9.8 (E.D.S.)'"))
    assert old == "nft 1.0.1 or later is needed, and this is nftables v0.9.8 (E.D.S.)."
    monkeypatch.setattr(platform, "release", lambda: "5.4.0-200-generic")
    assert policies.missing(node_that_runs(tmp_path, "echo 'nftables v1.0.6'")).startswith("Linux 5.13 or later")


def test_name_servers_listen_where_policies_expect_them() -> None:
    objects = {o["kind"]: o for o in yaml.safe_load_all(dns.manifest("x", ADDRESSES))}
    values = yaml.safe_load(chart.VALUES.read_text())["networkPolicies"]["dns"]
    assert [{port["targetPort"]} for port in objects["Service"]["spec"]["ports"]] == [set(values["ports"])] * 2
    selector = values["to"][0]["podSelector"]["matchLabels"]
    assert selector.items() <= objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
