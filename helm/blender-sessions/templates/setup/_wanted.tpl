{{/* The namespaces that the release names: those that the operator serves by name, and the portal's. A list, as JSON. */}}
{{- define "blender-sessions.namespaces" -}}
{{- $namespaces := .Values.operator.namespaces -}}
{{- if .Values.portal.enabled -}}
{{- $namespaces = append $namespaces .Values.sessionNamespace -}}
{{- end -}}
{{- uniq $namespaces | toJson -}}
{{- end -}}

{{/* What the Job sets up, as JSON; blendersessions_operator/setup/wanted.py reads it. */}}
{{- define "blender-sessions.setup" -}}
{{- $secrets := list -}}
{{- if and (ne .Values.guacamole.mode "external") (not .Values.guacamole.admin.existingSecret) -}}
{{- $secrets = append $secrets (dict
  "name" (include "blender-sessions.adminSecret" .)
  "values" (dict "username" .Values.guacamole.admin.username) "random" (dict "password" 32)) -}}
{{- end -}}
{{- if and (eq .Values.guacamole.mode "apache") (not .Values.postgresql.existingSecret) -}}
{{- $secrets = append $secrets (dict
  "name" (include "blender-sessions.postgresqlSecret" .) "random" (dict "password" 32)) -}}
{{- end -}}
{{- if and .Values.portal.enabled (not .Values.portal.existingSecret) -}}
{{- $secrets = append $secrets (dict "name" (include "blender-sessions.portalSecret" .) "random" (dict "key" 64)) -}}
{{- end -}}
{{- if and (include "blender-sessions.signsOn" .) (not .Values.signOn.existingSecret) -}}
{{- $secrets = append $secrets (dict
  "name" (include "blender-sessions.signOnSecret" .) "random" (dict "guacamole" 32 "portal" 64)) -}}
{{- end -}}
{{- $namespaces := include "blender-sessions.namespaces" . | fromJsonArray -}}
{{- $classes := list -}}
{{- range $class := .Values.sessionClasses -}}
{{- range $namespace := ternary (list $class.namespace) $namespaces (not (empty $class.namespace)) -}}
{{- $classes = append $classes (dict
  "namespace" $namespace "name" $class.name "spec" ($class.spec | default dict)) -}}
{{- if not (has $namespace $namespaces) -}}
{{- $namespaces = append $namespaces $namespace -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "release" .Release.Name "namespace" .Release.Namespace "secrets" $secrets
  "classes" $classes "class_namespaces" $namespaces | toJson -}}
{{- end -}}
