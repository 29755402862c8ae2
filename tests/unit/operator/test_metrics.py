"""The metrics that the operator exports, and their documentation."""

from __future__ import annotations

from pathlib import Path

import requests
from prometheus_client import generate_latest

from blendersessions_operator.metrics import Metrics
from waiting import DEADLINE_SECONDS


def test_recorded_values_are_exported() -> None:
    metrics = Metrics()
    metrics.started("Cold", "default", "Scene", 2.5)
    metrics.requested("guacamole", "POST", "connections", 0.02, 200)
    metrics.requested("guacamole", "POST", "connections", 0.02, 500)
    metrics.requested("kubernetes", "GET", "pods", 30.0, 0)
    metrics.swept("connection")
    metrics.lagged(0.002)
    metrics.count("blendersessions_sessions", "Sessions by state.", ["state"], lambda: {("Ready",): 3})
    text = generate_latest(metrics.registry).decode()
    for line in (
        'blendersessions_start_seconds_count{class="default",path="Cold",step="Scene"} 1.0',
        'blendersessions_request_seconds_count{method="POST",resource="connections",system="guacamole"} 2.0',
        'blendersessions_request_errors_total{code="500",method="POST",resource="connections",system="guacamole"} 1.0',
        'blendersessions_request_errors_total{code="none",method="GET",resource="pods",system="kubernetes"} 1.0',
        'blendersessions_sweep_actions_total{action="connection"} 1.0',
        "blendersessions_event_loop_lag_seconds_count 1.0",
        'blendersessions_sessions{state="Ready"} 3.0',
    ):
        assert line in text


def test_metrics_are_served_over_http_until_closed() -> None:
    metrics = Metrics()
    metrics.serve(0)
    assert metrics._server is not None
    server, _ = metrics._server
    answer = requests.get(f"http://127.0.0.1:{server.server_port}/metrics", timeout=DEADLINE_SECONDS)
    metrics.close()
    assert answer.status_code == 200
    assert "blendersessions_event_loop_lag_seconds" in answer.text


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    metrics = Metrics()
    metrics.count("blendersessions_sessions", "", ["phase"], dict)
    metrics.count("blendersessions_queue_length", "", ["namespace", "class"], dict)
    metrics.count("blendersessions_guacd_up", "", [], dict)
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"`{name}`" in page
