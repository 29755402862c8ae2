"""The operator's metrics for Prometheus: in base units, with labels of few values."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

START_BUCKETS_SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600)
REQUEST_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LAG_BUCKETS_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """The operator's metrics, in a collector registry of their own: nothing is global."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._starts = Histogram(
            "blendersessions_start_seconds",
            "Time from a session's creation (or its resume) to the end of each step of its start.",
            ["path", "class", "step"],
            buckets=START_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._requests = Histogram(
            "blendersessions_request_seconds",
            "Time of requests to Guacamole and to the Kubernetes API.",
            ["system", "method", "resource"],
            buckets=REQUEST_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._errors = Counter(
            "blendersessions_request_errors_total",
            "Requests that were not answered, or with an error; code is the HTTP status, or none.",
            ["system", "method", "resource", "code"],
            registry=self.registry,
        )
        self._sweeps = Counter(
            "blendersessions_sweep_actions_total",
            "Orphans that the sweep removed, by kind.",
            ["action"],
            registry=self.registry,
        )
        self._claims = Counter(
            "blendersessions_pool_claims_total",
            "Desktops of pools that sessions have taken.",
            ["namespace", "class"],
            registry=self.registry,
        )
        self._lag = Histogram(
            "blendersessions_event_loop_lag_seconds",
            "How much later than planned the event loop ran a timer.",
            buckets=LAG_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._server: tuple[WSGIServer, Thread] | None = None

    def serve(self, port: int) -> None:
        """Serve GET /metrics on this port, on all addresses of both families, from a thread."""
        address = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - a pod's port
        self._server = start_http_server(port, address, registry=self.registry)

    def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join()

    def started(self, path: str, class_name: str, step: str, seconds: float) -> None:
        """Record that a step of a start is complete, this number of seconds after its beginning."""
        self._starts.labels(path, class_name, step).observe(seconds)

    def requested(self, system: str, method: str, resource: str, seconds: float, code: int) -> None:
        """Record one request; `code` is its HTTP status, or 0 when there was no answer."""
        self._requests.labels(system, method, resource).observe(seconds)
        if not code or code >= 400:
            self._errors.labels(system, method, resource, str(code or "none")).inc()

    def claimed(self, namespace: str, class_name: str) -> None:
        """Record that a session took a desktop of its class's pool."""
        self._claims.labels(namespace, class_name).inc()

    def swept(self, action: str) -> None:
        """Record one action of the sweep."""
        self._sweeps.labels(action).inc()

    def lagged(self, seconds: float) -> None:
        """Record the seconds by which the event loop ran a timer late."""
        self._lag.observe(seconds)

    def count(
        self, name: str, text: str, labels: Iterable[str], counts: Callable[[], Mapping[tuple[str, ...], int]]
    ) -> None:
        """Add a gauge that is computed at each scrape; `counts` returns its values by the values of the labels."""
        self.registry.register(_Counted(name, text, list(labels), counts))


class _Counted(Collector):
    def __init__(
        self, name: str, text: str, labels: list[str], counts: Callable[[], Mapping[tuple[str, ...], int]]
    ) -> None:
        self._name, self._text, self._labels, self._counts = name, text, labels, counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in self._counts().items():
            family.add_metric(list(values), count)
        yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Describe the gauge without counting, because the cache may not exist yet at registration."""
        return [GaugeMetricFamily(self._name, self._text, labels=self._labels)]
