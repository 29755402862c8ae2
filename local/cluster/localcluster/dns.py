"""CoreDNS, which resolves the names of Services and pods only."""

import yaml

from localcluster.addresses import Addresses
from localcluster.kubernetes import DOMAIN
from localcluster.processes import fingerprint

_NAME = "coredns"
# A policy sees the pod's port, and as in most clusters it is the well-known one.
_PORT = 53
_LABELS = {"k8s-app": "kube-dns"}


# There is no cache, so that a client that asks for a new name too early finds it when it asks again. There is no
# forwarding, because no name server can be reached: NXDOMAIN is a faster answer than a time-out.
_COREFILE = f"""\
.:{_PORT} {{
    errors
    health :8080
    ready :8181
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        ttl 5
        fallthrough in-addr.arpa ip6.arpa
    }}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def manifest(image: str, addresses: Addresses) -> str:
    """Return CoreDNS's Kubernetes objects as YAML. `image` is the reference of its image."""
    metadata = {"name": _NAME, "namespace": "kube-system", "labels": _LABELS}
    cluster_metadata = {"name": f"system:{_NAME}"}
    # The annotation changes with the configuration, which rolls out a new pod.
    pod_metadata = {"labels": _LABELS, "annotations": {"blendersessions.io/configuration": fingerprint(_COREFILE)}}
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    objects = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": cluster_metadata,
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": cluster_metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"system:{_NAME}"},
            "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": "kube-system"}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"Corefile": _COREFILE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": _LABELS},
                "template": {"metadata": pod_metadata, "spec": _pod(image)},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**metadata, "name": "kube-dns"},
            "spec": {
                "clusterIP": addresses.dns,
                "selector": _LABELS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": _PORT},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": _PORT},
                ],
            },
        },
    ]
    return yaml.safe_dump_all(objects, sort_keys=False)


def _pod(image: str) -> dict[str, object]:
    container = {
        "name": _NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "170Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    return {
        "serviceAccountName": _NAME,
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": str(_PORT)}],
        },
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": _NAME}}],
    }
