"""Everything real: a cluster of our own, the chart in it, Blender, guacd and Chromium."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from apiserver.api import Api
from e2e.chromium import CHROMIUM_FLAGS, SIZE, close
from e2e.desktop import Desktop, manifest
from e2e.guacamole import Guacamole
from e2e.kubectl import TIMEOUT, Kubectl
from localcluster import binaries, chart
from localcluster.cluster import Cluster
from status_watch import StatusWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A cluster with the product in it; KEEP_CLUSTER=1 leaves it running for the next run."""
    cluster = Cluster("test")
    try:
        cluster.up()
        cluster.install()
        yield cluster
    finally:
        if not os.environ.get("KEEP_CLUSTER"):
            cluster.down()


@pytest.fixture(scope="package")
def statuses(cluster: Cluster) -> Iterator[StatusWatch]:
    """A watch of every session in the cluster, for as long as the tests run."""
    watch = StatusWatch(Api(cluster.kubeconfig, cluster.kubeconfig.parent))
    yield watch
    watch.end()


@pytest.fixture(autouse=True)
def _every_status_keeps_to_the_rules(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test in whose time a status broke a rule; it ends after the test's sessions are gone."""
    watch = request.getfixturevalue("statuses") if "cluster" in request.fixturenames else None
    yield
    if watch is not None:
        watch.check()


@pytest.fixture(scope="package")
def public_url(cluster: Cluster) -> str:
    """What a browser opens: the portal, and Guacamole behind guacamole/."""
    return cluster.http_url


@pytest.fixture
def kubectl(cluster: Cluster) -> Iterator[Kubectl]:
    """The client of a namespace of the test's own, which ends with the test."""
    kubectl = Kubectl(binaries.ensure("kubectl")["kubectl"], cluster.kubeconfig, f"e2e-{secrets.token_hex(4)}")
    kubectl.run("create", "namespace", kubectl.namespace)
    yield kubectl
    # What is ours is waited for; the namespace takes its controller's time, in which the next test may run.
    kubectl.run("delete", "blendersessions,pods", "--all", TIMEOUT)
    kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.fixture
def portal_namespace(cluster: Cluster) -> Iterator[Kubectl]:
    """The namespace that the portal makes sessions in."""
    kubectl = Kubectl(binaries.ensure("kubectl")["kubectl"], cluster.kubeconfig, cluster.session_namespace)
    yield kubectl
    kubectl.run("delete", "blendersessions", "--all", TIMEOUT)


@pytest.fixture
def guacamole(kubectl: Kubectl, public_url: str) -> Iterator[Guacamole]:
    """Guacamole, with its administrator signed in for the test."""
    own = Kubectl(kubectl.binary, kubectl.kubeconfig, chart.NAMESPACE)
    login = Desktop(own, "").secret(f"{chart.RELEASE}-guacamole-admin")
    guacamole = Guacamole(public_url, {key: login[key] for key in ("username", "password")})
    yield guacamole
    guacamole.sign_out()


@pytest.fixture
def started(kubectl: Kubectl) -> Callable[..., Desktop]:
    """Apply a session and wait until it is Ready."""

    def start(name: str, **spec: str) -> Desktop:
        kubectl.apply(manifest(name, **spec))
        kubectl.run("wait", "--for=condition=Ready", f"blendersession/{name}", TIMEOUT)
        return Desktop(kubectl, name)

    return start


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a person who was never here before."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    yield context.new_page()
    close(context)
