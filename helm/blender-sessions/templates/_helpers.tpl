{{/* Object names: RELEASE-COMPONENT. Call with (list $ "operator"). */}}
{{- define "blender-sessions.name" -}}
{{- $root := index . 0 -}}
{{- if gt (len $root.Release.Name) 40 -}}
{{- fail (printf "the release name %q is too long: use at most 40 characters, for objects are named after it" $root.Release.Name) -}}
{{- end -}}
{{- printf "%s-%s" $root.Release.Name (index . 1) -}}
{{- end -}}

{{/* What never changes for one component: the selector. Call with (list $ "operator"). */}}
{{- define "blender-sessions.selector" -}}
app.kubernetes.io/name: blender-sessions
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "blender-sessions.labels" -}}
{{ include "blender-sessions.selector" . }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end -}}

{{/* REGISTRY/REPOSITORY:TAG, a tag that begins with sha256: by digest. Call with (list $ "operator"). */}}
{{- define "blender-sessions.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- $tag := $image.tag | default $root.Chart.AppVersion -}}
{{- with $root.Values.images.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- printf "%s%s%s" $image.repository (ternary "@" ":" (hasPrefix "sha256:" $tag)) $tag -}}
{{- end -}}

{{/* The `image` and `imagePullPolicy` lines of a container. Call with (list $ "operator"). */}}
{{- define "blender-sessions.imageLines" -}}
image: {{ include "blender-sessions.image" . | quote }}
imagePullPolicy: {{ (index . 0).Values.images.pullPolicy }}
{{- end -}}

{{/* What every pod of the chart runs under: the restricted Pod Security Standard. Call with (list $ 1000), the user's number. */}}
{{- define "blender-sessions.podSecurity" -}}
runAsNonRoot: true
{{- if (index . 0).Values.fixedUsers }}
runAsUser: {{ index . 1 }}
runAsGroup: {{ index . 1 }}
fsGroup: {{ index . 1 }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "blender-sessions.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Placement and pull Secrets of a pod. Call with (list $ "operator"). */}}
{{- define "blender-sessions.podPlacement" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
enableServiceLinks: false
{{- with $root.Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* publicURL, checked: the schema checks its form, this that it was given at all. */}}
{{- define "blender-sessions.publicURL" -}}
{{- required "publicURL is required: the address that browsers will open, with a trailing slash, for instance --set publicURL=https://blender.example.org/" .Values.publicURL -}}
{{- end -}}

{{/* Guacamole's base URL as seen from inside the cluster. */}}
{{- define "blender-sessions.guacamoleURL" -}}
{{- if eq .Values.guacamole.mode "external" -}}
{{- required "guacamole.external.url is required with guacamole.mode=external: the base URL of your Guacamole, for instance https://guacamole.example.org/guacamole/" .Values.guacamole.external.url -}}
{{- else -}}
http://{{ include "blender-sessions.name" (list . "guacamole") }}.{{ .Release.Namespace }}.svc:8080/guacamole/
{{- end -}}
{{- end -}}

{{/* The ConfigMap with the private authority of an external Guacamole; empty: none. */}}
{{- define "blender-sessions.guacamoleCA" -}}
{{- if eq .Values.guacamole.mode "external" -}}{{- .Values.guacamole.external.caConfigMap -}}{{- end -}}
{{- end -}}

{{/* HOST:PORT of Guacamole for the proxy. */}}
{{- define "blender-sessions.guacamoleUpstream" -}}
{{- $url := urlParse (include "blender-sessions.guacamoleURL" .) -}}
{{- if ne $url.scheme "http" -}}
{{- fail "the proxy reaches Guacamole by http only: with an https guacamole.external.url set proxy.enabled=false and put Guacamole at publicURL + guacamole/ with your own proxy" -}}
{{- end -}}
{{- if ne (trimSuffix "/" $url.path) "/guacamole" -}}
{{- fail (printf "the proxy serves Guacamole under /guacamole/: guacamole.external.url %s must end in /guacamole/, or set proxy.enabled=false and use your own proxy" .Values.guacamole.external.url) -}}
{{- end -}}
{{- ternary $url.host (printf "%s:80" $url.host) (contains ":" $url.host) -}}
{{- end -}}

{{/* HOST:PORT of the guacd that the operator checks; empty if it is not known. */}}
{{- define "blender-sessions.guacdAddress" -}}
{{- if eq .Values.guacamole.mode "external" -}}
{{- .Values.guacamole.external.guacdAddress -}}
{{- else -}}
{{- printf "%s.%s.svc:4822" (include "blender-sessions.name" (list . "guacd")) .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{- define "blender-sessions.adminSecret" -}}
{{- if .Values.guacamole.admin.existingSecret -}}
{{- .Values.guacamole.admin.existingSecret -}}
{{- else if eq .Values.guacamole.mode "external" -}}
{{- fail "guacamole.admin.existingSecret is required with guacamole.mode=external: a Secret with the username and password of an administrator of your Guacamole" -}}
{{- else -}}
{{- include "blender-sessions.name" (list . "guacamole-admin") -}}
{{- end -}}
{{- end -}}

{{- define "blender-sessions.postgresqlSecret" -}}
{{- .Values.postgresql.existingSecret | default (include "blender-sessions.name" (list . "postgresql")) -}}
{{- end -}}

{{- define "blender-sessions.portalSecret" -}}
{{- .Values.portal.existingSecret | default (include "blender-sessions.name" (list . "portal")) -}}
{{- end -}}
