{{/* What the operator does in each namespace that it serves, and nothing else. */}}
{{- define "blender-sessions.operatorRules" -}}
- apiGroups: [blendersessions.io]
  resources: [blendersessions]
  # Deleted are those whose lifetime says so.
  verbs: [get, list, watch, patch, delete]
# Only 0, for sessions whose lifetime is over.
- apiGroups: [blendersessions.io]
  resources: [blendersessions/scale]
  verbs: [update]
- apiGroups: [blendersessions.io]
  resources: [blendersessionclasses]
  verbs: [list, watch]
- apiGroups: [blendersessions.io]
  resources: [blendersessions/status, blendersessionclasses/status]
  verbs: [update]
# Owner references with blockOwnerDeletion ask for this where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [blendersessions.io]
  resources: [blendersessions/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods, secrets]
  verbs: [get, list, watch, create, patch, delete]
# Kubernetes deletes these by their owner references.
- apiGroups: [""]
  resources: [services, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch]
# By their names, which classes give: whether their extensions and files are there.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
{{- if .Values.networkPolicies.enabled }}
# Server-side apply asks for patch, and for create when the object is new.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, create, patch]
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}
